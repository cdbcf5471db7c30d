package network

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/autorelay"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// Connection and stream limits fit for a home router (kubo's larger ones trip
// some). The resource manager leaves room above the connection manager's high
// mark, which only trims after the fact.
const (
	connsLow, connsHigh = 96, 160
	connGrace           = 20 * time.Second
	maxConns            = 2 * connsHigh
	maxStreams          = 4096
	maxTransient        = 128
	maxPeerStreams      = 512
	maxPeerConns        = 16        // twice the dials that libp2p makes to one peer at once
	maxMemory           = 256 << 20 // bytes that streams and muxers may reserve
)

// version is what identify tells a peer; a peer that says another is not of this
// network (SPEC §3).
func (c *Config) version() string { return "rerig/" + c.Network + "/1" }

func (n *Network) newHost() (host.Host, error) {
	id, err := identity(n.cfg.Key)
	if err != nil {
		return nil, err
	}
	conns, err := connmgr.NewConnManager(connsLow, connsHigh, connmgr.WithGracePeriod(connGrace))
	if err != nil {
		return nil, fmt.Errorf("connection manager: %w", err)
	}
	resources, err := newResources()
	if err != nil {
		return nil, err
	}
	opts := []libp2p.Option{
		libp2p.Identity(id),
		libp2p.ProtocolVersion(n.cfg.version()),
		libp2p.UserAgent("rerig"),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.Transport(quic.NewTransport),
		libp2p.ConnectionManager(conns),
		libp2p.ResourceManager(resources),
		libp2p.ConnectionGater(n.gater),
		libp2p.WithDialTimeout(dialTimeout),
		libp2p.AddrsFactory(n.advertised),
		libp2p.SwarmOpts(swarm.WithDialRanker(rankTCPFirst)),
		libp2p.DisableMetrics(),
	}
	if n.cfg.LocalNet {
		opts = append(opts, localOptions()...)
	} else {
		opts = append(opts, n.publicOptions()...)
	}
	h, err := libp2p.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("start libp2p host: %w", err)
	}
	return h, nil
}

// localOptions suit a network whose addresses are all direct. Without reuseport a
// restarted node gets its port back at once and two nodes cannot share one.
func localOptions() []libp2p.Option {
	return []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.DisableRelay(),
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ForceReachabilityPublic(),
	}
}

func (n *Network) publicOptions() []libp2p.Option {
	opts := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.NonPublicAddrPublishing(false),
		libp2p.EnableRelay(),
		libp2p.EnableNATService(),
		libp2p.EnableAutoNATv2(),
		libp2p.EnableHolePunching(holepunch.DirectDialTimeout(3 * time.Second)),
	}
	if n.cfg.Server {
		return append(opts,
			libp2p.EnableRelayService(),
			libp2p.ForceReachabilityPublic(),
			// A fresh network has no QUIC successes to count, and a server that
			// refuses QUIC dial-back leaves its peers without a verdict.
			libp2p.UDPBlackHoleSuccessCounter(nil))
	}
	return append(opts,
		libp2p.NATPortMap(),
		libp2p.EnableAutoRelayWithPeerSource(n.relays, autorelay.WithNumRelays(2),
			autorelay.WithMinCandidates(1), autorelay.WithBootDelay(0)))
}

// relays offers autorelay the connected peers; it picks those that relay.
func (n *Network) relays(ctx context.Context, num int) <-chan peer.AddrInfo {
	out := make(chan peer.AddrInfo, num) // closed here, before it is returned
	defer close(out)
	for _, p := range n.host.Network().Peers() {
		if len(out) == num {
			break
		}
		if addrs := PublicAddrs(n.host.Peerstore().Addrs(p)); len(addrs) > 0 {
			out <- peer.AddrInfo{ID: p, Addrs: addrs}
		}
	}
	return out
}

func newResources() (network.ResourceManager, error) {
	limits := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&limits)
	r := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: maxConns, ConnsInbound: connsHigh + connsLow, ConnsOutbound: maxConns, FD: maxConns,
			Streams: maxStreams, StreamsInbound: maxStreams, StreamsOutbound: maxStreams, Memory: maxMemory,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: maxTransient, ConnsInbound: maxTransient, ConnsOutbound: maxTransient, FD: maxTransient,
			Streams: 2 * maxTransient, StreamsInbound: 2 * maxTransient, StreamsOutbound: 2 * maxTransient,
		},
		// libp2p's own limit of descriptors is below the dials that it begins at once:
		// the surplus fail, among them perhaps the only good address.
		PeerDefault: rcmgr.ResourceLimits{
			Conns: maxPeerConns, ConnsInbound: maxPeerConns, ConnsOutbound: maxPeerConns, FD: maxPeerConns,
			Streams: maxPeerStreams, StreamsInbound: maxPeerStreams, StreamsOutbound: maxPeerStreams,
		},
	}
	m, err := rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(r.Build(limits.Scale(maxMemory, maxConns))), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("resource manager: %w", err)
	}
	return m, nil
}

// newDHT is Kademlia under a private prefix, with provider records and no values.
// Refreshes are started by Run, because the library's own fire on every
// new peer of a small network.
func (n *Network) newDHT() (*dht.IpfsDHT, error) {
	mode := dht.ModeAuto
	if n.cfg.Server || n.cfg.LocalNet {
		mode = dht.ModeServer
	}
	opts := []dht.Option{
		dht.ProtocolPrefix(libp2pproto.ID("/rerig/" + n.cfg.Network)),
		dht.Mode(mode),
		dht.DisableValues(),
		dht.DisableAutoRefresh(),
		dht.LookupCheckConcurrency(64),
	}
	opts = append(opts, providerOptions()...)
	if n.cfg.LocalNet {
		opts = append(opts, dht.AddressFilter(fewAddrs))
	} else {
		opts = append(opts,
			dht.AddressFilter(func(a []ma.Multiaddr) []ma.Multiaddr { return fewAddrs(PublicAddrs(a)) }),
			dht.RoutingTablePeerDiversityFilter(dht.NewRTPeerDiversityFilter(n.host, 2, 3)))
	}
	return dht.New(n.host, opts...)
}
