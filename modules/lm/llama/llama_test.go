package llama

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// numbers returns n small numbers that differ, the same every time.
func numbers(n int, seed uint32) []float32 {
	out := make([]float32, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = float32(int32(seed)>>16) / (1 << 16)
	}
	return out
}

// small is a model of one layer with made-up weights; its four heads share two
// keys and values.
func small() *Model {
	c := Config{Layers: 1, Width: 16, FFN: 24, Vocab: 10, Heads: 4, KVHeads: 2, HeadWidth: 4, RopeDims: 4, Context: 8, Epsilon: 1e-5, RopeBase: 10000}
	m := &Model{Config: c, turns: turns(c)}
	m.embedding, m.output, m.outputNorm = numbers(160, 1), numbers(160, 2), numbers(16, 3)
	m.layers = []layer{{
		attnNorm: numbers(16, 4), query: numbers(256, 5), key: numbers(128, 6), value: numbers(128, 7), attnOutput: numbers(256, 8),
		ffnNorm: numbers(16, 9), gate: numbers(384, 10), up: numbers(384, 11), down: numbers(384, 12),
	}}
	return m
}

// logits feeds tokens to a new state and returns what it then predicts.
func logits(t *testing.T, m *Model, tokens ...int) []float32 {
	t.Helper()
	s, err := m.NewState(len(tokens))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if err := s.Feed(token); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Clone(s.Logits())
}

func TestSharedKeysEqualRepeatedKeys(t *testing.T) {
	shared, repeated := small(), small()
	repeated.KVHeads = 4
	l := &repeated.layers[0]
	double := func(rows []float32) []float32 {
		first, second := rows[:64], rows[64:] // four rows of 16 for each head
		return slices.Concat(first, first, second, second)
	}
	l.key, l.value = double(l.key), double(l.value)
	got, want := logits(t, shared, 1, 2, 3, 2), logits(t, repeated, 1, 2, 3, 2)
	if !slices.Equal(got, want) {
		t.Errorf("shared keys give %v, repeated ones %v", got, want)
	}
}

func TestOrderOfTheTextMatters(t *testing.T) {
	if slices.Equal(logits(t, small(), 1, 2, 3), logits(t, small(), 2, 1, 3)) {
		t.Error("two texts with other positions give the same logits")
	}
}

func TestLimitsOfAText(t *testing.T) {
	m := small()
	_, long := m.NewState(9)
	s, err := m.NewState(1)
	if err != nil {
		t.Fatal(err)
	}
	outside := s.Feed(10)
	if err := s.Feed(0); err != nil {
		t.Fatal(err)
	}
	full := s.Feed(0)
	m.Layers = 1 << 26
	_, cache := m.NewState(8)
	for want, err := range map[string]error{
		"9 tokens does not fit the model's context of 8": long,
		"token 10 is outside the vocabulary of 10":       outside,
		"the text is full at 1 tokens":                   full,
		"exceeds the limit of 268435456 numbers":         cache,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestDotOfEveryLength(t *testing.T) {
	for n := range 70 {
		a, b := numbers(n, 1), numbers(n, 2)
		want := 0.0
		for i := range a {
			want += float64(a[i]) * float64(b[i])
		}
		if got := dot(a, b); math.Abs(float64(got)-want) > 1e-5 {
			t.Errorf("dot of %d numbers is %v, want %v", n, got, want)
		}
	}
}

func BenchmarkMultiply(b *testing.B) {
	rows, x, out := make([]float32, 768*256), make([]float32, 256), make([]float32, 768)
	b.SetBytes(int64(4 * len(rows)))
	for b.Loop() {
		multiply(out, rows, x)
	}
}
