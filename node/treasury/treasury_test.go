package treasury_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-ethereum's pool of signature workers, one for the whole process.
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
	)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// client is a key's as the treasury needs it.
type client struct{ *settle.Client }

func (c client) Head() treasury.Head {
	st := c.Status()
	return treasury.Head{Number: st.Head, Time: st.HeadTime, Reorgs: st.Reorgs}
}

func (client) ValueOf(raw []byte) (protocol.Amount, error) { return settle.ValueOf(raw) }

// running runs a part until the test ends.
func running(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// closed closes a part when the test has ended.
func closed(t *testing.T, end func() error) {
	t.Helper()
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// Two jobs that fund channels at once stay under the cap together, and what a close
// brings back leaves room again: the treasury takes it back by itself.
func TestFundingsShareTheCap(t *testing.T) {
	t.Parallel()
	ctx, amount := t.Context(), protocol.NewAmount
	c := must(chain.Start(ctx, chain.Config{}))
	closed(t, c.Close)
	book := must(journal.Open(t.TempDir(), journal.Options{}))
	closed(t, book.Close)
	running(t, book.Run)
	key := must(protocol.NewKey())
	own := client{must(settle.New(settle.Config{RPC: []string{c.URL()}, Domain: c.Domain(), Token: c.Token(),
		Key: key, Book: book, Poll: 10 * time.Millisecond}))}
	running(t, own.Run)
	for _, err := range []error{c.Fund(ctx, key.Address(), must(protocol.ParseUnits("1", 18))), c.Mint(ctx, key.Address(), amount(200))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	money := treasury.New(treasury.Config{Book: book, Own: own, Payer: own, Market: protocol.Market{Domain: c.Domain(), Token: c.Token()},
		Exposure: amount(100), Text: protocol.Amount.String, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	running(t, money.Run)

	channel := func(payee byte) protocol.Channel {
		rig := protocol.Address{payee}
		return protocol.Channel{Payer: key.Address(), Signer: key.Address(), Payee: rig, Operator: rig, Token: c.Token()}
	}
	ended := make(chan error)
	for payee := range byte(2) {
		go func() {
			_, _, err := money.Funds().Fund(ctx, channel(payee+1), amount(60))
			ended <- err
		}()
	}
	one, other := <-ended, <-ended
	if one == nil {
		one, other = other, one
	}
	if one == nil || other != nil || !strings.Contains(one.Error(), "--max-exposure") {
		t.Fatalf("two fundings of 60 under a cap of 100: %v; %v", one, other)
	}
	spendable := func() protocol.Amount { return must(money.Funds().Spendable(ctx)) }
	if got := spendable(); got != amount(40) {
		t.Errorf("%s of 100 left beside a channel of 60", got)
	}

	if txs, err := money.CloseChannels(ctx, protocol.Hash{}); err != nil || len(txs) != 1 {
		t.Fatalf("close: %d transactions, %v", len(txs), err)
	}
	if err := c.AdjustTime(2 * time.Hour); err != nil { // past the grace
		t.Fatal(err)
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); spendable() != amount(100); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s spendable a minute after the grace", spendable())
		}
	}
	if alarms := money.Alarms(); len(alarms) > 0 {
		t.Errorf("alarms: %v", alarms)
	}
}
