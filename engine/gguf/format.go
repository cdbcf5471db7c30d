package gguf

import "fmt"

// Format is how a tensor's numbers are stored, in the numbering of ggml.
type Format uint32

// The formats that Read accepts. Those from Q4_0 on store blocks of numbers that
// share a scale.
const (
	F32  Format = 0
	F16  Format = 1
	Q4_0 Format = 2
	Q8_0 Format = 8
	Q4_K Format = 12
	Q5_K Format = 13
	Q6_K Format = 14
	BF16 Format = 30
)

// formats has each format's name and the size of its blocks.
var formats = map[Format]struct {
	name            string
	elements, bytes int
}{
	F32:  {"F32", 1, 4},
	F16:  {"F16", 1, 2},
	BF16: {"BF16", 1, 2},
	Q4_0: {"Q4_0", 32, 18},
	Q8_0: {"Q8_0", 32, 34},
	Q4_K: {"Q4_K", 256, 144},
	Q5_K: {"Q5_K", 256, 176},
	Q6_K: {"Q6_K", 256, 210},
}

// String returns ggml's name of the format.
func (f Format) String() string {
	if known, ok := formats[f]; ok {
		return known.name
	}
	return fmt.Sprintf("type %d", uint32(f))
}

// Known reports whether the format is one that Read accepts.
func (f Format) Known() bool {
	_, ok := formats[f]
	return ok
}

// Block returns how many numbers a block of a known format holds and how many
// bytes it takes.
func (f Format) Block() (elements, bytes int) {
	known := formats[f]
	return known.elements, known.bytes
}

// Bytes returns the size of n numbers, whole blocks of a known format.
func (f Format) Bytes(n int) int {
	elements, bytes := f.Block()
	return n / elements * bytes
}
