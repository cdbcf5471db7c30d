package llama

import (
	"math"

	"github.com/rerig/rerig/engine/exact"
)

// The additions of a dot product happen in one fixed order, and every product
// is converted to float32 so that no compiler fuses it with the addition: that
// is what makes the bytes equal on every rig.

// lanes is how many products a step of dot makes; 16 is where a WASM runtime's
// cost per step stops to matter.
const lanes = 16

// dot returns the inner product of a and b, which have equal lengths.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= lanes && len(b) >= lanes {
		x, y := (*[lanes]float32)(a), (*[lanes]float32)(b)
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s0 += float32(x[4] * y[4])
		s1 += float32(x[5] * y[5])
		s2 += float32(x[6] * y[6])
		s3 += float32(x[7] * y[7])
		s0 += float32(x[8] * y[8])
		s1 += float32(x[9] * y[9])
		s2 += float32(x[10] * y[10])
		s3 += float32(x[11] * y[11])
		s0 += float32(x[12] * y[12])
		s1 += float32(x[13] * y[13])
		s2 += float32(x[14] * y[14])
		s3 += float32(x[15] * y[15])
		a, b = a[lanes:], b[lanes:]
	}
	for i := range min(len(a), len(b)) {
		s0 += float32(a[i] * b[i])
	}
	return (s0 + s1) + (s2 + s3)
}

// multiply sets out to the product of a matrix, given by rows, and a vector.
func multiply(out, rows, x []float32) {
	for i := range out {
		out[i] = dot(rows[i*len(x):(i+1)*len(x)], x)
	}
}

// add adds b to a.
func add(a, b []float32) {
	for i, v := range b[:len(a)] {
		a[i] += v
	}
}

// addScaled adds b times scale to a.
func addScaled(a, b []float32, scale float32) {
	for len(a) >= 4 && len(b) >= 4 {
		x, y := (*[4]float32)(a), (*[4]float32)(b)
		x[0] += float32(y[0] * scale)
		x[1] += float32(y[1] * scale)
		x[2] += float32(y[2] * scale)
		x[3] += float32(y[3] * scale)
		a, b = a[4:], b[4:]
	}
	for i, v := range b[:len(a)] {
		a[i] += float32(v * scale)
	}
}

// norm sets out to x divided by its root mean square, times weight.
func norm(out, x, weight []float32, epsilon float32) {
	var sum float64
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	mean := float32(sum / float64(len(x)))
	scale := float32(1 / math.Sqrt(float64(mean+epsilon)))
	for i, v := range x {
		out[i] = float32(float32(v*scale) * weight[i])
	}
}

// softmax turns scores into probabilities.
func softmax(scores []float32) {
	best := scores[0]
	for _, v := range scores {
		best = max(best, v)
	}
	var sum float64
	for i, v := range scores {
		e := exact.Exp(float64(v - best))
		scores[i] = float32(e)
		sum += e
	}
	scale := float32(1 / sum)
	for i := range scores {
		scores[i] = float32(scores[i] * scale)
	}
}
