package network

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/rerig/rerig/protocol"
)

const (
	foreignTime = 10 * time.Minute // how long a peer of another network is refused
	maxForeign  = 1024             // peers remembered as such
	maxNear     = 256              // addresses of this LAN remembered
)

// gater refuses the node itself and, for a while, peers that turned out to be of another
// network. On a public network it dials nobody on the node's own LAN, whatever addresses
// others say that they have, but bootstrap peers and what mDNS found there. It is safe for
// concurrent use.
type gater struct {
	self  peer.ID
	local bool             // the network may be this LAN
	boot  map[peer.ID]bool // may be anywhere: the user named them

	mu      sync.Mutex // guards what follows
	foreign map[peer.ID]time.Time
	near    map[string]bool // multiaddrs that mDNS found
}

func newGater(self peer.ID, local bool) *gater {
	return &gater{self: self, local: local, boot: map[peer.ID]bool{}, foreign: map[peer.ID]time.Time{}, near: map[string]bool{}}
}

// found lets a LAN peer be dialled where mDNS says that it is.
func (g *gater) found(p peer.AddrInfo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range p.Addrs {
		if len(g.near) >= maxNear {
			clear(g.near) // they are announced again
		}
		g.near[a.String()] = true
	}
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

// InterceptAddrDial implements connmgr.ConnectionGater. Names are resolved before.
func (g *gater) InterceptAddrDial(p peer.ID, a ma.Multiaddr) bool {
	if g.local || g.boot[p] || outside(a) {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.near[a.String()]
}

// outside tells whether an address is beyond this machine and its LAN, or leads through a
// relay, whose own addresses are judged when it is dialled.
func outside(a ma.Multiaddr) bool {
	if len(a) == 0 {
		return false
	}
	if a[0].Protocol().Code == ma.P_P2P {
		return true
	}
	ip, err := manet.ToIP(a)
	if err != nil {
		return false
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok || !protocol.PublicIP(addr) {
		return false
	}
	return addr.Unmap().Is4() || !onLink(ip)
}

// onLink tells whether an interface's network has an address. Neighbours have public ones in
// IPv6, behind the same firewall as this machine; in IPv4 they are servers.
func onLink(ip net.IP) bool {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, o := range own {
		if n, ok := o.(*net.IPNet); ok && n.Contains(ip) {
			return true
		}
	}
	return false
}

// InterceptAccept implements connmgr.ConnectionGater.
func (g *gater) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gater) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return g.allowed(p)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
