package pack

import (
	"context"
	"slices"
	"sync"
)

// slots are a server's places for requests. Each remembers whose request it had last, for what
// the server keeps of a prompt there is that one's alone.
type slots struct {
	mu      sync.Mutex // guards what follows; owner: slots
	list    []slot
	waiting []*waiter // in the order of their coming
	clock   uint64    // counts uses
}

type slot struct {
	owner string
	known bool // it had a request
	busy  bool
	used  uint64 // the clock at the last
}

type waiter struct {
	owner string
	got   chan grant // capacity 1
}

// grant is a place for a request. fresh is for one that must not know the prompt before it.
type grant struct {
	slot  int
	fresh bool
}

func newSlots(n int) *slots { return &slots{list: make([]slot, n)} }

// take waits for a place. Owners take turns: who has the fewest places comes first.
func (s *slots) take(ctx context.Context, owner string) (grant, error) {
	s.mu.Lock()
	if g, ok := s.place(owner); ok {
		s.mu.Unlock()
		return g, nil
	}
	w := &waiter{owner, make(chan grant, 1)}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case g := <-w.got:
		return g, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return grant{}, context.Cause(ctx)
	}
	s.free((<-w.got).slot) // it came at the same time
	return grant{}, context.Cause(ctx)
}

// give frees a place, for the next one.
func (s *slots) give(g grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(g.slot)
}

// free frees a place; the caller holds mu.
func (s *slots) free(i int) {
	s.list[i].busy = false
	if len(s.waiting) == 0 {
		return
	}
	next := 0
	for i, w := range s.waiting {
		if s.places(w.owner) < s.places(s.waiting[next].owner) {
			next = i
		}
	}
	w := s.waiting[next]
	s.waiting = slices.Delete(s.waiting, next, next+1)
	if g, ok := s.place(w.owner); ok { // one was just freed
		w.got <- g
	}
}

// places counts the places that an owner has; the caller holds mu.
func (s *slots) places(owner string) (n int) {
	for i := range s.list {
		if s.list[i].busy && s.list[i].owner == owner {
			n++
		}
	}
	return n
}

// place takes an idle place: one that the owner had last, else the one idle for the longest
// time. The caller holds mu.
func (s *slots) place(owner string) (grant, bool) {
	best := -1
	for i := range s.list {
		switch c := &s.list[i]; {
		case c.busy:
		case c.known && c.owner == owner && (best < 0 || s.list[best].owner != owner || c.used > s.list[best].used):
			best = i
		case best < 0, (s.list[best].owner != owner || !s.list[best].known) && c.used < s.list[best].used:
			best = i
		}
	}
	if best < 0 {
		return grant{}, false
	}
	c := &s.list[best]
	fresh := !c.known || c.owner != owner
	s.clock++
	*c = slot{owner: owner, known: true, busy: true, used: s.clock}
	return grant{best, fresh}, true
}
