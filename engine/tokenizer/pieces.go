package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rerig/rerig/engine/gguf"
)

// space is how a piece spells a space.
const space = "\u2581"

// pieces is the SentencePiece kind: characters are joined into pieces, best score
// first, and characters without a piece become bytes.
type pieces struct {
	ids         map[string]int // pieces that text may be split into
	scores      []float32
	bytes       [256]int
	spacePrefix bool
}

// loadPieces reads the scores and fills the texts.
func loadPieces(f *gguf.File, t *Tokenizer, list []string, types []int64) (*pieces, error) {
	p := &pieces{ids: make(map[string]int, len(list)), spacePrefix: true}
	var err error
	if p.scores, err = f.Floats("tokenizer.ggml.scores"); err != nil {
		return nil, err
	}
	if len(p.scores) != len(list) {
		return nil, fmt.Errorf("tokenizer: %d pieces with %d scores", len(list), len(p.scores))
	}
	if key := "tokenizer.ggml.add_space_prefix"; f.Has(key) {
		if p.spacePrefix, err = f.Bool(key); err != nil {
			return nil, err
		}
	}
	return p, p.index(t, list, types)
}

// index fills the tables from piece to token and back.
func (p *pieces) index(t *Tokenizer, list []string, types []int64) error {
	for i := range p.bytes {
		p.bytes[i] = -1
	}
	for id, piece := range list {
		switch types[id] {
		case typeByte:
			if len(piece) != len("<0x0A>") || piece[:3] != "<0x" || piece[5] != '>' {
				return fmt.Errorf("tokenizer: piece %d %q is not a byte such as <0x0A>", id, piece)
			}
			b, err := strconv.ParseUint(piece[3:5], 16, 8)
			if err != nil {
				return fmt.Errorf("tokenizer: piece %d %q is not a byte such as <0x0A>", id, piece)
			}
			p.bytes[b] = id
			t.texts[id] = []byte{byte(b)}
		case typeNormal, typeUserDefined:
			if _, twice := p.ids[piece]; !twice {
				p.ids[piece] = id
			}
			t.texts[id] = []byte(strings.ReplaceAll(piece, space, " "))
		}
	}
	for b, id := range p.bytes {
		if id < 0 {
			return fmt.Errorf("tokenizer: the byte piece <0x%02X> is missing", b)
		}
	}
	return nil
}

func (p *pieces) encode(tokens []int, text string, first bool) []int {
	if first && p.spacePrefix {
		text = " " + text
	}
	text = strings.ReplaceAll(text, " ", space)
	symbols := p.split(text)
	join(symbols, func(left, right symbol) (int, float64, bool) {
		id, ok := p.ids[text[left.from:right.from+right.size]]
		if !ok {
			return 0, 0, false
		}
		return id, -float64(p.scores[id]), true
	})
	for _, s := range symbols {
		switch {
		case s.size == 0:
		case s.token >= 0:
			tokens = append(tokens, s.token)
		default:
			for _, b := range []byte(text[s.from : s.from+s.size]) {
				tokens = append(tokens, p.bytes[b])
			}
		}
	}
	return tokens
}

// split cuts a text into linked characters; an invalid byte is one character.
func (p *pieces) split(text string) []symbol {
	var symbols []symbol
	for at := 0; at < len(text); {
		_, n := utf8.DecodeRuneInString(text[at:])
		id, ok := p.ids[text[at:at+n]]
		if !ok {
			id = -1
		}
		symbols = append(symbols, symbol{from: at, size: n, token: id})
		at += n
	}
	link(symbols)
	return symbols
}
