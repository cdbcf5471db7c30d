package settle_test

import (
	"context"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

// A node that dies after it journaled a transaction sends that same one again, and
// no other, whether or not the endpoint had it.
func TestRestartSendsTheSameTransaction(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		name := map[bool]string{true: "had arrived", false: "had not arrived"}[arrived]
		t.Run(name, func(t *testing.T) {
			c := startChain(t)
			key, b := newKey(t), newBook()
			enrich(t, c, key.Address(), 0)
			before := join(t, config(c, key, b))
			eventually(t, "the chain is found", before.Online)
			c.PauseMining()
			if !arrived {
				b.onPut = func(protocol.Tx) { c.Pause() } // between the journal and the endpoint
			}
			ctx, die := context.WithCancel(t.Context())
			done := background(func() error { _, err := before.DepositNative(ctx, amount(500)); return err })
			eventually(t, "the transaction is journaled", func() bool { return b.count(protocol.TxPending) == 1 })
			die()
			if err := await(t, "the call ends", done); err == nil {
				t.Error("the deposit is confirmed without a block")
			}
			if err := before.stop(); err != nil {
				t.Errorf("run: %v", err)
			}
			b.onPut = nil
			if err := c.Resume(); err != nil {
				t.Fatal(err)
			}
			c.ResumeMining()

			after := join(t, config(c, key, b))
			eventually(t, "the transaction is confirmed", func() bool { return b.count(protocol.TxConfirmed) == 1 })
			if _, err := after.DepositNative(t.Context(), amount(20)); err != nil {
				t.Fatalf("the next deposit: %v", err)
			}
			txs := b.all()
			if len(txs) != 2 || txs[0].Nonce != 0 || txs[1].Nonce != 1 {
				t.Errorf("journal:%s", describe(txs))
			}
			if got := nativeAccount(t, c.URL(), after); got != amount(520) {
				t.Errorf("deposited %s, want 520", got)
			}
		})
	}
}

// nativeAccount is the native money in n's account.
func nativeAccount(t *testing.T, url string, n *node) protocol.Amount {
	t.Helper()
	state, err := settle.New(settle.Config{RPC: []string{url}, Domain: n.Domain(), Key: n.key, Book: newBook()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := state.Balances(t.Context(), n.Address())
	if err != nil {
		t.Fatal(err)
	}
	return got.Account
}

func TestStuckTransactionIsOutbid(t *testing.T) {
	c := startChain(t)
	cfg := config(c, newKey(t), newBook())
	cfg.StuckAfter = time.Millisecond
	n := join(t, cfg)
	enrich(t, c, n.Address(), 0)
	c.PauseMining()
	var got protocol.Tx
	done := background(func() (err error) {
		got, err = n.DepositNative(t.Context(), amount(500))
		return err
	})
	eventually(t, "a replacement is sent", func() bool { return n.book.count(protocol.TxPending) >= 2 })
	c.ResumeMining()
	if err := await(t, "the deposit is confirmed", done); err != nil {
		t.Fatalf("deposit: %v", err)
	}
	txs := n.book.all()
	for _, tx := range txs {
		want := protocol.TxReplaced
		if tx.Hash == got.Hash {
			want = protocol.TxConfirmed
		}
		if tx.Nonce != 0 || tx.Status != want {
			t.Errorf("journal:%s", describe(txs))
		}
	}
	if got := nativeAccount(t, c.URL(), n); got != amount(500) {
		t.Errorf("deposited %s, want 500 once", got)
	}
}

func TestConcurrentCallsOfOneKey(t *testing.T) {
	const calls = 8
	c := startChain(t)
	n := rich(t, c, 1000)
	var channels []protocol.Channel
	for range calls {
		ch := n.channel(c, newKey(t).Address(), newKey(t).Address())
		n.open(t, ch, 10)
		channels = append(channels, ch)
	}
	var all sync.WaitGroup
	fail := make(chan error, 3*calls)
	for i := range calls {
		all.Go(func() { _, err := n.RequestClose(t.Context(), channels[i]); fail <- err })
		all.Go(func() { _, err := n.Deposit(t.Context(), amount(1)); fail <- err })
		all.Go(func() {
			_, _, err := n.Fund(t.Context(), n.channel(c, channels[i].Payee, n.Address()), amount(2))
			fail <- err
		})
	}
	all.Wait()
	close(fail)
	for err := range fail {
		if err != nil {
			t.Errorf("call: %v", err)
		}
	}
	for i, tx := range n.book.all() {
		if tx.Nonce != uint64(i) || tx.Status != protocol.TxConfirmed {
			t.Fatalf("journal:%s", describe(n.book.all()))
		}
	}
	got, err := n.Balances(t.Context(), n.Address())
	if err != nil || must(got.Wallet.Add(got.Account)) != amount(1000-calls*12) {
		t.Errorf("%+v left, %v", got, err)
	}
}

// Somebody uses the key elsewhere and takes the nonce of a transaction on its way.
func TestNonceTakenElsewhere(t *testing.T) {
	c := startChain(t)
	cfg := config(c, newKey(t), newBook())
	cfg.Patience = 100 * time.Millisecond
	n := join(t, cfg)
	enrich(t, c, n.Address(), 0)
	c.PauseMining()
	done := background(func() error { _, err := n.DepositNative(t.Context(), amount(5)); return err })
	eventually(t, "the transaction is sent", func() bool { return n.book.count(protocol.TxPending) == 1 })
	client := dial(t, c)
	eventually(t, "the endpoint has it", func() bool {
		nonce, err := client.PendingNonceAt(t.Context(), common.Address(n.Address()))
		return err == nil && nonce == 1
	})
	key, err := crypto.ToECDSA(n.key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	id := new(big.Int).SetUint64(c.ID())
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: 0, To: &common.Address{1}, Gas: 21000, GasTipCap: big.NewInt(1e10), GasFeeCap: big.NewInt(1e11),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	c.ResumeMining()
	var replaced *settle.ReplacedError
	if err := await(t, "the loss is noticed", done); !errors.As(err, &replaced) || replaced.Nonce != 0 {
		t.Errorf("deposit: %v", err)
	}
	if n.book.count(protocol.TxReplaced) != 1 {
		t.Errorf("journal:%s", describe(n.book.all()))
	}
	if _, err := n.DepositNative(t.Context(), amount(5)); err != nil {
		t.Errorf("the next deposit: %v", err)
	}
}
