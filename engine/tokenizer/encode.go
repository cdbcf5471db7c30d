package tokenizer

import (
	"slices"
	"strings"
)

// Part is a piece of a prompt: a text, or the name of a control token.
type Part struct {
	Text    string
	Control bool
}

// Encode returns the tokens of a text, beginning with BOS where the model wants
// it. Text never becomes a control token.
func (t *Tokenizer) Encode(text string) []int {
	return t.EncodeParts([]Part{{Text: text}})
}

// EncodeParts returns the tokens of texts and control tokens in turn, beginning
// with BOS where the model wants it and the parts do not say it. A control token
// that the model lacks is encoded as text.
func (t *Tokenizer) EncodeParts(parts []Part) []int {
	var tokens []int
	if t.addBOS {
		tokens = append(tokens, t.BOS)
	}
	first := true
	var text strings.Builder // texts that lie side by side are one
	flush := func() {
		tokens = t.text(tokens, text.String(), &first)
		text.Reset()
	}
	for i, part := range parts {
		token, ok := t.names[part.Text]
		if !part.Control || !ok {
			text.WriteString(part.Text)
			continue
		}
		flush()
		if said := i == 0 && t.addBOS && token == t.BOS; !said {
			tokens = append(tokens, token)
		}
		first = true
	}
	flush()
	return tokens
}

// text appends the tokens of a text: its user-defined tokens wherever they stand,
// longer ones before shorter ones, and what lies between encoded.
func (t *Tokenizer) text(tokens []int, text string, first *bool) []int {
	for _, fragment := range t.fragments(text) {
		if fragment.token >= 0 {
			tokens, *first = append(tokens, fragment.token), true
			continue
		}
		tokens, *first = t.encoder.encode(tokens, fragment.text, *first), false
	}
	return tokens
}

// fragments cuts a text at its user-defined tokens; token is -1 for what lies
// between.
func (t *Tokenizer) fragments(text string) []named {
	var fragments []named
	if text != "" {
		fragments = []named{{text, -1}}
	}
	for _, w := range t.whole {
		if !strings.Contains(text, w.text) {
			continue
		}
		var cut []named
		for _, f := range fragments {
			for f.token < 0 {
				before, after, found := strings.Cut(f.text, w.text)
				if !found {
					break
				}
				if before != "" {
					cut = append(cut, named{before, -1})
				}
				cut = append(cut, w)
				f.text = after
			}
			if f.text != "" {
				cut = append(cut, f)
			}
		}
		fragments = cut
	}
	return fragments
}

// sortLongestFirst orders tokens by the length of their texts, equal ones as they
// were.
func sortLongestFirst(tokens []named) {
	slices.SortStableFunc(tokens, func(a, b named) int { return len(b.text) - len(a.text) })
}
