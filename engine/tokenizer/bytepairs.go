package tokenizer

import (
	"fmt"
	"strings"

	"github.com/rerig/rerig/engine/gguf"
)

// bytePairs is the byte-level kind: a text is cut into words, and the bytes of a
// word are merged pair by pair, in the order that training found them.
type bytePairs struct {
	words  func(text string) int // length of the first word
	merges map[[2]int32]merge
	ids    map[string]int // by their bytes
	bytes  [256]int
	direct bool // a word that is a token is taken as it is
}

// merge is what a pair becomes, and when.
type merge struct{ rank, token int32 }

// loadPairs reads the merges and fills the texts.
func loadPairs(f *gguf.File, t *Tokenizer, list []string, types []int64) (*bytePairs, error) {
	pre, err := f.Text("tokenizer.ggml.pre")
	if err != nil {
		return nil, fmt.Errorf("%w; convert the model with a current llama.cpp", err)
	}
	words, ok := splitters[pre]
	if !ok {
		return nil, fmt.Errorf("tokenizer: tokenizer.ggml.pre %q is not supported, want one of %s", pre, splitterNames())
	}
	b := &bytePairs{words: words.first, ids: make(map[string]int, len(list)), direct: words.direct}
	t.addBOS = words.addBOS
	t.BOS, t.EOS = min(11, len(list)-1), min(11, len(list)-1)
	for id, piece := range list {
		if types[id] != typeNormal {
			continue
		}
		raw, ok := unmask(piece)
		if !ok {
			return nil, fmt.Errorf("tokenizer: piece %d %q is not spelled in byte-level characters", id, piece)
		}
		if _, twice := b.ids[raw]; !twice {
			b.ids[raw] = id
		}
		t.texts[id] = []byte(raw)
	}
	for i := range b.bytes {
		id, ok := b.ids[string([]byte{byte(i)})]
		if !ok {
			return nil, fmt.Errorf("tokenizer: the byte %#02x has no piece", i)
		}
		b.bytes[i] = id
	}
	return b, b.loadMerges(f)
}

// loadMerges reads the pairs; a pair of parts, or with a result, that are no
// pieces can never be made and is left out.
func (b *bytePairs) loadMerges(f *gguf.File) error {
	list, err := f.Texts("tokenizer.ggml.merges")
	if err != nil {
		return err
	}
	b.merges = make(map[[2]int32]merge, len(list))
	for rank, text := range list {
		if text == "" {
			return fmt.Errorf("tokenizer: merge %d is empty", rank)
		}
		cut := strings.IndexByte(text[1:], ' ') + 1
		if cut < 1 {
			return fmt.Errorf("tokenizer: merge %d %q is not two parts", rank, text)
		}
		left, okLeft := unmask(text[:cut])
		right, okRight := unmask(text[cut+1:])
		if !okLeft || !okRight {
			return fmt.Errorf("tokenizer: merge %d %q is not spelled in byte-level characters", rank, text)
		}
		l, okLeft := b.ids[left]
		r, okRight := b.ids[right]
		whole, okWhole := b.ids[left+right]
		if !okLeft || !okRight || !okWhole {
			continue
		}
		key := [2]int32{int32(l), int32(r)}
		if _, twice := b.merges[key]; !twice {
			b.merges[key] = merge{int32(rank), int32(whole)}
		}
	}
	return nil
}

func (b *bytePairs) encode(tokens []int, text string, _ bool) []int {
	for len(text) > 0 {
		n := b.words(text)
		tokens = b.word(tokens, text[:n])
		text = text[n:]
	}
	return tokens
}

// word appends the tokens of one word.
func (b *bytePairs) word(tokens []int, word string) []int {
	if id, ok := b.ids[word]; ok && (b.direct || len(word) == 1) {
		return append(tokens, id)
	}
	symbols := make([]symbol, len(word))
	for i := range symbols {
		symbols[i] = symbol{from: i, size: 1, token: b.bytes[word[i]]}
	}
	link(symbols)
	join(symbols, func(left, right symbol) (int, float64, bool) {
		m, ok := b.merges[[2]int32{int32(left.token), int32(right.token)}]
		return int(m.token), float64(m.rank), ok
	})
	for _, s := range symbols {
		if s.size > 0 {
			tokens = append(tokens, s.token)
		}
	}
	return tokens
}

// unmask turns the characters that byte-level vocabularies spell bytes with back
// into bytes: printable Latin-1 stands for itself, the others begin at U+0100 in
// their order (Radford et al. 2019, encoder of GPT-2).
func unmask(piece string) (string, bool) {
	var out strings.Builder
	for _, r := range piece {
		b, ok := masked[r]
		if !ok {
			return "", false
		}
		out.WriteByte(b)
	}
	return out.String(), true
}

// masked is the byte behind each character.
var masked = func() map[rune]byte {
	table, next := map[rune]byte{}, rune(0x100)
	for b := range 256 {
		r := rune(b)
		if r < '!' || r > '~' && r < 0xa1 || r == 0xad {
			r, next = next, next+1
		}
		table[r] = byte(b)
	}
	return table
}()
