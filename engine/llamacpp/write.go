package llamacpp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"

	"github.com/rerig/rerig/engine/matrix"
)

// Entry is a header entry of a model file: a string, uint32, int32, float32, bool,
// or a list of strings, float32 or int32.
type Entry struct {
	Key   string
	Value any
}

// Shape is a model with random weights, which no one has trained: enough to
// compare arithmetic and to measure.
type Shape struct {
	Family                            string // llama, qwen2 or qwen3
	Layers, Width, FFN, Heads, Shared int    // Shared: heads of keys and values
	Context                           int
	Tied                              bool // no output matrix of its own
	RopeFactors                       bool // rope_freqs.weight, as Llama 3.1 has
	Seed                              uint64
	Header                            []Entry // the tokenizer, and what else the family takes
	Vocab                             int
}

// random is a tensor to be filled.
type random struct {
	name   string
	dims   []int
	single bool    // F32, else F16
	mean   float64 // of the numbers
	spread float64
}

// Write writes the model as GGUF version 3 with F16 matrices.
func (s Shape) Write(path string) error {
	header := append([]Entry{
		{"general.architecture", s.Family},
		{"general.name", "random"},
		{s.Family + ".block_count", uint32(s.Layers)},
		{s.Family + ".context_length", uint32(s.Context)},
		{s.Family + ".embedding_length", uint32(s.Width)},
		{s.Family + ".feed_forward_length", uint32(s.FFN)},
		{s.Family + ".attention.head_count", uint32(s.Heads)},
		{s.Family + ".attention.head_count_kv", uint32(s.Shared)},
		{s.Family + ".attention.layer_norm_rms_epsilon", float32(1e-5)},
		{s.Family + ".rope.freq_base", float32(10000)},
	}, s.Header...)
	tensors := s.tensors()
	var head, data bytes.Buffer
	put := func(v any) { binary.Write(&head, binary.LittleEndian, v) } //nolint:errcheck // memory takes everything
	text := func(v string) { put(uint64(len(v))); head.WriteString(v) }
	head.WriteString("GGUF")
	put(uint32(3))
	put(uint64(len(tensors)))
	put(uint64(len(header)))
	for _, e := range header {
		text(e.Key)
		if err := putValue(put, text, e.Value); err != nil {
			return fmt.Errorf("llamacpp: %s: %w", e.Key, err)
		}
	}
	r := rand.New(rand.NewPCG(s.Seed, 1))
	for _, t := range tensors {
		text(t.name)
		put(uint32(len(t.dims)))
		for _, d := range t.dims {
			put(uint64(d))
		}
		kind := uint32(1)
		if t.single {
			kind = 0
		}
		put(kind)
		put(uint64(data.Len()))
		t.fill(&data, r)
	}
	head.Write(make([]byte, -head.Len()&31))
	if err := os.WriteFile(path, append(head.Bytes(), data.Bytes()...), 0o600); err != nil {
		return fmt.Errorf("llamacpp: %w", err)
	}
	return nil
}

// tensors lists what the family has.
func (s Shape) tensors() []random {
	head := s.Width / s.Heads
	shared := s.Shared * head
	var out []random
	weight := func(name string, in, rows int) {
		out = append(out, random{name: name + ".weight", dims: []int{in, rows}, spread: 1.5 / math.Sqrt(float64(in))})
	}
	vector := func(name string, n int, mean, spread float64) {
		out = append(out, random{name: name, dims: []int{n}, single: true, mean: mean, spread: spread})
	}
	weight("token_embd", s.Width, s.Vocab)
	out[0].spread = 1
	for i := range s.Layers {
		at := fmt.Sprintf("blk.%d.", i)
		vector(at+"attn_norm.weight", s.Width, 1, 0.1)
		weight(at+"attn_q", s.Width, s.Width)
		weight(at+"attn_k", s.Width, shared)
		weight(at+"attn_v", s.Width, shared)
		weight(at+"attn_output", s.Width, s.Width)
		switch s.Family {
		case "qwen2":
			vector(at+"attn_q.bias", s.Width, 0, 0.5)
			vector(at+"attn_k.bias", shared, 0, 0.5)
			vector(at+"attn_v.bias", shared, 0, 0.5)
		case "qwen3":
			vector(at+"attn_q_norm.weight", head, 1, 0.1)
			vector(at+"attn_k_norm.weight", head, 1, 0.1)
		}
		vector(at+"ffn_norm.weight", s.Width, 1, 0.1)
		weight(at+"ffn_gate", s.Width, s.FFN)
		weight(at+"ffn_up", s.Width, s.FFN)
		weight(at+"ffn_down", s.FFN, s.Width)
	}
	vector("output_norm.weight", s.Width, 1, 0.1)
	if !s.Tied {
		weight("output", s.Width, s.Vocab)
	}
	if s.RopeFactors {
		vector("rope_freqs.weight", head/2, 2, 0.5)
	}
	return out
}

// fill writes the numbers of a tensor and pads it.
func (t random) fill(data *bytes.Buffer, r *rand.Rand) {
	n := 1
	for _, d := range t.dims {
		n *= d
	}
	row := make([]byte, 0, 4*n+32)
	for range n {
		// Uniform, with this spread: cheaper than normal, and files are large.
		v := float32(t.mean + t.spread*1.732*(2*r.Float64()-1))
		if t.single {
			row = binary.LittleEndian.AppendUint32(row, math.Float32bits(v))
		} else {
			row = binary.LittleEndian.AppendUint16(row, matrix.ToHalf(v))
		}
	}
	data.Write(append(row, make([]byte, -len(row)&31)...))
}

// putValue writes a value with its type.
func putValue(put func(any), text func(string), value any) error {
	switch v := value.(type) {
	case uint32:
		put(uint32(4))
		put(v)
	case int32:
		put(uint32(5))
		put(v)
	case float32:
		put(uint32(6))
		put(v)
	case bool:
		put(uint32(7))
		put(v)
	case string:
		put(uint32(8))
		text(v)
	case []string:
		put(uint32(9))
		put(uint32(8))
		put(uint64(len(v)))
		for _, item := range v {
			text(item)
		}
	case []float32:
		put(uint32(9))
		put(uint32(6))
		put(uint64(len(v)))
		put(v)
	case []int32:
		put(uint32(9))
		put(uint32(5))
		put(uint64(len(v)))
		put(v)
	default:
		return fmt.Errorf("a %T cannot be written", value)
	}
	return nil
}
