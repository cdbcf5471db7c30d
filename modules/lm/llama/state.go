package llama

import (
	"fmt"
	"math"

	"github.com/rerig/rerig/engine/exact"
)

// State is one text being read and continued: the keys and values of the tokens
// so far. It is not safe for concurrent use.
type State struct {
	m          *Model
	length     int // tokens the cache has room for
	used       int // tokens fed
	keys, vals [][]float32

	x, h, query, mixed, gate, up []float32 // scratch, by name of their use
	scores, logits, sin, cos     []float32
}

// NewState prepares for a text of at most length tokens, which may not exceed
// the model's context.
func (m *Model) NewState(length int) (*State, error) {
	if length < 1 || length > m.Context {
		return nil, fmt.Errorf("llama: a text of %d tokens does not fit the model's context of %d; shorten the prompt", length, m.Context)
	}
	shared := m.KVHeads * m.HeadWidth
	if 2*length*shared > MaxCache/m.Layers {
		return nil, fmt.Errorf("llama: the cache for %d tokens exceeds the limit of %d numbers; shorten the text", length, MaxCache)
	}
	floats := func(n int) []float32 { return make([]float32, n) }
	s := &State{
		m: m, length: length,
		x: floats(m.Width), h: floats(m.Width), query: floats(m.Width), mixed: floats(m.Width),
		gate: floats(m.FFN), up: floats(m.FFN), scores: floats(length), logits: floats(m.Vocab),
		sin: floats(m.RopeDims / 2), cos: floats(m.RopeDims / 2),
	}
	for range m.layers {
		s.keys = append(s.keys, floats(length*shared))
		s.vals = append(s.vals, floats(length*shared))
	}
	return s, nil
}

// Feed reads the next token of the text.
func (s *State) Feed(token int) error {
	if token < 0 || token >= s.m.Vocab {
		return fmt.Errorf("llama: token %d is outside the vocabulary of %d", token, s.m.Vocab)
	}
	if s.used == s.length {
		return fmt.Errorf("llama: the text is full at %d tokens", s.length)
	}
	for i, turn := range s.m.turns {
		sin, cos := exact.Sincos(float64(turn * float64(s.used)))
		s.sin[i], s.cos[i] = float32(sin), float32(cos)
	}
	copy(s.x, s.m.embedding[token*s.m.Width:])
	for i := range s.m.layers {
		s.attend(i)
		s.feedForward(&s.m.layers[i])
	}
	s.used++
	return nil
}

// Logits returns a score for every token as the next one. The slice is
// overwritten by the next call.
func (s *State) Logits() []float32 {
	norm(s.h, s.x, s.m.outputNorm, s.m.Epsilon)
	multiply(s.logits, s.m.output, s.h)
	return s.logits
}

// attend adds layer i's attention over the tokens so far to x.
func (s *State) attend(i int) {
	m, l := s.m, &s.m.layers[i]
	shared := m.KVHeads * m.HeadWidth
	key := s.keys[i][s.used*shared : (s.used+1)*shared]
	val := s.vals[i][s.used*shared : (s.used+1)*shared]
	norm(s.h, s.x, l.attnNorm, m.Epsilon)
	multiply(s.query, l.query, s.h)
	multiply(key, l.key, s.h)
	multiply(val, l.value, s.h)
	s.rotate(s.query)
	s.rotate(key)
	scale := float32(1 / math.Sqrt(float64(m.HeadWidth)))
	for head := range m.Heads {
		from := head * m.HeadWidth
		kv := head / (m.Heads / m.KVHeads) * m.HeadWidth
		query := s.query[from : from+m.HeadWidth]
		scores := s.scores[:s.used+1]
		for t := range scores {
			at := t*shared + kv
			scores[t] = float32(dot(query, s.keys[i][at:at+m.HeadWidth]) * scale)
		}
		softmax(scores)
		mixed := s.mixed[from : from+m.HeadWidth]
		clear(mixed)
		for t, weight := range scores {
			at := t*shared + kv
			addScaled(mixed, s.vals[i][at:at+m.HeadWidth], weight)
		}
	}
	multiply(s.h, l.attnOutput, s.mixed)
	add(s.x, s.h)
}

// rotate turns each pair of neighbours by its angle at this position, head by
// head; llama files order their rows for this interleaved form.
func (s *State) rotate(v []float32) {
	for ; len(v) > 0; v = v[s.m.HeadWidth:] {
		for i, cos := range s.cos {
			a, b, sin := v[2*i], v[2*i+1], s.sin[i]
			v[2*i] = float32(a*cos) - float32(b*sin)
			v[2*i+1] = float32(a*sin) + float32(b*cos)
		}
	}
}

// feedForward adds the SwiGLU layer to x.
func (s *State) feedForward(l *layer) {
	norm(s.h, s.x, l.ffnNorm, s.m.Epsilon)
	multiply(s.gate, l.gate, s.h)
	multiply(s.up, l.up, s.h)
	for i, g := range s.gate {
		sigmoid := float32(1 / (1 + exact.Exp(-float64(g))))
		s.gate[i] = float32(float32(g*sigmoid) * s.up[i])
	}
	multiply(s.h, l.down, s.gate)
	add(s.x, s.h)
}
