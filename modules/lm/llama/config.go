// Package llama is the forward pass of a llama-family language model: RMSNorm,
// rotary positions, grouped-query attention over a cache, and a SwiGLU
// feed-forward layer. It computes one token at a time on one thread, in float32,
// with the same bits on every architecture (see package exact). Begin with
// [Load] and [Model.NewState].
package llama

import (
	"fmt"

	"github.com/rerig/rerig/engine/gguf"
)

// The limits of a model that Load accepts.
const (
	MaxLayers  = 128
	MaxWidth   = 1 << 15
	MaxContext = 1 << 17
	MaxVocab   = 1 << 18
	MaxCache   = 1 << 28 // numbers in the cache of one state, 4 bytes each
)

// Config is the shape of a model, from the header of its file.
type Config struct {
	Layers, Width, FFN, Vocab int
	Heads, KVHeads, HeadWidth int
	RopeDims                  int // how much of a head is rotated
	Context                   int // tokens the model was made for
	Epsilon                   float32
	RopeBase                  float64
}

// readConfig reads and checks the shape.
func readConfig(f *gguf.File) (Config, error) {
	var c Config
	arch, err := f.Text("general.architecture")
	if err != nil {
		return c, err
	}
	if arch != "llama" {
		return c, fmt.Errorf("llama: general.architecture %q is not supported, want \"llama\"", arch)
	}
	for _, field := range []struct {
		key   string
		to    *int
		limit int
	}{
		{"llama.block_count", &c.Layers, MaxLayers},
		{"llama.embedding_length", &c.Width, MaxWidth},
		{"llama.feed_forward_length", &c.FFN, 4 * MaxWidth},
		{"llama.attention.head_count", &c.Heads, MaxWidth},
		{"llama.context_length", &c.Context, MaxContext},
	} {
		if *field.to, err = f.Int(field.key, 1, field.limit); err != nil {
			return c, err
		}
	}
	epsilon, err := f.Float("llama.attention.layer_norm_rms_epsilon")
	if err != nil {
		return c, err
	}
	c.Epsilon = float32(epsilon)
	pieces, err := f.Texts("tokenizer.ggml.tokens")
	if err != nil {
		return c, err
	}
	if c.Vocab = len(pieces); c.Vocab < 1 || c.Vocab > MaxVocab {
		return c, fmt.Errorf("llama: vocabulary of %d pieces, 1 to %d are allowed", c.Vocab, MaxVocab)
	}
	return c, c.readAttention(f)
}

// readAttention reads the fields that have a default and checks that the heads
// divide the width.
func (c *Config) readAttention(f *gguf.File) (err error) {
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("llama: %d heads do not divide the width %d", c.Heads, c.Width)
	}
	c.HeadWidth = c.Width / c.Heads
	c.KVHeads, c.RopeDims, c.RopeBase = c.Heads, c.HeadWidth, 10000
	if key := "llama.attention.head_count_kv"; f.Has(key) {
		if c.KVHeads, err = f.Int(key, 1, c.Heads); err != nil {
			return err
		}
	}
	if c.Heads%c.KVHeads != 0 {
		return fmt.Errorf("llama: %d key heads do not divide the %d heads", c.KVHeads, c.Heads)
	}
	if key := "llama.rope.dimension_count"; f.Has(key) {
		if c.RopeDims, err = f.Int(key, 2, c.HeadWidth); err != nil {
			return err
		}
	}
	if c.RopeDims%2 != 0 {
		return fmt.Errorf("llama: llama.rope.dimension_count %d is odd", c.RopeDims)
	}
	if key := "llama.rope.freq_base"; f.Has(key) {
		if c.RopeBase, err = f.Float(key); err != nil {
			return err
		}
	}
	if !(c.RopeBase >= 1 && c.RopeBase <= 1e9) {
		return fmt.Errorf("llama: llama.rope.freq_base %v is outside 1 to 1e9", c.RopeBase)
	}
	return c.refuseVariants(f)
}

// refuseVariants checks the fields that would change the arithmetic: they may
// only say what this package does anyway.
func (c *Config) refuseVariants(f *gguf.File) error {
	if key := "llama.rope.scaling.type"; f.Has(key) {
		if kind, err := f.Text(key); err != nil || kind != "none" {
			return fmt.Errorf("llama: %s %q is not supported, want \"none\"", key, kind)
		}
	}
	for _, field := range []struct {
		key  string
		want int
	}{
		{"llama.attention.key_length", c.HeadWidth},
		{"llama.attention.value_length", c.HeadWidth},
		{"llama.expert_count", 0},
	} {
		if !f.Has(field.key) {
			continue
		}
		if _, err := f.Int(field.key, field.want, field.want); err != nil {
			return fmt.Errorf("llama: this variant is not supported: %w", err)
		}
	}
	return nil
}
