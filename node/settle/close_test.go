package settle_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

func TestPayerClosesAfterTheGrace(t *testing.T) {
	c := startChain(t)
	n, rig := rich(t, c, 100), rich(t, c, 0)
	payee := newKey(t).Address()
	ch := n.channel(c, payee, rig.Address())
	n.open(t, ch, 100)

	var revert *settle.RevertError
	if _, err := n.FinalizeClose(t.Context(), ch); !errors.As(err, &revert) || revert.Name != "NotClosing" {
		t.Errorf("finalize before the request: %v", err)
	}
	if _, err := n.RequestClose(t.Context(), ch); err != nil {
		t.Fatalf("request: %v", err)
	}
	_, err := n.FinalizeClose(t.Context(), ch)
	if !errors.As(err, &revert) || revert.Name != "TooEarly" || !strings.Contains(revert.Args, "readyAt=") {
		t.Errorf("finalize within the grace: %v", err)
	}
	state, err := n.Channel(t.Context(), ch)
	if err != nil || state.ClosesAt == 0 {
		t.Errorf("closing: %+v, %v", state, err)
	}
	// The rig sees the close coming and collects in time.
	if _, err := rig.Redeem(t.Context(), []protocol.Redemption{{Channel: ch, Voucher: n.voucher(t, c, ch, 0, 30)}}); err != nil {
		t.Fatalf("redeem: %v", err)
	}
	if err := c.AdjustTime(time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := n.FinalizeClose(t.Context(), ch); err != nil {
		t.Fatalf("finalize: %v", err)
	}
	n.balances(t, 0, 70)
	if state, err := n.Channel(t.Context(), ch); err != nil || state != (protocol.ChannelState{Epoch: 1}) {
		t.Errorf("closed: %+v, %v", state, err)
	}
	// A voucher of the first epoch is void in the second.
	n.open(t, ch, 70)
	txs, err := rig.Redeem(t.Context(), []protocol.Redemption{{Channel: ch, Voucher: n.voucher(t, c, ch, 0, 60)}})
	if err != nil || len(txs) != 0 {
		t.Errorf("a stale voucher: %v%s", err, describe(txs))
	}
}

func TestFundingCancelsAClose(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 100)
	ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
	n.open(t, ch, 50)
	if _, err := n.RequestClose(t.Context(), ch); err != nil {
		t.Fatal(err)
	}
	if state := n.open(t, ch, 50); state.ClosesAt != 0 || state.Funded != amount(100) {
		t.Errorf("funded while closing: %+v", state)
	}
}

func TestPayerClosesWithConsent(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 100)
	rig, stranger, payee := newKey(t), newKey(t), newKey(t).Address()
	ch := n.channel(c, payee, rig.Address())
	n.open(t, ch, 100)
	consent := protocol.Close{Channel: ch.ID(), Epoch: 0, FinalCumulative: amount(25)}

	var field *protocol.FieldError
	forged := must(stranger.Sign(consent.Digest(c.Domain())))
	if _, err := n.CloseByPayer(t.Context(), ch, consent, forged); !errors.As(err, &field) || field.Field != "close.signature" {
		t.Errorf("a stranger's consent: %v", err)
	}
	foreign := consent
	foreign.Channel[0] ^= 1
	if _, err := n.CloseByPayer(t.Context(), ch, foreign, forged); !errors.As(err, &field) || field.Field != "close.channel" {
		t.Errorf("another channel's consent: %v", err)
	}
	if _, err := n.CloseByPayer(t.Context(), ch, consent, must(rig.Sign(consent.Digest(c.Domain())))); err != nil {
		t.Fatalf("close: %v", err)
	}
	n.balances(t, 0, 75)
	if got, err := n.Balances(t.Context(), payee); err != nil || got.Account != amount(25) {
		t.Errorf("the payee's account has %s, %v", got.Account, err)
	}
}

func TestRigCloses(t *testing.T) {
	c := startChain(t)
	n, rig, stranger := rich(t, c, 100), rich(t, c, 0), rich(t, c, 0)
	payee := newKey(t).Address()
	ch := n.channel(c, payee, rig.Address())
	n.open(t, ch, 60)
	last := n.voucher(t, c, ch, 0, 45)

	var revert *settle.RevertError
	if _, err := stranger.CloseByPayee(t.Context(), ch, last); !errors.As(err, &revert) || revert.Name != "NotPayeeOrOperator" {
		t.Errorf("a stranger closes: %v", err)
	}
	var field *protocol.FieldError
	bad := last
	bad.Voucher.Cumulative = amount(60)
	if _, err := rig.CloseByPayee(t.Context(), ch, bad); !errors.As(err, &field) {
		t.Errorf("close with a voucher nobody signed: %v", err)
	}
	if _, err := rig.CloseByPayee(t.Context(), ch, last); err != nil {
		t.Fatalf("close: %v", err)
	}
	n.balances(t, 40, 15)
	if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(45) {
		t.Errorf("the payee has %s, %v", got.Wallet, err)
	}

	// With nothing owed no signature is needed.
	n.open(t, ch, 15)
	nothing := protocol.SignedVoucher{Voucher: protocol.Voucher{Channel: ch.ID(), Epoch: 1}}
	if _, err := rig.CloseByPayee(t.Context(), ch, nothing); err != nil {
		t.Fatalf("close with nothing owed: %v", err)
	}
	n.balances(t, 40, 15)
}

// A transaction whose call was fine when it was sent can still be mined in vain.
func TestMinedInVain(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 100)
	ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
	n.open(t, ch, 60)
	c.PauseMining()
	request := func() error { _, err := n.RequestClose(t.Context(), ch); return err }
	first, second := background(request), background(request)
	eventually(t, "both are sent", func() bool { return n.book.count(protocol.TxPending) == 2 })
	c.ResumeMining()
	errs := []error{await(t, "one request", first), await(t, "the other", second)}
	if errs[0] != nil {
		errs[0], errs[1] = errs[1], errs[0]
	}
	var revert *settle.RevertError
	if errs[0] != nil || !errors.As(errs[1], &revert) || revert.Name != "AlreadyClosing" || revert.Tx.IsZero() {
		t.Errorf("two requests at once: %v; %v", errs[0], errs[1])
	}
	if n.book.count(protocol.TxFailed) != 1 {
		t.Errorf("journal:%s", describe(n.book.all()))
	}
}
