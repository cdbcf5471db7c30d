package matrix

import "github.com/rerig/rerig/engine/gguf"

// kernelSet is one implementation of the inner loops.
type kernelSet struct {
	name string
	// rows multiplies n rows with each vector of the input: the product of row i and
	// vector v goes to out[v*apart+i].
	rows         func(format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input)
	encodeBlocks func(b *blocks, x []float32)
	encodeSupers func(s *supers, x []float32)
	scores       func(out, query []float32, keys []uint16, stride int)
	mix          func(out, weights []float32, values []uint16, stride int)
	toHalves     func(out []uint16, x []float32)
	exps         func(x []float32, offset float32) float32
	gate         func(out, up []float32)
}

// generic is written in Go alone and runs everywhere.
var generic = kernelSet{
	name: "go", rows: genericRows, encodeBlocks: encodeBlocks, encodeSupers: encodeSupers,
	scores: genericScores, mix: genericMix, toHalves: genericToHalves, exps: genericExps, gate: genericGate,
}

// Kernels names the implementation in use: "go", or the instructions that the
// processor was found to have. Results of two implementations differ in the last
// bits.
func Kernels() string { return kernels.name }

func genericRows(format gguf.Format, out []float32, apart int, rows []byte, n int, in *Input) {
	stride := format.Bytes(in.cols)
	for v := range in.n {
		for i := range n {
			out[v*apart+i] = dot(format, rows[i*stride:(i+1)*stride], in, v)
		}
	}
}

// dot is the product of one row and vector v.
func dot(format gguf.Format, row []byte, in *Input, v int) float32 {
	switch format {
	case gguf.Q8_0, gguf.Q4_0:
		return dotBlocks(format, row, &in.blocks, v*in.cols/blockSize)
	case gguf.Q4_K, gguf.Q5_K:
		return dotNibbles(format, row, &in.supers, v*in.cols/superSize)
	case gguf.Q6_K:
		return dotSixes(row, &in.supers, v*in.cols/superSize)
	}
	return dotFloats(format, row, in.floats[v*in.cols:(v+1)*in.cols])
}

// dotFloats adds the products in eight lanes.
func dotFloats(format gguf.Format, row []byte, x []float32) float32 {
	var lanes [8]float32
	switch format {
	case gguf.F32:
		for i, v := range x {
			lanes[i&7] += single(row[4*i:]) * v
		}
	case gguf.F16:
		for i, v := range x {
			lanes[i&7] += half(row[2*i:]) * v
		}
	case gguf.BF16:
		for i, v := range x {
			lanes[i&7] += brain(row[2*i:]) * v
		}
	}
	return (lanes[0] + lanes[4] + lanes[2] + lanes[6]) + (lanes[1] + lanes[5] + lanes[3] + lanes[7])
}

// dotBlocks multiplies a row of Q8_0 or Q4_0 with the blocks from first on.
func dotBlocks(format gguf.Format, row []byte, x *blocks, first int) float32 {
	_, bytes := format.Block()
	var sum float32
	for i := 0; len(row) > 0; i, row = i+1, row[bytes:] {
		d, quants := half(row)*x.scales[first+i], x.quants[(first+i)*blockSize:(first+i+1)*blockSize]
		var dot int32
		if format == gguf.Q8_0 {
			for j, q := range quants {
				dot += int32(int8(row[2+j])) * int32(q)
			}
		} else {
			for j, b := range row[2:18] {
				dot += (int32(b&15)-8)*int32(quants[j]) + (int32(b>>4)-8)*int32(quants[j+16])
			}
		}
		sum += d * float32(dot)
	}
	return sum
}

// dotNibbles multiplies a row of Q4_K or Q5_K with the super-blocks from first on.
func dotNibbles(format gguf.Format, row []byte, x *supers, first int) float32 {
	_, bytes := format.Block()
	var sum float32
	var weights [superSize]uint8
	for i := first; len(row) > 0; i, row = i+1, row[bytes:] {
		unpackNibbles(&weights, format, row)
		quants, sums := x.quants[i*superSize:(i+1)*superSize], x.sums[i*superSize/sumSize:]
		var dot, offsets int32
		for j := range 8 {
			scale, offset := scaleOffset(row[4:16], j)
			var group int32
			for k := 32 * j; k < 32*j+32; k++ {
				group += int32(weights[k]) * int32(quants[k])
			}
			dot += group * int32(scale)
			offsets += int32(offset) * (int32(sums[2*j]) + int32(sums[2*j+1]))
		}
		sum += x.scales[i]*half(row)*float32(dot) - x.scales[i]*half(row[2:])*float32(offsets)
	}
	return sum
}

// dotSixes multiplies a row of Q6_K with the super-blocks from first on.
func dotSixes(row []byte, x *supers, first int) float32 {
	_, bytes := gguf.Q6_K.Block()
	var sum float32
	var weights [superSize]int8
	for i := first; len(row) > 0; i, row = i+1, row[bytes:] {
		unpackSixes(&weights, row)
		quants := x.quants[i*superSize : (i+1)*superSize]
		var dot int32
		for j := range superSize / sumSize {
			var group int32
			for k := sumSize * j; k < sumSize*j+sumSize; k++ {
				group += int32(weights[k]) * int32(quants[k])
			}
			dot += group * int32(int8(row[192+j]))
		}
		sum += x.scales[i] * half(row[208:]) * float32(dot)
	}
	return sum
}
