// Package sampler picks the next token from a model's logits, the same on every
// machine: its own generator, its own exponential, and no order that depends on
// the runtime. The steps and their order: penalties, temperature, top-k, top-p,
// min-p, draw. Begin with [New].
package sampler

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/rerig/rerig/engine/exact"
)

// Options say how to pick. The penalties look at the last [Window] tokens of the
// text ([Sampler.Accept]).
type Options struct {
	Temp      float64 // 0 picks the best token; higher is more surprising; at most 10
	TopK      int     // only the best so many tokens; 0 for all
	TopP      float64 // only the best tokens that together have this probability, (0, 1]
	MinP      float64 // only tokens at least this probable relative to the best, [0, 1]
	Seed      uint64  // of the generator
	Repeat    float64 // scores of tokens seen are divided by it, negative ones multiplied, (0, 2]; 0 and 1 for none
	Frequency float64 // taken from a score for each time the token was seen, [-2, 2]
	Presence  float64 // taken from the score of every token seen, [-2, 2]
}

// Window is how many tokens back the penalties look.
const Window = 256

// negligible is how far below the best, in units of the temperature, a token's
// logit may be to be drawn: its weight is then 4e-18 of the best's, which no
// generator of 32 bits can hit.
const negligible = 40

// maxInsert is the largest TopK that is selected by insertion.
const maxInsert = 256

// Sampler picks tokens. It is not safe for concurrent use.
type Sampler struct {
	Options
	state    uint64
	order    []candidate
	seen     map[int]int // tokens of the window with their count
	window   []int
	adjusted []float32
}

// candidate is a token with its logit, later its probability.
type candidate struct {
	token int
	logit float32
	p     float64
}

// before orders candidates: the best first, the lower token of equals.
func before(a, b candidate) int {
	switch {
	case a.logit > b.logit:
		return -1
	case a.logit < b.logit:
		return 1
	}
	return a.token - b.token
}

// New checks the options and seeds the generator.
func New(o Options) (*Sampler, error) {
	for _, c := range []struct {
		ok   bool
		want string
		got  any
	}{
		{o.Temp >= 0 && o.Temp <= 10, "temp %v is outside 0 to 10", o.Temp},
		{o.TopK >= 0, "top-k %v is negative; use 0 for all tokens", o.TopK},
		{o.TopP > 0 && o.TopP <= 1, "top-p %v is outside 0 (excluded) to 1", o.TopP},
		{o.MinP >= 0 && o.MinP <= 1, "min-p %v is outside 0 to 1", o.MinP},
		{o.Repeat >= 0 && o.Repeat <= 2, "repetition penalty %v is outside 0 to 2", o.Repeat},
		{o.Frequency >= -2 && o.Frequency <= 2, "frequency penalty %v is outside -2 to 2", o.Frequency},
		{o.Presence >= -2 && o.Presence <= 2, "presence penalty %v is outside -2 to 2", o.Presence},
	} {
		if !c.ok {
			return nil, fmt.Errorf(c.want, c.got)
		}
	}
	s := &Sampler{Options: o}
	s.next()
	s.state += o.Seed
	s.next()
	return s, nil
}

// penalises reports whether the penalties change anything.
func (s *Sampler) penalises() bool {
	return s.Repeat != 0 && s.Repeat != 1 || s.Frequency != 0 || s.Presence != 0
}

// Accept tells the sampler a token of the text, for the penalties.
func (s *Sampler) Accept(token int) {
	if !s.penalises() {
		return
	}
	if s.seen == nil {
		s.seen = map[int]int{}
	}
	if len(s.window) == Window {
		oldest := s.window[0]
		if s.seen[oldest]--; s.seen[oldest] == 0 {
			delete(s.seen, oldest)
		}
		s.window = slices.Delete(s.window, 0, 1)
	}
	s.window = append(s.window, token)
	s.seen[token]++
}

// Skip is as if n tokens had been picked: a text begun elsewhere with these options goes on
// as it would have gone on there.
func (s *Sampler) Skip(n int) {
	for i := 0; i < n && s.Temp != 0; i++ {
		s.next()
	}
}

// Pick returns the next token. Of equal logits the lower token wins.
func (s *Sampler) Pick(logits []float32) int {
	logits = s.penalised(logits)
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	if s.Temp == 0 {
		return best
	}
	s.gather(logits, logits[best])
	return s.draw()
}

// penalised returns the logits with the penalties applied.
func (s *Sampler) penalised(logits []float32) []float32 {
	if len(s.seen) == 0 {
		return logits
	}
	s.adjusted = append(s.adjusted[:0], logits...)
	for token, count := range s.seen {
		l := float64(s.adjusted[token])
		if s.Repeat != 0 && l > 0 {
			l /= s.Repeat
		} else if s.Repeat != 0 {
			l = float64(l * s.Repeat)
		}
		s.adjusted[token] = float32(l - float64(float64(count)*s.Frequency) - s.Presence)
	}
	return s.adjusted
}

// gather puts the TopK candidates in order, those whose weight is negligible left
// out.
func (s *Sampler) gather(logits []float32, best float32) {
	s.order = s.order[:0]
	least := float64(best) - float64(negligible*s.Temp)
	insert := s.TopK > 0 && s.TopK <= maxInsert
	for i, l := range logits {
		c := candidate{token: i, logit: l}
		switch {
		case float64(l) < least:
		case !insert:
			s.order = append(s.order, c)
		case len(s.order) < s.TopK || before(c, s.order[len(s.order)-1]) < 0:
			if len(s.order) == s.TopK {
				s.order = s.order[:s.TopK-1]
			}
			at, _ := slices.BinarySearchFunc(s.order, c, before)
			s.order = slices.Insert(s.order, at, c)
		}
	}
	if !insert {
		slices.SortFunc(s.order, before)
		if s.TopK > 0 && s.TopK < len(s.order) {
			s.order = s.order[:s.TopK]
		}
	}
}

// draw narrows the sorted candidates to TopP and MinP and draws one by its
// probability.
func (s *Sampler) draw() int {
	total := 0.0
	for i := range s.order {
		c := &s.order[i]
		c.p = exact.Exp(float64(c.logit-s.order[0].logit) / s.Temp)
		total += c.p
	}
	kept, limit := 0.0, float64(s.TopP*total)
	for i, c := range s.order {
		if c.p < s.MinP {
			s.order = s.order[:i]
			break
		}
		kept += c.p
		if kept >= limit {
			s.order = s.order[:i+1]
			break
		}
	}
	at := float64(s.unit() * kept)
	for _, c := range s.order {
		at -= c.p
		if at < 0 {
			return c.token
		}
	}
	return s.order[len(s.order)-1].token
}

// next is PCG XSH RR 64/32 (O'Neill 2014).
func (s *Sampler) next() uint32 {
	old := s.state
	s.state = old*6364136223846793005 + 1442695040888963407
	return bits.RotateLeft32(uint32((old>>18^old)>>27), -int(old>>59))
}

// unit is uniform in [0, 1).
func (s *Sampler) unit() float64 { return float64(s.next()) / (1 << 32) }
