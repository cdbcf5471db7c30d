package settle_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// A confirmed collection that the chain takes back is sent again, the same bytes,
// and counts again.
func TestReorgedTransactionIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, confirmations := range []uint64{1, 3} {
		c := startChain(t)
		n := rich(t, c, 1000)
		payee := newKey(t).Address()
		cfg := config(c, newKey(t), newBook())
		cfg.Confirmations = confirmations
		rig := join(t, cfg)
		enrich(t, c, rig.Address(), 0)
		ch := n.channel(c, payee, rig.Address())
		n.open(t, ch, 100)
		due := []protocol.Redemption{{Channel: ch, Voucher: n.voucher(t, c, ch, 0, 30)}}
		done := background(func() error { _, err := rig.Redeem(t.Context(), due); return err })
		eventually(t, "the redemption is sent", func() bool { return len(rig.book.all()) == 1 })
		eventually(t, "the redemption is confirmed", func() bool { c.Mine(1); return rig.book.count(protocol.TxConfirmed) == 1 })
		if err := await(t, "redeemed", done); err != nil {
			t.Fatal(err)
		}
		sent := rig.book.all()[0]
		seen := rig.Status().Head
		eventually(t, "the head is seen", func() bool { return rig.Status().Head >= seen && rig.Status().Head == c.Height() })

		c.PauseMining()
		if err := c.Reorg(c.Height() - sent.Block + 1); err != nil {
			t.Fatal(err)
		}
		if st, err := rig.Channel(t.Context(), ch); err != nil || !st.Claimed.IsZero() {
			t.Fatalf("the chain still shows %s claimed: %v", st.Claimed, err)
		}
		eventually(t, "the journal takes it back", func() bool { return rig.book.count(protocol.TxPending) == 1 })
		eventually(t, "the reorganisation is counted", func() bool { return rig.Status().Reorgs > 0 })
		c.ResumeMining()
		eventually(t, "it is confirmed again", func() bool { c.Mine(1); return rig.book.count(protocol.TxConfirmed) == 1 })
		txs := rig.book.all()
		if len(txs) != 1 || txs[0].Hash != sent.Hash || txs[0].Block <= 0 {
			t.Errorf("journal:%s", describe(txs))
		}
		if got, err := n.Balances(t.Context(), payee); err != nil || got.Wallet != amount(30) {
			t.Errorf("payee has %s, %v; want 30", got.Wallet, err)
		}
	}
}

// Also when nobody looked while it happened.
func TestReorgWhileTheNodeWasAway(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	key, b := newKey(t), newBook()
	before := join(t, config(c, key, b))
	enrich(t, c, key.Address(), 0)
	for _, v := range []uint64{5, 7} {
		if _, err := before.DepositNative(t.Context(), amount(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	last := b.all()[1]
	if err := c.Reorg(c.Height() - last.Block + 1); err != nil {
		t.Fatal(err)
	}
	after := join(t, config(c, key, b))
	eventually(t, "the money is there again", func() bool { return nativeAccount(t, c.URL(), after) == amount(12) })
	eventually(t, "the journal knows", func() bool { return b.count(protocol.TxConfirmed) == 2 })
	if _, err := after.DepositNative(t.Context(), amount(1)); err != nil {
		t.Fatalf("the next deposit: %v", err)
	}
	for i, tx := range b.all() {
		if tx.Nonce != uint64(i) || tx.Status != protocol.TxConfirmed {
			t.Errorf("journal:%s", describe(b.all()))
		}
	}
}

// Also when the chain, as the node finds it, does not reach the block yet.
func TestReorgThatLeavesLess(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	p := newProxy(t, c)
	b := newBook()
	cfg := config(c, newKey(t), b)
	cfg.RPC = []string{p.URL}
	enrich(t, c, cfg.Key.Address(), 0)
	low, lowest := c.Height(), atomic.Pointer[json.RawMessage]{}
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		var m message
		if method == "eth_getBlockByNumber" && strings.Contains(string(request), "latest") && json.Unmarshal(answer, &m) == nil {
			lowest.CompareAndSwap(nil, &m.Result)
		}
		return answer
	})
	before := join(t, cfg)
	eventually(t, "the chain is found", func() bool { return before.Status().Head == low })
	if _, err := before.DepositNative(t.Context(), amount(5)); err != nil {
		t.Fatal(err)
	}
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	if err := c.Reorg(c.Height() - b.all()[0].Block + 1); err != nil {
		t.Fatal(err)
	}
	p.forge(func(method string, request, answer json.RawMessage) json.RawMessage {
		if method == "eth_getBlockByNumber" && strings.Contains(string(request), "latest") {
			return result(answer, string(*lowest.Load()))
		}
		return answer
	})
	after := join(t, cfg)
	eventually(t, "the lower chain is found", func() bool { return after.Status().Head == low })
	p.forge(nil)
	eventually(t, "the money is there again", func() bool { return nativeAccount(t, c.URL(), after) == amount(5) })
	eventually(t, "the journal knows", func() bool { return b.count(protocol.TxConfirmed) == 1 })
}

// A block that comes back with the same transaction in another place changes the
// journal's entry, and sends nothing.
func TestReorgThatMinesItElsewhere(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	n := rich(t, c, 0)
	if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
		t.Fatal(err)
	}
	first := n.book.all()[0]
	if err := c.Reorg(c.Height() - first.Block + 1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is in another block", func() bool {
		tx := n.book.all()[0]
		return tx.Status == protocol.TxConfirmed && tx.Block != first.Block
	})
	if txs := n.book.all(); len(txs) != 1 || txs[0].Fee.IsZero() {
		t.Errorf("journal:%s", describe(txs))
	}
	if got := nativeAccount(t, c.URL(), n); got != amount(5) {
		t.Errorf("deposited %s, want 5 once", got)
	}
}
