package provider

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The rig and the market of these tests.
var testMarket = protocol.Market{Domain: protocol.Domain{ChainID: 31337, Escrow: protocol.Address{1}}, Token: protocol.Address{2}}

const guestCID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

func newKey(t *testing.T) *protocol.Key {
	t.Helper()
	k, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newRig is a provider with a memory for a journal.
func newRig(t *testing.T, b *book) *Provider {
	t.Helper()
	p, err := New(Config{Key: newKey(t), Network: "test", Payee: protocol.Address{3}, Markets: []protocol.Market{testMarket},
		Prices:    []protocol.Price{{Unit: protocol.UnitCPUMillis, PerMillion: protocol.NewAmount(20_000_000)}},
		TickUnits: 50, Engines: []string{protocol.EngineWASM}, Slots: 1, Queue: 1, MemoryMiB: 256, WorkDir: t.TempDir(),
		Hardware: protocol.Hardware{Cores: 2, MemoryMiB: 1024, DiskMiB: 1024}, Book: b, Clock: time.Now,
		Changed: func() {}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// book is a journal of one job and one channel; what a test does not use is nil.
type book struct {
	Book
	known    map[protocol.Hash]bool
	credited []protocol.Amount
	ended    []protocol.Record // settled with a voucher
	fail     error
}

func (b *book) Known(_ context.Context, id protocol.Hash) (bool, error) { return b.known[id], b.fail }

func (b *book) Credit(_ context.Context, _, _ protocol.Hash, _ protocol.SignedVoucher, paid protocol.Amount) (protocol.Amount, error) {
	b.credited = append(b.credited, paid)
	return paid, b.fail
}

func (b *book) PutAndCredit(_ context.Context, rec protocol.Record, _ protocol.SignedVoucher, _ protocol.Amount) error {
	if b.fail == nil {
		b.ended = append(b.ended, rec)
	}
	return b.fail
}

func (b *book) SetInChannel(context.Context, protocol.Domain, protocol.Channel, protocol.ChannelState) error {
	return nil
}

func (b *book) PutAndReserveIn(context.Context, protocol.Record) (protocol.Amount, bool, error) {
	return protocol.Amount{}, b.fail == nil, b.fail
}

func (b *book) PutAndRelease(context.Context, protocol.Record) error { return b.fail }

// line is the rig's end of a stream in memory; the test has the other.
type line struct {
	key     protocol.PublicKey
	in, out chan protocol.Message // in is closed by the test
}

func (l *line) Peer() string            { return "test" }
func (l *line) Key() protocol.PublicKey { return l.key }
func (l *line) Close() error            { return nil }
func (l *line) Reset()                  {}
func (l *line) Keep()                   {}
func (l *line) Watch(bool)              {}

func (l *line) Send(ms ...protocol.Message) error {
	for _, m := range ms {
		l.out <- m
	}
	return nil
}

func (l *line) Recv() (protocol.Message, error) {
	m, ok := <-l.in
	if !ok {
		return nil, io.EOF
	}
	return m, nil
}

func (l *line) RecvBefore(at time.Time) (protocol.Message, error) {
	select {
	case m, ok := <-l.in:
		if !ok {
			return nil, io.EOF
		}
		return m, nil
	case <-time.After(time.Until(at)):
		return nil, context.DeadlineExceeded
	}
}

// negotiated is one negotiation: the test's end of it and what came out.
type negotiated struct {
	*line
	requester *protocol.Key
	session   *session
	err       error
	done      chan struct{} // closed when the rig is done with it
}

func negotiate(t *testing.T, p *Provider, requester *protocol.Key) (*negotiated, *protocol.Quote) {
	t.Helper()
	n := &negotiated{requester: requester, done: make(chan struct{}),
		line: &line{key: requester.Public(), in: make(chan protocol.Message), out: make(chan protocol.Message, 8)}}
	go func() {
		defer close(n.done)
		n.session, n.err = p.negotiate(t.Context(), n.line)
	}()
	spec, _, err := protocol.EncodeSpec(&protocol.JobSpec{Version: 1, Kind: protocol.KindTask, Engine: protocol.EngineWASM,
		Module: guestCID, ModuleSize: 1, Limits: protocol.Limits{RunMillis: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	n.in <- &protocol.QuoteRequest{Spec: spec, Payer: requester.Address(), Signer: requester.Address(), Market: testMarket,
		Unit: protocol.UnitCPUMillis, Budget: protocol.NewAmount(100_000), Nonce: protocol.Hash{9}}
	q, ok := (<-n.out).(*protocol.Quote)
	if !ok {
		t.Fatal("no quote")
	}
	return n, q
}

func (n *negotiated) accept(t *testing.T, q *protocol.Quote) *protocol.Accept {
	t.Helper()
	sig, err := n.requester.Sign(q.Agreement.ID())
	if err != nil {
		t.Fatal(err)
	}
	return &protocol.Accept{Agreement: q.Agreement, Channel: q.Channel, RigSig: q.RigSig, PayerSig: sig}
}

// TestAcceptRules holds which accepts a rig takes (SPEC §5.3).
func TestAcceptRules(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(*protocol.Accept, *book)
		after  time.Duration
		reason protocol.Reason // "" where the job begins
	}{
		"as quoted":           {nil, 0, ""},
		"at the last moment":  {nil, protocol.QuoteLife - time.Millisecond, ""},
		"other price":         {func(a *protocol.Accept, _ *book) { a.Agreement.Price.PerMillion = protocol.NewAmount(1) }, 0, protocol.ReasonMalformed},
		"other budget":        {func(a *protocol.Accept, _ *book) { a.Agreement.MaxTotal = protocol.NewAmount(1 << 30) }, 0, protocol.ReasonMalformed},
		"other channel":       {func(a *protocol.Accept, _ *book) { a.Channel.Signer = protocol.Address{8} }, 0, protocol.ReasonMalformed},
		"stretched":           {func(a *protocol.Accept, _ *book) { a.Agreement.AcceptBy++ }, 0, protocol.ReasonMalformed},
		"key to nothing":      {func(a *protocol.Accept, _ *book) { a.JobKey = make(protocol.JobKey, protocol.JobKeyBytes) }, 0, protocol.ReasonMalformed},
		"link key to no link": {func(a *protocol.Accept, _ *book) { a.LinkKey = make(protocol.LinkKey, protocol.LinkKeyBytes) }, 0, protocol.ReasonMalformed},
		"other rig signature": {func(a *protocol.Accept, _ *book) { a.RigSig[0] ^= 1 }, 0, protocol.ReasonMalformed},
		"bad signature":       {func(a *protocol.Accept, _ *book) { a.PayerSig[0] ^= 1 }, 0, protocol.ReasonBadSignature},
		"the rig's signature": {func(a *protocol.Accept, _ *book) { a.PayerSig = a.RigSig }, 0, protocol.ReasonBadSignature},
		"known job":           {func(a *protocol.Accept, b *book) { b.known[a.Agreement.ID()] = true }, 0, protocol.ReasonMalformed},
		"journal unreadable":  {func(_ *protocol.Accept, b *book) { b.fail = errors.New("disk") }, 0, protocol.ReasonJournal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &book{known: map[protocol.Hash]bool{}}
				p := newRig(t, b)
				n, q := negotiate(t, p, newKey(t))
				time.Sleep(c.after) // the bubble's time: nobody waits
				acc := n.accept(t, q)
				if c.spoil != nil {
					c.spoil(acc, b)
				}
				n.in <- acc
				<-n.done
				var refusal *refusalError
				switch {
				case c.reason == "" && (n.err != nil || n.session == nil || p.Active() != 1):
					t.Errorf("not taken: %v", n.err)
				case c.reason != "" && (!errors.As(n.err, &refusal) || refusal.reason != c.reason || p.Active() != 0):
					t.Errorf("got %v, want %s", n.err, c.reason)
				}
			})
		})
	}
}

// TestQuoteBindsNobodyForEver holds that a quote nobody accepts ends by itself, and
// that an accept after it is nothing.
func TestQuoteBindsNobodyForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRig(t, &book{})
		n, _ := negotiate(t, p, newKey(t))
		begin := time.Now()
		<-n.done
		if n.session != nil || n.err != nil || p.Active() != 0 {
			t.Errorf("got %v, %v", n.session, n.err)
		}
		if waited := time.Since(begin); waited > protocol.QuoteLife {
			t.Errorf("waited %s for an accept, the quote binds for %s", waited, protocol.QuoteLife)
		}
	})
}
