package models

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

const (
	loadTime   = 10 * time.Minute // for a model to answer
	proofTime  = 2 * time.Minute  // for its first tokens
	drawTime   = 10 * time.Minute // for its first image
	roomTime   = 30 * time.Second // that a request waits for other models to be idle
	maxBackoff = time.Minute
	lookTime   = 10 * time.Second // for a server to say that it is well
	maxMissed  = 3                // looks in a row that find no answer end a server
)

// model is one of a set. The set's mu guards all but Model's constants.
type model struct {
	Model
	server   Server // nil while it is not loaded
	loading  bool
	gone     chan struct{} // closed when the server before this one is gone; nil where there was none
	proved   bool          // it made tokens when it was last loaded
	given    bool          // given up: it could not be proved at the start
	failure  error         // of the last time
	failures int           // in a row
	retry    time.Time     // not before, after a failure
	used     uint64        // the set's clock at the last request
	flight   int           // requests with its server
	places   int           // requests from the first byte of the body to the end
	bodies   int64         // bytes of them
	sessions int
	stat     Status
}

// unavailableError is why a model cannot be asked at present, for its requester.
type unavailableError struct {
	why   string
	retry time.Duration
}

func (e *unavailableError) Error() string { return e.why }

// acquire returns a model's server, which it loads where that is needed, unloading others that
// are idle. The caller releases the model when its request is over.
func (s *Set) acquire(ctx context.Context, m *model) (Server, error) {
	patience := time.NewTimer(roomTime + loadTime)
	defer patience.Stop()
	var noRoom time.Time // since when
	for {
		s.mu.Lock()
		wait := s.changed
		switch now := time.Now(); {
		case s.closed:
			s.mu.Unlock()
			return nil, &unavailableError{"the rig is shutting down", time.Minute}
		case m.server != nil:
			m.flight++
			s.clock++
			m.used = s.clock
			server := m.server
			s.mu.Unlock()
			return server, nil
		case m.loading:
			noRoom = time.Time{}
		case now.Before(m.retry):
			s.mu.Unlock()
			return nil, &unavailableError{"the model's server ended and is being started again", time.Until(m.retry)}
		case s.load(m, true):
			noRoom = time.Time{}
		case noRoom.IsZero():
			noRoom = now
		case now.Sub(noRoom) > roomTime:
			s.mu.Unlock()
			return nil, &unavailableError{"other models are in use and leave no memory for this one", roomTime}
		}
		s.mu.Unlock()
		look := time.NewTimer(time.Second) // for the time that passes with no change
		select {
		case <-wait:
		case <-look.C:
		case <-patience.C:
			look.Stop()
			return nil, &unavailableError{"the model does not load", time.Minute}
		case <-ctx.Done():
			look.Stop()
			return nil, ctx.Err()
		}
		look.Stop()
	}
}

// release ends a request.
func (s *Set) release(m *model) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.flight--; m.flight == 0 {
		s.stir() // it may make room now
	}
}

// load begins to load a model, with evict in the place of others that are idle: first such
// that have no sessions, then those not asked for the longest time. It reports whether there
// is the memory, and a place. The caller holds mu.
func (s *Set) load(m *model, evict bool) bool {
	var idle []*model
	taken := 0 // places
	for _, other := range s.models {
		if other.server != nil || other.loading {
			taken++
		}
		if evict && other.server != nil && other.flight == 0 {
			idle = append(idle, other)
		}
	}
	slices.SortFunc(idle, func(a, b *model) int {
		return cmp.Or(cmp.Compare(min(a.sessions, 1), min(b.sessions, 1)), cmp.Compare(a.used, b.used))
	})
	free, n := s.cfg.MemoryBytes-s.taken, 0
	for ; free < m.Model.MemoryBytes || s.cfg.Places > 0 && taken-n >= s.cfg.Places; n++ {
		if n == len(idle) {
			return false
		}
		free += idle[n].Model.MemoryBytes
	}
	before := []chan struct{}{m.gone} // its own last server, if that is still going
	for _, out := range idle[:n] {
		server, gone := out.server, make(chan struct{})
		out.server, out.gone = nil, gone
		s.taken -= out.Model.MemoryBytes
		before = append(before, gone)
		s.work.Go(func() { s.unload(out, server, gone, m) })
	}
	s.taken += m.Model.MemoryBytes
	m.loading = true
	s.work.Go(func() { s.start(m, before, n > 0) })
	return true
}

// unload stops the server of a model that makes room for another.
func (s *Set) unload(m *model, server Server, gone chan struct{}, next *model) {
	defer close(gone)
	began := time.Now()
	server.Stop()
	took := time.Since(began)
	s.mu.Lock()
	m.stat.UnloadMillis = took.Milliseconds()
	s.mu.Unlock()
	s.cfg.Logger.Info("model unloaded", "model", m.Name, "for", next.Name, "took", took.Round(time.Millisecond))
}

// start loads a model, when what was there before is gone, and tries it.
func (s *Set) start(m *model, before []chan struct{}, swap bool) {
	began := time.Now()
	for _, gone := range before {
		if gone != nil {
			<-gone
		}
	}
	loading := time.Now()
	server, proved, err := s.try(m)
	took := time.Since(loading)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.stir()
	m.loading = false
	if err == nil && s.closed {
		s.taken -= m.Model.MemoryBytes
		s.work.Go(server.Stop)
		return
	}
	if err != nil {
		s.taken -= m.Model.MemoryBytes
		s.failed(m, err)
		if m.proved { // it is offered no more
			m.proved = false
			s.work.Go(s.cfg.Changed)
		}
		return
	}
	if m.server, m.Context, m.Images, m.failure = server, proved.Context, proved.Images, nil; !m.proved {
		m.proved = true
		s.work.Go(s.cfg.Changed)
	}
	m.stat.Loads++
	m.stat.LoadMillis = took.Milliseconds()
	if swap {
		m.stat.Swaps++
		m.stat.SwapMillis = time.Since(began).Milliseconds()
	}
	s.cfg.Logger.Info("model loaded", "model", m.Name, "context", m.Context, "took", took.Round(time.Millisecond), "memory_mib", server.MemoryBytes()>>20)
	s.work.Go(func() { s.watch(m, server) })
}

// failed notes that a model cannot be had, and when to try again; the caller holds mu.
func (s *Set) failed(m *model, err error) {
	m.failure = err
	pause := min(s.cfg.Backoff<<min(m.failures, 16), maxBackoff)
	m.failures++
	m.retry = time.Now().Add(pause)
	if s.running.Err() != nil {
		return
	}
	s.cfg.Logger.Warn("model failed", "model", m.Name, "err", err, "again_in", pause)
	s.work.Go(func() { s.again(m, pause) })
}

// again loads a model that failed, after a pause, where there is memory that nobody has.
func (s *Set) again(m *model, pause time.Duration) {
	wait := time.NewTimer(pause)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-s.running.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.server == nil && !m.loading && !m.given && !s.closed {
		s.load(m, false)
	}
}

// watch looks after a server until it ends.
func (s *Set) watch(m *model, server Server) {
	tick := time.NewTicker(s.cfg.Health)
	defer tick.Stop()
	for missed := 0; ; {
		select {
		case <-server.Ended():
			s.lost(m, server)
			return
		case <-tick.C:
		}
		err := s.look(server)
		s.mu.Lock()
		if missed++; err == nil {
			missed, m.failures = 0, 0
		}
		s.mu.Unlock()
		if missed >= maxMissed {
			s.cfg.Logger.Warn("model does not answer and is started again", "model", m.Name, "err", err)
			server.Stop()
		}
	}
}

// lost takes a server that ended by itself out.
func (s *Set) lost(m *model, server Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.server != server || s.closed { // it was told to
		return
	}
	m.server = nil
	s.taken -= m.Model.MemoryBytes
	m.stat.Crashes++
	s.failed(m, fmt.Errorf("the model's server ended: %w", server.Err()))
	s.stir()
}

// look asks a server whether it is well.
func (s *Set) look(server Server) error {
	ctx, cancel := context.WithTimeout(s.running, lookTime)
	defer cancel()
	_, _, err := s.ask(ctx, server, Request{Method: "GET", Path: "/health"})
	return err
}

// ask sends a request of the rig's own and reads its answer, of at most 64 KiB.
func (s *Set) ask(ctx context.Context, server Server, r Request) (body []byte, made uint64, err error) {
	r.Owner = "rig"
	a, err := server.Ask(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = a.Close() }) // Read tells
	defer stop()
	defer func() {
		if cerr := a.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("end of the answer: %w", cerr)
		}
		_, made = a.Cost()
	}()
	status, _, err := a.Head()
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(a, 64<<10))
	}
	switch {
	case ctx.Err() != nil:
		return nil, 0, fmt.Errorf("no answer in time: %w", ctx.Err())
	case err != nil:
		return nil, 0, err
	case status != 200:
		return nil, 0, fmt.Errorf("it answers %d %.200s", status, body)
	}
	return body, 0, nil
}
