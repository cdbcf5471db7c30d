// Package link carries the connections of a private link between the rigs of its members
// (SPEC §5.8): one libp2p stream for each, asked for with a proof of the link's key and by
// the peer that the member list names, and by nobody else. Start at Links.Join.
package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pprotocol "github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/rerig/rerig/protocol"
)

const (
	openWait = 10 * time.Second // for a connection between two members to open
	// maxOpening is how many streams there are whose right is not proved yet, and
	// maxOpeningPeer how many of one peer, which is a member's.
	maxOpening, maxOpeningPeer = 64, 16
	// streamBytes is what a stream holds of a job's bytes, beside what libp2p does.
	streamBytes = 2 * pieceBytes
)

// ID is the protocol ID of link streams on a network.
func ID(networkName string) libp2pprotocol.ID {
	return libp2pprotocol.ID("/rerig/" + networkName + "/link/1")
}

// Conn is a connection of a job's.
type Conn interface {
	net.Conn
	CloseWrite() error
	CloseRead() error // says that all that the job sent has been passed on
	Reset() error     // ends it at once, so that the other side sees an error
}

// Dial connects to a port of a job, from the address of another member.
type Dial func(ctx context.Context, from netip.Addr, port uint16) (Conn, error)

// Config is what Links need.
type Config struct {
	Host    host.Host
	Network string
	// LocalNet lets members be dialled at private addresses.
	LocalNet bool
	Logger   *slog.Logger
}

// Links are the private links of a rig's jobs. Methods may be called from any goroutine.
type Links struct {
	cfg Config

	mu        sync.Mutex // guards what follows
	members   map[protocol.Hash]*Member
	streams   map[network.Stream]struct{}
	opening   int                         // streams whose right is not proved yet
	openings  map[peer.ID]int             // and of them those of a peer
	lingering map[network.Stream]struct{} // whose job's end is gone in order
	closed    bool
	work      sync.WaitGroup // one for each stream that was accepted or lingers
}

// New prepares links; Run makes them reachable.
func New(cfg Config) *Links {
	return &Links{cfg: cfg, members: map[protocol.Hash]*Member{}, streams: map[network.Stream]struct{}{},
		openings: map[peer.ID]int{}, lingering: map[network.Stream]struct{}{}}
}

// Run serves the other members' rigs until ctx ends, and returns when nothing is under way.
func (l *Links) Run(ctx context.Context) error {
	id := ID(l.cfg.Network)
	l.cfg.Host.SetStreamHandler(id, func(raw network.Stream) { l.serve(ctx, raw) })
	<-ctx.Done()
	l.cfg.Host.RemoveStreamHandler(id)
	l.mu.Lock()
	l.closed = true
	for _, streams := range []map[network.Stream]struct{}{l.streams, l.lingering} {
		for raw := range streams {
			_ = raw.Reset() // the node is going away
		}
	}
	l.mu.Unlock()
	l.work.Wait()
	return nil
}

// Place is a job's in its link.
type Place struct {
	Job     protocol.Hash
	Key     protocol.LinkKey
	Rank    int
	Members []protocol.LinkMember // all, this one too
}

// Member is a job of this rig in its link.
type Member struct {
	links *Links
	place Place
	peers []peer.ID       // of the members, by rank
	ctx   context.Context // ends with Close
	stop  context.CancelFunc

	mu   sync.Mutex // guards dial
	dial Dial       // nil until Attach
}

// Join makes a job a member. It refuses a member list that is not of this job on this rig.
// Close the member when the job has ended.
func (l *Links) Join(p Place) (*Member, error) {
	m := &Member{links: l, place: p}
	if p.Rank >= len(p.Members) || p.Members[p.Rank].Job != p.Job {
		return nil, fmt.Errorf("join a private link: its member %d is not this job", p.Rank)
	}
	for i, member := range p.Members {
		id, err := peer.Decode(member.Peer)
		if err != nil {
			return nil, fmt.Errorf("join a private link: member %d: peer ID: %w", i, err)
		}
		if own := id == l.cfg.Host.ID(); own != (i == p.Rank) {
			return nil, fmt.Errorf("join a private link: member %d is on rig %s, and this is %s", i, id, l.cfg.Host.ID())
		}
		m.peers = append(m.peers, id)
	}
	m.ctx, m.stop = context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.members[p.Job] != nil {
		return nil, errors.New("join a private link: the job is a member already")
	}
	l.members[p.Job] = m
	for i, id := range m.peers {
		if i != p.Rank { // the connection stays while there is the link
			l.cfg.Host.ConnManager().Protect(id, m.tag())
		}
	}
	return m, nil
}

func (m *Member) tag() string { return "link " + m.place.Job.String() }

// Addr is the job's own address, and the length of its network.
func (m *Member) Addr() netip.Prefix { return protocol.LinkAddr(m.place.Rank) }

// Peers are the other members' addresses and ranks.
func (m *Member) Peers() map[netip.Addr]int {
	peers := make(map[netip.Addr]int, len(m.peers)-1)
	for rank := range m.peers {
		if rank != m.place.Rank {
			peers[protocol.LinkAddr(rank).Addr()] = rank
		}
	}
	return peers
}

// Attach lets the other members reach the job.
func (m *Member) Attach(dial Dial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dial = dial
}

// Close takes the job out of its link. Its connections end with the job's own ends of them.
func (m *Member) Close() {
	m.stop()
	l := m.links
	l.mu.Lock()
	delete(l.members, m.place.Job)
	l.mu.Unlock()
	for i, id := range m.peers {
		if i != m.place.Rank {
			l.cfg.Host.ConnManager().Unprotect(id, m.tag())
		}
	}
}

// knows tells whether a peer has a member in one of the links. The caller holds mu.
func (l *Links) knows(id peer.ID) bool {
	for _, m := range l.members {
		if slices.Contains(m.peers, id) {
			return true
		}
	}
	return false
}

// usable are the addresses of a member that may be dialled. A requester must not have a rig
// look around in its own network, so a name is none: it leads where its owner wants.
func (l *Links) usable(texts []string) (addrs []ma.Multiaddr) {
	for _, s := range texts[:min(len(texts), protocol.MaxAddrs)] {
		if a, err := ma.NewMultiaddr(s); err == nil && (l.cfg.LocalNet || public(a)) {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// public tells whether a multiaddr begins with an address of the public internet and names
// no other.
func public(a ma.Multiaddr) bool {
	for i, c := range a {
		switch c.Protocol().Code {
		case ma.P_IP4, ma.P_IP6:
			ip, ok := netip.AddrFromSlice(c.RawValue())
			if i != 0 || !ok || !protocol.PublicIP(ip) {
				return false
			}
		case ma.P_DNS, ma.P_DNS4, ma.P_DNS6, ma.P_DNSADDR, ma.P_IP6ZONE:
			return false
		default:
			if i == 0 {
				return false
			}
		}
	}
	return len(a) > 0
}
