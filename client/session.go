package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// modelPort is where a served model answers (SPEC §5.6).
const modelPort = 80

// SessionOrder asks for a session with a served model at one rig.
type SessionOrder struct {
	Name     string // for `rerig ps`
	Model    string // CID
	Rig      protocol.Address
	Budget   protocol.Amount // most that it may cost, in base units
	MaxPrice protocol.Amount // per million units; 0 is any
	Life     time.Duration   // the rig ends it then
}

// Session is a session with a served model, paid by the token. Its methods may be called
// concurrently; Close it.
type Session struct {
	c      *Client
	id     string
	job    protocol.Hash
	cancel context.CancelFunc
	done   chan struct{} // closed by follow

	mu     sync.Mutex // guards what follows
	status node.RunStatus
	err    error // why it ended, where it was not by Close
}

// OpenSession hires the rig and returns when its server can be dialled. A rig that refuses
// is an error with its reason. ctx bounds the opening alone.
func (c *Client) OpenSession(ctx context.Context, o SessionOrder) (*Session, error) {
	st, err := c.Submit(ctx, &node.RunRequest{Name: o.Name, Served: o.Model, Rig: o.Rig, Budget: o.Budget, MaxPrice: o.MaxPrice,
		Limits: protocol.Limits{RunMillis: uint64(o.Life.Milliseconds())}})
	if err != nil {
		return nil, fmt.Errorf("order a session: %w", err)
	}
	following, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Session{c: c, id: st.ID.String(), cancel: cancel, done: make(chan struct{}), status: *st}
	running := make(chan struct{})
	go s.follow(following, running)
	select {
	case <-running:
		return s, nil
	case <-s.done:
		if err := s.Err(); err != nil {
			return nil, err
		}
		return nil, errors.New("the session was stopped before it ran")
	case <-ctx.Done():
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialWait)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("open a session: %w", ctx.Err()), s.Close(stopping))
	}
}

// follow keeps the status until the session is over; running is closed when it can be used.
func (s *Session) follow(ctx context.Context, running chan struct{}) {
	defer s.cancel()
	var up bool
	err := s.c.Follow(ctx, s.id, true, func(ev node.Event) error {
		if ev.Status == nil {
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.status = *ev.Status
		if !up && s.status.State == protocol.StateRunning {
			up, s.job = true, s.status.Job
			close(running)
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st := &s.status; {
	case err != nil:
		s.err = fmt.Errorf("follow the session: %w", err)
	case st.Reason != protocol.ReasonStopped:
		s.err = fmt.Errorf("the session ended (%s): %s", st.Reason, st.Detail)
		if st.Detail == "" && len(st.Tried) > 0 {
			s.err = fmt.Errorf("the session ended (%s): %s", st.Reason, st.Tried[len(st.Tried)-1])
		}
	}
	close(s.done)
}

// Job is the ID of the agreement, once it runs.
func (s *Session) Job() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job.String()
}

// Spent is what was promised to the rig so far, in base units.
func (s *Session) Spent() protocol.Amount {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.Spent
}

// ErrBusy means that a rig has room for no more connections now; try again later.
var ErrBusy = errors.New("the rig is busy")

// Dial connects to the model's server; ErrBusy where the rig has no room for a connection more.
func (s *Session) Dial(ctx context.Context) (net.Conn, error) {
	conn, err := s.c.Dial(ctx, s.id, modelPort)
	var no *node.APIError
	if errors.As(err, &no) && no.Code == http.StatusTooManyRequests {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return conn, err
}

// Delivered is Client.Delivered of this session.
func (s *Session) Delivered(ctx context.Context, units uint64) error {
	return s.c.Delivered(ctx, s.id, units)
}

// Done is closed when the session is over; Err then says why, nil after Close.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err is why the session ended; nil while it has not, and after Close.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// stopUnfollowed stops a session that was only lost sight of.
func (s *Session) stopUnfollowed(ctx context.Context) error {
	s.mu.Lock()
	ended := s.status.Ended
	s.mu.Unlock()
	if ended {
		return nil
	}
	if _, err := s.c.Stop(ctx, s.id); err != nil {
		return fmt.Errorf("stop the session: %w", err)
	}
	return nil
}

// Close asks the rig to stop and waits for the last bill, as long as ctx lets it. It may be
// called again.
func (s *Session) Close(ctx context.Context) error {
	select {
	case <-s.done:
		return s.stopUnfollowed(ctx)
	default:
	}
	if _, err := s.c.Stop(ctx, s.id); err != nil {
		s.cancel()
		<-s.done
		return fmt.Errorf("stop the session: %w", err)
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		s.cancel()
		<-s.done
		return fmt.Errorf("wait for the session's bill: %w", ctx.Err())
	}
}
