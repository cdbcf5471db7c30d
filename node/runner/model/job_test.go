package model

import (
	"bytes"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

// meter is a job that has used so many CPU milliseconds, and does nothing.
type meter struct {
	runner.Job
	millis uint64
}

func (m *meter) Usage() runner.Usage { return runner.Usage{CPUMillis: m.millis} }

// Loading a model is free as long as it is no work of its own; the mark of its end is not
// the requester's to see.
func TestMetersFromTheMark(t *testing.T) {
	for _, c := range []struct{ load, work, want uint64 }{
		{0, 0, 0}, {300, 0, 0}, {300, 40, 40}, {freeMillis + 7, 40, 47},
	} {
		sandbox := &meter{millis: c.load}
		var out bytes.Buffer
		j := &job{Job: sandbox, out: &out, begun: make(chan struct{})}
		close(j.begun)
		if got, want := j.Usage().CPUMillis, max(c.load, freeMillis)-freeMillis; got != want {
			t.Errorf("after %d ms of loading the meter says %d, want %d", c.load, got, want)
		}
		for _, said := range []string{string(mark), "a", string(mark) + "b"} {
			if n, err := (marked{j}).Write([]byte(said)); n != len(said) || err != nil {
				t.Fatal(n, err)
			}
		}
		if sandbox.millis += c.work; out.String() != "a"+string(mark)+"b" || j.Usage().CPUMillis != c.want {
			t.Errorf("after %d ms of work the meter says %d, want %d; the output is %q", c.work, j.Usage().CPUMillis, c.want, &out)
		}
		if err := j.WaitUsage(t.Context(), c.want); err != nil {
			t.Error(err)
		}
	}
}
