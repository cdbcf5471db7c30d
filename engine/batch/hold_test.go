package batch

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// TestHeldRequestMakesRoom holds a text in the middle: another takes its only slot, and it then
// goes on as if nothing had been.
func TestHeldRequestMakesRoom(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 200, Queue: 4})
	want, _ := m.read(t, m.greedy("kluge:", 40))
	r := m.greedy("kluge:", 40)
	r.Owner = "one"
	held, started := make(chan struct{}), make(chan *Stream, 1)
	var read, made int // told last
	r.Progress = func(nowRead, nowMade int) {
		if nowRead < read || nowMade < made {
			t.Errorf("%d read and %d made after %d and %d", nowRead, nowMade, read, made)
		}
		if read, made = nowRead, nowMade; made == 5 {
			s := <-started
			s.Hold(true)
			close(held)
		}
	}
	s, err := m.Submit(r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	started <- s
	<-held
	other := m.greedy("A hacker is", 30)
	other.Owner = "two"
	if text, _ := m.read(t, other); text == "" {
		t.Error("another request got no answer beside the held one")
	}
	s.Hold(false)
	var text string
	for {
		token, ok, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		text += token.Text
	}
	if text != want {
		t.Errorf("held on the way it says %q, else %q", text, want)
	}
	if prompt := len(r.Prompt); read != prompt || made == 5 {
		t.Errorf("told of %d tokens read and %d made of a prompt of %d", read, made, prompt)
	}
}

// TestHeldRequestsWait: nothing is made of a request that is held from the start, and it ends when
// it is given up.
func TestHeldRequestsWait(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 64, Queue: 4})
	first := m.greedy("x", 4)
	first.Owner = "one"
	first.Progress = func(int, int) { t.Error("a held request was computed") }
	m.queue.Lock() // so that Run does not see it before it is held
	s := &Stream{b: m.Batcher, request: first, ready: make(chan struct{}, 1)}
	s.state.held = true
	m.queue.waiting = append(m.queue.waiting, s)
	m.queue.Unlock()
	if text, _ := m.read(t, m.greedy("A hacker is", 4)); text == "" {
		t.Error("a held request in the queue keeps others from being answered")
	}
	s.Close()
}

// TestOwnersTakeTurns: who floods the queue waits for everybody else.
func TestOwnersTakeTurns(t *testing.T) {
	m := begin(t, 1, Config{Slots: 1, Context: 64, Queue: 40})
	gate, open := make(chan struct{}), make(chan struct{})
	blocker := m.greedy("x", 2)
	blocker.Owner = "flood"
	blocker.Progress = func(_, made int) {
		if made == 1 {
			close(gate)
			<-open
		}
	}
	var readers sync.WaitGroup
	readers.Go(func() { m.read(t, blocker) })
	<-gate
	var mu sync.Mutex
	var order []string // as answers begin
	send := func(owner string) {
		r := m.greedy("bug", 2)
		r.Owner = owner
		r.Progress = func(_, made int) {
			if made == 1 {
				mu.Lock()
				order = append(order, owner)
				mu.Unlock()
			}
		}
		s, err := m.Submit(r)
		if err != nil {
			t.Fatal(err)
		}
		readers.Go(func() {
			defer s.Close()
			for ok := true; ok; {
				if _, ok, err = s.Next(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		send("flood")
	}
	for i := range 3 {
		send(fmt.Sprint("guest ", i))
	}
	close(open)
	readers.Wait()
	last := slices.IndexFunc(order, func(o string) bool { return o == "guest 2" })
	if last < 0 || last > 5 {
		t.Errorf("the third guest has place %d of %q", last, order)
	}
}

// TestOwnersShareNoText: what one owner's prompt left behind is read again for another.
func TestOwnersShareNoText(t *testing.T) {
	m := begin(t, 1, Config{Slots: 2, Context: 128, Queue: 4})
	r := m.greedy("The term 'bug' was first used in 1947", 8)
	r.Owner = "one"
	m.read(t, r)
	_, again := m.read(t, r)
	if again.Reused() == 0 {
		t.Error("an owner's own prompt is read again")
	}
	r.Owner = "two"
	if _, s := m.read(t, r); s.Reused() != 0 {
		t.Errorf("another owner finds %d tokens of it", s.Reused())
	}
}
