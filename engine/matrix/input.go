package matrix

import (
	"math"

	"github.com/rerig/rerig/engine/gguf"
)

// The sizes of the blocks that quantised weights are multiplied with.
const (
	blockSize = 32  // of Q8_0 and Q4_0
	superSize = 256 // of Q4_K, Q5_K and Q6_K
	sumSize   = 16  // numbers per sum in a super-block
)

// Input is a batch of vectors to multiply with, and their encodings. It is not
// safe for concurrent use.
type Input struct {
	n, cols int
	floats  []float32
	blocks  blocks
	supers  supers
}

// blocks are vectors as 8-bit numbers, 32 of which share a scale.
type blocks struct {
	ready  bool
	quants []int8
	scales []float32
	shifts []int32 // -8 × the sum of each block, for weights stored with 8 added
}

// supers are vectors as 8-bit numbers, 256 of which share a scale.
type supers struct {
	ready  bool
	quants []int8
	scales []float32
	sums   []int16 // of each 16 quants
}

// Set makes the input n vectors of cols numbers, which lie one after the other in
// x. The input uses x until the next Set.
func (in *Input) Set(x []float32, n, cols int) {
	in.n, in.cols, in.floats = n, cols, x[:n*cols]
	in.blocks.ready, in.supers.ready = false, false
}

// encode prepares the form that a format multiplies with.
func (in *Input) encode(format gguf.Format) {
	switch format {
	case gguf.Q8_0, gguf.Q4_0:
		if !in.blocks.ready {
			in.blocks.set(in.floats)
		}
	case gguf.Q4_K, gguf.Q5_K, gguf.Q6_K:
		if !in.supers.ready {
			in.supers.set(in.floats)
		}
	}
}

// grow returns a slice of n items, s itself where it has the room.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (b *blocks) set(x []float32) {
	b.quants = grow(b.quants, len(x))
	b.scales = grow(b.scales, len(x)/blockSize)
	b.shifts = grow(b.shifts, len(x)/blockSize)
	kernels.encodeBlocks(b, x)
	b.ready = true
}

func (s *supers) set(x []float32) {
	s.quants = grow(s.quants, len(x))
	s.scales = grow(s.scales, len(x)/superSize)
	s.sums = grow(s.sums, len(x)/sumSize)
	kernels.encodeSupers(s, x)
	s.ready = true
}

// nearest rounds a number below 2^22 to an integer, ties to even: the sum has no
// room for a fraction.
func nearest(x float32) int32 {
	const shift = 12582912 // 1.5 × 2^23
	return int32(math.Float32bits(x+shift)&0x7fffff) - 0x400000
}

// encodeBlocks rounds each block to 127 steps of its largest number. The scale is
// rounded to half precision as in the Q8_0 format.
func encodeBlocks(b *blocks, x []float32) {
	for i := range b.scales {
		block, quants := x[i*blockSize:(i+1)*blockSize], b.quants[i*blockSize:(i+1)*blockSize]
		var largest float32
		for _, v := range block {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		var inverse float32
		if largest != 0 {
			inverse = 127 / largest
		}
		var sum int32
		for j, v := range block {
			q := nearest(float32(v * inverse))
			quants[j] = int8(q)
			sum += q
		}
		b.scales[i] = gguf.Half(ToHalf(largest / 127))
		b.shifts[i] = -8 * sum
	}
}

// encodeSupers rounds each super-block so that its number of largest magnitude
// becomes -127, as llama.cpp does.
func encodeSupers(s *supers, x []float32) {
	for i := range s.scales {
		block, quants := x[i*superSize:(i+1)*superSize], s.quants[i*superSize:(i+1)*superSize]
		highest, lowest := block[0], block[0]
		for _, v := range block {
			highest, lowest = max(highest, v), min(lowest, v)
		}
		largest := highest
		if highest < -lowest {
			largest = lowest
		}
		if largest == 0 {
			s.scales[i] = 0
			clear(quants)
			clear(s.sums[i*superSize/sumSize : (i+1)*superSize/sumSize])
			continue
		}
		inverse := -127 / largest
		for j, v := range block {
			quants[j] = int8(min(nearest(float32(v*inverse)), 127))
		}
		for j := range superSize / sumSize {
			var sum int16
			for _, q := range quants[j*sumSize : (j+1)*sumSize] {
				sum += int16(q)
			}
			s.sums[i*superSize/sumSize+j] = sum
		}
		s.scales[i] = 1 / inverse
	}
}
