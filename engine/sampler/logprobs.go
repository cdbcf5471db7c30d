package sampler

import (
	"math"
	"slices"

	"github.com/rerig/rerig/engine/exact"
)

// LogProb is a token with the natural logarithm of its probability.
type LogProb struct {
	Token int
	Value float64
}

// LogProbs returns the logarithm of a token's probability by the model, before
// any penalty or temperature, and the n most probable tokens, best first.
func LogProbs(logits []float32, token, n int) (chosen LogProb, top []LogProb) {
	best := slices.Max(logits)
	sum := 0.0
	order := make([]candidate, 0, n+1)
	for i, l := range logits {
		sum += exact.Exp(float64(l - best))
		c := candidate{token: i, logit: l}
		if at, _ := slices.BinarySearchFunc(order, c, before); at < n {
			order = slices.Insert(order, at, c)
			order = order[:min(len(order), n)]
		}
	}
	shift := float64(best) + math.Log(sum)
	for _, c := range order {
		top = append(top, LogProb{c.token, float64(c.logit) - shift})
	}
	return LogProb{token, float64(logits[token]) - shift}, top
}
