package network

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	foreignTime = 10 * time.Minute // how long a peer of another network is refused
	maxForeign  = 1024             // peers remembered as such
)

// gater refuses the node itself and, for a while, peers that turned out to be of
// another network. It is safe for concurrent use.
type gater struct {
	self peer.ID

	mu      sync.Mutex // guards foreign
	foreign map[peer.ID]time.Time
}

func newGater(self peer.ID) *gater {
	return &gater{self: self, foreign: make(map[peer.ID]time.Time)}
}

func (g *gater) refuse(p peer.ID, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.foreign) >= maxForeign {
		for q := range g.foreign { // any one will do: it is only re-identified
			delete(g.foreign, q)
			break
		}
	}
	g.foreign[p] = now.Add(foreignTime)
}

func (g *gater) allowed(p peer.ID) bool {
	if p == g.self {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	until, found := g.foreign[p]
	if found && time.Now().After(until) {
		delete(g.foreign, p)
		found = false
	}
	return !found
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gater) InterceptPeerDial(p peer.ID) bool { return g.allowed(p) }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (g *gater) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gater) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return g.allowed(p)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
