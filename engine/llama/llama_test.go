package llama

import (
	"bytes"
	"slices"
	"testing"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/tokenizer"
	"github.com/rerig/rerig/models/jargon"
)

// jargonModel loads the model of the repository.
func jargonModel(t testing.TB) (*Model, *tokenizer.Tokenizer) {
	t.Helper()
	f, err := gguf.Read(bytes.NewReader(jargon.GGUF()), int64(len(jargon.GGUF())))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m, tokens
}

func newSession(t testing.TB, m *Model, threads, slots int) *Session {
	t.Helper()
	pool := matrix.NewPool(threads)
	t.Cleanup(pool.Close)
	s, err := m.NewSession(pool, slots, m.Context)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step computes spans that must be fine and copies the scores.
func step(t testing.TB, s *Session, spans ...Span) [][]float32 {
	t.Helper()
	logits, err := s.Step(spans)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(logits))
	for i := range logits {
		out[i] = slices.Clone(logits[i])
	}
	return out
}

// TestTextsDoNotDependOnTheirNeighbours reads two texts together, in parts, with
// four threads, and one of them alone at once: the scores have the same bits.
func TestTextsDoNotDependOnTheirNeighbours(t *testing.T) {
	m, tokens := jargonModel(t)
	first, second := tokens.Encode("A hacker is a person who"), tokens.Encode("The Unix DEC was available at the")
	alone := step(t, newSession(t, m, 1, 1), Span{Tokens: first, Logits: true})[0]
	s := newSession(t, m, 4, 3)
	step(t, s, Span{Slot: 2, Tokens: first[:3]}, Span{Slot: 0, Tokens: second[:5]})
	together := step(t, s, Span{Slot: 0, Position: 5, Tokens: second[5:], Logits: true}, Span{Slot: 2, Position: 3, Tokens: first[3:], Logits: true})
	if !slices.Equal(alone, together[1]) {
		t.Error("a text gives other scores beside another text than alone")
	}
	s.Copy(1, 2, len(first)-1)
	again := step(t, s, Span{Slot: 1, Position: len(first) - 1, Tokens: first[len(first)-1:], Logits: true})[0]
	if !slices.Equal(alone, again) {
		t.Error("a copied beginning gives other scores")
	}
}

func TestStepsThatDoNotFitAreRefused(t *testing.T) {
	m, _ := jargonModel(t)
	s := newSession(t, m, 1, 2)
	long := make([]int, MaxStep+1)
	for name, span := range map[string]Span{
		"slot":     {Slot: 2, Tokens: []int{1}},
		"position": {Position: m.Context, Tokens: []int{1}},
		"empty":    {},
		"token":    {Tokens: []int{m.Vocab}},
		"negative": {Tokens: []int{-1}},
		"long":     {Tokens: long},
	} {
		if _, err := s.Step([]Span{span}); err == nil {
			t.Errorf("%s: a wrong span is accepted", name)
		}
	}
	if _, err := m.NewSession(s.pool, 1, m.Context+1); err == nil {
		t.Error("a text beyond the model's context is accepted")
	}
}

// BenchmarkToken measures one text being continued by the Jargon model.
func BenchmarkToken(b *testing.B) {
	m, tokens := jargonModel(b)
	s := newSession(b, m, 1, 1)
	prompt := tokens.Encode("A hacker is")
	step(b, s, Span{Tokens: prompt})
	position := len(prompt)
	for b.Loop() {
		if position == m.Context {
			position = len(prompt)
		}
		step(b, s, Span{Position: position, Tokens: []int{300}, Logits: true})
		position++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
