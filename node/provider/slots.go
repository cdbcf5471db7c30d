package provider

import "sync"

// slots hands out the rig's places to run, first come first served. A place in
// the queue is taken at accept, so nothing is promised twice.
type slots struct {
	mu      sync.Mutex // owner: slots
	size    int
	queue   int
	used    int
	waiting []*ticket
}

// ticket is one job's claim; ready is closed when it holds a slot.
type ticket struct {
	ready chan struct{}
	held  bool
}

func newSlots(size, queue int) *slots { return &slots{size: size, queue: queue} }

// free is how many jobs could start at once.
func (s *slots) free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size - s.used
}

// full reports that take would refuse.
func (s *slots) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used >= s.size && len(s.waiting) >= s.queue
}

// ahead is how many jobs would have to end before a new one starts.
func (s *slots) ahead() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used < s.size {
		return 0
	}
	return len(s.waiting) + 1
}

// take joins the queue; false when it is full.
func (s *slots) take() (*ticket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &ticket{ready: make(chan struct{})}
	if s.used < s.size {
		s.used++
		t.held = true
		close(t.ready)
		return t, true
	}
	if len(s.waiting) >= s.queue {
		return nil, false
	}
	s.waiting = append(s.waiting, t)
	return t, true
}

// give returns the ticket, whether it ran or only waited, and wakes the next.
func (s *slots) give(t *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.held {
		for i, w := range s.waiting {
			if w == t {
				s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
				return
			}
		}
		return
	}
	t.held = false
	if len(s.waiting) == 0 {
		s.used--
		return
	}
	next := s.waiting[0]
	s.waiting = s.waiting[1:]
	next.held = true
	close(next.ready)
}
