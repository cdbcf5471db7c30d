// Package sampler picks the next token from a model's logits, the same on every
// machine: its own generator, its own exponential, and no order that depends on
// the runtime.
package sampler

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/rerig/rerig/engine/exact"
)

// Options say how to pick.
type Options struct {
	Temp float64 // 0 picks the best token; higher is more surprising; at most 10
	TopK int     // only the best so many tokens; 0 for all
	TopP float64 // only the best tokens that together have this probability, (0, 1]
	Seed uint64  // of the generator
}

// Sampler picks tokens. It is not safe for concurrent use.
type Sampler struct {
	Options
	state uint64
	order []candidate
}

// candidate is a token with its logit, later its probability.
type candidate struct {
	token int
	logit float32
	p     float64
}

// New checks the options and seeds the generator.
func New(o Options) (*Sampler, error) {
	if !(o.Temp >= 0 && o.Temp <= 10) {
		return nil, fmt.Errorf("temp %v is outside 0 to 10", o.Temp)
	}
	if o.TopK < 0 {
		return nil, fmt.Errorf("top-k %d is negative; use 0 for all tokens", o.TopK)
	}
	if !(o.TopP > 0 && o.TopP <= 1) {
		return nil, fmt.Errorf("top-p %v is outside 0 (excluded) to 1", o.TopP)
	}
	s := &Sampler{Options: o}
	s.next()
	s.state += o.Seed
	s.next()
	return s, nil
}

// Pick returns the next token. Of equal logits the lower token wins.
func (s *Sampler) Pick(logits []float32) int {
	if s.Temp == 0 {
		best := 0
		for i, l := range logits {
			if l > logits[best] {
				best = i
			}
		}
		return best
	}
	s.order = s.order[:0]
	for i, l := range logits {
		s.order = append(s.order, candidate{token: i, logit: l})
	}
	slices.SortFunc(s.order, func(a, b candidate) int {
		switch {
		case a.logit > b.logit:
			return -1
		case a.logit < b.logit:
			return 1
		}
		return a.token - b.token
	})
	if s.TopK > 0 && s.TopK < len(s.order) {
		s.order = s.order[:s.TopK]
	}
	return s.draw()
}

// draw narrows the sorted candidates to TopP and draws one by its probability.
func (s *Sampler) draw() int {
	total := 0.0
	for i := range s.order {
		c := &s.order[i]
		c.p = exact.Exp(float64(c.logit-s.order[0].logit) / s.Temp)
		total += c.p
	}
	kept, limit := 0.0, float64(s.TopP*total)
	for i, c := range s.order {
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
