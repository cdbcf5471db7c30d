package discovery

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the time of a whole test network; it moves only when told.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time                 { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration)        { c.ms.Add(d.Milliseconds()) }
func (c *clock) set(cfg *Config)                { cfg.Clock = c.now }
func public(cfg *Config)                        { cfg.LocalNet = false }
func limits(change func(*Limits)) func(*Config) { return func(c *Config) { change(&c.Limits) } }

// quickTiming forgets nothing and waits for nothing that a test would have to.
func quickTiming() Timing {
	t := DefaultTiming()
	t.Debounce, t.Retry, t.Fresh = time.Millisecond, 20*time.Millisecond, 0
	return t
}

// node is a host with its DHT and a Discovery whose Run is under way.
type node struct {
	*Discovery
	key  *protocol.Key
	host host.Host
	dht  *dht.IpfsDHT
	stop func() // ends Run and waits for it; the host stays up
}

const testNet = "test"

func newKey(t testing.TB) *protocol.Key {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newIDOf(t testing.TB, key *protocol.Key) peer.ID {
	t.Helper()
	id, err := peerID(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newHost is a bare libp2p host and DHT on loopback, with TCP and QUIC.
func newHost(t testing.TB, key *protocol.Key, networkName string) (host.Host, *dht.IpfsDHT) {
	t.Helper()
	id, err := crypto.UnmarshalSecp256k1PrivateKey(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(id), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	d, err := dht.New(h, dht.ProtocolPrefix(libp2pproto.ID("/rerig/"+networkName)), dht.Mode(dht.ModeServer),
		dht.DisableProviders(), dht.DisableValues(), dht.DisableAutoRefresh())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return h, d
}

func start(t testing.TB, opts ...func(*Config)) *node { return startKey(t, newKey(t), opts...) }

func startKey(t testing.TB, key *protocol.Key, opts ...func(*Config)) *node {
	t.Helper()
	cfg := Config{Network: testNet, LocalNet: true, Timing: quickTiming(), Limits: DefaultLimits()}
	for _, o := range opts {
		o(&cfg)
	}
	n := &node{key: key}
	n.host, n.dht = newHost(t, key, cfg.Network)
	cfg.Host, cfg.Routing = n.host, n.dht
	var err error
	if n.Discovery, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	n.stop = run(t, n.Discovery)
	return n
}

func run(t testing.TB, d *Discovery) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (n *node) join(t testing.TB, others ...*node) {
	t.Helper()
	for _, o := range others {
		if err := n.host.Connect(t.Context(), peer.AddrInfo{ID: o.host.ID(), Addrs: o.host.Addrs()}); err != nil {
			t.Fatal(err)
		}
	}
}

// offer is a rig's with one card of 8 GiB; change makes it another.
func offer(draft Draft, rig protocol.Address, change ...func(*protocol.Offer)) protocol.Offer {
	o := protocol.Offer{
		Version: protocol.Version, Network: draft.Network, Rig: rig, Payee: protocol.Address{1},
		Seq: draft.Seq, Issued: draft.Issued, Expires: draft.Expires, Addrs: draft.Addrs,
		Markets:  []protocol.Market{{Domain: protocol.Domain{ChainID: 31337, Escrow: protocol.Address{2}}, Token: protocol.Address{3}}},
		Prices:   []protocol.Price{{Unit: protocol.UnitGPUMillis, PerMillion: protocol.NewAmount(100)}},
		Engines:  []string{"wasm"},
		Hardware: protocol.Hardware{CPU: "cpu", Cores: 8, MemoryMiB: 16 << 10, DiskMiB: 100 << 10, GPUs: []protocol.GPU{{Model: "card", VRAMMiB: 8 << 10, Count: 1}}},
		Region:   "eu", Slots: 2, FreeSlots: 2, TickUnits: 1000,
	}
	if draft.Final {
		o.FreeSlots = 0
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func source(key *protocol.Key, change ...func(*protocol.Offer)) Source {
	return func(d Draft) (protocol.SignedOffer, error) {
		return protocol.SignOffer(offer(d, key.Address(), change...), key)
	}
}

func (n *node) advertise(change ...func(*protocol.Offer)) { n.Advertise(source(n.key, change...)) }

func vram(mib uint32) func(*protocol.Offer) {
	return func(o *protocol.Offer) { o.Hardware.GPUs[0].VRAMMiB = mib }
}

func price(units uint64) func(*protocol.Offer) {
	return func(o *protocol.Offer) { o.Prices[0].PerMillion = protocol.NewAmount(units) }
}

// signed is an offer drawn up outside any Discovery.
func signed(t testing.TB, key *protocol.Key, now time.Time, change ...func(*protocol.Offer)) protocol.SignedOffer {
	t.Helper()
	d := Draft{Network: testNet, Seq: uint64(now.UnixMilli()), Issued: uint64(now.UnixMilli()),
		Expires: uint64(now.Add(10 * time.Minute).UnixMilli()), Addrs: []string{"/ip4/127.0.0.1/tcp/4001"}}
	s, err := protocol.SignOffer(offer(d, key.Address(), change...), key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *node) find(t testing.TB, f protocol.Filter) Found {
	t.Helper()
	found, err := n.Find(t.Context(), f, 16)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// finds waits until a search has exactly these rigs and returns it.
func (n *node) finds(t testing.TB, f protocol.Filter, rigs ...*node) (found Found) {
	t.Helper()
	eventually(t, "the search finds the right rigs", func() bool {
		found = n.find(t, f)
		if len(found.Offers) != len(rigs) {
			return false
		}
		for _, r := range rigs {
			if foundOffer(found, r) == nil {
				return false
			}
		}
		return true
	})
	return found
}

func foundOffer(f Found, rig *node) *protocol.VerifiedOffer {
	for _, o := range f.Offers {
		if o.Rig == rig.key.Address() {
			return o
		}
	}
	return nil
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in 30 s: %s", what)
		case <-tick.C:
		}
	}
}
