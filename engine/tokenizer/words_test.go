package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// TestWords pins how the expressions cut; that llama.cpp cuts the same way is
// tested in engine/llamacpp.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		name, text string
		words      string // separated by bars
	}{
		{"llama-bpe", "I'LL pay $12345.67 now!\n\n  ok", "I|'LL| pay| $|123|45|.|67| now|!\n\n| | ok"},
		{"qwen2", "in 2024  x", "in| |2|0|2|4| | x"},
		{"gpt-2", "it's 2024  x_y \n", "it|'s| 2024| | x|_|y| \n"},
		{"smollm", "in 2024", "in| |2|0|2|4"},
		{"llama-bpe", "na\u00efve\t\u65e5\u672c\u00bd", "na\u00efve|\t\u65e5\u672c|\u00bd"},
	} {
		var got []string
		for rest := c.text; rest != ""; {
			n := splitters[c.name].first(rest)
			got, rest = append(got, rest[:n]), rest[n:]
		}
		if !slices.Equal(got, strings.Split(c.words, "|")) {
			t.Errorf("%s cuts %q into %q, want %q", c.name, c.text, got, c.words)
		}
	}
}

// FuzzWords checks that every expression cuts every text into words without end or
// gap.
func FuzzWords(f *testing.F) {
	f.Add("I'LL pay $12345.67 now!\n\n  ok \xff\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		for name, s := range splitters {
			for rest := text; rest != ""; {
				n := s.first(rest)
				if n < 1 || n > len(rest) {
					t.Fatalf("%s takes %d bytes of %q", name, n, rest)
				}
				rest = rest[n:]
			}
		}
	})
}
