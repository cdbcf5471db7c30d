package matrix

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rerig/rerig/engine/gguf"
)

// near fails unless two lists differ by at most a part of the numbers' own size.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		if diff := math.Abs(float64(got[i] - want[i])); !(diff <= tolerance*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%s: item %d of %d is %v, want %v", what, i, len(want), got[i], want[i])
		}
	}
}

func TestHalfRoundsLikeTheProcessor(t *testing.T) {
	for bits := range 1 << 16 {
		x := gguf.Half(uint16(bits))
		if x != x {
			continue
		}
		if got := ToHalf(x); got != uint16(bits) {
			t.Fatalf("half %#04x comes back as %#04x", bits, got)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 4099)
	for i := range x {
		x[i] = math.Float32frombits(r.Uint32())
		if x[i] != x[i] {
			x[i] = 0
		}
	}
	plain, fast := make([]uint16, len(x)), make([]uint16, len(x))
	genericToHalves(plain, x)
	Halves(fast, x)
	if !slices.Equal(plain, fast) {
		t.Errorf("rounding differs between Go and %s", Kernels())
	}
}

func TestEncodingsAreTheSameEverywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x := numbers(r, 4*superSize)
	clear(x[superSize : 2*superSize])
	x[2*superSize] = 1e30
	encode := func(k kernelSet) (in Input) {
		with(k, func() {
			in.Set(x, 1, len(x))
			in.encode(gguf.Q8_0)
			in.encode(gguf.Q4_K)
		})
		return in
	}
	plain, fast := encode(generic), encode(kernels)
	if !slices.Equal(plain.blocks.quants, fast.blocks.quants) || !slices.Equal(plain.blocks.scales, fast.blocks.scales) || !slices.Equal(plain.blocks.shifts, fast.blocks.shifts) {
		t.Errorf("blocks differ between Go and %s", Kernels())
	}
	if !slices.Equal(plain.supers.quants, fast.supers.quants) || !slices.Equal(plain.supers.scales, fast.supers.scales) || !slices.Equal(plain.supers.sums, fast.supers.sums) {
		t.Errorf("super-blocks differ between Go and %s", Kernels())
	}
}

func TestAttentionKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, width := range []int{8, 24, 64, 72, 128, 12} {
		const texts, stride = 37, 300
		keys := make([]uint16, texts*stride)
		Halves(keys, numbers(r, len(keys)))
		query, weights := numbers(r, width), numbers(r, texts)
		plain, fast := make([]float32, texts), make([]float32, texts)
		genericScores(plain, query, keys, stride)
		Scores(fast, query, keys, stride)
		near(t, "scores", fast, plain, 1e-5)
		mixed, want := numbers(r, width), make([]float32, width)
		copy(want, mixed)
		genericMix(want, weights, keys, stride)
		Mix(mixed, weights, keys, stride)
		near(t, "mix", mixed, want, 1e-5)
	}
}

func TestSoftmaxAndGate(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{1, 7, 8, 33, 1000} {
		x := numbers(r, n)
		for i := range x {
			x[i] *= 20
		}
		x[n/2] = -1e30
		got, want := slices.Clone(x), make([]float32, n)
		Softmax(got)
		best, sum := float64(slices.Max(x)), 0.0
		for _, v := range x {
			sum += math.Exp(float64(v) - best)
		}
		for i, v := range x {
			want[i] = float32(math.Exp(float64(v)-best) / sum)
		}
		near(t, "softmax", got, want, 1e-6)
		up := numbers(r, n)
		copy(got, x)
		Gate(got, up)
		for i, v := range x {
			want[i] = float32(float64(v) / (1 + math.Exp(-float64(v))) * float64(up[i]))
		}
		near(t, "gate", got, want, 1e-6)
	}
}

// TestThreadsAndBatchChangeNothing holds the promise that a product depends on the
// row and the vector alone.
func TestThreadsAndBatchChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	const rows, cols, n = 101, 256, 5
	x := numbers(r, n*cols)
	for _, format := range formats {
		m, err := New(format, rows, cols, weights(r, format, rows*cols))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range available() {
			together := make([]float32, n*rows)
			with(k, func() {
				pool := NewPool(4)
				defer pool.Close()
				var in Input
				in.Set(x, n, cols)
				Multiply(pool, together, &m, &in)
			})
			for v := range n {
				alone := product(k, &m, x[v*cols:(v+1)*cols], 1)
				if !slices.Equal(alone, together[v*rows:(v+1)*rows]) {
					t.Errorf("%v with %s: vector %d of a batch gives other numbers than alone", format, k.name, v)
				}
			}
		}
	}
}
