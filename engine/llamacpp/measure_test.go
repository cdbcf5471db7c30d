//go:build unix

package llamacpp

import (
	"errors"
	"testing"
)

// BenchmarkAgainstLlamaCpp prints the speeds of both engines for every format:
//
//	go test ./engine/llamacpp -run '^$' -bench LlamaCpp -benchtime 1x
func BenchmarkAgainstLlamaCpp(b *testing.B) {
	r, err := opened()
	if errors.Is(err, ErrMissing) {
		b.Skipf("needs npm, Node and linux/amd64: %v", err)
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, format := range tolerances {
		b.Run(format.kind, func(b *testing.B) {
			for range b.N {
				speeds, err := r.Measure(b.Context(), format.kind)
				if err != nil {
					b.Fatal(err)
				}
				s := speeds[0]
				b.ReportMetric(s.Ours, "tokens/s")
				b.ReportMetric(s.Theirs, "llamacpp-tokens/s")
				b.ReportMetric(s.Ratio(), "ratio")
				b.ReportMetric(s.OurPrompt/s.TheirPrompt, "prompt-ratio")
			}
		})
	}
}
