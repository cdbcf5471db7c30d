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

// market is a chain with a node's books and money on it.
type market struct {
	*chain.Chain
	book  *journal.Journal
	own   client
	money *treasury.Treasury
}

// newMarket gives a node 200 base units, of which 100 may be in channels.
func newMarket(t *testing.T) *market {
	t.Helper()
	ctx, m := t.Context(), &market{Chain: must(chain.Start(t.Context(), chain.Config{}))}
	closed(t, m.Close)
	m.book = must(journal.Open(t.TempDir(), journal.Options{}))
	closed(t, m.book.Close)
	running(t, m.book.Run)
	m.own = m.client(t)
	if err := m.Mint(ctx, m.own.Address(), protocol.NewAmount(200)); err != nil {
		t.Fatal(err)
	}
	m.money = treasury.New(treasury.Config{Book: m.book, Own: m.own, Payer: m.own, Market: protocol.Market{Domain: m.Domain(), Token: m.Token()},
		Exposure: protocol.NewAmount(100), Text: protocol.Amount.String, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
	running(t, m.money.Run)
	return m
}

// client is that of a new key, which can pay fees.
func (m *market) client(t *testing.T) client {
	t.Helper()
	key := must(protocol.NewKey())
	c := client{must(settle.New(settle.Config{RPC: []string{m.URL()}, Domain: m.Domain(), Token: m.Token(),
		Key: key, Book: m.book, Poll: 10 * time.Millisecond}))}
	running(t, c.Run)
	if err := m.Fund(t.Context(), key.Address(), must(protocol.ParseUnits("1", 18))); err != nil {
		t.Fatal(err)
	}
	return c
}

// channel is one from a payer to a rig.
func (m *market) channel(payer protocol.Address, rig byte) protocol.Channel {
	to := protocol.Address{rig}
	return protocol.Channel{Payer: payer, Signer: payer, Payee: to, Operator: to, Token: m.Token()}
}

// until waits for a minute.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// Two jobs that fund channels at once stay under the cap together, and what a close
// brings back leaves room again: the treasury takes it back by itself.
func TestFundingsShareTheCap(t *testing.T) {
	t.Parallel()
	ctx, amount, m := t.Context(), protocol.NewAmount, newMarket(t)
	money := m.money
	ended := make(chan error)
	for payee := range byte(2) {
		go func() {
			_, _, err := money.Funds().Fund(ctx, m.channel(m.own.Address(), payee+1), amount(60))
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
	if err := m.AdjustTime(2 * time.Hour); err != nil { // past the grace
		t.Fatal(err)
	}
	until(t, "all is spendable after the grace", func() bool { return spendable() == amount(100) })
	if alarms := money.Alarms(); len(alarms) > 0 {
		t.Errorf("alarms: %v", alarms)
	}
}

// What a job that was stopped has sent into its channel counts, though it waited for
// nothing: the next one must not take the room for it a second time.
func TestStoppedFundingCountsUnderTheCap(t *testing.T) {
	t.Parallel()
	ctx, amount, m := t.Context(), protocol.NewAmount, newMarket(t)
	one, other := m.channel(m.own.Address(), 1), m.channel(m.own.Address(), 2)
	if err := m.book.SetOutChannel(ctx, m.Domain(), one, protocol.ChannelState{}); err != nil { // as whoever funds has looked at it
		t.Fatal(err)
	}
	m.PauseMining()
	stopped, stop := context.WithCancel(ctx)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() {
		_, _, err := m.money.Funds().Fund(stopped, one, amount(60))
		first <- err
	}()
	until(t, "the funding is sent", func() bool {
		return len(must(m.book.PendingTxs(ctx, m.own.Address(), m.ID()))) > 0
	})
	stop()
	if err := <-first; err == nil {
		t.Fatal("a funding that is in no block has ended well")
	}
	go func() {
		_, _, err := m.money.Funds().Fund(ctx, other, amount(60))
		second <- err
	}()
	m.ResumeMining()
	if err := <-second; err == nil || !strings.Contains(err.Error(), "--max-exposure") {
		t.Errorf("60 beside 60 under a cap of 100: %v", err)
	}
	if got := must(m.money.Funds().Spendable(ctx)); got != amount(40) {
		t.Errorf("%s of 100 left beside a channel of 60", got)
	}
}

// A channel that cannot be closed, as one that was paid by an address which is this
// node's no more, holds up no other.
func TestCloseThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	ctx, amount, m := t.Context(), protocol.NewAmount, newMarket(t)
	former := m.client(t)
	if err := m.Mint(ctx, former.Address(), amount(10)); err != nil {
		t.Fatal(err)
	}
	mine, theirs := m.channel(m.own.Address(), 1), m.channel(former.Address(), 1)
	for rig := byte(2); strings.Compare(theirs.ID().String(), mine.ID().String()) > 0; rig++ { // it is looked at first
		theirs = m.channel(former.Address(), rig)
	}
	for c, payer := range map[protocol.Channel]client{mine: m.own, theirs: former} {
		if _, _, err := payer.Fund(ctx, c, amount(10)); err != nil {
			t.Fatal(err)
		}
		if _, err := payer.RequestClose(ctx, c); err != nil {
			t.Fatal(err)
		}
		if err := m.book.SetOutChannel(ctx, m.Domain(), c, must(payer.Channel(ctx, c))); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.AdjustTime(2 * time.Hour); err != nil { // past the grace
		t.Fatal(err)
	}
	until(t, "the own channel is closed", func() bool { return must(m.own.Channel(ctx, mine)).Funded.IsZero() })
}
