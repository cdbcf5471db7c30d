package discovery

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// suspect forgets a peer that cannot be reached, as Kademlia itself does, and for
// a while does not believe hints at it: dialling the dead is what makes searches
// slow. A peer that connects by itself is welcome at once.
func (d *Discovery) suspect(p peer.ID) {
	if d.reached(p) {
		return
	}
	d.cfg.Routing.RoutingTable().RemovePeer(p)
	d.suspects.add(p, d.cfg.Clock())
}

// doubtful says whether asking the peer is likely to be a wait for nothing.
func (d *Discovery) doubtful(p peer.ID) bool {
	return d.suspects.has(p, d.cfg.Clock()) && !d.reached(p)
}

func (d *Discovery) reached(p peer.ID) bool {
	return d.cfg.Host.Network().Connectedness(p) != network.NotConnected
}

const (
	suspectTime = time.Minute
	maxSuspects = 1024
)

// suspects is peers that did not answer lately. It is safe for concurrent use.
type suspects struct {
	mu    sync.Mutex // guards until
	until map[peer.ID]time.Time
}

func (s *suspects) add(p peer.ID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until == nil || len(s.until) >= maxSuspects {
		s.until = make(map[peer.ID]time.Time) // the dead prove themselves again
	}
	s.until[p] = now.Add(suspectTime)
}

func (s *suspects) has(p peer.ID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.until[p])
}
