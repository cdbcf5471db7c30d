package main

import (
	"math/big"
	"strings"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

var dollar = money{node.Token{Symbol: "tUSDC", Decimals: 6}}

// TestRates holds that a price for an hour becomes base units per million CPU
// milliseconds, never less than what was said, and is shown as it was said.
func TestRates(t *testing.T) {
	for _, c := range []struct{ in, perMillion, shown string }{
		{"0.36/h", "100000", "0.36"}, {"0.05/h", "13889", "0.05"}, {"0.05", "13889", "0.05"}, {"0", "0", "0"},
		{"1/h", "277778", "1"}, {"0.000001/h", "1", "0.000003"}, {"123.45678/h", "34293550", "123.45678"},
	} {
		got, err := dollar.rate("price", c.in)
		if err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		if got.String() != c.perMillion {
			t.Errorf("%s: %s per million, want %s", c.in, got, c.perMillion)
		}
		if shown := dollar.perHour(protocol.Price{Unit: protocol.UnitCPUMillis, PerMillion: got}); shown != c.shown {
			t.Errorf("%s: shown as %s, want %s", c.in, shown, c.shown)
		}
	}
	for _, in := range []string{"", "-1", "1e3", "0.0000001/h", "1/d", "cheap", "79228162514264337593543950336"} {
		if got, err := dollar.rate("price", in); err == nil || !strings.Contains(err.Error(), "--price") {
			t.Errorf("%q: %s, error %v, want one that names --price", in, got, err)
		}
	}
}

// TestFixed holds that amounts keep all their digits and their sign.
func TestFixed(t *testing.T) {
	for _, c := range []struct {
		in               int64
		decimals, digits int
		want             string
	}{{0, 6, 6, "0.000000"}, {1, 6, 6, "0.000001"}, {-600_000, 6, 6, "-0.600000"}, {1_234_567, 6, 2, "1.23"}, {-1, 18, 9, "-0.000000000"}} {
		if got := fixed(big.NewInt(c.in), c.decimals, c.digits); got != c.want {
			t.Errorf("fixed(%d, %d, %d) = %s, want %s", c.in, c.decimals, c.digits, got, c.want)
		}
	}
}

// TestClipText holds that what strangers write cannot steer the terminal.
func TestClipText(t *testing.T) {
	if got := clipText("a\x1b[31mb\nc\u009bd\x7f", 40); got != "a [31mb c d " {
		t.Errorf("got %q", got)
	}
	if got := clipText("äöüß", 3); got != "äö…" {
		t.Errorf("got %q", got)
	}
}
