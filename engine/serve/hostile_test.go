package serve

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/llamacpp"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/sampler"
	"github.com/rerig/rerig/engine/tokenizer"
)

// smallModel writes a model of some 40 kB.
func smallModel(t testing.TB) []byte {
	t.Helper()
	const vocab = 270
	pieces, scores, types := make([]string, vocab), make([]float32, vocab), make([]int32, vocab)
	for i := range pieces {
		pieces[i], scores[i], types[i] = fmt.Sprintf("p%d", i), float32(-i), 1
	}
	types[0], types[1], types[2] = 2, 3, 3
	for b := range 256 {
		pieces[3+b], types[3+b] = fmt.Sprintf("<0x%02X>", b), 6
	}
	s := llamacpp.Shape{Family: "llama", Layers: 1, Width: 32, FFN: 32, Heads: 2, Shared: 1, Context: 32, Vocab: vocab, Header: []llamacpp.Entry{
		{Key: "tokenizer.ggml.model", Value: "llama"}, {Key: "tokenizer.ggml.tokens", Value: pieces},
		{Key: "tokenizer.ggml.scores", Value: scores}, {Key: "tokenizer.ggml.token_type", Value: types},
	}}
	path := filepath.Join(t.TempDir(), "small.gguf")
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// FuzzModel changes a few bytes of a model file anywhere: the file is refused, or it
// can be computed and its tokens printed. Nothing panics.
func FuzzModel(f *testing.F) {
	model := smallModel(f)
	f.Add(uint32(8), []byte{1, 0, 0})
	f.Add(uint32(24), []byte{0xff, 0xff, 0xff, 0xff})
	for at := uint32(60); at < 900; at += 70 {
		f.Add(at, []byte{0xff, 0x7f, 0, 1})
	}
	pool := matrix.NewPool(1)
	f.Cleanup(pool.Close)
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		changed := bytes.Clone(model)
		copy(changed[int(at)%len(changed):], change)
		file, err := gguf.Read(bytes.NewReader(changed), int64(len(changed)))
		if err != nil {
			return
		}
		tokens, err := tokenizer.Load(file)
		if err != nil {
			return
		}
		m, err := llama.Load(file)
		if err != nil {
			return
		}
		session, err := m.NewSession(pool, 1, min(m.Context, 8))
		if err != nil {
			return
		}
		text := tokens.Encode("a b<s>")
		for _, token := range text {
			tokens.Text(token)
		}
		text = text[:min(len(text), m.Context, 8)]
		scores, err := session.Step([]llama.Span{{Tokens: text, Logits: true}})
		if err != nil {
			t.Fatalf("a model that was accepted cannot be computed: %v", err)
		}
		pick, err := sampler.New(sampler.Options{Temp: 1, TopK: 3, TopP: 0.9, MinP: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		token := pick.Pick(scores[0])
		tokens.Text(token)
		sampler.LogProbs(scores[0], token, 3)
	})
}
