package llama

import (
	"fmt"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/matrix"
)

// Model is a loaded model. It does not change after Load, and uses the file that
// it was loaded from.
type Model struct {
	Config
	embedding  matrix.Matrix
	layers     []layer
	outputNorm []float32
	output     matrix.Matrix // the embedding where tied
}

// layer holds one block's weights. Biases, and the norms of each head, are nil
// where the family has none.
type layer struct {
	attnNorm, ffnNorm                    []float32
	query, key, value, attnOutput        matrix.Matrix
	queryBias, keyBias, valueBias, obias []float32
	queryNorm, keyNorm                   []float32
	gate, up, down                       matrix.Matrix
}

// Load reads a model's shape and finds its weights. A tensor that the family does
// not have is an error: ignoring it would give wrong text.
func Load(f *gguf.File) (*Model, error) {
	c, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c, layers: make([]layer, c.Layers)}
	r := reader{f: f, used: map[string]bool{"rope_freqs.weight": true}}
	m.embedding = r.matrix("token_embd.weight", c.Vocab, c.Width)
	for i := range m.layers {
		m.layers[i] = r.layer(&c, fmt.Sprintf("blk.%d.", i))
	}
	m.outputNorm = r.vector("output_norm.weight", c.Width)
	m.output = m.embedding
	if f.HasTensor("output.weight") {
		m.output = r.matrix("output.weight", c.Vocab, c.Width)
	}
	return m, r.finish()
}

// reader reads tensors until the first error and remembers which it has read.
type reader struct {
	f    *gguf.File
	used map[string]bool
	err  error
}

func (r *reader) layer(c *Config, prefix string) layer {
	queries, shared := c.Heads*c.HeadWidth, c.KVHeads*c.HeadWidth
	l := layer{
		attnNorm:   r.vector(prefix+"attn_norm.weight", c.Width),
		query:      r.matrix(prefix+"attn_q.weight", queries, c.Width),
		key:        r.matrix(prefix+"attn_k.weight", shared, c.Width),
		value:      r.matrix(prefix+"attn_v.weight", shared, c.Width),
		attnOutput: r.matrix(prefix+"attn_output.weight", c.Width, queries),
		ffnNorm:    r.vector(prefix+"ffn_norm.weight", c.Width),
		gate:       r.matrix(prefix+"ffn_gate.weight", c.FFN, c.Width),
		up:         r.matrix(prefix+"ffn_up.weight", c.FFN, c.Width),
		down:       r.matrix(prefix+"ffn_down.weight", c.Width, c.FFN),
	}
	if c.Family == "qwen3" {
		l.queryNorm = r.vector(prefix+"attn_q_norm.weight", c.HeadWidth)
		l.keyNorm = r.vector(prefix+"attn_k_norm.weight", c.HeadWidth)
		return l
	}
	for _, bias := range []struct {
		name string
		to   *[]float32
		n    int
	}{
		{"attn_q.bias", &l.queryBias, queries}, {"attn_k.bias", &l.keyBias, shared},
		{"attn_v.bias", &l.valueBias, shared}, {"attn_output.bias", &l.obias, c.Width},
	} {
		if c.Family == "qwen2" && bias.to != &l.obias || r.f.HasTensor(prefix+bias.name) {
			*bias.to = r.vector(prefix+bias.name, bias.n)
		}
	}
	return l
}

func (r *reader) vector(name string, n int) []float32 {
	if r.err != nil {
		return nil
	}
	var out []float32
	out, r.err = r.f.Tensor(name, uint64(n))
	r.used[name] = true
	return out
}

func (r *reader) matrix(name string, rows, cols int) matrix.Matrix {
	if r.err != nil {
		return matrix.Matrix{}
	}
	format, data, err := r.f.Raw(name, uint64(cols), uint64(rows))
	r.used[name] = true
	if err != nil {
		r.err = err
		return matrix.Matrix{}
	}
	m, err := matrix.New(format, rows, cols, data)
	r.err = err
	return m
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
