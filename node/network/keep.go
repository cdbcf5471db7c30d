package network

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
)

const (
	cacheDelay   = time.Second      // from a change to its write
	cacheSpacing = 30 * time.Second // between two writes
)

func (n *Network) newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.RandomizationFactor = n.cfg.RedialMin, n.cfg.RedialMax, 0.3
	b.Reset()
	return b
}

// keepBootstrap holds a connection to one bootstrap peer until ctx ends. It never
// gives up: a bootstrap peer may restart, or start after everyone else. The pause
// grows until a connection has lasted from one look to the next.
func (n *Network) keepBootstrap(ctx context.Context, b peer.AddrInfo) {
	n.host.ConnManager().Protect(b.ID, "bootstrap")
	wait, lost := n.newBackoff(), false
	for {
		pause := n.cfg.RedialMin
		if n.connected(b.ID) {
			if lost {
				n.log.Info("bootstrap peer is back", "peer", b.ID)
				lost = false
			}
			wait.Reset()
		} else if err := n.dial(ctx, b); err != nil {
			if !lost && ctx.Err() == nil {
				n.log.Warn("bootstrap peer is down, trying on", "peer", b.ID, "err", err)
				lost = true
			}
			pause = wait.NextBackOff()
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// hunt dials cached peers whenever the routing table is small.
func (n *Network) hunt(ctx context.Context) {
	wait := n.newBackoff()
	for {
		if n.dht.RoutingTable().Size() >= fewPeers {
			wait.Reset()
		} else if n.dialCached(ctx) {
			wait.Reset()
		}
		if !sleep(ctx, wait.NextBackOff()) {
			return
		}
	}
}

// dialCached dials the cache in groups until the table is filled and reports
// whether any new peer answered.
func (n *Network) dialCached(ctx context.Context) (found bool) {
	var mu sync.Mutex // guards found
	list := n.cache.list()
	for len(list) > 0 && ctx.Err() == nil && n.dht.RoutingTable().Size() < fewPeers {
		var group sync.WaitGroup
		k := min(hintDials, len(list))
		for _, p := range list[:k] {
			if n.connected(p.ID) {
				continue
			}
			group.Go(func() {
				if n.dial(ctx, p) == nil {
					mu.Lock()
					found = true
					mu.Unlock()
				}
			})
		}
		group.Wait()
		list = list[k:]
	}
	return found
}

func (n *Network) connected(p peer.ID) bool {
	return n.host.Network().Connectedness(p) == network.Connected
}

// dial connects to a peer now, whatever failed before: the caller has its own
// backoff, and the swarm's would make a restarted peer wait for both.
func (n *Network) dial(ctx context.Context, p peer.AddrInfo) error {
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(p.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*dialTimeout)
	defer cancel()
	return n.host.Connect(ctx, p)
}

// watch learns from every identified peer: one of another network is let go and
// refused for a while, one of this network is remembered.
func (n *Network) watch(ctx context.Context) {
	var write <-chan time.Time
	var written time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-n.events.Out():
			id, ok := e.(event.EvtPeerIdentificationCompleted)
			if !ok {
				return // the host closed
			}
			n.identified(id)
			if write == nil {
				write = time.After(max(cacheDelay, cacheSpacing-time.Since(written)))
			}
		case <-write:
			write, written = nil, time.Now()
			if err := n.cache.flush(); err != nil {
				n.log.Warn("peer cache not saved; check the disk", "err", err)
			}
		}
	}
}

func (n *Network) identified(e event.EvtPeerIdentificationCompleted) {
	if e.ProtocolVersion != n.cfg.version() {
		n.log.Debug("peer is of another network", "peer", e.Peer, "version", e.ProtocolVersion)
		n.gater.refuse(e.Peer, time.Now())
		_ = n.host.Network().ClosePeer(e.Peer) // it is refused from now on in any case
		n.host.Peerstore().ClearAddrs(e.Peer)
		return
	}
	addrs := e.ListenAddrs
	if !n.cfg.LocalNet {
		addrs = PublicAddrs(addrs)
	}
	n.cache.note(e.Peer, addrs, time.Now())
}

// refresh walks the DHT when the routing table changed, so that a newcomer learns
// its neighbours and they learn it, and otherwise every ten minutes or so.
func (n *Network) refresh(ctx context.Context) {
	var size int
	var last time.Time
	spacing := refreshSpacing
	if n.cfg.LocalNet {
		spacing = n.cfg.RedialMin
	}
	interval := jitter(refreshInterval)
	for {
		now := n.dht.RoutingTable().Size()
		if now != size || time.Since(last) > interval {
			size, last, interval = now, time.Now(), jitter(refreshInterval)
			done := n.dht.ForceRefresh()
			select {
			case err := <-done:
				n.log.Debug("routing table refreshed", "err", err)
			case <-ctx.Done():
				return
			}
		}
		if !sleep(ctx, spacing) {
			return
		}
	}
}

// jitter is d ± 20 %, so that nodes started together drift apart.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
