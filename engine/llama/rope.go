package llama

import (
	"fmt"
	"math"

	"github.com/rerig/rerig/engine/gguf"
)

// Rope says how a position turns the queries and keys.
type Rope struct {
	Halves bool // pairs are i and i + half a head, not neighbours

	turns  []float64 // radians per position, by pair
	length float64   // what sines and cosines are multiplied by
}

// readRope reads the base and the scaling: none, linear or yarn, and the per-pair factors that Llama 3.1 files carry as a tensor.
func readRope(f *gguf.File, c *Config) (Rope, error) {
	r := Rope{Halves: c.Family != "llama", length: 1}
	// llama.cpp knows no other value in these families either.
	_, err := c.optional(f, "rope.dimension_count", 0, c.HeadWidth, c.HeadWidth)
	if err != nil {
		return r, fmt.Errorf("llama: this variant is not supported: %w", err)
	}
	base := 10000.0
	if key := c.key("rope.freq_base"); f.Has(key) {
		if base, err = f.Float(key); err != nil {
			return r, err
		}
		if !(base >= 1 && base <= 1e12) {
			return r, fmt.Errorf("llama: %s %v is outside 1 to 1e12", key, base)
		}
	}
	r.turns = make([]float64, c.HeadWidth/2)
	for i := range r.turns {
		r.turns[i] = math.Pow(base, -2*float64(i)/float64(c.HeadWidth))
	}
	if f.HasTensor("rope_freqs.weight") {
		factors, err := f.Tensor("rope_freqs.weight", uint64(c.HeadWidth/2))
		if err != nil {
			return r, err
		}
		for i, factor := range factors {
			if !(factor > 0 && factor < math.MaxFloat32) {
				return r, fmt.Errorf("llama: rope_freqs.weight item %d is %v, want a positive number", i, factor)
			}
			r.turns[i] /= float64(factor)
		}
	}
	return r, r.scale(f, c, base)
}

// scale changes the turns of a model that was stretched to a longer context.
func (r *Rope) scale(f *gguf.File, c *Config, base float64) error {
	kind, factor := "none", 1.0
	var err error
	if key := c.key("rope.scaling.type"); f.Has(key) {
		if kind, err = f.Text(key); err != nil {
			return err
		}
	}
	if key := c.key("rope.scaling.factor"); f.Has(key) && kind != "none" {
		if factor, err = f.Float(key); err != nil {
			return err
		}
		if !(factor >= 1 && factor <= 1e6) {
			return fmt.Errorf("llama: %s %v is outside 1 to 1e6", key, factor)
		}
	}
	switch kind {
	case "none":
	case "linear":
		for i := range r.turns {
			r.turns[i] /= factor
		}
	case "yarn":
		original, err := c.optional(f, "rope.scaling.original_context_length", c.Context, 1, MaxContext)
		if err != nil {
			return err
		}
		r.yarn(factor, base, float64(original))
	default:
		return fmt.Errorf("llama: %s %q is not supported, want \"none\", \"linear\" or \"yarn\"", c.key("rope.scaling.type"), kind)
	}
	return nil
}

// yarn slows the pairs that turn less than once in the original context, leaves
// those that turn more than 32 times, and blends in between (Peng et al. 2023,
// arXiv:2309.00071, with llama.cpp's rounding of the bounds).
func (r *Rope) yarn(factor, base, original float64) {
	dims := float64(2 * len(r.turns))
	pair := func(rotations float64) float64 {
		return dims * math.Log(original/(rotations*2*math.Pi)) / (2 * math.Log(base))
	}
	low := max(0, math.Floor(pair(32)))
	high := min(dims-1, math.Ceil(pair(1)))
	for i, turn := range r.turns {
		keep := 1 - min(1, max(0, (float64(i)-low)/max(0.001, high-low)))
		r.turns[i] = turn/factor*(1-keep) + turn*keep
	}
	r.length = 1 + 0.1*math.Log(factor)
}

// angles fills the sines and cosines of a position.
func (r *Rope) angles(sin, cos []float32, position int) {
	for i, turn := range r.turns {
		s, c := math.Sincos(turn * float64(position))
		sin[i], cos[i] = float32(s*r.length), float32(c*r.length)
	}
}

// rotate turns each head of v.
func (r *Rope) rotate(v []float32, head int, sin, cos []float32) {
	step, far := 2, 1
	if r.Halves {
		step, far = 1, len(r.turns)
	}
	for ; len(v) > 0; v = v[head:] {
		for i, c := range cos {
			a, b, s := v[step*i], v[step*i+far], sin[i]
			v[step*i], v[step*i+far] = a*c-b*s, a*s+b*c
		}
	}
}
