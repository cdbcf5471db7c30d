// Package matrix multiplies the weights of a language model, in the formats that
// GGUF files store them in, with vectors. Weights stay as they are in the file;
// the vectors are brought into the form that a format multiplies with, as
// llama.cpp does: 8-bit blocks for quantised weights, float32 for the others.
//
// A product depends on the row and the vector alone: not on how many threads
// share the work, nor on the other vectors of the batch. It does depend on the
// kernels ([Kernels]), whose sums are made in another order. Begin with [New] and
// [Multiply].
package matrix

import (
	"fmt"

	"github.com/rerig/rerig/engine/gguf"
)

// Matrix is a weight: rows of cols numbers in a file's format.
type Matrix struct {
	Format     gguf.Format
	Rows, Cols int
	data       []byte
	stride     int // bytes of a row
}

// New makes a matrix of data, which it keeps. The length of data must be that of
// the rows.
func New(format gguf.Format, rows, cols int, data []byte) (Matrix, error) {
	block, _ := format.Block()
	if !format.Known() || rows < 1 || cols < 1 || cols%block != 0 {
		return Matrix{}, fmt.Errorf("matrix: %d rows of %d numbers cannot have format %v", rows, cols, format)
	}
	m := Matrix{Format: format, Rows: rows, Cols: cols, data: data, stride: format.Bytes(cols)}
	if len(data)/rows != m.stride || len(data)%rows != 0 {
		return Matrix{}, fmt.Errorf("matrix: %d rows of %d numbers in %v take %d bytes each, got %d for all", rows, cols, format, m.stride, len(data))
	}
	return m, nil
}

// Row decodes row i into out, which has Cols numbers.
func (m *Matrix) Row(out []float32, i int) {
	decodeRow(m.Format, out[:m.Cols], m.data[i*m.stride:(i+1)*m.stride])
}

// rowsPerChunk is how many rows a thread takes at a time. Small enough that the
// rows stay in the first-level cache while every vector of a batch meets them.
const rowsPerChunk = 16

// Multiply sets out to the product of the matrix and each vector of in: first all
// rows for the first vector, then for the second.
func Multiply(p *Pool, out []float32, m *Matrix, in *Input) {
	in.encode(m.Format)
	chunks := (m.Rows + rowsPerChunk - 1) / rowsPerChunk
	p.Run(chunks, func(first, last int) {
		for chunk := first; chunk < last; chunk++ {
			from := chunk * rowsPerChunk
			to := min(from+rowsPerChunk, m.Rows)
			rows := m.data[from*m.stride : to*m.stride]
			kernels.rows(m.Format, out[from:], m.Rows, rows, to-from, in)
		}
	})
}
