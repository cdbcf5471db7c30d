//go:build linux && !nogvisor

package gvisor

import (
	"strings"
	"testing"
)

// TestReservedOutput checks that a job cannot take the disk without writing to it.
func TestReservedOutput(t *testing.T) {
	e := open(t)
	s := spec("reserve", "/out/file")
	s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), 2<<20, 4
	res, out := do(t, e, s)
	if res.Failure != nil || !strings.HasPrefix(out, "refused") {
		t.Errorf("%+v, said %q", res, out)
	}
}
