// Package network is a node's place in the peer-to-peer network (SPEC §3): the
// libp2p host whose peer ID is the node's key, Kademlia routing in a prefix of its
// own per network, LAN discovery, and a cache of peers that survives restarts.
//
// New starts listening, so that a port in use fails at once; Run then keeps the
// node connected for as long as it lives. No bootstrap peer is ever required to be
// up: Run redials for ever and falls back on the peer cache.
package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/rerig/rerig/protocol"
)

// Limits and timeouts of this implementation; SPEC §3 fixes none of them.
const (
	dialTimeout     = 5 * time.Second
	refreshInterval = 10 * time.Minute // between two refreshes of a settled routing table
	refreshSpacing  = 5 * time.Second  // between two refreshes while it still changes
	fewPeers        = 4                // a routing table this small makes the node ask its cache
	hintDials       = 8                // cached peers dialled at once
	maxBootstrap    = 64
	maxAnnounced    = 8
	maxNetworkName  = 64
)

// validName keeps a network's name from reaching into another part of the
// protocol IDs it is in.
var validName = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9.-]{1,%d}$`, maxNetworkName))

// Config says who the node is and where it listens. Key, Network and ListenAddrs
// are required.
type Config struct {
	Key         *protocol.Key // the identity; the peer ID derives from it
	Network     string        // name of the network, such as "testnet"; part of every protocol ID
	ListenAddrs []string      // multiaddrs, TCP and QUIC
	Announce    []string      // multiaddrs advertised besides, such as a router's forwarded port
	Bootstrap   []string      // multiaddrs ending in /p2p/<peer ID>; the node's own is ignored
	DataDir     string        // holds the peer cache; empty keeps none

	// Server makes the node a public DHT server, relay and NAT helper, whatever
	// reachability it measures. Otherwise it serves the DHT once it is reachable.
	Server bool
	// LocalNet is for test networks and closed LANs: loopback and private
	// addresses are advertised and believed, every node is a DHT server, and there
	// is no NAT port mapping, relay or hole punching.
	LocalNet bool
	MDNS     bool // find peers of this network on the LAN

	// RedialMin and RedialMax bound the pause between two dials of a lost
	// bootstrap peer. Zero takes 1 s and 1 min, on a LocalNet 200 ms and 5 s.
	RedialMin, RedialMax time.Duration

	// Vital is the protocol whose streams this node opens and waits on. A peer of such
	// a connection, or of one that is Watched (nil is none), that leaves three probes
	// unanswered, one every Probe (zero takes 2 s), is taken for dead. Empty watches
	// over none.
	Vital   libp2pproto.ID
	Watched func(network.Conn) bool
	Probe   time.Duration

	// Dials is the protocol of which one peer may have protocol.MaxDials streams here at
	// once, which is more than libp2p gives one peer of a protocol.
	Dials libp2pproto.ID

	// Traffic counts the bytes of streams; nil counts none.
	Traffic metrics.Reporter

	Logger *slog.Logger // nil logs nothing
}

func (c *Config) validate() error {
	switch {
	case c.Key == nil:
		return errors.New("network config: key is missing")
	case !validName.MatchString(c.Network):
		return fmt.Errorf("network config: network name must be 1 to %d letters, digits, dots and dashes, got %q",
			maxNetworkName, c.Network)
	case len(c.ListenAddrs) == 0:
		return errors.New("network config: no listen address; give one such as /ip4/0.0.0.0/tcp/4001")
	case len(c.Bootstrap) > maxBootstrap:
		return fmt.Errorf("network config: at most %d bootstrap addresses, got %d", maxBootstrap, len(c.Bootstrap))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	least, most := time.Second, time.Minute
	if c.LocalNet {
		least, most = 200*time.Millisecond, 5*time.Second
	}
	if c.RedialMin <= 0 {
		c.RedialMin = least
	}
	if c.RedialMax < c.RedialMin {
		c.RedialMax = max(most, c.RedialMin)
	}
	if c.Probe <= 0 {
		c.Probe = 2 * time.Second
	}
	return nil
}

// Network is a running host with its routing. It is safe for concurrent use.
type Network struct {
	cfg       Config
	log       *slog.Logger
	host      host.Host
	dht       *dht.IpfsDHT
	gater     *gater
	cache     *peerCache
	bootstrap []peer.AddrInfo
	announced []ma.Multiaddr
	events    event.Subscription // read by watch alone
	closing   sync.Once
	closeErr  error
}

// New makes the host, listens and joins no one yet. An address in use is an error
// that names it. The caller must end with Run or Close.
func New(cfg Config) (*Network, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	self, err := PeerID(cfg.Key.Public())
	if err != nil {
		return nil, err
	}
	n := &Network{cfg: cfg, log: cfg.Logger, gater: newGater(self, cfg.LocalNet)}
	if n.bootstrap, err = parseBootstrap(cfg.Bootstrap, self); err != nil {
		return nil, err
	}
	for _, b := range n.bootstrap {
		n.gater.boot[b.ID] = true
	}
	if n.announced, err = parseAnnounced(cfg.Announce, cfg.LocalNet); err != nil {
		return nil, err
	}
	if n.cache, err = openCache(cfg.DataDir, self, cfg.Logger); err != nil {
		return nil, err
	}
	if n.host, err = n.newHost(); err != nil {
		return nil, err
	}
	n.events, err = n.host.EventBus().Subscribe(
		[]any{new(event.EvtPeerIdentificationCompleted)}, eventbus.BufSize(256))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch peers: %w", err), n.host.Close())
	}
	if n.dht, err = n.newDHT(); err != nil {
		return nil, errors.Join(fmt.Errorf("start DHT: %w", err), n.events.Close(), n.host.Close())
	}
	if err := n.listen(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Host is the libp2p host.
func (n *Network) Host() host.Host { return n.host }

// DHT is the Kademlia routing of this network. It finds peers, and who has which public
// content; it keeps no values (SPEC §3).
func (n *Network) DHT() *dht.IpfsDHT { return n.dht }

// Run keeps the node connected until ctx ends, then writes the peer cache and
// closes the host. It returns nil after an orderly end.
func (n *Network) Run(ctx context.Context) error {
	var mdnsErr error
	stopMDNS := func() error { return nil }
	if n.cfg.MDNS {
		if stopMDNS, mdnsErr = n.startMDNS(ctx); mdnsErr != nil {
			// A LAN without multicast is no reason to stop: other ways remain.
			n.log.Warn("no LAN discovery", "err", mdnsErr)
			stopMDNS = func() error { return nil }
		}
	}
	var children sync.WaitGroup
	for _, b := range n.bootstrap {
		children.Go(func() { n.keepBootstrap(ctx, b) })
	}
	children.Go(func() { n.hunt(ctx) })
	children.Go(func() { n.watch(ctx) })
	children.Go(func() { n.refresh(ctx) })
	if n.cfg.Vital != "" {
		children.Go(func() { n.probe(ctx) })
	}
	children.Wait()
	return errors.Join(stopMDNS(), n.cache.flush(), n.Close())
}

// Close ends the host and its routing. Run calls it; a caller needs it only when
// Run never ran.
func (n *Network) Close() error {
	n.closing.Do(func() {
		n.closeErr = errors.Join(n.dht.Close(), n.events.Close(), n.host.Close())
	})
	return n.closeErr
}
