package provider

import "testing"

func isReady(t *ticket) bool {
	select {
	case <-t.ready:
		return true
	default:
		return false
	}
}

// A job of several slots waits for all of them, is not passed by a smaller one, and
// what it leaves goes to everybody whom it was in the way of.
func TestSlotsOfSeveral(t *testing.T) {
	s := newSlots(4, 3)
	one, _ := s.take(need{slots: 1})
	four, ok := s.take(need{slots: 4})
	if !ok || isReady(four) || !isReady(one) {
		t.Fatal("four slots were given where three are free")
	}
	if s.free() != 0 || s.ahead(need{slots: 1}) == 0 {
		t.Error("slots that a waiting job needs are offered")
	}
	a, _ := s.take(need{slots: 2})
	b, _ := s.take(need{slots: 2})
	if isReady(a) || isReady(b) {
		t.Fatal("a smaller job passed the one before it")
	}
	if !s.full(need{slots: 1}) {
		t.Error("the queue of three takes a fourth")
	}
	if _, ok := s.take(need{slots: 5}); ok || !s.full(need{slots: 5}) {
		t.Error("five slots are promised where there are four")
	}
	s.give(one)
	if !isReady(four) || isReady(a) {
		t.Fatal("the first of the queue is not the next")
	}
	s.give(four)
	if !isReady(a) || !isReady(b) {
		t.Fatal("what four slots held did not go to both")
	}
	s.give(a)
	s.give(b)
	if s.free() != 4 {
		t.Errorf("%d slots free at the end", s.free())
	}
}

// One that gives up waiting lets those behind it go on.
func TestSlotsGivenUpWaiting(t *testing.T) {
	s := newSlots(2, 2)
	one, _ := s.take(need{slots: 1})
	two, _ := s.take(need{slots: 2})
	next, _ := s.take(need{slots: 1})
	s.give(two)
	if !isReady(next) {
		t.Error("a slot stays empty after the job that waited for two has left")
	}
	s.give(one)
	s.give(next)
	if s.free() != 2 {
		t.Errorf("%d slots free at the end", s.free())
	}
}
