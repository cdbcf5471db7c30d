package provider

import (
	"slices"
	"sync"
)

// slots hands out the rig's places to run, first come first served: a job that needs
// several is not passed by smaller ones. A place in the queue is taken at accept, so
// nothing is promised twice.
type slots struct {
	mu      sync.Mutex // owner: slots
	size    int
	queue   int
	used    int
	waiting []*ticket
}

// ticket is one job's claim; ready is closed when it holds its slots.
type ticket struct {
	ready chan struct{}
	n     int
	held  bool
}

func newSlots(size, queue int) *slots { return &slots{size: size, queue: queue} }

// free is how many jobs of one slot could start at once.
func (s *slots) free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 {
		return 0
	}
	return s.size - s.used
}

// fits tells whether n slots are there for a newcomer; the caller holds mu.
func (s *slots) fits(n int) bool { return n == 0 || len(s.waiting) == 0 && s.used+n <= s.size }

// full reports that take would refuse.
func (s *slots) full(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return n > s.size || !s.fits(n) && len(s.waiting) >= s.queue
}

// ahead is how many jobs would have to end before a new one of n slots starts, at most.
func (s *slots) ahead(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fits(n) {
		return 0
	}
	return len(s.waiting) + min(n, s.used)
}

// take joins the queue for n slots; false when it is full or the rig has fewer.
func (s *slots) take(n int) (*ticket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &ticket{ready: make(chan struct{}), n: n}
	switch {
	case n > s.size:
		return nil, false
	case s.fits(n):
		s.grant(t)
		return t, true
	case len(s.waiting) >= s.queue:
		return nil, false
	}
	s.waiting = append(s.waiting, t)
	return t, true
}

// grant gives a ticket its slots; the caller holds mu and knows that they are there.
func (s *slots) grant(t *ticket) {
	s.used += t.n
	t.held = true
	close(t.ready)
}

// give returns the ticket, whether it ran or only waited, and wakes the next.
func (s *slots) give(t *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.held {
		t.held = false
		s.used -= t.n
	} else {
		s.waiting = slices.DeleteFunc(s.waiting, func(w *ticket) bool { return w == t })
	}
	for len(s.waiting) > 0 && s.used+s.waiting[0].n <= s.size {
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.grant(next)
	}
}
