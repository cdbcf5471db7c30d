package contracts_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

func TestPayerClosesAfterTheGrace(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.open(d, 100)
		c.must(rig, d.redeem(c.voucher(d, 0, n(30)), false))
		c.mustRevert(payer, d.finalizeClose(false), &bindings.EscrowNotClosing{ChannelId: d.id()})

		c.must(payer, d.requestClose())
		closesAt := c.state(d).ClosesAt
		if want := uint32(c.now() + uint64(testGrace.Seconds())); closesAt != want {
			t.Fatalf("closes at %d, want %d", closesAt, want)
		}
		c.mustRevert(payer, d.requestClose(), &bindings.EscrowAlreadyClosing{ChannelId: d.id(), ClosesAt: closesAt})
		// To the second: refused one before, accepted at it.
		c.pass(testGrace - time.Second)
		c.mustRevert(payer, d.finalizeClose(true), &bindings.EscrowTooEarly{
			ReadyAt: uint64(closesAt), Time: new(big.Int).SetUint64(uint64(closesAt) - 1),
		})
		c.pass(time.Second)
		c.mustRevert(payer, d.finalizeClose(true), nil)
		wallet := c.wallet(payer.addr, token)
		c.must(payer, d.finalizeClose(true))
		c.wantGain(payer.addr, token, wallet, 70)
		c.wantState(d, 1, 0, 0, false)
		c.mustRevert(payer, d.finalizeClose(true), &bindings.EscrowNotClosing{ChannelId: d.id()})
	})
}

// Only the payer starts or ends its own close: for anybody else the same call
// names another channel.
func TestOthersCannotClose(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	for _, other := range []actor{rival, session, payee, rig, stranger} {
		theirs := d
		theirs.payer = other
		c.mustRevert(other, d.requestClose(), &bindings.EscrowNotOpen{ChannelId: theirs.id()})
	}
	c.must(payer, d.requestClose())
	c.pass(2 * testGrace)
	for _, other := range []actor{rival, session, payee, rig, stranger} {
		theirs := d
		theirs.payer = other
		c.mustRevert(other, d.finalizeClose(true), &bindings.EscrowNotClosing{ChannelId: theirs.id()})
	}
	c.wantState(d, 0, 100, 0, true)
}

func TestClosingWhatIsNotOpen(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	notOpen := &bindings.EscrowNotOpen{ChannelId: d.id()}
	for range 2 { // never opened, then ended
		epoch := c.state(d).Epoch
		r, vs := rig.sign(t, c.closeMessage(d, epoch, n(0)))
		c.mustRevert(payer, d.requestClose(), notOpen)
		c.mustRevert(payer, d.closeByPayer(n(0), r, vs, false), notOpen)
		c.mustRevert(payee, d.closeByPayee(unsigned(d, epoch), false), notOpen)
		c.open(d, 1)
		c.must(payee, d.closeByPayee(unsigned(d, epoch), false))
	}
}

func TestPayerClosesAtOnceWithConsent(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.open(d, 100)
		c.must(rig, d.redeem(c.voucher(d, 0, n(30)), false))
		r, vs := rig.sign(c.t, c.closeMessage(d, 0, n(80)))
		wallet := c.wallet(payer.addr, token)
		c.must(payer, d.closeByPayer(n(80), r, vs, true))
		c.wantGain(payer.addr, token, wallet, 20)
		c.wantAccount(payee.addr, token, 80)
		c.wantAccount(rig.addr, token, 0)
		c.wantState(d, 1, 0, 0, false)

		// The consent ended its epoch, not the next.
		c.open(d, 100)
		c.mustRevert(payer, d.closeByPayer(n(80), r, vs, true), &bindings.EscrowBadConsent{})
		r, vs = rig.sign(c.t, c.closeMessage(d, 1, n(0)))
		c.must(payer, d.closeByPayer(n(0), r, vs, false))
		c.wantAccount(payer.addr, token, 100)
	})
}

// An agreed total below what is paid or above what is there ends nothing.
func TestConsentMustFitTheChannel(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	c.must(rig, d.redeem(c.voucher(d, 0, n(30)), false))
	for _, final := range []int64{0, 29, 101} {
		r, vs := rig.sign(t, c.closeMessage(d, 0, n(final)))
		c.mustRevert(payer, d.closeByPayer(n(final), r, vs, false), &bindings.EscrowBadCumulative{
			Given: n(final), Claimed: n(30), Funded: n(100),
		})
	}
	for _, final := range []int64{30, 100} {
		r, vs := rig.sign(t, c.closeMessage(d, 0, n(final)))
		if got := c.attempt(payer, &c.escrow, nil, d.closeByPayer(n(final), r, vs, true)); got != nil {
			t.Errorf("a total of %d: %s", final, describe(got))
		}
	}
}

func TestPayeeSideClosesAtOnce(t *testing.T) {
	for name, closer := range map[string]actor{"payee": payee, "operator": rig} {
		t.Run(name, func(t *testing.T) {
			forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
				d := lane(token)
				c.open(d, 100)
				c.must(payer, d.requestClose()) // a close under way does not matter
				wallets := map[common.Address]int64{payee.addr: 60, rig.addr: 0, payer.addr: 0}
				for _, a := range []actor{payee, rig, payer} {
					before := c.wallet(a.addr, token)
					defer func() { c.wantGain(a.addr, token, before, wallets[a.addr]) }()
				}
				c.must(closer, d.closeByPayee(c.voucher(d, 0, n(60)), true))
				c.wantAccount(payee.addr, token, 0)
				c.wantAccount(rig.addr, token, 0)
				c.wantAccount(payer.addr, token, 40)
				c.wantState(d, 1, 0, 0, false)
			})
		})
	}
}

func TestPayeeSideCloseNeedsNoVoucherWhenNothingIsOwed(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	c.must(rig, d.redeem(c.voucher(d, 0, n(60)), false))
	c.must(rig, d.closeByPayee(unsigned(d, 0), true))
	c.wantAccount(payee.addr, c.usd, 60)
	c.wantAccount(payer.addr, c.usd, 40)
}

func TestPayeeSideCloseTakesNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	c.must(payee, d.closeByPayee(c.voucher(d, 0, n(150)), false))
	c.wantAccount(payee.addr, c.usd, 100)
	c.wantAccount(payer.addr, c.usd, 0)
	c.wantState(d, 1, 0, 0, false)
}

func TestPayeeSideCloseRefusals(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.reopened(d, 100)
	v := c.voucher(d, 1, n(60))
	for _, other := range []actor{payer, rival, session, stranger} {
		c.mustRevert(other, d.closeByPayee(v, false), &bindings.EscrowNotPayeeOrOperator{Caller: other.addr})
	}
	// A close sent for an epoch that has ended meanwhile must not end this one.
	c.mustRevert(payee, d.closeByPayee(c.voucher(d, 0, n(60)), false), &bindings.EscrowBadEpoch{Current: 1, Given: 0})
	c.mustRevert(payee, d.closeByPayee(c.voucher(d, 2, n(60)), false), &bindings.EscrowBadEpoch{Current: 1, Given: 2})
	v.Cumulative = n(61)
	c.mustRevert(payee, d.closeByPayee(v, false), &bindings.EscrowBadSignature{Index: n(0)})
	c.wantState(d, 1, 100, 0, false)
}

// Vouchers of an ended epoch are worth nothing in any later one, however often
// the channel opens again.
func TestOldVouchersDieWithTheirEpoch(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		d := lane(token)
		var old []bindings.Voucher
		for epoch := range uint32(4) {
			c.open(d, 100)
			c.must(stranger, d.redeemMany(false, old...))
			c.wantState(d, epoch, 100, 0, false)
			old = append(old, c.voucher(d, epoch, n(100)))
			switch epoch {
			case 0:
				c.must(rig, d.closeByPayee(unsigned(d, epoch), false))
			case 1:
				r, vs := rig.sign(t, c.closeMessage(d, epoch, n(0)))
				c.must(payer, d.closeByPayer(n(0), r, vs, false))
			case 2:
				c.must(payer, d.requestClose())
				c.pass(2 * testGrace)
				c.must(payer, d.finalizeClose(false))
			}
		}
		c.wantAccount(payee.addr, token, 0)
		c.wantAccount(payer.addr, token, 300)
	})
}
