package matrix

import (
	"encoding/binary"
	"math"

	"github.com/rerig/rerig/engine/gguf"
)

// The formats below are those of ggml, whose source is their definition
// (github.com/ggml-org/llama.cpp, ggml/src/ggml-common.h).

func bits16(p []byte) uint16  { return binary.LittleEndian.Uint16(p) }
func half(p []byte) float32   { return gguf.Half(bits16(p)) }
func single(p []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(p)) }
func brain(p []byte) float32  { return math.Float32frombits(uint32(bits16(p)) << 16) }

// decodeRow decodes whole blocks into out.
func decodeRow(format gguf.Format, out []float32, p []byte) {
	switch format {
	case gguf.F32:
		for i := range out {
			out[i] = single(p[4*i:])
		}
	case gguf.F16:
		for i := range out {
			out[i] = half(p[2*i:])
		}
	case gguf.BF16:
		for i := range out {
			out[i] = brain(p[2*i:])
		}
	default:
		elements, bytes := format.Block()
		for ; len(out) > 0; out, p = out[elements:], p[bytes:] {
			decodeBlock(format, out[:elements], p[:bytes])
		}
	}
}

// decodeBlock decodes one block of a quantised format: its integers times their
// scales, less their offsets.
func decodeBlock(format gguf.Format, out []float32, p []byte) {
	switch format {
	case gguf.Q8_0:
		d := half(p)
		for i := range out {
			out[i] = d * float32(int8(p[2+i]))
		}
	case gguf.Q4_0:
		d := half(p)
		for i, b := range p[2:] {
			out[i] = d * float32(int(b&15)-8)
			out[i+16] = d * float32(int(b>>4)-8)
		}
	case gguf.Q4_K, gguf.Q5_K:
		d, dmin := half(p), half(p[2:])
		var quants [superSize]uint8
		unpackNibbles(&quants, format, p)
		for j := range 8 {
			scale, offset := scaleOffset(p[4:16], j)
			a, b := float32(d*float32(scale)), float32(dmin*float32(offset))
			for i := range 32 {
				out[32*j+i] = float32(a*float32(quants[32*j+i])) - b
			}
		}
	case gguf.Q6_K:
		d := half(p[208:])
		var quants [superSize]int8
		unpackSixes(&quants, p)
		for i := range out {
			out[i] = float32(d*float32(int8(p[192+i/16]))) * float32(quants[i])
		}
	}
}

// scaleOffset returns the scale and the offset of group j of 8, which Q4_K and
// Q5_K pack into 12 bytes, 6 bits each.
func scaleOffset(p []byte, j int) (scale, offset uint8) {
	if j < 4 {
		return p[j] & 63, p[j+4] & 63
	}
	return p[j+4]&15 | p[j-4]>>6<<4, p[j+4]>>4 | p[j]>>6<<4
}

// unpackNibbles spreads the 4 bits (Q4_K) or 5 (Q5_K) of each number of a block
// into bytes. Each 32 bytes hold 32 numbers in their low halves and the next 32
// in their high ones; the fifth bits of group j are bit j of 32 bytes of their
// own.
func unpackNibbles(out *[superSize]uint8, format gguf.Format, p []byte) {
	low := p[16:]
	var high []byte
	if format == gguf.Q5_K {
		high, low = p[16:48], p[48:]
	}
	for j := range 4 {
		for i, b := range low[32*j : 32*j+32] {
			out[64*j+i], out[64*j+32+i] = b&15, b>>4
			if high != nil {
				out[64*j+i] |= high[i] >> (2 * j) & 1 << 4
				out[64*j+32+i] |= high[i] >> (2*j + 1) & 1 << 4
			}
		}
	}
}

// unpackSixes spreads the 6 bits of each number of a Q6_K block, less 32, into
// bytes.
func unpackSixes(out *[superSize]int8, p []byte) {
	for half := range 2 {
		low, high, to := p[64*half:], p[128+32*half:], out[128*half:]
		for i := range 32 {
			h := high[i]
			to[i] = int8(low[i]&15|h&3<<4) - 32
			to[i+32] = int8(low[i+32]&15|h>>2&3<<4) - 32
			to[i+64] = int8(low[i]>>4|h>>4&3<<4) - 32
			to[i+96] = int8(low[i+32]>>4|h>>6<<4) - 32
		}
	}
}
