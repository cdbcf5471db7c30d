// Package llama computes language models of the llama, qwen2 and qwen3 families:
// RMSNorm, rotary positions, grouped-query attention over a half-precision cache,
// and a SwiGLU feed-forward layer. Several texts advance in one step, so that each
// weight that is read from memory serves them all. What a text gives does not
// depend on the texts beside it. Begin with [Load] and [Model.NewSession].
package llama

import (
	"fmt"

	"github.com/rerig/rerig/engine/gguf"
)

// The limits of a model that Load accepts.
const (
	MaxLayers  = 256
	MaxWidth   = 1 << 15
	MaxContext = 1 << 20
	MaxVocab   = 1 << 19
)

// Config is the shape of a model, from the header of its file.
type Config struct {
	Family                    string // general.architecture
	Layers, Width, FFN, Vocab int
	Heads, KVHeads, HeadWidth int
	Context                   int // tokens the model was made for
	Epsilon                   float32
	Rope                      Rope
}

// readConfig reads and checks the shape.
func readConfig(f *gguf.File) (Config, error) {
	var c Config
	var err error
	if c.Family, err = f.Text("general.architecture"); err != nil {
		return c, err
	}
	if c.Family != "llama" && c.Family != "qwen2" && c.Family != "qwen3" {
		return c, fmt.Errorf("llama: general.architecture %q is not supported; give a model of the llama, qwen2 or qwen3 family", c.Family)
	}
	for _, field := range []struct {
		key   string
		to    *int
		limit int
	}{
		{"block_count", &c.Layers, MaxLayers},
		{"embedding_length", &c.Width, MaxWidth},
		{"feed_forward_length", &c.FFN, 8 * MaxWidth},
		{"attention.head_count", &c.Heads, MaxWidth},
		{"context_length", &c.Context, MaxContext},
	} {
		if *field.to, err = f.Int(c.key(field.key), 1, field.limit); err != nil {
			return c, err
		}
	}
	epsilon, err := f.Float(c.key("attention.layer_norm_rms_epsilon"))
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
	if err := c.readAttention(f); err != nil {
		return c, err
	}
	c.Rope, err = readRope(f, &c)
	return c, err
}

// key is the name of a family's header entry.
func (c *Config) key(name string) string { return c.Family + "." + name }

// optional reads an integer that may be absent.
func (c *Config) optional(f *gguf.File, name string, missing, lo, hi int) (int, error) {
	if !f.Has(c.key(name)) {
		return missing, nil
	}
	return f.Int(c.key(name), lo, hi)
}

// readAttention reads the fields that have a default and checks that they fit.
func (c *Config) readAttention(f *gguf.File) (err error) {
	if c.KVHeads, err = c.optional(f, "attention.head_count_kv", c.Heads, 1, c.Heads); err != nil {
		return err
	}
	if c.Heads%c.KVHeads != 0 {
		return fmt.Errorf("llama: %d key heads do not divide the %d heads", c.KVHeads, c.Heads)
	}
	if !f.Has(c.key("attention.key_length")) && c.Width%c.Heads != 0 {
		return fmt.Errorf("llama: %d heads do not divide the width %d", c.Heads, c.Width)
	}
	if c.HeadWidth, err = c.optional(f, "attention.key_length", c.Width/c.Heads, 2, 1024); err != nil {
		return err
	}
	if _, err = c.optional(f, "attention.value_length", 0, c.HeadWidth, c.HeadWidth); err != nil {
		return fmt.Errorf("llama: this variant is not supported: %w", err)
	}
	if c.HeadWidth%2 != 0 || c.Heads*c.HeadWidth > MaxWidth {
		return fmt.Errorf("llama: %d heads of %d numbers are not supported, want an even number and at most %d together", c.Heads, c.HeadWidth, MaxWidth)
	}
	for _, name := range []string{"expert_count", "attention.sliding_window"} {
		if _, err = c.optional(f, name, 0, 0, 0); err != nil {
			return fmt.Errorf("llama: this variant is not supported: %w", err)
		}
	}
	return nil
}
