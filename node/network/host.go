package network

import (
	"context"
	"fmt"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/config"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/host/autorelay"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/tcpreuse"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/fx"
)

// Marks of the connection manager, fit for a home router (kubo's larger ones trip some).
const (
	connsLow, connsHigh = 96, 160
	connGrace           = 20 * time.Second
)

// version is what identify tells a peer; a peer that says another is not of this
// network (SPEC §3).
func (c *Config) version() string { return "rerig/" + c.Network + "/1" }

// newHost fills in what libp2p's options would. Its package of options brings all transports
// there are, WebRTC among them: 4 MB, and code that nothing here is meant to reach.
func (n *Network) newHost() (host.Host, error) {
	id, err := identity(n.cfg.Key)
	if err != nil {
		return nil, err
	}
	conns, err := connmgr.NewConnManager(connsLow, connsHigh, connmgr.WithGracePeriod(connGrace))
	if err != nil {
		return nil, fmt.Errorf("connection manager: %w", err)
	}
	resources, err := newResources(n.cfg.Dials)
	if err != nil {
		return nil, err
	}
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, fmt.Errorf("peer store: %w", err)
	}
	cfg := config.Config{
		PeerKey:            id,
		Peerstore:          peers,
		ProtocolVersion:    n.cfg.version(),
		UserAgent:          "rerig",
		SecurityTransports: []config.Security{{ID: noise.ID, Constructor: noise.New}},
		Muxers:             []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}},
		Transports:         n.transports(),
		ConnManager:        conns,
		ResourceManager:    resources,
		ConnectionGater:    n.gater,
		DialTimeout:        dialTimeout,
		AddrsFactory:       n.advertised,
		SwarmOpts:          []swarm.Option{swarm.WithDialRanker(rankTCPFirst)},
		DisableMetrics:     true,
		Reporter:           n.cfg.Traffic,
		// As libp2p's own defaults: fewer than 5 of 100 dials is none.
		UDPBlackHoleSuccessCounter:  &swarm.BlackHoleSuccessCounter{N: 100, MinSuccesses: 5, Name: "UDP"},
		IPv6BlackHoleSuccessCounter: &swarm.BlackHoleSuccessCounter{N: 100, MinSuccesses: 5, Name: "IPv6"},
	}
	if n.cfg.LocalNet {
		onLocalNet(&cfg)
	} else {
		n.onInternet(&cfg)
	}
	h, err := cfg.NewNode()
	if err != nil {
		return nil, fmt.Errorf("start libp2p host: %w", err)
	}
	return h, nil
}

// transports are QUIC and TCP. On a network of one machine TCP goes without reuseport, so
// that a restarted node gets its port back at once and two nodes cannot share one.
func (n *Network) transports() []fx.Option {
	made := []fx.Annotation{fx.As(new(transport.Transport)), fx.ResultTags(`group:"transport"`)}
	newTCP := func(u transport.Upgrader, r network.ResourceManager, m *tcpreuse.ConnMgr) (*tcp.TcpTransport, error) {
		if n.cfg.LocalNet {
			return tcp.NewTCPTransport(u, r, m, tcp.DisableReuseport())
		}
		return tcp.NewTCPTransport(u, r, m)
	}
	return []fx.Option{
		fx.Provide(fx.Annotate(quic.NewTransport, made...)),
		fx.Provide(fx.Annotate(newTCP, made...)),
	}
}

// onLocalNet suits a network whose addresses are all direct.
func onLocalNet(cfg *config.Config) {
	cfg.DisableIdentifyAddressDiscovery = true
	reachable := network.ReachabilityPublic
	cfg.ForceReachability = &reachable
}

// onInternet suits one with routers and firewalls in between.
func (n *Network) onInternet(cfg *config.Config) {
	cfg.DisableNonPublicAddrPublishing = true
	cfg.Relay = true
	cfg.EnableService = true // of AutoNAT
	cfg.EnableAutoNATv2 = true
	cfg.EnableHolePunching = true
	cfg.HolePunchingOptions = []holepunch.Option{holepunch.DirectDialTimeout(3 * time.Second)}
	if n.cfg.Server {
		cfg.EnableRelayService = true
		reachable := network.ReachabilityPublic
		cfg.ForceReachability = &reachable
		// A fresh network has no QUIC successes to count, and a server that
		// refuses QUIC dial-back leaves its peers without a verdict.
		cfg.UDPBlackHoleSuccessCounter = nil
		return
	}
	cfg.NATManager = basichost.NewNATManager
	cfg.EnableAutoRelay = true
	cfg.AutoRelayOpts = []autorelay.Option{autorelay.WithPeerSource(n.relays), autorelay.WithNumRelays(2),
		autorelay.WithMinCandidates(1), autorelay.WithBootDelay(0)}
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
