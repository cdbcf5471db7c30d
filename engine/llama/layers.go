package llama

import (
	"math"

	"github.com/rerig/rerig/engine/matrix"
)

// normed makes the norm of each of n rows of x the input of the next products.
func (s *Session) normed(weight []float32, n int) {
	width := s.m.Width
	s.pool.Run(n, func(first, last int) {
		for t := first; t < last; t++ {
			matrix.Norm(s.h[t*width:(t+1)*width], s.x[t*width:(t+1)*width], weight, s.m.Epsilon)
		}
	})
	s.in.Set(s.h, n, width)
}

// project sets out to the product with a matrix, and adds a bias where there is
// one.
func (s *Session) project(out []float32, w *matrix.Matrix, bias []float32, n int) {
	matrix.Multiply(s.pool, out, w, &s.in)
	if bias != nil {
		for t := range n {
			matrix.Add(out[t*w.Rows:(t+1)*w.Rows], bias)
		}
	}
}

// place is where a token of a step belongs.
type place struct{ slot, position int }

// attend adds layer i's attention over each text so far to x.
func (s *Session) attend(i int, spans []Span, n int) {
	m, l := s.m, &s.m.layers[i]
	s.normed(l.attnNorm, n)
	s.project(s.query, &l.query, l.queryBias, n)
	s.project(s.key, &l.key, l.keyBias, n)
	s.project(s.value, &l.value, l.valueBias, n)
	places := make([]place, 0, n)
	for _, span := range spans {
		for t := range span.Tokens {
			places = append(places, place{span.Slot, span.Position + t})
		}
	}
	s.pool.Run(n, func(first, last int) {
		for t := first; t < last; t++ {
			s.remember(i, t, places[t])
		}
	})
	s.pool.Run(n*m.Heads, func(first, last int) {
		scores := s.scores.Get().(*[]float32)
		for part := first; part < last; part++ {
			s.mix(i, part/m.Heads, part%m.Heads, places[part/m.Heads], *scores)
		}
		s.scores.Put(scores)
	})
	s.in.Set(s.mixed, n, m.Heads*m.HeadWidth)
	s.project(s.h, &l.attnOutput, l.obias, n)
	matrix.Add(s.x[:n*m.Width], s.h)
}

// remember turns the query and the key of token t of the step and puts the key
// and the value into the cache.
func (s *Session) remember(i, t int, at place) {
	m, l := s.m, &s.m.layers[i]
	queries, shared, pairs := m.Heads*m.HeadWidth, m.KVHeads*m.HeadWidth, m.HeadWidth/2
	query, key := s.query[t*queries:(t+1)*queries], s.key[t*shared:(t+1)*shared]
	if l.queryNorm != nil {
		normHeads(query, l.queryNorm, m.Epsilon)
		normHeads(key, l.keyNorm, m.Epsilon)
	}
	sin, cos := s.sin[t*pairs:(t+1)*pairs], s.cos[t*pairs:(t+1)*pairs]
	m.Rope.rotate(query, m.HeadWidth, sin, cos)
	m.Rope.rotate(key, m.HeadWidth, sin, cos)
	row := (at.slot*s.length + at.position) * shared
	matrix.Halves(s.keys[i][row:], key)
	matrix.Halves(s.values[i][row:], s.value[t*shared:(t+1)*shared])
}

// normHeads norms each head of v.
func normHeads(v, weight []float32, epsilon float32) {
	for ; len(v) > 0; v = v[len(weight):] {
		matrix.Norm(v[:len(weight)], v[:len(weight)], weight, epsilon)
	}
}

// mix sets one head of token t of the step to the values of its text, weighted by
// how well their keys answer the query.
func (s *Session) mix(i, t, head int, at place, scores []float32) {
	m := s.m
	shared := m.KVHeads * m.HeadWidth
	from := t*m.Heads*m.HeadWidth + head*m.HeadWidth
	first := at.slot*s.length*shared + head/(m.Heads/m.KVHeads)*m.HeadWidth
	scores = scores[:at.position+1]
	query, mixed := s.query[from:from+m.HeadWidth], s.mixed[from:from+m.HeadWidth]
	scale := float32(1 / math.Sqrt(float64(m.HeadWidth)))
	matrix.Scores(scores, query, s.keys[i][first:], shared)
	for j := range scores {
		scores[j] *= scale
	}
	matrix.Softmax(scores)
	clear(mixed)
	matrix.Mix(mixed, scores, s.values[i][first:], shared)
}

// feedForward adds the SwiGLU layer to x.
func (s *Session) feedForward(l *layer, n int) {
	m := s.m
	s.normed(l.ffnNorm, n)
	matrix.Multiply(s.pool, s.gate, &l.gate, &s.in)
	matrix.Multiply(s.pool, s.up, &l.up, &s.in)
	s.pool.Run(n, func(first, last int) {
		matrix.Gate(s.gate[first*m.FFN:last*m.FFN], s.up[first*m.FFN:last*m.FFN])
	})
	s.in.Set(s.gate, n, m.FFN)
	matrix.Multiply(s.pool, s.h, &l.down, &s.in)
	matrix.Add(s.x[:n*m.Width], s.h)
}
