//go:build linux

package gvisor

import (
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

// TestFullBeforeItSaysThatItRuns: a job that fills its output at once has run, whichever of
// the two is heard first.
func TestFullBeforeItSaysThatItRuns(t *testing.T) {
	t.Parallel()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var conns [2]*net.UnixConn
	for i, fd := range ends {
		f := os.NewFile(uintptr(fd), "end")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c.(*net.UnixConn)
	}
	for _, r := range []line.Report{{Full: line.FullBytes}, {Started: true, Held: true}, {Exited: true}} {
		if err := r.Send(conns[1]); err != nil {
			t.Fatal(err)
		}
	}
	j := &Job{seat: &seat{line: conns[0]}, reaped: true, begun: make(chan struct{}), spec: runner.Spec{Deadline: time.Hour, OutputBytes: 1 << 20}}
	if last := j.follow(); last == nil || !last.Exited {
		t.Errorf("the last report is %+v", last)
	}
	j.timer.Stop()
	select {
	case <-j.begun:
	default:
		t.Error("it has not begun")
	}
	if j.failure == nil || j.failure.Kind != runner.FailureOutput || !j.held {
		t.Errorf("it ends by %+v, held: %t", j.failure, j.held)
	}
}
