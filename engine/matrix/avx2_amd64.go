package matrix

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/rerig/rerig/engine/gguf"
)

// kernels is the implementation in use: chosen once, by what the processor and the
// system allow.
var kernels = choose()

func choose() kernelSet {
	all := available()
	return all[len(all)-1]
}

// available lists what can run here, the fastest last.
func available() []kernelSet {
	all := []kernelSet{generic}
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C) {
		all = append(all, avx2)
		if cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512VL, cpuid.AVX512VNNI) {
			all = append(all, vnni)
		}
	}
	return all
}

// avx2 needs AVX2, FMA and F16C: Intel since Haswell, AMD since Zen. Shapes that
// do not fill its registers take the generic way.
var avx2 = kernelSet{
	name: "avx2", rows: avx2Rows, encodeBlocks: avx2EncodeBlocks, encodeSupers: avx2EncodeSupers,
	scores: avx2Scores, mix: avx2Mix, toHalves: avx2ToHalves, exps: avx2Exps, gate: avx2Gate,
}

// vnni is avx2 with the dot product of bytes of AVX-512 VNNI: Intel since Ice Lake, AMD
// since Zen 4. Only 256-bit registers are used, which no processor slows down for.
var vnni = kernelSet{
	name: "avx512-vnni", rows: vnniRows, encodeBlocks: avx2EncodeBlocks, encodeSupers: avx2EncodeSupers,
	scores: avx2Scores, mix: avx2Mix, toHalves: avx2ToHalves, exps: avx2Exps, gate: avx2Gate,
}

// lanes is how many float32 a register holds.
const lanes = 8

// The loops below are written in assembly. Pointers are to as many numbers as the
// counts say; n counts rows, keys or values.
//
//go:noescape
func rowsF32(out *float32, rows *byte, x *float32, cols, n int)

//go:noescape
func rowsF16(out *float32, rows *byte, x *float32, cols, n int)

//go:noescape
func rowsBF16(out *float32, rows *byte, x *float32, cols, n int)

//go:noescape
func rowsQ8(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ8V(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4V(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

//go:noescape
func rowsQ5K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

//go:noescape
func rowsQ6K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

//go:noescape
func blocksOf(quants *int8, scales *float32, shifts *int32, x *float32, blocks int)

//go:noescape
func supersOf(quants *int8, scales *float32, sums *int16, x *float32, supers int)

//go:noescape
func scoresF16(out, query *float32, keys *uint16, stride, width, n int)

//go:noescape
func mixF16(out, weights *float32, values *uint16, stride, width, n int)

//go:noescape
func halves(out *uint16, x *float32, n int)

//go:noescape
func exps(x *float32, n int, offset float32) float32

//go:noescape
func gate(out, up *float32, n int)

// The loops of four vectors at once read and unpack each weight once. Results of
// the vectors lie apart numbers apart; each is what the loop of one vector gives.
//
//go:noescape
func rowsQ8x4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4x4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ8Vx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4Vx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)

//go:noescape
func rowsQ4Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

//go:noescape
func rowsQ5Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

//go:noescape
func rowsQ6Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)

// blockLoops are the loops over blocks of 32 numbers, for one vector and for four.
type blockLoops struct {
	q8, q4     func(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
	q8x4, q4x4 func(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
}

func avx2Rows(format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input) {
	multiplyRows(&blockLoops{rowsQ8, rowsQ4, rowsQ8x4, rowsQ4x4}, format, out, apart, rows, n, in)
}

func vnniRows(format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input) {
	multiplyRows(&blockLoops{rowsQ8V, rowsQ4V, rowsQ8Vx4, rowsQ4Vx4}, format, out, apart, rows, n, in)
}

func multiplyRows(loops *blockLoops, format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input) {
	if in.cols%lanes != 0 {
		genericRows(format, out, apart, rows, n, in)
		return
	}
	_, _ = rows[n*format.Bytes(in.cols)-1], out[(in.n-1)*apart+n-1]
	v := 0
	if elements, _ := format.Block(); elements > 1 {
		for ; v+4 <= in.n; v += 4 {
			fourVectors(loops, format, out[v*apart:], apart, rows, n, in, v)
		}
	}
	for ; v < in.n; v++ {
		oneVector(loops, format, out[v*apart:], rows, n, in, v)
	}
}

// oneVector multiplies n rows with vector v.
func oneVector(loops *blockLoops, format gguf.Format, out []float32, rows []byte, n int, in *Input, v int) {
	switch format {
	case gguf.F32:
		rowsF32(&out[0], &rows[0], &in.floats[v*in.cols], in.cols, n)
	case gguf.F16:
		rowsF16(&out[0], &rows[0], &in.floats[v*in.cols], in.cols, n)
	case gguf.BF16:
		rowsBF16(&out[0], &rows[0], &in.floats[v*in.cols], in.cols, n)
	case gguf.Q8_0, gguf.Q4_0:
		b, count, f := &in.blocks, in.cols/blockSize, loops.q8
		if format == gguf.Q4_0 {
			f = loops.q4
		}
		f(&out[0], &rows[0], &b.quants[v*in.cols], &b.scales[v*count], &b.shifts[v*count], count, n)
	default:
		s, count := &in.supers, in.cols/superSize
		f := rowsQ6K
		switch format {
		case gguf.Q4_K:
			f = rowsQ4K
		case gguf.Q5_K:
			f = rowsQ5K
		}
		f(&out[0], &rows[0], &s.quants[v*in.cols], &s.scales[v*count], &s.sums[v*in.cols/sumSize], count, n)
	}
}

// fourVectors multiplies n rows of a quantised format with the vectors from v on.
func fourVectors(loops *blockLoops, format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input, v int) {
	switch format {
	case gguf.Q8_0, gguf.Q4_0:
		b, count, f := &in.blocks, in.cols/blockSize, loops.q8x4
		if format == gguf.Q4_0 {
			f = loops.q4x4
		}
		f(&out[0], apart, &rows[0], &b.quants[v*in.cols], &b.scales[v*count], &b.shifts[v*count], count, n)
	default:
		s, count := &in.supers, in.cols/superSize
		f := rowsQ6Kx4
		switch format {
		case gguf.Q4_K:
			f = rowsQ4Kx4
		case gguf.Q5_K:
			f = rowsQ5Kx4
		}
		f(&out[0], apart, &rows[0], &s.quants[v*in.cols], &s.scales[v*count], &s.sums[v*in.cols/sumSize], count, n)
	}
}

func avx2EncodeBlocks(b *blocks, x []float32) {
	if n := len(x) / blockSize; n > 0 {
		blocksOf(&b.quants[:len(x)][0], &b.scales[:n][0], &b.shifts[:n][0], &x[0], n)
	}
}

func avx2EncodeSupers(s *supers, x []float32) {
	if n := len(x) / superSize; n > 0 {
		supersOf(&s.quants[:len(x)][0], &s.scales[:n][0], &s.sums[:len(x)/sumSize][0], &x[0], n)
	}
}

func avx2Scores(out, query []float32, keys []uint16, stride int) {
	if len(query)%lanes != 0 {
		genericScores(out, query, keys, stride)
		return
	}
	_ = keys[(len(out)-1)*stride+len(query)-1]
	scoresF16(&out[0], &query[0], &keys[0], stride, len(query), len(out))
}

func avx2Mix(out, weights []float32, values []uint16, stride int) {
	if len(out)%lanes != 0 {
		genericMix(out, weights, values, stride)
		return
	}
	_ = values[(len(weights)-1)*stride+len(out)-1]
	mixF16(&out[0], &weights[0], &values[0], stride, len(out), len(weights))
}

// whole is the part of n that fills registers.
func whole(n int) int { return n / lanes * lanes }

func avx2ToHalves(out []uint16, x []float32) {
	n := whole(len(x))
	if n > 0 {
		halves(&out[:n][0], &x[0], n)
	}
	genericToHalves(out[n:], x[n:])
}

func avx2Exps(x []float32, offset float32) float32 {
	n := whole(len(x))
	var sum float32
	if n > 0 {
		sum = exps(&x[0], n, offset)
	}
	return sum + genericExps(x[n:], offset)
}

func avx2Gate(out, up []float32) {
	n := whole(len(out))
	if n > 0 {
		gate(&out[0], &up[:n][0], n)
	}
	genericGate(out[n:], up[n:])
}
