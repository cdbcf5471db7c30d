//go:build linux && !nogvisor

package node

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/protocol"
)

// TestAttachAgain: a job whose sandbox was made anew has its network in the new one, and
// nothing holds the old one's interface any more; a job that has ended gets none.
func TestAttachAgain(t *testing.T) {
	j := &joined{addr: protocol.LinkAddr(0), log: slog.New(slog.DiscardHandler)}
	var near []*os.File
	attach := func() error {
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		sandbox := os.NewFile(uintptr(ends[1]), "sandbox")
		t.Cleanup(func() { sandbox.Close() })
		near = append(near, sandbox)
		return j.attach(os.NewFile(uintptr(ends[0]), "far"))
	}
	for range 2 {
		if err := attach(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := near[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the first sandbox's interface: %v, want that its far end is closed", err)
	}
	if err := errors.Join(j.drain(), j.close(), j.close()); err != nil {
		t.Fatal(err)
	}
	for _, f := range near {
		if _, err := f.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("an interface of a job that has ended: %v", err)
		}
	}
	if err := attach(); err == nil {
		t.Error("a job that has ended is attached")
	}
	if _, err := near[2].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("its interface: %v", err)
	}
}
