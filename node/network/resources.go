package network

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/network"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/autonat"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"

	"github.com/rerig/rerig/protocol"
)

// Connection and stream limits. They leave room above the connection manager's high mark,
// which only trims after the fact.
const (
	maxConns       = 2 * connsHigh
	maxStreams     = 4096
	maxTransient   = 128
	maxPeerStreams = 512
	maxPeerConns   = 16        // twice the dials that libp2p makes to one peer at once
	maxMemory      = 256 << 20 // bytes that streams and muxers may reserve
)

// boundElsewhere is no limit of its own on memory: as much as all streams together.
const boundElsewhere = 32 * (256<<20 + 16<<10)

// streams are limits of streams in, out and altogether, and of their memory in bytes.
func streams(in, out, all rcmgr.LimitVal, memory rcmgr.LimitVal64) rcmgr.ResourceLimits {
	return rcmgr.ResourceLimits{
		StreamsInbound: in, StreamsOutbound: out, Streams: all, Memory: memory,
		Conns: rcmgr.BlockAllLimit, ConnsInbound: rcmgr.BlockAllLimit, ConnsOutbound: rcmgr.BlockAllLimit, FD: rcmgr.BlockAllLimit,
	}
}

// The limits of libp2p's services and their protocols, of all peers and of one. They are
// libp2p's own for maxMemory.
var (
	services = map[string]struct{ all, peer rcmgr.ResourceLimits }{
		identify.ServiceName:  {streams(80, 80, 160, 5<<20), streams(16, 16, 32, 1<<20)},
		ping.ServiceName:      {streams(80, 80, 80, 5<<20), streams(2, 3, 4, boundElsewhere)},
		autonat.ServiceName:   {streams(65, 65, 65, 9<<19), streams(2, 2, 2, 1<<20)},
		holepunch.ServiceName: {streams(34, 34, 68, 5<<20), streams(2, 2, 2, 1<<20)},
		relay.ServiceName:     {streams(320, 320, 320, 20<<20), streams(64, 64, 64, 1<<20)},
	}
	protocols = map[libp2pproto.ID]struct{ all, peer rcmgr.ResourceLimits }{
		identify.ID:           {streams(80, 80, 160, 5<<20), streams(16, 16, 32, boundElsewhere)},
		identify.IDPush:       {streams(80, 80, 160, 5<<20), streams(16, 16, 32, boundElsewhere)},
		ping.ID:               {streams(80, 80, 80, 5<<20), streams(2, 3, 4, boundElsewhere)},
		autonat.AutoNATProto:  {streams(65, 65, 65, 9<<19), streams(2, 2, 2, 1<<20)},
		holepunch.Protocol:    {streams(34, 34, 68, 5<<20), streams(2, 2, 2, 1<<20)},
		circuit.ProtoIDv2Hop:  {streams(800, 800, 800, 20<<20), streams(128, 128, 128, 32<<20)},
		circuit.ProtoIDv2Stop: {streams(800, 800, 800, 20<<20), streams(128, 128, 128, 32<<20)},
	}
)

func limits() rcmgr.ConcreteLimitConfig {
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
		Service: map[string]rcmgr.ResourceLimits{}, ServicePeer: map[string]rcmgr.ResourceLimits{},
		Protocol: map[libp2pproto.ID]rcmgr.ResourceLimits{}, ProtocolPeer: map[libp2pproto.ID]rcmgr.ResourceLimits{},
	}
	for name, l := range services {
		r.Service[name], r.ServicePeer[name] = l.all, l.peer
	}
	for id, l := range protocols {
		r.Protocol[id], r.ProtocolPeer[id] = l.all, l.peer
	}
	return r.Build(rcmgr.DefaultLimits.Scale(maxMemory, maxConns))
}

func newResources(dials libp2pproto.ID) (network.ResourceManager, error) {
	l := limits()
	if dials != "" {
		l = rcmgr.PartialLimitConfig{ProtocolPeer: map[libp2pproto.ID]rcmgr.ResourceLimits{
			dials: streams(protocol.MaxDials, protocol.MaxDials, protocol.MaxDials, boundElsewhere),
		}}.Build(l)
	}
	m, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(l), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("resource manager: %w", err)
	}
	return m, nil
}
