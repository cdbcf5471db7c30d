package llama

import (
	"fmt"

	"github.com/rerig/rerig/engine/exact"
	"github.com/rerig/rerig/engine/gguf"
)

// Model is a loaded model. It does not change after Load, so several states may
// share it.
type Model struct {
	Config
	embedding  []float32 // Vocab rows of Width
	layers     []layer
	outputNorm []float32
	output     []float32 // Vocab rows of Width; the embedding where tied
	turns      []float64 // radians per position, by rotated pair
}

// layer holds one block's weights, matrices by rows of their input width.
type layer struct {
	attnNorm, query, key, value, attnOutput []float32
	ffnNorm, gate, up, down                 []float32
}

// Load reads a model's shape and weights into memory as float32. A tensor that
// the llama family does not have is an error: ignoring it would give wrong text.
func Load(f *gguf.File) (*Model, error) {
	c, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c, layers: make([]layer, c.Layers)}
	r := reader{f: f, used: map[string]bool{}}
	width, ffn, vocab := uint64(c.Width), uint64(c.FFN), uint64(c.Vocab)
	shared := uint64(c.KVHeads * c.HeadWidth)
	m.embedding = r.tensor("token_embd.weight", width, vocab)
	for i := range m.layers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s.weight", i, part) }
		m.layers[i] = layer{
			attnNorm:   r.tensor(name("attn_norm"), width),
			query:      r.tensor(name("attn_q"), width, width),
			key:        r.tensor(name("attn_k"), width, shared),
			value:      r.tensor(name("attn_v"), width, shared),
			attnOutput: r.tensor(name("attn_output"), width, width),
			ffnNorm:    r.tensor(name("ffn_norm"), width),
			gate:       r.tensor(name("ffn_gate"), width, ffn),
			up:         r.tensor(name("ffn_up"), width, ffn),
			down:       r.tensor(name("ffn_down"), ffn, width),
		}
	}
	m.outputNorm = r.tensor("output_norm.weight", width)
	m.output = m.embedding
	if f.HasTensor("output.weight") {
		m.output = r.tensor("output.weight", width, vocab)
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	m.turns = turns(c)
	return m, nil
}

// turns is RopeBase to the power -2i/RopeDims for each pair i.
func turns(c Config) []float64 {
	out := make([]float64, c.RopeDims/2)
	base := exact.Log(c.RopeBase)
	for i := range out {
		out[i] = exact.Exp(float64(-base * float64(2*i) / float64(c.RopeDims)))
	}
	return out
}

// reader reads tensors until the first error and remembers which it has read.
type reader struct {
	f    *gguf.File
	used map[string]bool
	err  error
}

func (r *reader) tensor(name string, dims ...uint64) []float32 {
	if r.err != nil {
		return nil
	}
	var out []float32
	out, r.err = r.f.Tensor(name, dims...)
	r.used[name] = true
	return out
}

// finish returns the first error, or the first tensor that nobody read.
func (r *reader) finish() error {
	if r.err != nil {
		return fmt.Errorf("llama: %w", r.err)
	}
	for _, name := range r.f.TensorNames() {
		if !r.used[name] {
			return fmt.Errorf("llama: tensor %q is not supported", name)
		}
	}
	return nil
}
