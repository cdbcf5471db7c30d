package provider

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// shelf is a store of artifacts that takes nothing; what a test does not use is nil.
type shelf struct {
	Artifacts
	fail error
}

func (s shelf) AddDir(context.Context, string, uint64, int) (string, uint64, error) {
	return "", 0, s.fail
}

// TestOutputsThatAreNotKept holds that a job ends by its program's fault where its
// outputs may not be kept, and by the rig's where the rig cannot: then the requester
// goes to another rig. Nothing of the rig's disk is told.
func TestOutputsThatAreNotKept(t *testing.T) {
	for name, c := range map[string]struct {
		fail   error
		reason protocol.Reason
		detail string
	}{
		"refused":   {&RefusedError{errors.New("pipe is a named pipe")}, protocol.ReasonOutput, "pipe is a named pipe"},
		"disk full": {errors.New("create rig/tmp/add-1: no space left"), protocol.ReasonRigError, "the rig cannot keep the outputs"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newRig(t, &book{known: map[protocol.Hash]bool{}})
			p.cfg.Artifacts = shelf{fail: c.fail}
			n, q := negotiate(t, p, newKey(t))
			n.in <- n.accept(t, q)
			<-n.done
			n.session.inputs.out = t.TempDir()
			if err := os.WriteFile(filepath.Join(n.session.inputs.out, "result"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			ev := n.session.wait(t.Context(), ended{}).(protocol.Exited)
			if ev.Reason != c.reason || ev.Detail != c.detail {
				t.Errorf("ended by %s, %q; want %s, %q", ev.Reason, ev.Detail, c.reason, c.detail)
			}
		})
	}
}
