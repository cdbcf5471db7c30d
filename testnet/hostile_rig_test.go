package testnet_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// crook is a rig that keeps no rule: it has a real place in the market, half as
// dear as the honest rig, and answers jobs as the case says.
type crook struct {
	f   *field
	key *protocol.Key
	net *network.Network

	change func(*protocol.Offer) // before it is signed

	mu     sync.Mutex // guards what follows
	answer func(*fraud)
}

// crookPrice makes a tick of the crook cost 500.
const (
	crookPrice    = fieldPrice / 2
	crookTick     = tickCost / 2
	crookMostTick = 1 << 20 // what it offers; it quotes fieldTick
)

// newCrook puts a hostile rig on the market; the test's end takes it off.
func (f *field) newCrook(t *testing.T) *crook { return f.newCrookWith(t, func(*protocol.Offer) {}) }

// newCrookWith starts a crook whose offers are changed before they are signed.
func (f *field) newCrookWith(t *testing.T, change func(*protocol.Offer)) *crook {
	t.Helper()
	c := &crook{f: f, key: newHostileKey(t), change: change}
	var err error
	c.net, err = network.New(network.Config{Key: c.key, Network: f.Profile.Name, Bootstrap: f.Profile.Bootstrap, LocalNet: true,
		ListenAddrs: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := discovery.New(discovery.Config{Host: c.net.Host(), Routing: c.net.DHT(), Network: f.Profile.Name, LocalNet: true})
	if err != nil {
		t.Fatal(err)
	}
	d.Advertise(func(draft discovery.Draft) (protocol.SignedOffer, error) {
		return protocol.SignOffer(c.offer(draft), c.key)
	})
	server, err := exchange.NewServer(c.net.Host(), f.Profile.Name, exchange.DefaultLimits(), c.serve)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	for _, run := range []func(context.Context) error{c.net.Run, d.Run, server.Run} {
		parts.Go(func() {
			if err := run(ctx); err != nil {
				t.Error("hostile rig:", err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		parts.Wait()
	})
	return c
}

func (c *crook) offer(d discovery.Draft) protocol.Offer {
	o := protocol.Offer{Version: protocol.Version, Network: d.Network, Rig: c.key.Address(), Payee: c.key.Address(), Seq: d.Seq,
		Issued: d.Issued, Expires: d.Expires, Addrs: d.Addrs, Markets: []protocol.Market{c.f.market()}, Engines: []string{protocol.EngineWASM},
		Prices:   []protocol.Price{{Unit: protocol.UnitCPUMillis, PerMillion: protocol.NewAmount(crookPrice)}},
		Hardware: protocol.Hardware{CPU: "trust me", Cores: 64, MemoryMiB: 1 << 16, DiskMiB: 1 << 20}, Slots: 8, TickUnits: crookMostTick}
	if !d.Final {
		o.FreeSlots = 8
	}
	c.change(&o)
	return o
}

// will sets how the next jobs are answered.
func (c *crook) will(answer func(*fraud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *crook) serve(ctx context.Context, st *exchange.Stream) {
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	fr := &fraud{ctx: ctx, c: c, st: st, out: protocol.NewOutputHash()}
	defer st.Reset()
	defer context.AfterFunc(ctx, st.Reset)()
	answer(fr)
}

// fraud is one job in the hands of a crook. A message that cannot be sent or does
// not come ends what it does: the requester has hung up, as it should.
type fraud struct {
	ctx  context.Context
	c    *crook
	st   *exchange.Stream
	req  *protocol.QuoteRequest
	a    protocol.Agreement
	ch   protocol.Channel
	last protocol.Receipt
	out  *protocol.OutputHash
}

// quote answers the request; change may spoil the quote before it is signed.
func (fr *fraud) quote(change func(*protocol.Quote), key *protocol.Key) bool {
	m, err := fr.st.RecvBefore(time.Now().Add(answerWait))
	if err != nil {
		return false
	}
	fr.req = m.(*protocol.QuoteRequest)
	sum, err := protocol.SpecCID(fr.req.Spec)
	if err != nil {
		return false
	}
	me, now := fr.c.key.Address(), uint64(time.Now().UnixMilli())
	fr.ch = protocol.Channel{Payer: fr.req.Payer, Signer: fr.req.Signer, Payee: me, Operator: me, Token: fr.req.Market.Token}
	q := &protocol.Quote{Channel: fr.ch, Agreement: protocol.Agreement{Domain: fr.req.Market.Domain, Requester: fr.st.Key().Address(), Rig: me,
		Channel: fr.ch.ID(), SpecHash: protocol.Hash(sum.Hash()[2:]), Price: protocol.Price{Unit: fr.req.Unit, PerMillion: protocol.NewAmount(crookPrice)},
		TickUnits: fieldTick, MaxTotal: fr.req.Budget, QuotedAt: now, AcceptBy: now + 60_000, Deadline: now + 600_000, Nonce: fr.req.Nonce}}
	if change != nil {
		change(q)
	}
	fr.a = q.Agreement
	if q.RigSig, err = key.Sign(fr.a.ID()); err != nil {
		return false
	}
	return fr.st.Send(q) == nil
}

// accepted quotes honestly and waits for the accept.
func (fr *fraud) accepted() bool {
	if !fr.quote(nil, fr.c.key) {
		return false
	}
	m, err := fr.st.RecvBefore(time.Now().Add(answerWait))
	_, ok := m.(*protocol.Accept)
	return err == nil && ok
}

// running brings the job to where it says to run.
func (fr *fraud) running() bool {
	return fr.accepted() && fr.status(protocol.StateQueued) && fr.status(protocol.StateStaging) && fr.status(protocol.StateRunning)
}

func (fr *fraud) status(s protocol.State) bool { return fr.st.Send(&protocol.Status{State: s}) == nil }

func (fr *fraud) output(text string) bool {
	fr.out.Add(1, []byte(text))
	return fr.st.Send(&protocol.Output{FD: 1, Data: []byte(text)}) == nil
}

// receipt is the next one in the chain, over more units.
func (fr *fraud) receipt(more uint64) protocol.Receipt {
	r := protocol.Receipt{Job: fr.a.ID(), Seq: fr.last.Seq + 1, Units: fr.last.Units + more, Output: fr.out.Sum()}
	if fr.last.Seq > 0 {
		r.Prev = fr.last.Digest(fr.a.Domain)
	}
	return r
}

func (fr *fraud) send(r protocol.Receipt, key *protocol.Key) bool {
	sig, err := key.Sign(r.Digest(fr.a.Domain))
	fr.last = r
	return err == nil && fr.st.Send(&protocol.ReceiptMsg{Receipt: r, Signature: sig}) == nil
}

// tick sends an honest receipt and takes the money.
func (fr *fraud) tick() bool { return fr.send(fr.receipt(fieldTick), fr.c.key) && fr.paid() }

// paid waits for a voucher.
func (fr *fraud) paid() bool {
	for {
		m, err := fr.st.RecvBefore(time.Now().Add(answerWait))
		if err != nil {
			return false
		}
		if _, ok := m.(*protocol.VoucherMsg); ok {
			return true
		}
	}
}

// result sends the final receipt; change may spoil it before it is signed.
func (fr *fraud) result(more uint64, change func(*protocol.Result), key *protocol.Key) bool {
	m := &protocol.Result{Receipt: fr.receipt(more), Stream: fr.out.Sum()}
	m.Receipt.Final = true
	m.Receipt.Output = protocol.ResultRoot(fr.out.Sum(), "")
	if change != nil {
		change(m)
	}
	var err error
	if m.Signature, err = key.Sign(m.Receipt.Digest(fr.a.Domain)); err != nil {
		return false
	}
	fr.last = m.Receipt
	return fr.st.Send(m) == nil
}

// hangUp waits until the requester has ended the stream.
func (fr *fraud) hangUp() {
	for {
		if _, err := fr.st.Recv(); err != nil {
			return
		}
	}
}

// deceit is one case: what the rig does, and what must come of it.
type deceit struct {
	does   func(*fraud)
	reason protocol.Reason // of the failed attempt, or in the refused quote
	or     protocol.Reason // also right, where the requester may see either fault first
	ticks  uint64          // honest ticks the requester saw and paid
	more   uint64          // base units paid beyond them
}

// shown reports whether a line about a failed attempt gives the right reason.
func (d *deceit) shown(line string) bool {
	return strings.Contains(line, string(d.reason)+":") || d.or != "" && strings.Contains(line, string(d.or)+":")
}

// defrauded buys a job in a market where the crook is cheapest, and checks that the
// honest rig did it, that the output is whole, and what the crook got.
func (f *field) defrauded(t *testing.T, c *crook, buyer *testnet.Member, d deceit) {
	t.Helper()
	c.will(d.does)
	r := order(t, "count", "3", "1")
	r.Retries = 1
	st, text := buy(t, buyer, r)
	if !st.Succeeded() || st.Rig != f.rig.Node.Address() || text != "0000\n0001\n0002\n" {
		t.Fatalf("the honest rig did not do the job: %s %s %q by %s, output %q, tried %v", st.State, st.Reason, st.Detail, st.Rig, text, st.Tried)
	}
	if st.Attempt == 2 && (len(st.Tried) != 1 || !d.shown(st.Tried[0]) || !strings.Contains(st.Tried[0], c.key.Address().String())) {
		t.Errorf("tried %q, want the hostile rig for %s", st.Tried, d.reason)
	}
	f.lost(t, c, buyer, d, st)
}

// lost checks what the crook got in all, and that nothing stays reserved.
func (f *field) lost(t *testing.T, c *crook, buyer *testnet.Member, d deceit, st *node.RunStatus) {
	t.Helper()
	lost := protocol.NewAmount(d.ticks*crookTick + d.more)
	w, err := buyer.Wallet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var locked protocol.Amount
	for _, ch := range w.Channels {
		if !ch.Reserved.IsZero() {
			t.Errorf("%s of the channel to %s stay reserved", ch.Reserved, ch.Channel.Payee)
		}
		locked, _ = locked.Add(ch.State.Funded.Minus(ch.Vouchers))
		switch ch.Channel.Payee {
		case c.key.Address():
			if ch.Vouchers != lost {
				t.Errorf("the hostile rig was promised %s, want %s", ch.Vouchers, lost)
			}
		case f.rig.Node.Address():
			if honest := f.held(t, ch.ID); ch.Vouchers != honest || st.Spent != mustAdd(t, honest, lost) {
				t.Errorf("spent %s, of that %s to the honest rig, which holds %s", st.Spent, ch.Vouchers, honest)
			}
		}
	}
	if w.Locked != locked {
		t.Errorf("locked %s, the channels say %s", w.Locked, locked)
	}
}

func mustAdd(t *testing.T, a, b protocol.Amount) protocol.Amount {
	t.Helper()
	sum, err := a.Add(b)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestHostileRig lets a rig loose on requesters that breaks the protocol in every
// phase of a job (SPEC §5.2, §7.3). The requester pays the honest ticks it saw and
// not a unit more, and an honest rig does the job.
func TestHostileRig(t *testing.T) {
	t.Parallel()
	for _, group := range []struct {
		name  string
		cases map[string]deceit
	}{{"quotes", badQuotes}, {"receipts", badReceipts}, {"results", badResults}, {"manners", badManners}} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			f := newField(t, node.RigConfig{Slots: 2})
			c, n := f.newCrook(t), 0
			for name, d := range group.cases {
				t.Run(name, func(t *testing.T) {
					n++
					buyer := f.add(t, fmt.Sprint("victim", n), nil) // a new one bears no grudge
					defer func() {
						if err := f.Remove(buyer); err != nil {
							t.Error(err)
						}
					}()
					if err := f.Ready(t.Context(), buyer, 2); err != nil {
						t.Fatal(err)
					}
					f.defrauded(t, c, buyer, d)
					f.quiet(t)
				})
			}
		})
	}
	t.Run("a bad quote is held against who made it", func(t *testing.T) {
		t.Parallel()
		f := newField(t, node.RigConfig{Slots: 2})
		c, buyer := f.newCrook(t), f.add(t, "grudge", nil)
		if err := f.Ready(t.Context(), buyer, 2); err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{}, 8)
		c.will(func(fr *fraud) {
			asked <- struct{}{}
			_ = fr.st.Send(&protocol.Settled{})
			fr.hangUp()
		})
		for range 3 {
			f.honest(t, buyer)
		}
		if n := len(asked); n != 1 {
			t.Errorf("the hostile rig was asked %d times for three jobs, want once", n)
		}
	})
}
