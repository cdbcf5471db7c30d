// Package exact has the few functions of real numbers that a language model
// needs, with the same bits on every architecture. Package math may use
// assembly and fused multiply-add, which differ in the last bit; here every
// product is rounded by an explicit conversion, which the Go specification
// forbids to fuse.
package exact

import "math"

// ln2 and pi/2 in two parts each: the first has trailing zero bits, so that a
// small multiple of it is exact.
const (
	ln2Hi   = 6.93147180369123816490e-01
	ln2Lo   = 1.90821492927058770002e-10
	piO2Hi  = 1.57079632673412561417e+00
	piO2Lo  = 6.07710050650619224932e-11
	maxExp  = 709
	minExp  = -708
	maxTurn = 1 << 20 // largest number of quarter turns that Sincos reduces well
)

// inverseFactorials are the coefficients of the exponential series, the highest
// power's first.
var inverseFactorials = [...]float64{
	1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
	1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
}

// Exp returns e to the x, within 2 units in the last place. Results beyond the
// normal float64 range become 0 or +Inf; NaN stays NaN.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > maxExp:
		return math.Inf(1)
	case x < minExp:
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(k*ln2Hi)
	r -= float64(k * ln2Lo)
	// |r| <= ln2/2, so the series reaches the last bit.
	sum := inverseFactorials[0]
	for _, c := range inverseFactorials[1:] {
		sum = c + float64(r*sum)
	}
	return float64(sum * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// Log returns the natural logarithm of x > 0 by Halley's iteration on Exp.
func Log(x float64) float64 {
	_, e := math.Frexp(x)
	y := float64(float64(e) * math.Ln2)
	for range 8 {
		p := Exp(y)
		y += 2 * (x - p) / (x + p)
	}
	return y
}

// Sincos returns the sine and cosine of 0 <= x < 1.6 million radians, to about
// 15 digits; positions of a context are far below that.
func Sincos(x float64) (sin, cos float64) {
	k := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	if k > maxTurn {
		return 0, 1
	}
	r := x - float64(k*piO2Hi)
	r -= float64(k * piO2Lo)
	// |r| <= pi/4.
	square := float64(r * r)
	s, c := 1.0, 1.0
	for n := 18.0; n >= 2; n -= 2 {
		s = 1 - float64(square*s)/float64(n*(n+1))
		c = 1 - float64(square*c)/float64(n*(n-1))
	}
	s = float64(r * s)
	switch int(k) & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}
