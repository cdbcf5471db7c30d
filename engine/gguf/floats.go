package gguf

import (
	"encoding/binary"
	"math"
)

// decode decodes the numbers of p, which has a format without blocks, into out.
func decode(format Format, out []float32, p []byte) {
	switch format {
	case F32:
		for i := range len(p) / 4 {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
		}
	case F16:
		for i := range len(p) / 2 {
			out[i] = Half(binary.LittleEndian.Uint16(p[2*i:]))
		}
	case BF16:
		for i := range len(p) / 2 {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(p[2*i:])) << 16)
		}
	}
}

// Half widens an IEEE 754 half-precision number; the result is exact. Moved into
// place, its exponent is 112 too small for float32, which a product with a power
// of two corrects, for subnormal numbers as well.
func Half(h uint16) float32 {
	const infinity = 0x7c00
	magnitude := math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112
	if h&infinity == infinity {
		magnitude = math.Float32frombits(0x7f800000 | uint32(h&0x3ff)<<13)
	}
	return math.Float32frombits(math.Float32bits(magnitude) | uint32(h&0x8000)<<16)
}
