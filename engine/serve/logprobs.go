package serve

import (
	"math"
	"strings"

	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/sampler"
)

// leastLogProb stands for probabilities that are 0, which JSON has no logarithm of.
const leastLogProb = -9999

// chatLogProbs are the probabilities of tokens in the form of chat completions.
type chatLogProbs struct {
	Content []tokenLogProb `json:"content"`
}

// tokenLogProb is a token and its probability, with the most probable others.
type tokenLogProb struct {
	Token   string          `json:"token"`
	LogProb float64         `json:"logprob"`
	Bytes   []int           `json:"bytes"`
	Top     *[]tokenLogProb `json:"top_logprobs,omitempty"`
}

// finite keeps a logarithm within what JSON can say.
func finite(v float64) float64 {
	if math.IsNaN(v) || v < leastLogProb {
		return leastLogProb
	}
	return v
}

// logProb spells a token.
func (s *server) logProb(p sampler.LogProb) tokenLogProb {
	text := s.tokens.Text(p.Token)
	bytes := make([]int, len(text))
	for i, b := range text {
		bytes[i] = int(b)
	}
	return tokenLogProb{Token: strings.ToValidUTF8(string(text), "\ufffd"), LogProb: finite(p.Value), Bytes: bytes}
}

// add appends a token; nil is an empty list.
func (c *chatLogProbs) add(s *server, token batch.Token) *chatLogProbs {
	if c == nil {
		c = &chatLogProbs{}
	}
	item, top := s.logProb(token.LogProb), []tokenLogProb{}
	for _, p := range token.Top {
		top = append(top, s.logProb(p))
	}
	item.Top = &top
	c.Content = append(c.Content, item)
	return c
}
