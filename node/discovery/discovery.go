// Package discovery publishes and finds offers (SPEC §4). Signed offers live for
// minutes at the nodes closest to a capability cell's key; those nodes answer
// filtered queries with whole offers, so that a requester reaches matching rigs in
// about one round trip. Every answer is a hint: its signature is checked here, and
// the rig itself quotes before anyone pays.
//
// Every node runs all three parts: the index it keeps for others (index.go,
// serve.go), its own advertising (publish.go) and searching (find.go).
package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p-kbucket"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"

	"github.com/rerig/rerig/protocol"
)

// Specification constants (SPEC §4.3, §4.4).
const (
	salts     = 3  // keys per cell, so that one attacked neighbourhood hides nothing
	replicas  = 20 // index nodes per key: Kademlia's K
	walkWidth = 10 // requests of one walk under way at once: Kademlia's α
)

// Implementation constants.
const (
	askTimeout   = 5 * time.Second // one request with its dial
	serveTimeout = 5 * time.Second // one request served, slow reader included
	maxServing   = 128             // requests served at once
	sweepEvery   = 30 * time.Second
	serviceName  = "rerig.index" // the resource manager's name for the handler
)

// Router is what discovery needs of Kademlia; *dht.IpfsDHT is one.
type Router interface {
	GetClosestPeers(ctx context.Context, key string) ([]peer.ID, error)
	FindPeer(ctx context.Context, id peer.ID) (peer.AddrInfo, error)
	RoutingTable() *kbucket.RoutingTable
}

// Timing is how often things happen. The zero value takes DefaultTiming.
type Timing struct {
	OfferLife time.Duration // from an offer's issue to its expiry
	Refresh   time.Duration // between two renewals of the own offer, ± 20 %
	Rewalk    time.Duration // between two searches for the index nodes to renew at
	Retry     time.Duration // from a failed publication to the next try, ± 20 %
	Debounce  time.Duration // least time between two publications
	Fresh     time.Duration // an identical Find within it is answered from memory
}

// DefaultTiming is the timing of SPEC §4.3.
func DefaultTiming() Timing {
	return Timing{
		OfferLife: 15 * time.Minute, Refresh: 5 * time.Minute, Rewalk: 30 * time.Minute,
		Retry: 30 * time.Second, Debounce: 500 * time.Millisecond, Fresh: time.Second,
	}
}

// Limits bounds what peers can make this node keep and do. The zero value takes
// DefaultLimits.
type Limits struct {
	CellOffers int     // offers kept per cell
	Bytes      int     // bytes of offers kept in the index
	Known      int     // verified offers remembered beside the index
	PeerRate   float64 // requests a second from one peer
	PeerBurst  int     // requests at once from one peer
}

// DefaultLimits suits a home node: under 16 MiB in the worst case.
func DefaultLimits() Limits {
	return Limits{CellOffers: 2048, Bytes: 4 << 20, Known: 4096, PeerRate: 50, PeerBurst: 500}
}

// Config wires discovery. Host, Routing and Network are required.
type Config struct {
	Host     host.Host
	Routing  Router
	Network  string           // every offer and every message is of this network
	LocalNet bool             // believe and publish private and loopback addresses
	Clock    func() time.Time // nil is time.Now
	Timing   Timing
	Limits   Limits
	Logger   *slog.Logger // nil logs nothing
}

// Discovery is one node's part in the offer index. It is safe for concurrent use.
type Discovery struct {
	cfg      Config
	log      *slog.Logger
	proto    libp2pproto.ID
	cells    *cells
	index    *index
	book     *book
	limiter  *limiter
	recent   *recent
	serving  *serving
	suspects suspects
	changed  chan struct{} // one element: the own offer must be renewed
	met      chan struct{} // one element: a new index node is connected

	source struct {
		sync.Mutex
		draw Source
	}
	tallied tallied
	own     atomic.Pointer[protocol.VerifiedOffer] // published last, by this run
}

// New checks the config. Nothing runs before Run.
func New(cfg Config) (*Discovery, error) {
	if cfg.Host == nil || cfg.Routing == nil || cfg.Network == "" {
		return nil, errors.New("discovery config: host, routing and network are required")
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Timing == (Timing{}) {
		cfg.Timing = DefaultTiming()
	}
	if cfg.Timing.OfferLife > protocol.MaxOfferLife {
		return nil, fmt.Errorf("discovery config: an offer lives at most %s, got %s", protocol.MaxOfferLife, cfg.Timing.OfferLife)
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits()
	}
	c := newCells(cfg.Network)
	b := newBook(cfg.Network, cfg.LocalNet, cfg.Limits.Known)
	return &Discovery{
		cfg: cfg, log: cfg.Logger, cells: c, book: b,
		proto:   libp2pproto.ID("/rerig/" + cfg.Network + "/idx/1"),
		index:   newIndex(c, b, cfg.Limits),
		limiter: newLimiter(cfg.Limits),
		recent:  newRecent(cfg.Timing.Fresh),
		serving: newServing(),
		changed: make(chan struct{}, 1),
		met:     make(chan struct{}, 1),
	}, nil
}

// Run serves the index and advertises until ctx ends, then withdraws the own offer
// by a last one that expires at once. The host must outlive Run.
func (d *Discovery) Run(ctx context.Context) error {
	events, err := d.cfg.Host.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerProtocolsUpdated),
		new(event.EvtLocalAddressesUpdated),
	}, eventbus.BufSize(256))
	if err != nil {
		return fmt.Errorf("discovery: watch peers: %w", err)
	}
	d.cfg.Host.SetStreamHandler(d.proto, d.handle)
	var children sync.WaitGroup
	children.Go(func() { d.notice(events) })
	children.Go(func() { d.sweep(ctx) })
	d.publish(ctx)
	d.cfg.Host.RemoveStreamHandler(d.proto)
	err = events.Close() // ends notice
	children.Wait()
	d.serving.stop()
	return err
}

// notice turns host events into the two signals that publish waits for. It never
// blocks, because a slow reader would hold up the host.
func (d *Discovery) notice(events event.Subscription) {
	for e := range events.Out() {
		switch e := e.(type) {
		case event.EvtPeerIdentificationCompleted:
			if slices.Contains(e.Protocols, d.proto) {
				signal(d.met)
			}
		case event.EvtPeerProtocolsUpdated:
			if slices.Contains(e.Added, d.proto) {
				signal(d.met)
			}
		case event.EvtLocalAddressesUpdated:
			signal(d.changed)
		}
	}
}

func (d *Discovery) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := d.cfg.Clock()
			d.index.sweep(now)
			d.book.sweep(now)
		}
	}
}

// Cached is every verified offer this node has seen that has not expired and fits:
// no message is sent.
func (d *Discovery) Cached(filter protocol.Filter) []*protocol.VerifiedOffer {
	return d.book.match(&filter, d.cfg.Clock())
}

// Connect reaches the rig of an offer: over a connection that stands, at the
// offer's addresses, or where the DHT says it is.
func (d *Discovery) Connect(ctx context.Context, offer *protocol.VerifiedOffer) (peer.ID, error) {
	id, err := peerID(offer.Key)
	if err != nil {
		return "", err
	}
	h := d.cfg.Host
	if id == h.ID() {
		return "", fmt.Errorf("connect to rig %s: it is this node itself", offer.Rig)
	}
	if h.Network().Connectedness(id) == network.Connected {
		return id, nil
	}
	if s, ok := h.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(id) // the offer is news since the last failure
	}
	ctx = network.WithAllowLimitedConn(ctx, "job") // a relay is better than nothing
	first := h.Connect(ctx, peer.AddrInfo{ID: id, Addrs: multiaddrs(offer.Addrs)})
	if first == nil {
		return id, nil
	}
	info, err := d.cfg.Routing.FindPeer(ctx, id)
	if err == nil {
		info.Addrs = d.book.usable(info.Addrs)
		err = h.Connect(ctx, info)
	}
	if err != nil {
		return "", fmt.Errorf("connect to rig %s: %w; try another rig or later", offer.Rig, first)
	}
	return id, nil
}

// peerID is the libp2p peer ID of a public key (SPEC §2.1).
func peerID(pub protocol.PublicKey) (peer.ID, error) {
	k, err := crypto.UnmarshalSecp256k1PublicKey(pub[:])
	if err != nil {
		return "", fmt.Errorf("peer ID of public key: %w", err)
	}
	return peer.IDFromPublicKey(k)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is waiting already
	}
}
