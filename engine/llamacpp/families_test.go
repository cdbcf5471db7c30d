package llamacpp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bytePairs trains a byte-level vocabulary on a text: 256 bytes, some merges, and
// two control tokens. It is the header of a model that uses it.
func bytePairs(pre, text string, merges int) []Entry {
	spelled := map[byte]string{}
	next := rune(0x100)
	var pieces []string
	for b := range 256 {
		r := rune(b)
		if r < '!' || r > '~' && r < 0xa1 || r == 0xad {
			r, next = next, next+1
		}
		spelled[byte(b)] = string(r)
		pieces = append(pieces, string(r))
	}
	var words [][]string
	for _, word := range strings.SplitAfter(text, " ") {
		var symbols []string
		for _, b := range []byte(" " + strings.TrimSpace(word)) {
			symbols = append(symbols, spelled[b])
		}
		words = append(words, symbols)
	}
	var ranked []string
	for range merges {
		counts := map[[2]string]int{}
		var best [2]string
		for _, w := range words {
			for i := range len(w) - 1 {
				pair := [2]string{w[i], w[i+1]}
				counts[pair]++
				if c := counts[pair]; c > counts[best] || c == counts[best] && pair[0]+pair[1] < best[0]+best[1] {
					best = pair
				}
			}
		}
		for k, w := range words {
			var joined []string
			for i := 0; i < len(w); i++ {
				if i+1 < len(w) && w[i] == best[0] && w[i+1] == best[1] {
					joined = append(joined, w[i]+w[i+1])
					i++
				} else {
					joined = append(joined, w[i])
				}
			}
			words[k] = joined
		}
		ranked = append(ranked, best[0]+" "+best[1])
		pieces = append(pieces, best[0]+best[1])
	}
	types := make([]int32, 0, len(pieces)+2)
	for range pieces {
		types = append(types, 1)
	}
	pieces, types = append(pieces, "<|begin|>", "<|end|>"), append(types, 3, 3)
	return []Entry{
		{"tokenizer.ggml.model", "gpt2"}, {"tokenizer.ggml.pre", pre},
		{"tokenizer.ggml.tokens", pieces}, {"tokenizer.ggml.token_type", types}, {"tokenizer.ggml.merges", ranked},
		{"tokenizer.ggml.bos_token_id", uint32(len(pieces) - 2)}, {"tokenizer.ggml.eos_token_id", uint32(len(pieces) - 1)},
	}
}

// vocabulary is how many pieces a header has.
func vocabulary(header []Entry) int {
	for _, e := range header {
		if e.Key == "tokenizer.ggml.tokens" {
			return len(e.Value.([]string))
		}
	}
	return 0
}

// trainingText is what the vocabularies of these tests are trained on.
func trainingText(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../models/jargon/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw) + strings.Join(corpus, " ")
}

// TestTokensEqualLlamaCpp compares every kind of tokenizer on texts of many
// scripts.
func TestTokensEqualLlamaCpp(t *testing.T) {
	t.Parallel()
	r := reference(t)
	paths := map[string]string{"llama": jargonFile(t)}
	text := trainingText(t)
	for _, pre := range []string{"llama-bpe", "qwen2", "gpt-2", "smollm"} {
		header := bytePairs(pre, text, 400)
		paths[pre] = filepath.Join(t.TempDir(), "model.gguf")
		s := Shape{Family: "llama", Layers: 1, Width: 32, FFN: 32, Heads: 2, Shared: 2, Context: 64, Header: header, Vocab: vocabulary(header)}
		if err := s.Write(paths[pre]); err != nil {
			t.Fatal(err)
		}
	}
	texts := append([]string{text}, corpus...)
	var names []string
	var questions []Question
	var answers []any
	for name, path := range paths {
		names, questions, answers = append(names, name), append(questions, Question{Kind: "tokenize", Model: path, Texts: texts}), append(answers, new([][]int))
	}
	if err := r.Ask(t.Context(), questions, answers...); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) { equal(t, load(t, paths[name]), texts, *answers[i].(*[][]int)) })
	}
}

// TestFamiliesEqualLlamaCpp compares models with random weights of every shape
// that the families have.
func TestFamiliesEqualLlamaCpp(t *testing.T) {
	t.Parallel()
	r := reference(t)
	header := bytePairs("llama-bpe", trainingText(t), 100)
	base := Shape{Family: "llama", Layers: 2, Width: 128, FFN: 192, Heads: 4, Shared: 4, Context: 512, Header: header, Vocab: vocabulary(header), Seed: 7}
	with := func(change func(*Shape)) Shape {
		s := base
		s.Header = append([]Entry{}, header...)
		change(&s)
		return s
	}
	stretched := func(kind string, extra ...Entry) func(*Shape) {
		return func(s *Shape) {
			s.Header = append(s.Header, Entry{"llama.rope.scaling.type", kind}, Entry{"llama.rope.scaling.factor", float32(4)})
			s.Header = append(s.Header, extra...)
		}
	}
	shapes := map[string]Shape{
		"llama":           base,
		"grouped queries": with(func(s *Shape) { s.Shared = 2 }),
		"tied":            with(func(s *Shape) { s.Tied = true }),
		"rope factors":    with(func(s *Shape) { s.RopeFactors = true }),
		"linear rope":     with(stretched("linear")),
		"yarn":            with(stretched("yarn", Entry{"llama.rope.scaling.original_context_length", uint32(128)})),
		"qwen2":           with(func(s *Shape) { s.Family, s.Shared = "qwen2", 2 }),
		"qwen3":           with(func(s *Shape) { s.Family, s.Shared = "qwen3", 1 }),
	}
	prompt := make([]int, 90) // long enough for positions to matter
	for i := range prompt {
		prompt[i] = i * 37 % base.Vocab
	}
	var names []string
	var questions []Question
	var answers []any
	for name, s := range shapes {
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := s.Write(path); err != nil {
			t.Fatal(err)
		}
		names, questions, answers = append(names, name), append(questions, Question{Kind: "follow", Model: path, Prompts: [][]int{prompt}, Length: 40}), append(answers, new([]Text))
	}
	if err := r.Ask(t.Context(), questions, answers...); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) { followed(t, questions[i], *answers[i].(*[]Text), 0.01) })
	}
}
