package main

import (
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// TestHistogram: every rig is counted once, in few ranges, and a price that nobody would pay
// does not squeeze the others into one.
func TestHistogram(t *testing.T) {
	var asks []ask
	for i := range 400 {
		asks = append(asks, ask{protocol.NewAmount(uint64(100 + i%100)), i%4 > 0})
	}
	most, err := protocol.AmountFromBig(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 96), big.NewInt(1)))
	if err != nil {
		t.Fatal(err)
	}
	bins := histogram(append(asks, ask{most, true}))
	fit, unfit, widest := 0, 0, 0
	for i, b := range bins {
		fit, unfit, widest = fit+b.Fit, unfit+b.Unfit, max(widest, b.Fit+b.Unfit)
		if b.To.Less(b.From) || i > 0 && !bins[i-1].To.Less(b.From) {
			t.Errorf("the ranges are %+v", bins)
		}
	}
	if fit != 301 || unfit != 100 || len(bins) > maxBins || len(bins) < 3 || widest > 300 {
		t.Errorf("%d and %d rigs in %+v", fit, unfit, bins)
	}
	if got := histogram([]ask{{}, {}, {}}); len(got) != 1 || got[0].Unfit != 3 {
		t.Errorf("three rigs of one price: %+v", got)
	}
	if got := histogram(nil); got == nil || len(got) != 0 {
		t.Errorf("nobody: %+v", got)
	}
}

// TestChartFitsThePage: as wide as COLUMNS says, also with more rigs than that; colours are
// for terminals without NO_COLOR.
func TestChartFitsThePage(t *testing.T) {
	var f survey
	for i := range 1000 {
		f.asks = append(f.asks, ask{protocol.NewAmount(uint64(1 + i*i%977)), i%3 == 0})
	}
	f.sort()
	n := &need{filter: protocol.Filter{Unit: protocol.UnitCPUMillis}}
	m := money{node.Token{Symbol: "tUSDC", Decimals: 6}}
	for _, columns := range []string{"40", "80", "200"} {
		t.Setenv("COLUMNS", columns)
		page := (&app{stdout: &strings.Builder{}}).page()
		var out strings.Builder
		if err := f.chart(&out, n, m, page); err != nil {
			t.Fatal(err)
		}
		longest := 0
		for line := range strings.Lines(out.String()) {
			longest = max(longest, utf8.RuneCountInString(strings.TrimSpace(line)))
		}
		if longest > page.width || longest < page.width/2 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("COLUMNS=%s, and the longest line has %d:\n%s", columns, longest, out.String())
		}
	}
	var out strings.Builder
	if err := f.chart(&out, n, m, page{width: 60, tty: true, color: true}); err != nil || !strings.Contains(out.String(), "\x1b[32m█") {
		t.Errorf("in colour: %v\n%s", err, out.String())
	}
	if got := (page{width: 20, tty: true}).clip(strings.Repeat("é", 30)); utf8.RuneCountInString(got) != 20 {
		t.Errorf("clipped: %q", got)
	}
}
