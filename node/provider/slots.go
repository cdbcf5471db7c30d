package provider

import (
	"slices"
	"sync"
)

// slots hands out the rig's places to run and its cards, first come first served: a job that
// needs several is not passed by smaller ones. Only what waits for cards alone is passed by
// jobs without any, or one long job on a card would keep the rig's processors idle. A place
// in the queue is taken at accept, so nothing is promised twice.
type slots struct {
	mu      sync.Mutex // owner: slots
	size    int
	queue   int
	used    int
	cards   cardPool
	waiting []*ticket
}

// need is what a job takes of its rig while it runs.
type need struct {
	slots   int
	cards   int
	vramMiB uint32 // of each card
}

// ticket is one job's claim; ready is closed when it holds its slots and cards.
type ticket struct {
	ready chan struct{}
	need
	cards []string // their IDs, once it holds them
	held  bool
}

func newSlots(size, queue int) *slots {
	return &slots{size: size, queue: queue, cards: cardPool{lent: map[string]bool{}}}
}

// free is how many jobs of one slot could start at once.
func (s *slots) free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inSlots, _ := s.short(); inSlots {
		return 0
	}
	return s.size - s.used
}

// short tells whether somebody waits for slots, and for cards; the caller holds mu.
func (s *slots) short() (inSlots, inCards bool) {
	for _, t := range s.waiting {
		if _, ok := s.cards.choose(t.need); !ok || inCards && t.need.cards > 0 {
			inCards = true
			continue
		}
		return true, inCards
	}
	return false, inCards
}

// fits tells whether a newcomer could start; the caller holds mu.
func (s *slots) fits(n need) bool {
	if n == (need{}) { // of a session with a server that runs already
		return true
	}
	inSlots, inCards := s.short()
	if inSlots || inCards && n.cards > 0 {
		return false
	}
	_, ok := s.cards.choose(n)
	return ok && s.used+n.slots <= s.size
}

// never reports that the rig is too small; the caller holds mu.
func (s *slots) never(n need) bool { return n.slots > s.size || s.cards.count(n.vramMiB) < n.cards }

// full reports that take would refuse.
func (s *slots) full(n need) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.never(n) || !s.fits(n) && len(s.waiting) >= s.queue
}

// ahead is how many jobs would have to end before a new one starts, at most.
func (s *slots) ahead(n need) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fits(n) {
		return 0
	}
	return len(s.waiting) + max(min(n.slots, s.used), min(n.cards, len(s.cards.lent)), 1)
}

// take joins the queue; false when it is full or the rig too small.
func (s *slots) take(n need) (*ticket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &ticket{ready: make(chan struct{}), need: n}
	switch {
	case s.never(n):
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

// grant gives a ticket its slots and cards; the caller holds mu and knows that they are there.
func (s *slots) grant(t *ticket) {
	s.used += t.need.slots
	t.cards, _ = s.cards.choose(t.need)
	for _, id := range t.cards {
		s.cards.lent[id] = true
	}
	t.held = true
	close(t.ready)
}

// give returns the ticket, whether it ran or only waited, and wakes those who can go on.
func (s *slots) give(t *ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.held {
		t.held = false
		s.used -= t.need.slots
		for _, id := range t.cards {
			delete(s.cards.lent, id)
		}
	} else {
		s.waiting = slices.DeleteFunc(s.waiting, func(w *ticket) bool { return w == t })
	}
	s.wake()
}

// offer says which cards there are from now on. Those that jobs hold stay theirs.
func (s *slots) offer(cards []Card) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cards.cards = cards
	s.wake()
}

// wake grants what waits and can go on; the caller holds mu.
func (s *slots) wake() {
	inSlots, inCards := false, false
	s.waiting = slices.DeleteFunc(s.waiting, func(t *ticket) bool {
		if inSlots || inCards && t.need.cards > 0 {
			return false
		}
		if _, ok := s.cards.choose(t.need); !ok {
			inCards = true
			return false
		}
		if s.used+t.need.slots > s.size {
			inSlots = true
			return false
		}
		s.grant(t)
		return true
	})
}
