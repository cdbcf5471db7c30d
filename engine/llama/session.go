package llama

import (
	"fmt"
	"math"
	"sync"

	"github.com/rerig/rerig/engine/matrix"
)

// MaxStep is how many tokens, of all texts together, one step may read.
const MaxStep = 128

// Session holds the keys and values of several texts, each in a slot, and the
// scratch of a step. It is not safe for concurrent use.
type Session struct {
	m             *Model
	pool          *matrix.Pool
	slots, length int
	keys, values  [][]uint16 // by layer: slots × length × the width of a key

	in                               matrix.Input
	x, h, query, key, value          []float32
	mixed, gate, up, logits, lastRow []float32
	sin, cos                         []float32
	scores                           sync.Pool // of *[]float32 with length items
}

// Span is the next part of a text: Tokens are read at Position and after, which
// may lie before the end of what the slot holds but not behind it.
type Span struct {
	Slot, Position int
	Tokens         []int
	Logits         bool      // compute the scores of the token that follows
	Sum            []float32 // if not nil, each token's last hidden state is added to it
}

// CacheBytes is the memory that a session of so many slots for texts of length
// tokens takes for keys and values.
func (c *Config) CacheBytes(slots, length int) int64 {
	return 4 * int64(c.Layers) * int64(slots) * int64(length) * int64(c.KVHeads*c.HeadWidth)
}

// NewSession prepares slots for texts of at most length tokens, which may not
// exceed the model's context.
func (m *Model) NewSession(pool *matrix.Pool, slots, length int) (*Session, error) {
	if length < 1 || length > m.Context {
		return nil, fmt.Errorf("llama: texts of %d tokens do not fit the model's context of %d", length, m.Context)
	}
	if slots < 1 || slots > MaxStep {
		return nil, fmt.Errorf("llama: %d slots, 1 to %d are allowed", slots, MaxStep)
	}
	if size := m.CacheBytes(slots, length); size > math.MaxInt/2 {
		return nil, fmt.Errorf("llama: %d slots of %d tokens take %d bytes; choose fewer or shorter ones", slots, length, size)
	}
	floats := func(n int) []float32 { return make([]float32, MaxStep*n) }
	queries, shared := m.Heads*m.HeadWidth, m.KVHeads*m.HeadWidth
	s := &Session{
		m: m, pool: pool, slots: slots, length: length,
		x: floats(m.Width), h: floats(m.Width), query: floats(queries), key: floats(shared), value: floats(shared),
		mixed: floats(queries), gate: floats(m.FFN), up: floats(m.FFN),
		logits: make([]float32, slots*m.Vocab), lastRow: make([]float32, slots*m.Width),
		sin: floats(m.HeadWidth / 2), cos: floats(m.HeadWidth / 2),
	}
	s.scores.New = func() any {
		scores := make([]float32, length)
		return &scores
	}
	for range m.layers {
		s.keys = append(s.keys, make([]uint16, slots*length*shared))
		s.values = append(s.values, make([]uint16, slots*length*shared))
	}
	return s, nil
}

// Copy makes the first n tokens of slot to those of slot from.
func (s *Session) Copy(to, from, n int) {
	shared := s.m.KVHeads * s.m.HeadWidth
	for i := range s.keys {
		for _, cache := range [][]uint16{s.keys[i], s.values[i]} {
			copy(cache[to*s.length*shared:], cache[from*s.length*shared:(from*s.length+n)*shared])
		}
	}
}

// check refuses spans that the session has no room for.
func (s *Session) check(spans []Span) (tokens int, err error) {
	wanted := 0
	for _, span := range spans {
		tokens += len(span.Tokens)
		if span.Logits {
			wanted++
		}
		switch {
		case span.Slot < 0 || span.Slot >= s.slots:
			return 0, fmt.Errorf("llama: slot %d of %d", span.Slot, s.slots)
		case len(span.Tokens) == 0 || span.Position < 0 || span.Position+len(span.Tokens) > s.length:
			return 0, fmt.Errorf("llama: %d tokens at %d do not fit a text of %d", len(span.Tokens), span.Position, s.length)
		}
		for _, token := range span.Tokens {
			if token < 0 || token >= s.m.Vocab {
				return 0, fmt.Errorf("llama: token %d is outside the vocabulary of %d", token, s.m.Vocab)
			}
		}
	}
	if tokens > MaxStep || wanted > s.slots {
		return 0, fmt.Errorf("llama: a step of %d tokens with %d results, at most %d and %d are allowed", tokens, wanted, MaxStep, s.slots)
	}
	return tokens, nil
}

// Step reads the spans, of which no two may have the same slot. It returns the
// scores of the next token for each span that wants them, nil for the others; they
// are overwritten by the next call.
func (s *Session) Step(spans []Span) ([][]float32, error) {
	n, err := s.check(spans)
	if err != nil {
		return nil, err
	}
	m, at := s.m, 0
	pairs := m.HeadWidth / 2
	for _, span := range spans {
		for i, token := range span.Tokens {
			m.embedding.Row(s.x[at*m.Width:], token)
			m.Rope.angles(s.sin[at*pairs:(at+1)*pairs], s.cos[at*pairs:(at+1)*pairs], span.Position+i)
			at++
		}
	}
	for i := range m.layers {
		s.attend(i, spans, n)
		s.feedForward(&m.layers[i], n)
	}
	return s.results(spans), nil
}

// results computes what the spans want of their last hidden states.
func (s *Session) results(spans []Span) [][]float32 {
	m, at, wanted := s.m, 0, 0
	out := make([][]float32, len(spans))
	for i, span := range spans {
		if span.Sum != nil {
			for t := range span.Tokens {
				row := (at + t) * m.Width
				matrix.Norm(s.h[:m.Width], s.x[row:row+m.Width], m.outputNorm, m.Epsilon)
				matrix.Add(span.Sum[:m.Width], s.h)
			}
		}
		at += len(span.Tokens)
		if span.Logits {
			matrix.Norm(s.lastRow[wanted*m.Width:(wanted+1)*m.Width], s.x[(at-1)*m.Width:at*m.Width], m.outputNorm, m.Epsilon)
			out[i] = s.logits[wanted*m.Vocab : (wanted+1)*m.Vocab]
			wanted++
		}
	}
	if wanted > 0 {
		s.in.Set(s.lastRow, wanted, m.Width)
		matrix.Multiply(s.pool, s.logits, &m.output, &s.in)
	}
	return out
}
