package matrix

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rerig/rerig/engine/gguf"
)

var formats = []gguf.Format{gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q4_0, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K}

// weights are n random blocks of a format whose scales are small numbers.
func weights(r *rand.Rand, format gguf.Format, n int) []byte {
	elements, size := format.Block()
	data := make([]byte, n/elements*size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for at := 0; at < len(data); at += size {
		put := func(i int) { binary.LittleEndian.PutUint16(data[at+i:], ToHalf(float32(r.NormFloat64())/64)) }
		switch format {
		case gguf.F32:
			binary.LittleEndian.PutUint32(data[at:], math.Float32bits(float32(r.NormFloat64())))
		case gguf.BF16:
			binary.LittleEndian.PutUint16(data[at:], uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
		case gguf.F16, gguf.Q8_0, gguf.Q4_0:
			put(0)
		case gguf.Q4_K, gguf.Q5_K:
			put(0)
			put(2)
		case gguf.Q6_K:
			put(208)
		}
	}
	return data
}

func numbers(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// with runs f with an implementation of the kernels.
func with(k kernelSet, f func()) {
	before := kernels
	kernels = k
	defer func() { kernels = before }()
	f()
}

// product multiplies with one implementation.
func product(k kernelSet, m *Matrix, x []float32, n int) []float32 {
	out := make([]float32, n*m.Rows)
	p := NewPool(1)
	defer p.Close()
	with(k, func() {
		var in Input
		in.Set(x, n, m.Cols)
		Multiply(p, out, m, &in)
	})
	return out
}

// TestProductsEqualThoseOfDecodedWeights compares both implementations with plain
// arithmetic on decoded rows. Quantised formats round the vector to 8 bits, which
// is what their tolerance is for.
func TestProductsEqualThoseOfDecodedWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, cols, n = 37, 768, 6
	for _, format := range formats {
		m, err := New(format, rows, cols, weights(r, format, rows*cols))
		if err != nil {
			t.Fatal(err)
		}
		x := numbers(r, n*cols)
		plain := product(generic, &m, x, n)
		row := make([]float32, cols)
		for i := range rows {
			m.Row(row, i)
			for v := range n {
				var want, size float64
				for j, w := range row {
					want += float64(w) * float64(x[v*cols+j])
					size += math.Pow(float64(w), 2)
				}
				size = math.Sqrt(size) // of a sum of that many random products
				got := float64(plain[v*rows+i])
				if diff := math.Abs(got - want); diff > 0.03*size {
					t.Fatalf("%v row %d of vector %d: %v, want %v", format, i, v, got, want)
				}
			}
		}
		for _, k := range available() {
			for i, got := range product(k, &m, x, n) {
				m.Row(row, i%rows)
				var size float64
				for _, w := range row {
					size += math.Pow(float64(w), 2)
				}
				if diff := math.Abs(float64(got - plain[i])); diff > 1e-5*math.Sqrt(size) {
					t.Fatalf("%v item %d: %v in Go, %v with %s", format, i, plain[i], got, k.name)
				}
			}
		}
	}
}

// BenchmarkMultiply measures a product with one vector, whose weights fit the
// second-level cache.
func BenchmarkMultiply(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, cols = 512, 768
	for _, format := range formats {
		m, err := New(format, rows, cols, weights(r, format, rows*cols))
		if err != nil {
			b.Fatal(err)
		}
		x, out := numbers(r, cols), make([]float32, rows)
		p := NewPool(1)
		for _, k := range available()[1:] {
			b.Run(format.String()+"/"+k.name, func(b *testing.B) {
				with(k, func() {
					var in Input
					for b.Loop() {
						in.Set(x, 1, cols)
						Multiply(p, out, &m, &in)
					}
				})
				b.ReportMetric(float64(rows*cols)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gmul/s")
			})
		}
		p.Close()
	}
}
