package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// splitter cuts a text into words before their bytes are merged, as the regular
// expression behind a name of tokenizer.ggml.pre does.
type splitter struct {
	first  func(text string) int
	direct bool // words that are tokens are not merged
	addBOS bool // unless the header says otherwise
}

var (
	llama3 = splitter{first: func(text string) int { return modernWord(text, 3) }, direct: true, addBOS: true}
	qwen2  = splitter{first: func(text string) int { return modernWord(text, 1) }}
	gpt2   = splitter{first: func(text string) int { return classicWord(text, false) }}
	smollm = splitter{first: func(text string) int { return classicWord(text, true) }}
)

// splitters are the names that are known.
var splitters = map[string]splitter{
	"llama3": llama3, "llama-v3": llama3, "llama-bpe": llama3, "falcon3": llama3,
	"qwen2": qwen2, "deepseek-r1-qwen": qwen2,
	"gpt-2": gpt2, "phi-2": gpt2, "smollm": smollm,
}

// splitterNames lists the names for an error.
func splitterNames() string {
	var names []string
	for name := range splitters {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// at returns the character at a position, -1 at the end.
func at(text string, i int) (rune, int) {
	if i >= len(text) {
		return -1, 0
	}
	return utf8.DecodeRuneInString(text[i:])
}

// run returns the end of the characters from i on that fit.
func run(text string, i int, fits func(rune) bool) int {
	for i < len(text) {
		r, n := at(text, i)
		if !fits(r) {
			break
		}
		i += n
	}
	return i
}

func isNewline(r rune) bool { return r == '\r' || r == '\n' }

// isOther is neither space, letter nor number: [^\s\p{L}\p{N}].
func isOther(r rune) bool {
	return r >= 0 && !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r)
}

// contraction returns the length of 's, 't, 're, 've, 'm, 'll or 'd at the
// beginning, else 0.
func contraction(text string, fold bool) int {
	for _, c := range []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"} {
		if strings.HasPrefix(text, c) || fold && len(text) >= len(c) && strings.EqualFold(text[:len(c)], c) {
			return len(c)
		}
	}
	return 0
}

// modernWord is the expression of Llama 3 (digits 3) and Qwen 2 (digits 1):
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//	 ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
func modernWord(text string, digits int) int {
	if n := contraction(text, true); n > 0 {
		return n
	}
	r, n := at(text, 0)
	next, _ := at(text, n)
	switch {
	case unicode.IsLetter(r), !isNewline(r) && !unicode.IsNumber(r) && unicode.IsLetter(next):
		return run(text, n, unicode.IsLetter)
	case unicode.IsNumber(r):
		end := n
		for i := 1; i < digits; i++ {
			r, n := at(text, end)
			if !unicode.IsNumber(r) {
				break
			}
			end += n
		}
		return end
	case isOther(r), r == ' ' && isOther(next):
		return run(text, run(text, n, isOther), isNewline)
	}
	spaces := run(text, 0, unicode.IsSpace)
	if i := strings.LastIndexAny(text[:spaces], "\r\n"); i >= 0 {
		return i + 1
	}
	return trailing(text, spaces)
}

// classicWord is the expression of GPT-2:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// With single digits, each number is a word of its own before the rest is looked
// at.
func classicWord(text string, single bool) int {
	if n := contraction(text, false); n > 0 {
		return n
	}
	r, n := at(text, 0)
	if single && unicode.IsNumber(r) {
		return n
	}
	if r == ' ' && n < len(text) {
		next, _ := at(text, n)
		if apart := unicode.IsSpace(next) || single && unicode.IsNumber(next); !apart {
			r = next
		}
	}
	begin := 0
	if text[0] == ' ' && r != ' ' {
		begin = 1
	}
	for _, class := range []func(rune) bool{unicode.IsLetter, unicode.IsNumber, isOther} {
		if class(r) {
			return run(text, begin, class)
		}
	}
	spaces := run(text, 0, unicode.IsSpace)
	if next, _ := at(text, spaces); single && unicode.IsNumber(next) {
		return spaces // the text was cut before the number already
	}
	return trailing(text, spaces)
}

// trailing leaves the last of several spaces to the word that follows them.
func trailing(text string, spaces int) int {
	_, last := utf8.DecodeLastRuneInString(text[:spaces])
	if spaces < len(text) && spaces > last {
		return spaces - last
	}
	return spaces
}
