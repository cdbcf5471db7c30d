// Package models keeps servers for models and sells sessions with them by the token (SPEC
// §5.6). Each model's server is alone in a sandbox; as many stay loaded as the memory holds,
// and the one that was not asked for the longest time makes room. Start at [New], [Set.Run]
// and [Set.Prove]; warm.go loads and unloads, session.go is one requester's share, proxy.go
// the HTTP that it speaks.
package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Request is what a server is asked: all that goes there of what a stranger sent.
type Request struct {
	Method, Path string
	Owner        string // whose it is; servers find for none what another's prompt left
	Body         []byte
}

// Answer is a request under way.
type Answer interface {
	// Head waits until the answer begins.
	Head() (status int, contentType string, err error)
	// Reader has its body as it comes, and io.EOF only where the server ended it.
	io.Reader
	// Hold has nothing more made until it is called with false. It does not wait for that.
	Hold(held bool)
	// Cost is how many tokens of the prompt were read, and how many were made, so far.
	Cost() (read, made uint64)
	// Close gives up what has not ended.
	Close() error
}

// Server is a model that is loaded. An engine pack for cards serves by implementing it.
type Server interface {
	Ask(context.Context, Request) (Answer, error)
	// MemoryBytes is what the server holds at most so far.
	MemoryBytes() uint64
	// Ended is closed when the server is gone, Err then says why.
	Ended() <-chan struct{}
	Err() error
	// Stop ends the server and returns when it is gone.
	Stop()
}

// OnCard is a Server that has a card of its own.
type OnCard interface {
	// Card is its name, and what loading took of its memory, by its driver's own count; 0
	// where that does not tell.
	Card() (name string, vramBytes uint64)
}

// Engine loads models.
type Engine interface {
	// Start returns when the server answers. The server ends with ctx.
	Start(ctx context.Context, m Model) (Server, error)
}

// Model is one that is to be served. Its context is found out by Prove.
type Model struct {
	protocol.Served
	Path        string // of its weights
	MemoryBytes uint64 // that its server may take
}

// Config is what a Set needs.
type Config struct {
	Models      []Model // at most protocol.MaxModels
	MemoryBytes uint64  // of all servers together
	Places      int     // servers that may be loaded at once, such as one for each card; 0 is any
	Engine      Engine
	Continues   bool          // its servers take return_token_ids and continue_token_ids (SPEC §5.6)
	Changed     func()        // what Served lists is another; may be nil
	Backoff     time.Duration // before a server that ended is started again, doubled each time; 0 is a second
	Health      time.Duration // between looks at a server; 0 is 15 s
	Logger      *slog.Logger
}

func (c *Config) check() error {
	if len(c.Models) > protocol.MaxModels {
		return fmt.Errorf("%d models to serve, an offer has room for %d; leave some out", len(c.Models), protocol.MaxModels)
	}
	for i, m := range c.Models {
		if m.MemoryBytes > c.MemoryBytes {
			return fmt.Errorf("model %s needs %d MiB, all models together may have %d MiB; raise --model-memory", m.Name, m.MemoryBytes>>20, c.MemoryBytes>>20)
		}
		for _, other := range c.Models[:i] {
			if other.Name == m.Name || other.CID == m.CID {
				return fmt.Errorf("model %s is the same as %s; serve it once", m.Name, other.Name)
			}
		}
	}
	if c.Backoff == 0 {
		c.Backoff = time.Second
	}
	if c.Health == 0 {
		c.Health = 15 * time.Second
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	return nil
}

// Set is the models of a rig.
type Set struct {
	cfg     Config
	started chan struct{}
	running context.Context // of Run; set before started is closed
	work    sync.WaitGroup  // loading and watching

	mu      sync.Mutex // guards what follows; owner: Set
	models  []*model
	taken   uint64 // bytes of the models that are loaded or being loaded
	clock   uint64 // counts requests
	opened  uint64 // counts sessions
	closed  bool
	changed chan struct{} // closed and made anew when a model may be had that could not before
}

// New checks the configuration.
func New(cfg Config) (*Set, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Set{cfg: cfg, started: make(chan struct{}), changed: make(chan struct{})}
	for _, m := range cfg.Models {
		s.models = append(s.models, &model{Model: m})
	}
	return s, nil
}

// Run owns the servers: when ctx ends it stops them and returns when they are gone.
func (s *Set) Run(ctx context.Context) error {
	s.running = ctx
	close(s.started)
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	var last []Server
	for _, m := range s.models {
		if m.server != nil {
			last = append(last, m.server)
		}
	}
	s.stir()
	s.mu.Unlock()
	for _, server := range last {
		server.Stop()
	}
	s.work.Wait()
	return nil
}

// stir wakes who waits for a model; the caller holds mu.
func (s *Set) stir() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Prove loads each model and has it make tokens. Only such as did are served; it says of the
// others why not. Run must be active. The first model stays loaded.
func (s *Set) Prove(ctx context.Context) error {
	select {
	case <-s.started:
	case <-ctx.Done():
		return ctx.Err()
	}
	var all error
	for i := len(s.models) - 1; i >= 0; i-- {
		m := s.models[i]
		_, err := s.acquire(ctx, m)
		if err == nil {
			s.release(m)
			continue
		}
		s.mu.Lock()
		m.given = true
		if m.failure != nil {
			err = m.failure
		}
		s.mu.Unlock()
		all = errors.Join(all, fmt.Errorf("model %s is not served: %w", m.Name, err))
	}
	return all
}

// Served lists the models that made tokens when they were last loaded.
func (s *Set) Served() []protocol.Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []protocol.Served{}
	for _, m := range s.models {
		if m.proved {
			list = append(list, m.Served)
		}
	}
	return list
}

// Status is how a model does.
type Status struct {
	protocol.Served
	State        string `json:"state"` // "loaded", "loading", "not loaded", "failed"
	Failure      string `json:"failure,omitempty"`
	MemoryBytes  uint64 `json:"memory_bytes"`         // most that its server held; 0 while not loaded
	LimitBytes   uint64 `json:"limit_bytes"`          // that its server may take
	Card         string `json:"card,omitempty"`       // that its server has; "" is none
	VRAMBytes    uint64 `json:"vram_bytes,omitempty"` // of the card that loading took
	LoadMillis   int64  `json:"load_ms"`              // the last time
	UnloadMillis int64  `json:"unload_ms"`            // the last time
	SwapMillis   int64  `json:"swap_ms"`              // the last time: others unloaded, and it loaded
	Loads        int    `json:"loads"`                // ever, in this process
	Swaps        int    `json:"swaps"`                // of them such that another model had to go
	Crashes      int    `json:"crashes"`              // times that its server ended by itself
	Sessions     int    `json:"sessions"`             // open now
	Requests     int    `json:"requests"`             // under way now
	Units        uint64 `json:"units"`                // made for sessions that have ended
}

// Status lists the models in their order.
func (s *Set) Status() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Status{}
	for _, m := range s.models {
		st := m.stat
		st.Served, st.LimitBytes, st.Sessions, st.Requests = m.Served, m.Model.MemoryBytes, m.sessions, m.flight
		switch {
		case m.server != nil:
			st.State, st.MemoryBytes = "loaded", m.server.MemoryBytes()
			if on, ok := m.server.(OnCard); ok {
				st.Card, st.VRAMBytes = on.Card()
			}
		case m.loading:
			st.State = "loading"
		case m.failure != nil:
			st.State, st.Failure = "failed", m.failure.Error()
		default:
			st.State = "not loaded"
		}
		list = append(list, st)
	}
	return list
}
