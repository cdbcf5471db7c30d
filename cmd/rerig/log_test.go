package main

import (
	"log/slog"
	"strings"
	"testing"
)

// TestVerbose: what a node does is told with --verbose, what goes wrong always.
func TestVerbose(t *testing.T) {
	for _, c := range []struct {
		flags        string
		told, warned bool
	}{{"", false, true}, {"--verbose", true, true}, {"-v", true, true}, {"--quiet", false, true}} {
		var out strings.Builder
		a := &app{stderr: &out}
		if err := a.root().ParseFlags(strings.Fields(c.flags)); err != nil {
			t.Fatal(err)
		}
		log := a.logger(slog.LevelWarn)
		log.Debug("dialled")
		log.Warn("the disk is full")
		if got := out.String(); strings.Contains(got, "dialled") != c.told || strings.Contains(got, "the disk is full") != c.warned {
			t.Errorf("with %q it says %q", c.flags, got)
		}
	}
}
