// Package tokenizer turns text into the tokens of a llama-family model and
// back: SentencePiece-style byte-pair encoding with scored pieces and byte
// fallback, encoding exactly as llama.cpp does. Begin with [Load].
package tokenizer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rerig/rerig/engine/gguf"
)

// Piece types of tokenizer.ggml.token_type.
const (
	typeNormal      = 1
	typeUserDefined = 4
	typeByte        = 6
)

// MaxVocab is the number of pieces a tokenizer may have.
const MaxVocab = 1 << 18

// space is how a piece spells a space.
const space = "\u2581"

// Tokenizer is a vocabulary with its special tokens. It is safe for concurrent
// use.
type Tokenizer struct {
	// BOS and EOS begin and end a text.
	BOS, EOS int

	texts       [][]byte // what a token prints, by token
	scores      []float32
	ids         map[string]int // pieces that text may be split into
	bytes       [256]int
	addBOS      bool
	spacePrefix bool
}

// Load reads the tokenizer of a model file. Only the "llama" (SentencePiece
// BPE) kind is supported.
func Load(f *gguf.File) (*Tokenizer, error) {
	kind, err := f.Text("tokenizer.ggml.model")
	if err != nil {
		return nil, err
	}
	if kind != "llama" {
		return nil, fmt.Errorf("tokenizer: tokenizer.ggml.model %q is not supported, want \"llama\"", kind)
	}
	pieces, err := f.Texts("tokenizer.ggml.tokens")
	if err != nil {
		return nil, err
	}
	if len(pieces) < 3 || len(pieces) > MaxVocab {
		return nil, fmt.Errorf("tokenizer: tokenizer.ggml.tokens has %d pieces, 3 to %d are allowed", len(pieces), MaxVocab)
	}
	t := &Tokenizer{ids: make(map[string]int, len(pieces)), texts: make([][]byte, len(pieces))}
	if t.scores, err = f.Floats("tokenizer.ggml.scores"); err != nil {
		return nil, err
	}
	types, err := f.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return nil, err
	}
	if len(t.scores) != len(pieces) || len(types) != len(pieces) {
		return nil, fmt.Errorf("tokenizer: %d pieces with %d scores and %d types", len(pieces), len(t.scores), len(types))
	}
	if err := t.index(pieces, types); err != nil {
		return nil, err
	}
	return t, t.options(f)
}

// index fills the tables from piece to token and back.
func (t *Tokenizer) index(pieces []string, types []int64) error {
	for i := range t.bytes {
		t.bytes[i] = -1
	}
	for id, piece := range pieces {
		switch types[id] {
		case typeByte:
			if len(piece) != len("<0x0A>") || piece[:3] != "<0x" || piece[5] != '>' {
				return fmt.Errorf("tokenizer: piece %d %q is not a byte such as <0x0A>", id, piece)
			}
			b, err := strconv.ParseUint(piece[3:5], 16, 8)
			if err != nil {
				return fmt.Errorf("tokenizer: piece %d %q is not a byte such as <0x0A>", id, piece)
			}
			t.bytes[b] = id
			t.texts[id] = []byte{byte(b)}
		case typeNormal, typeUserDefined:
			if _, twice := t.ids[piece]; !twice {
				t.ids[piece] = id
			}
			t.texts[id] = []byte(strings.ReplaceAll(piece, space, " "))
		}
	}
	for b, id := range t.bytes {
		if id < 0 {
			return fmt.Errorf("tokenizer: the byte piece <0x%02X> is missing", b)
		}
	}
	return nil
}

// options reads the special tokens and the switches, with llama.cpp's defaults.
func (t *Tokenizer) options(f *gguf.File) (err error) {
	t.BOS, t.EOS, t.addBOS, t.spacePrefix = 1, 2, true, true
	last := len(t.texts) - 1
	if key := "tokenizer.ggml.bos_token_id"; f.Has(key) {
		if t.BOS, err = f.Int(key, 0, last); err != nil {
			return err
		}
	}
	if key := "tokenizer.ggml.eos_token_id"; f.Has(key) {
		if t.EOS, err = f.Int(key, 0, last); err != nil {
			return err
		}
	}
	if key := "tokenizer.ggml.add_bos_token"; f.Has(key) {
		if t.addBOS, err = f.Bool(key); err != nil {
			return err
		}
	}
	if key := "tokenizer.ggml.add_space_prefix"; f.Has(key) {
		t.spacePrefix, err = f.Bool(key)
	}
	return err
}

// Size returns the number of pieces.
func (t *Tokenizer) Size() int { return len(t.texts) }

// Text returns the bytes a token prints: none for control tokens, and one byte,
// perhaps of a longer character, for byte tokens. The caller must not change
// them.
func (t *Tokenizer) Text(token int) []byte { return t.texts[token] }
