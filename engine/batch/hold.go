package batch

import "slices"

// Hold lets nothing be made of the request from the next step on, until it is called with
// false. Meanwhile another may take its slot: it then goes on, with the same tokens, when
// there is one again.
func (s *Stream) Hold(held bool) {
	s.state.Lock()
	s.state.held = held
	s.state.Unlock()
	s.b.stir()
}

func (s *Stream) isHeld() bool {
	s.state.Lock()
	defer s.state.Unlock()
	return s.state.held
}

// saw counts what was read when the slot holds so many of the request's tokens. What is
// read again after another had the slot counts once.
func (s *Stream) saw(cached int) {
	prompt := len(s.request.Prompt) + len(s.request.Made)
	if read := min(cached, prompt) - s.reused; read > s.read {
		s.read = read
		s.tell()
	}
}

// tell reports how far the request is.
func (s *Stream) tell() {
	if s.request.Progress != nil {
		s.request.Progress(s.read, s.made-len(s.request.Made))
	}
}

// held lists the slot, if any, of a held request that has waited there longest.
func (b *Batcher) held() []*slot {
	var longest *slot
	for _, s := range b.slots {
		if s.stream.isHeld() && (longest == nil || s.used < longest.used) {
			longest = s
		}
	}
	if longest == nil {
		return nil
	}
	return []*slot{longest}
}

// putBack takes a request out of its slot: it is the next of its owner.
func (b *Batcher) putBack(s *slot) {
	b.queue.Lock()
	defer b.queue.Unlock()
	if !s.stream.closed() {
		b.queue.waiting = slices.Insert(b.queue.waiting, 0, s.stream)
	}
	s.stream, s.unread, s.sum = nil, nil, nil
}

// share is what an owner has and had of the slots.
type share struct {
	busy int    // slots
	last uint64 // clock of the newest request in a slot
}

func (s share) less(than share) bool {
	return s.busy < than.busy || s.busy == than.busy && s.last < than.last
}

// take returns the waiting request whose owner has the fewest slots, of equals the one whose
// turn is longer ago, then the one that has waited longest; nil if none may go on.
func (b *Batcher) take() *Stream {
	shares := map[string]share{}
	for _, s := range b.slots {
		of := shares[s.owner]
		if of.last = max(of.last, s.used); s.stream != nil {
			of.busy++
		}
		shares[s.owner] = of
	}
	b.queue.Lock()
	defer b.queue.Unlock()
	next := -1
	for i, s := range b.queue.waiting {
		if !s.isHeld() && (next < 0 || shares[s.request.Owner].less(shares[b.queue.waiting[next].request.Owner])) {
			next = i
		}
	}
	if next < 0 {
		return nil
	}
	s := b.queue.waiting[next]
	b.queue.waiting = slices.Delete(b.queue.waiting, next, next+1)
	return s
}
