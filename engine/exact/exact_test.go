package exact

import (
	"math"
	"testing"
)

func TestAgreesWithMath(t *testing.T) {
	near := func(name string, x, got, want, tolerance float64) {
		if math.Abs(got-want) > tolerance*max(1, math.Abs(want)) {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for i := range 20000 {
		x := float64(i-10000) / 15
		near("Exp", x/10, Exp(x/10), math.Exp(x/10), 1e-15)
		sin, cos := Sincos(math.Abs(x))
		near("sin", x, sin, math.Sin(math.Abs(x)), 1e-14)
		near("cos", x, cos, math.Cos(math.Abs(x)), 1e-14)
		near("Log", x, Log(math.Abs(x)+1), math.Log(math.Abs(x)+1), 1e-15)
	}
	near("Log", 1e9, Log(1e9), math.Log(1e9), 1e-15)
}

func TestExpAtTheEdges(t *testing.T) {
	for x, want := range map[float64]float64{0: 1, 1000: math.Inf(1), -1000: 0, math.Inf(1): math.Inf(1), math.Inf(-1): 0} {
		if got := Exp(x); got != want {
			t.Errorf("Exp(%v) = %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(Exp(math.NaN())) {
		t.Error("Exp(NaN) is a number")
	}
}
