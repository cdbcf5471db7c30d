package batch

import (
	"slices"

	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/sampler"
)

// slot is a place in the session's cache: the text that it holds, and the request
// that is extending it, if any.
type slot struct {
	index  int
	owner  string // whose text it is
	text   []int  // tokens whose keys and values are cached
	stream *Stream
	unread []int // tokens of the request that are not cached yet
	used   uint64
	sum    []float32 // of hidden states, for a vector
}

// admit gives waiting requests to free slots, those first whose text shares the
// longest beginning, then the one unused for the longest time. Where none is free one that
// is held makes room.
func (b *Batcher) admit() {
	for {
		free := b.free()
		if len(free) == 0 {
			free = b.held()
		}
		if len(free) == 0 {
			return
		}
		s := b.take()
		if s == nil {
			return
		}
		if free[0].stream != nil {
			b.putBack(free[0])
		}
		b.place(free, s)
	}
}

// free lists the slots without a request.
func (b *Batcher) free() []*slot {
	var out []*slot
	for _, s := range b.slots {
		if s.stream != nil && s.stream.closed() {
			s.stream = nil
		}
		if s.stream == nil {
			out = append(out, s)
		}
	}
	return out
}

// place starts a request in one of the free slots.
func (b *Batcher) place(free []*slot, s *Stream) {
	again := s.text != nil // it was held, and another took its slot
	if !again {
		s.text = append(slices.Clip(s.request.Prompt), s.request.Made...)
	}
	prompt, owner := s.text, s.request.Owner
	best, oldest := free[0], free[0]
	for _, candidate := range free {
		if candidate.shared(owner, prompt) > best.shared(owner, prompt) {
			best = candidate
		}
		if candidate.used < oldest.used {
			oldest = candidate
		}
	}
	to, shared := best, best.shared(owner, prompt)
	if shared == 0 {
		to = oldest
	}
	for _, busy := range b.slots {
		if n := busy.shared(owner, prompt); n > shared {
			shared = n
			b.session.Copy(to.index, busy.index, n)
		}
	}
	if s.request.Embed {
		shared = 0 // every hidden state is needed
		to.sum = make([]float32, b.model.Width)
	}
	to.text = append(to.text[:0], prompt[:shared]...)
	to.unread, to.stream, to.owner = prompt[shared:], s, owner
	b.clock++
	to.used = b.clock
	if again {
		return
	}
	s.reused = shared
	for _, token := range prompt {
		s.sampler.Accept(token)
	}
	s.sampler.Skip(len(s.request.Made))
}

// shared is how many tokens of an owner's prompt the slot has cached. The prompt's last
// token is always read again: its scores are what comes next.
func (s *slot) shared(owner string, prompt []int) int {
	n := 0
	if s.owner != owner {
		return 0
	}
	for n < len(s.text) && n < len(prompt)-1 && s.text[n] == prompt[n] {
		n++
	}
	return n
}

// plan lists the spans of the next step and their slots: one token for each text
// that is being continued, then as much of the prompts as fits.
func (b *Batcher) plan() ([]llama.Span, []*slot) {
	var spans []llama.Span
	var busy []*slot
	room := llama.MaxStep
	add := func(s *slot, n int) {
		span := llama.Span{Slot: s.index, Position: len(s.text), Tokens: s.unread[:n]}
		if s.stream.request.Embed {
			span.Sum = s.sum
		} else {
			span.Logits = n == len(s.unread)
		}
		spans, busy, room = append(spans, span), append(busy, s), room-n
	}
	for _, s := range b.slots {
		if s.stream != nil && len(s.unread) == 1 && !s.stream.isHeld() {
			add(s, 1)
		}
	}
	for i := range b.slots {
		s := b.slots[(i+int(b.clock))%len(b.slots)] // no prompt is always last
		if s.stream != nil && len(s.unread) > 1 && room > 0 && !s.stream.isHeld() {
			add(s, min(len(s.unread), room))
		}
	}
	return spans, busy
}

// advance takes the result of a step.
func (s *slot) advance(span llama.Span, logits []float32) {
	s.text = append(s.text, span.Tokens...)
	s.unread = s.unread[len(span.Tokens):]
	stream := s.stream
	stream.saw(len(s.text))
	switch {
	case stream.request.Embed && len(s.unread) == 0:
		stream.vector = mean(s.sum, len(s.text))
		s.sum, s.stream = nil, nil
		stream.finish(FinishStop, nil)
	case logits != nil:
		token := stream.sampler.Pick(logits)
		stream.sampler.Accept(token)
		var chosen sampler.LogProb
		var top []sampler.LogProb
		if n := stream.request.LogProbs; n >= 0 {
			chosen, top = sampler.LogProbs(logits, token, n)
		}
		if stream.accept(token, chosen, top) {
			s.stream = nil
			return
		}
		s.unread = []int{token}
		stream.text = append(stream.text, token)
	}
}

// mean divides a sum of n vectors by n.
func mean(sum []float32, n int) []float32 {
	for i := range sum {
		sum[i] /= float32(n)
	}
	return sum
}
