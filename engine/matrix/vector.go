package matrix

import (
	"math"

	"github.com/rerig/rerig/engine/gguf"
)

// ToHalf rounds to IEEE 754 half precision, ties to even.
func ToHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign := uint16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00 // not a number
	case bits >= 0x47800000:
		return sign | 0x7c00 // beyond the largest half, or infinite
	case bits < 0x38800000: // below the smallest normal half: the sum drops what has no room
		return sign | uint16(math.Float32bits(math.Float32frombits(bits)+0.5)-0x3f000000)
	}
	bits += 0xfff + bits>>13&1
	return sign | uint16((bits-0x38000000)>>13)
}

// Norm sets out to x divided by its root mean square, times weight.
func Norm(out, x, weight []float32, epsilon float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(float64(float32(sum/float64(len(x)))+epsilon)))
	for i, v := range x {
		out[i] = v * scale * weight[i]
	}
}

// Add adds b to a.
func Add(a, b []float32) {
	for i, v := range b[:len(a)] {
		a[i] += v
	}
}

// Softmax turns scores into probabilities.
func Softmax(scores []float32) {
	best := scores[0]
	for _, v := range scores {
		best = max(best, v)
	}
	scale := 1 / kernels.exps(scores, best)
	for i := range scores {
		scores[i] *= scale
	}
}

// Gate sets out to SiLU(out) × up.
func Gate(out, up []float32) { kernels.gate(out, up[:len(out)]) }

// Halves rounds x to half precision.
func Halves(out []uint16, x []float32) { kernels.toHalves(out[:len(x)], x) }

// Scores sets each out[t] to the product of query and the key at t: the numbers
// that begin at keys[t*stride].
func Scores(out, query []float32, keys []uint16, stride int) {
	kernels.scores(out, query, keys[:(len(out)-1)*stride+len(query)], stride)
}

// Mix adds to out each weights[t] times the value at t: the numbers that begin at
// values[t*stride].
func Mix(out, weights []float32, values []uint16, stride int) {
	kernels.mix(out, weights, values[:(len(weights)-1)*stride+len(out)], stride)
}

func genericToHalves(out []uint16, x []float32) {
	for i, v := range x {
		out[i] = ToHalf(v)
	}
}

// genericExps sets each x to e to the x-offset and returns their sum.
func genericExps(x []float32, offset float32) float32 {
	var sum float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - offset)))
		sum += x[i]
	}
	return sum
}

func genericGate(out, up []float32) {
	for i, v := range out {
		out[i] = v / (1 + float32(math.Exp(-float64(v)))) * up[i]
	}
}

func genericScores(out, query []float32, keys []uint16, stride int) {
	for t := range out {
		key := keys[t*stride:]
		var lanes [8]float32
		for i, v := range query {
			lanes[i&7] += gguf.Half(key[i]) * v
		}
		out[t] = (lanes[0] + lanes[4] + lanes[2] + lanes[6]) + (lanes[1] + lanes[5] + lanes[3] + lanes[7])
	}
}

func genericMix(out, weights []float32, values []uint16, stride int) {
	for t, w := range weights {
		value := values[t*stride:]
		for i := range out {
			out[i] += w * gguf.Half(value[i])
		}
	}
}
