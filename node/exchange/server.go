package exchange

import (
	"context"
	"errors"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Limits caps the streams a rig serves at once.
type Limits struct {
	Streams        int // in all
	StreamsPerPeer int // from one peer
}

// DefaultLimits suit a home rig: a few hundred waiting jobs, no single peer more
// than a quarter of them. Keys cost nothing, so that some peers could take all the
// places with streams that lead to no job: a newcomer gets the place of one of those.
func DefaultLimits() Limits { return Limits{Streams: 256, StreamsPerPeer: 64} }

// Server accepts job streams and gives each to a handler in its own goroutine.
type Server struct {
	host    host.Host
	network string
	limits  Limits
	handle  func(context.Context, *Stream)

	mu      sync.Mutex // guards what follows; owner: Server
	open    map[*Stream]struct{}
	perPeer map[peer.ID]int
	total   int
	turns   uint64
	closed  bool
	wg      sync.WaitGroup // one per handler
}

// NewServer prepares a server; Run makes it listen. handle must return soon after
// its context ends; the stream is torn down then.
func NewServer(h host.Host, networkName string, l Limits, handle func(context.Context, *Stream)) (*Server, error) {
	if l.Streams < 1 || l.StreamsPerPeer < 1 {
		return nil, errors.New("exchange limits: at least one stream, in all and per peer")
	}
	return &Server{host: h, network: networkName, limits: l, handle: handle,
		open: map[*Stream]struct{}{}, perPeer: map[peer.ID]int{}}, nil
}

// Run serves until ctx ends, then waits for its handlers and tears down what is
// left open.
func (s *Server) Run(ctx context.Context) error {
	s.host.SetStreamHandler(ID(s.network), func(raw network.Stream) { s.accept(ctx, raw) })
	<-ctx.Done()
	s.host.RemoveStreamHandler(ID(s.network))
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.open {
		_ = st.raw.Reset() // the node is going away
	}
	return nil
}

func (s *Server) accept(ctx context.Context, raw network.Stream) {
	p := raw.Conn().RemotePeer()
	if !s.admit(p) {
		_ = raw.Reset() // over the cap: the peer sees a reset and tries elsewhere
		return
	}
	defer s.wg.Done()
	var st *Stream
	st, err := newStream(raw, func() { s.leave(p, st) })
	if err == nil {
		err = raw.Scope().ReserveMemory(streamBytes, network.ReservationPriorityMedium)
	}
	if err != nil {
		_ = raw.Reset()
		s.leave(p, nil)
		return
	}
	s.mu.Lock()
	s.turns++
	st.turn = s.turns
	st.note = func(change func(*Stream)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		change(st)
	}
	s.open[st] = struct{}{}
	s.mu.Unlock()
	s.handle(ctx, st)
	st.Reset() // does nothing where the handler closed the stream
}

func (s *Server) admit(p peer.ID) bool {
	if victim := s.crowding(p); victim != nil {
		victim.Reset() // which calls leave
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.total >= s.limits.Streams || s.perPeer[p] >= s.limits.StreamsPerPeer {
		return false
	}
	s.total++
	s.perPeer[p]++
	s.wg.Add(1)
	return true
}

// crowding is the stream to give up for one of a newcomer, where the server is full: of
// those that no job depends on the oldest of the peer that has most, and nil where that
// is the newcomer itself.
func (s *Server) crowding(newcomer peer.ID) (victim *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total < s.limits.Streams || s.perPeer[newcomer] >= s.limits.StreamsPerPeer {
		return nil
	}
	idle := map[peer.ID]int{}
	for st := range s.open {
		if !st.kept {
			idle[st.raw.Conn().RemotePeer()]++
		}
	}
	most := idle[newcomer]
	for st := range s.open {
		n := idle[st.raw.Conn().RemotePeer()]
		if !st.kept && (n > most || n == most && victim != nil && st.turn < victim.turn) {
			victim, most = st, n
		}
	}
	return victim
}

// Watched reports whether a job at the other end of a connection is waited for in
// silence (Stream.Watch).
func (s *Server) Watched(c network.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.open {
		if st.watch && st.raw.Conn().ID() == c.ID() {
			return true
		}
	}
	return false
}

func (s *Server) leave(p peer.ID, st *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, st)
	s.total--
	if s.perPeer[p]--; s.perPeer[p] == 0 {
		delete(s.perPeer, p)
	}
}
