package settle_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

func TestFundTakesFromAccountThenWallet(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 1000)
	if _, err := n.Deposit(t.Context(), amount(100)); err != nil {
		t.Fatal(err)
	}
	rig := newKey(t).Address()
	ch := n.channel(c, newKey(t).Address(), rig)

	if state := n.open(t, ch, 60); state.Funded != amount(60) || state.Epoch != 0 || state.ClosesAt != 0 {
		t.Errorf("opened: %+v", state)
	}
	n.balances(t, 900, 40) // from the account
	if state := n.open(t, ch, 50); state.Funded != amount(110) {
		t.Errorf("funded: %+v", state)
	}
	n.balances(t, 850, 40) // the account was short: from the wallet
	if state := n.open(t, ch, 880); state.Funded != amount(990) {
		t.Errorf("topped up: %+v", state)
	}
	n.balances(t, 10, 0) // both were short: what the account lacked came from the wallet

	if spendable, err := n.Spendable(t.Context()); err != nil || spendable != amount(10) {
		t.Errorf("spendable %s, %v", spendable, err)
	}
	var funds *settle.FundsError
	if _, _, err := n.Fund(t.Context(), ch, amount(11)); !errors.As(err, &funds) || funds.Have != amount(10) {
		t.Errorf("fund beyond everything: %v", err)
	}
	kinds := map[string]int{}
	for _, tx := range n.book.all() {
		kinds[tx.Kind]++
	}
	if kinds["open"] != 1 || kinds["fund"] != 2 || kinds["deposit"] != 2 {
		t.Errorf("transactions: %v", kinds)
	}
}

func TestFundNativeChannel(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 0)
	ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
	ch.Token = protocol.Address{}
	if state := n.open(t, ch, 777); state.Funded != amount(777) {
		t.Errorf("opened: %+v", state)
	}
}

func TestFundRefusesForeignChannel(t *testing.T) {
	c := startChain(t)
	n := join(t, config(c, newKey(t), newBook()))
	ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
	ch.Payer = newKey(t).Address()
	var field *protocol.FieldError
	if _, _, err := n.Fund(t.Context(), ch, amount(1)); !errors.As(err, &field) || field.Field != "channel.payer" {
		t.Errorf("fund another payer's channel: %v", err)
	}
	if _, err := n.RequestClose(t.Context(), ch); !errors.As(err, &field) {
		t.Errorf("close another payer's channel: %v", err)
	}
}

func TestMoneyCountsOnceItIsDeepEnough(t *testing.T) {
	c := startChain(t)
	n := rich(t, c, 100)
	cfg := config(c, newKey(t), newBook())
	cfg.Confirmations = 3
	rig := join(t, cfg)
	ch := n.channel(c, newKey(t).Address(), rig.Address())

	want := func(funded uint64) {
		t.Helper()
		state, err := rig.Channel(t.Context(), ch)
		if err != nil || state.Funded != amount(funded) {
			t.Errorf("the rig believes in %s, %v; want %d", state.Funded, err, funded)
		}
	}
	want(0)
	n.open(t, ch, 40)
	want(0)
	c.Mine(1)
	want(0)
	c.Mine(1)
	want(40)
	n.open(t, ch, 10)
	want(40)
	c.Mine(2)
	want(50)
}

func TestCallsWaitForConfirmations(t *testing.T) {
	c := startChain(t)
	cfg := config(c, newKey(t), newBook())
	cfg.Confirmations = 3
	n := join(t, cfg)
	enrich(t, c, n.Address(), 0)
	height := c.Height()
	done := background(func() error { _, err := n.DepositNative(t.Context(), amount(1)); return err })
	eventually(t, "the deposit is in a block", func() bool { return c.Height() == height+1 })
	eventually(t, "the client has seen that block", func() bool { return n.Status().Head == height+1 })
	c.Mine(1)
	eventually(t, "the client has seen the next block", func() bool { return n.Status().Head == height+2 })
	select {
	case err := <-done:
		t.Fatalf("confirmed two blocks deep: %v", err)
	default:
	}
	if got := n.book.count(protocol.TxPending); got != 1 {
		t.Errorf("%d transactions pending in the journal", got)
	}
	c.Mine(1)
	if err := await(t, "the deposit is confirmed", done); err != nil {
		t.Errorf("deposit: %v", err)
	}
}

func TestCloseGrace(t *testing.T) {
	c := startChain(t)
	n := join(t, config(c, newKey(t), newBook()))
	if grace, err := n.CloseGrace(t.Context()); err != nil || grace != time.Hour {
		t.Errorf("grace %v, %v", grace, err)
	}
}
