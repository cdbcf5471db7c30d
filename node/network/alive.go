package network

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multistream"
)

// maxMissed is how many probes in a row a peer may leave unanswered. One would do
// for a dead peer; the others are for a machine that stalls, this one included.
const maxMissed = 3

// probe watches over the connections that this node has work at (Config.Vital) and
// closes one whose peer is gone without a word. The kernel tells of a process that
// dies only over TCP, and of a machine that dies over neither transport: libp2p
// itself would wait for half a minute.
func (n *Network) probe(ctx context.Context) {
	missed := map[string]int{} // by connection
	tick := time.NewTicker(n.cfg.Probe)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			missed = n.probeAll(ctx, missed)
		}
	}
}

// probeAll probes every vital connection once, all at the same time, and returns
// how many probes each has missed in a row.
func (n *Network) probeAll(ctx context.Context, before map[string]int) map[string]int {
	var mu sync.Mutex // guards after
	after := map[string]int{}
	var round sync.WaitGroup
	for _, c := range n.host.Network().Conns() {
		if !n.vital(c) {
			continue
		}
		round.Go(func() {
			if answers(ctx, c, n.cfg.Probe) {
				return
			}
			if before[c.ID()]+1 >= maxMissed && ctx.Err() == nil {
				n.log.Info("peer does not answer any more", "peer", c.RemotePeer(), "addr", c.RemoteMultiaddr())
				_ = c.Close() // there is nobody to hear it
				return
			}
			mu.Lock()
			defer mu.Unlock()
			after[c.ID()] = before[c.ID()] + 1
		})
	}
	round.Wait()
	return after
}

// vital reports whether this node has opened a stream of the vital protocol there, or
// waits for the peer otherwise.
func (n *Network) vital(c network.Conn) bool {
	return n.cfg.Watched != nil && n.cfg.Watched(c) || slices.ContainsFunc(c.GetStreams(), func(s network.Stream) bool {
		return s.Protocol() == n.cfg.Vital && s.Stat().Direction == network.DirOutbound
	})
}

// answers opens a stream and waits that long for the peer's word on its protocol.
// Any word is a sign of life, also that it does not speak it.
func answers(ctx context.Context, c network.Conn, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "probe"), wait)
	defer cancel()
	s, err := c.NewStream(ctx)
	if err != nil {
		return !timedOut(err)
	}
	defer func() { _ = s.Reset() }() // nothing more is said on it
	deadline, _ := ctx.Deadline()
	err = errors.Join(s.SetProtocol(ping.ID), s.SetDeadline(deadline))
	if err == nil {
		err = multistream.SelectProtoOrFail(ping.ID, s)
	}
	return !timedOut(err)
}

// timedOut reports whether time ran out; each transport has its own word for it.
func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
