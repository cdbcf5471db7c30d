// Package tokenizer turns text into the tokens of a language model and back, with
// the tables of the model's own file and exactly as llama.cpp does. Two kinds are
// known: SentencePiece-style pieces with scores and byte fallback
// (tokenizer.ggml.model "llama"), and byte-level pairs merged by rank ("gpt2").
// Begin with [Load].
package tokenizer

import (
	"fmt"

	"github.com/rerig/rerig/engine/gguf"
)

// Piece types of tokenizer.ggml.token_type.
const (
	typeNormal      = 1
	typeControl     = 3
	typeUserDefined = 4
	typeByte        = 6
)

// MaxVocab is the number of pieces a tokenizer may have.
const MaxVocab = 1 << 19

// Tokenizer is a vocabulary with its special tokens. It is safe for concurrent
// use.
type Tokenizer struct {
	// BOS and EOS begin and end a text.
	BOS, EOS int

	encoder encoder
	texts   [][]byte       // what a token prints, by token
	names   map[string]int // control tokens, which text never becomes
	whole   []named        // user-defined tokens, which are found before anything else
	ends    map[int]bool   // tokens that end a text or a turn
	addBOS  bool
	longest int // bytes of a token's text
}

// named is a token with its text.
type named struct {
	text  string
	token int
}

// encoder is a kind of tokenizer: it appends the tokens of a text. first says that
// the text begins the whole, or follows a control token.
type encoder interface {
	encode(tokens []int, text string, first bool) []int
}

// Load reads the tokenizer of a model file. Errors name the header entry.
func Load(f *gguf.File) (*Tokenizer, error) {
	kind, err := f.Text("tokenizer.ggml.model")
	if err != nil {
		return nil, err
	}
	pieces, err := f.Texts("tokenizer.ggml.tokens")
	if err != nil {
		return nil, err
	}
	if len(pieces) < 3 || len(pieces) > MaxVocab {
		return nil, fmt.Errorf("tokenizer: tokenizer.ggml.tokens has %d pieces, 3 to %d are allowed", len(pieces), MaxVocab)
	}
	types, err := f.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return nil, err
	}
	if len(types) != len(pieces) {
		return nil, fmt.Errorf("tokenizer: %d pieces with %d types", len(pieces), len(types))
	}
	t := &Tokenizer{texts: make([][]byte, len(pieces)), names: map[string]int{}, ends: map[int]bool{}}
	switch kind {
	case "llama":
		t.BOS, t.EOS, t.addBOS = 1, 2, true
		t.encoder, err = loadPieces(f, t, pieces, types)
	case "gpt2":
		t.encoder, err = loadPairs(f, t, pieces, types)
	default:
		err = fmt.Errorf("tokenizer: tokenizer.ggml.model %q is not supported, want \"llama\" or \"gpt2\"", kind)
	}
	if err != nil {
		return nil, err
	}
	t.collect(pieces, types)
	return t, t.options(f)
}

// collect finds the tokens that are not parts of words, and the longest.
func (t *Tokenizer) collect(pieces []string, types []int64) {
	for id, piece := range pieces {
		switch types[id] {
		case typeControl:
			if _, twice := t.names[piece]; !twice {
				t.names[piece] = id
			}
		case typeUserDefined:
			t.texts[id] = []byte(piece)
			if piece != "" {
				t.whole = append(t.whole, named{piece, id})
			}
		}
	}
	sortLongestFirst(t.whole)
	for _, text := range t.texts {
		t.longest = max(t.longest, len(text))
	}
}

// endNames are the control tokens that end a text or a turn whatever the header
// says.
var endNames = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>", "</s>"}

// options reads the special tokens and the switch for BOS.
func (t *Tokenizer) options(f *gguf.File) (err error) {
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
	t.ends[t.EOS] = true
	if key := "tokenizer.ggml.eot_token_id"; f.Has(key) {
		token, err := f.Int(key, 0, last)
		if err != nil {
			return err
		}
		t.ends[token] = true
	}
	for _, name := range endNames {
		if token, ok := t.names[name]; ok {
			t.ends[token] = true
		}
	}
	return nil
}

// Ends reports whether a token ends a text: EOS, or the end of a turn.
func (t *Tokenizer) Ends(token int) bool { return t.ends[token] }

// Control returns the control token of that name.
func (t *Tokenizer) Control(name string) (token int, ok bool) {
	token, ok = t.names[name]
	return token, ok
}

// Size returns the number of pieces.
func (t *Tokenizer) Size() int { return len(t.texts) }

// Longest returns how many bytes of text the longest token stands for: a text of n
// bytes has at least n/Longest tokens.
func (t *Tokenizer) Longest() int { return t.longest }

// Text returns the bytes a token prints: none for control tokens, and perhaps only
// a part of a character. The caller must not change them.
func (t *Tokenizer) Text(token int) []byte { return t.texts[token] }
