package models

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// Session is one requester's share of a model's server: an HTTP server of its own in this
// process, whose requests it passes on, counts and halts. Its methods may be called from any
// goroutine.
type Session struct {
	set    *Set
	m      *model
	id     string // of its requests, with the server
	ctx    context.Context
	stop   context.CancelFunc
	web    *http.Server
	door   *door
	served sync.WaitGroup // the HTTP server, and requests under way
	over   chan struct{}  // closed by end
	bodies int64          // bytes of requests that it has at the server; guarded by the set's mu

	mu      sync.Mutex // guards what follows; owner: Session
	live    map[Answer]struct{}
	spent   uint64        // units of requests that are over
	flight  int           // requests under way
	paused  chan struct{} // closed by Resume; nil while the session is not paused
	stopped bool
}

// Open begins a session with the model that has the CID. It ends with ctx or Stop.
func (s *Set) Open(ctx context.Context, cid string) (*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.models {
		if m.CID != cid || !m.proved || s.closed {
			continue
		}
		m.sessions++
		s.opened++
		return s.open(ctx, m, strconv.FormatUint(s.opened, 10)), nil
	}
	return nil, fmt.Errorf("model %s is not served here", cid)
}

func (s *Set) open(ctx context.Context, m *model, id string) *Session {
	n := &Session{set: s, m: m, id: id, live: map[Answer]struct{}{}, over: make(chan struct{})}
	n.ctx, n.stop = context.WithCancel(ctx)
	n.door = newDoor()
	n.web = newWeb(n, s.cfg.Logger)
	n.served.Go(func() {
		if err := n.web.Serve(n.door); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Warn("session's HTTP server ended", "model", m.Name, "err", err)
		}
	})
	context.AfterFunc(n.ctx, n.end)
	return n
}

// end lets no request in any more, gives up those under way and waits for them.
func (n *Session) end() {
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	_ = n.web.Close() // its listener and connections; what they carried is given up
	n.set.mu.Lock()
	n.m.sessions--
	n.set.mu.Unlock()
	n.served.Wait()
	close(n.over)
}

// Port is the one that a session has.
const Port = 80

// Dial connects to the session's HTTP server. The connection breaks with the session.
func (n *Session) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	if port != Port {
		return nil, fmt.Errorf("a served model has port %d only, not %d", Port, port)
	}
	return n.door.enter(ctx)
}

// Units is what the session's requests cost so far, in units of protocol.UnitTokenOut.
func (n *Session) Units() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	sum := n.spent
	for a := range n.live {
		sum += protocol.TokenUnits(a.Cost())
	}
	return sum
}

// Pause has nothing more made for the session: requests under way stand still, others wait.
func (n *Session) Pause() error {
	n.mu.Lock()
	if n.paused == nil {
		n.paused = make(chan struct{})
	}
	n.mu.Unlock()
	n.hold()
	return nil
}

// Resume lets a paused session go on.
func (n *Session) Resume() error {
	n.mu.Lock()
	if n.paused != nil {
		close(n.paused)
		n.paused = nil
	}
	n.mu.Unlock()
	n.hold()
	return nil
}

// hold tells all requests under way what is so now.
func (n *Session) hold() {
	n.mu.Lock()
	list := make([]Answer, 0, len(n.live))
	for a := range n.live {
		list = append(list, a)
	}
	n.mu.Unlock()
	for _, a := range list {
		n.holdOne(a)
	}
}

// holdOne tells a request whether it is held, again where that changed meanwhile.
func (n *Session) holdOne(a Answer) {
	for {
		held := n.isPaused()
		if a.Hold(held); n.isPaused() == held {
			return
		}
	}
}

func (n *Session) isPaused() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.paused != nil
}

// Stop ends the session.
func (n *Session) Stop() { n.stop() }

// Wait waits until the session is over and returns what it cost.
func (n *Session) Wait() (units uint64) {
	<-n.over
	units = n.Units()
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	n.m.stat.Units += units
	return units
}

// enter counts a request in. Once it is in, leave has to be called.
func (n *Session) enter() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped || n.flight >= maxPerSession {
		return false
	}
	n.flight++
	n.served.Add(1)
	return true
}

func (n *Session) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flight--
	n.served.Done()
}

// unpaused waits until the session is not paused.
func (n *Session) unpaused(ctx context.Context) error {
	for {
		n.mu.Lock()
		wait := n.paused
		n.mu.Unlock()
		if wait == nil {
			return nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begun counts a request from now on.
func (n *Session) begun(a Answer) {
	n.mu.Lock()
	n.live[a] = struct{}{}
	n.mu.Unlock()
	n.holdOne(a)
}

// ended closes a request and keeps what it cost.
func (n *Session) ended(a Answer) {
	err := a.Close()
	n.mu.Lock()
	delete(n.live, a)
	n.spent += protocol.TokenUnits(a.Cost())
	n.mu.Unlock()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		n.set.cfg.Logger.Debug("end of an answer", "model", n.m.Name, "err", err)
	}
}
