package exchange

import (
	"container/list"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// frameWait is how long a stream may be open before its Dial has come.
const frameWait = 10 * time.Second

// DialLimits caps the streams into services that a rig serves at once. How many go into
// one job is the dialler's to say.
type DialLimits struct {
	Streams        int // connections, in all
	Waiting        int // streams whose Dial has not come yet, in all
	WaitingPerPeer int
}

// DefaultDialLimits suit a home rig. Streams without a Dial lead nowhere yet, and the
// oldest of them makes room for a newcomer: one that means it sends both at once.
func DefaultDialLimits() DialLimits {
	return DialLimits{Streams: 4 * protocol.MaxDials, Waiting: 128, WaitingPerPeer: 64}
}

// Dialler connects to a port inside a job for a peer; over is closed when the job is. What
// a peer may know of an error is in its method Refusal() (protocol.Reason, string);
// without one it is told of no cause.
type Dialler func(ctx context.Context, job protocol.Hash, peer string, port uint16) (conn net.Conn, over <-chan struct{}, err error)

// DialServer lets peers into their services (SPEC §5.7).
type DialServer struct {
	host    host.Host
	network string
	limits  DialLimits
	dial    Dialler

	mu      sync.Mutex // guards what follows; owner: DialServer
	open    int
	waiting *list.List // of *PortConn, oldest first
	perPeer map[peer.ID]int
	closed  bool
	wg      sync.WaitGroup // one per handler
}

// NewDialServer prepares a server; Run makes it listen. Jobs must be over soon after Run's
// context is.
func NewDialServer(h host.Host, networkName string, l DialLimits, dial Dialler) (*DialServer, error) {
	if l.Streams < 1 || l.Waiting < 1 || l.WaitingPerPeer < 1 {
		return nil, errors.New("dial limits: at least one stream of each sort")
	}
	return &DialServer{host: h, network: networkName, limits: l, dial: dial,
		waiting: list.New(), perPeer: map[peer.ID]int{}}, nil
}

// Run serves until ctx ends, then waits for its handlers.
func (s *DialServer) Run(ctx context.Context) error {
	s.host.SetStreamHandler(DialID(s.network), func(raw network.Stream) { s.accept(ctx, raw) })
	<-ctx.Done()
	s.host.RemoveStreamHandler(DialID(s.network))
	s.mu.Lock()
	s.closed = true
	for e := s.waiting.Front(); e != nil; e = e.Next() {
		e.Value.(*PortConn).Abort()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

func (s *DialServer) accept(ctx context.Context, raw network.Stream) {
	c := &PortConn{raw: raw}
	e, crowded := s.wait(c)
	if crowded != nil {
		crowded.Abort()
	}
	if e == nil {
		c.Abort()
		return
	}
	defer s.wg.Done()
	d, err := s.receive(c)
	if !s.pass(e, err == nil) { // which also says that it waits no more
		if err == nil {
			err = &RefusedDialError{protocol.ReasonBusy, "the rig has too many connections open"}
		}
		c.refuse(err)
		return
	}
	defer s.leave()
	conn, over, err := s.connect(ctx, raw.Conn().RemotePeer(), d)
	if err != nil {
		c.refuse(err)
		return
	}
	if err := c.answer(&protocol.Dialed{Version: protocol.Version}); err != nil {
		c.Abort()
		_ = conn.Close() // nobody is there to use it
		return
	}
	Join(c, conn, over)
}

// receive reads the Dial.
func (s *DialServer) receive(c *PortConn) (*protocol.Dial, error) {
	// The muxer's windows of as many streams as a job may have come near a peer's limit, which
	// a lower priority would stop short of.
	if err := c.raw.Scope().ReserveMemory(2*joinBytes+protocol.MaxDialFrame, network.ReservationPriorityAlways); err != nil {
		return nil, &RefusedDialError{Reason: protocol.ReasonBusy}
	}
	if err := c.raw.SetReadDeadline(time.Now().Add(frameWait)); err != nil {
		return nil, err
	}
	b, err := protocol.ReadFrame(c.raw, protocol.MaxDialFrame)
	if err != nil {
		return nil, err
	}
	d, err := protocol.DecodeDial(b)
	if err != nil {
		bad := &BadMessage{err}
		return nil, &RefusedDialError{bad.Reason(), protocol.ClipDetail(err.Error())}
	}
	c.port = d.Port
	return d, c.raw.SetReadDeadline(time.Time{})
}

// connect dials into the job, for half of the time that the peer waits.
func (s *DialServer) connect(ctx context.Context, p peer.ID, d *protocol.Dial) (net.Conn, <-chan struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait/2)
	defer cancel()
	return s.dial(ctx, d.Job, p.String(), d.Port)
}

// refuse answers no where the peer may know why, and ends the stream.
func (c *PortConn) refuse(err error) {
	no := &protocol.Dialed{Version: protocol.Version, Reason: protocol.ReasonRigError, Detail: "the rig cannot connect"}
	var own *RefusedDialError
	var told interface {
		Refusal() (protocol.Reason, string)
	}
	switch {
	case errors.As(err, &own):
		no.Reason, no.Detail = own.Reason, own.Detail
	case errors.As(err, &told):
		no.Reason, no.Detail = told.Refusal()
	}
	no.Detail = protocol.ClipDetail(no.Detail)
	if c.answer(no) != nil {
		c.Abort()
		return
	}
	_ = c.raw.Close() // the answer is on its way; the peer may be gone
}

func (c *PortConn) answer(d *protocol.Dialed) error {
	b, err := protocol.Encode(d)
	if err != nil {
		return err
	}
	if err := c.raw.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	if err := protocol.WriteFrame(c.raw, b, protocol.MaxDialFrame); err != nil {
		return err
	}
	return c.raw.SetWriteDeadline(time.Time{})
}

// wait lets a stream wait for its Dial, in place of the oldest where all are taken; nil
// where it may not.
func (s *DialServer) wait(c *PortConn) (e *list.Element, crowded *PortConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := c.raw.Conn().RemotePeer()
	if s.closed || s.perPeer[p] >= s.limits.WaitingPerPeer {
		return nil, nil
	}
	if s.waiting.Len() >= s.limits.Waiting {
		oldest := s.waiting.Front()
		s.forget(oldest)
		crowded = oldest.Value.(*PortConn)
	}
	s.perPeer[p]++
	s.wg.Add(1)
	return s.waiting.PushBack(c), crowded
}

// forget takes a stream from those that wait, once; the caller holds mu.
func (s *DialServer) forget(e *list.Element) {
	c := e.Value.(*PortConn)
	if c.waited {
		return
	}
	c.waited = true
	s.waiting.Remove(e)
	p := c.raw.Conn().RemotePeer()
	if s.perPeer[p]--; s.perPeer[p] == 0 {
		delete(s.perPeer, p)
	}
}

// pass ends the waiting, and with on takes a place among the connections if there is one.
func (s *DialServer) pass(e *list.Element, on bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(e)
	if !on || s.closed || s.open >= s.limits.Streams {
		return false
	}
	s.open++
	return true
}

func (s *DialServer) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}
