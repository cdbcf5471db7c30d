package tap

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ends are a sandbox's interface and its far end.
func ends(t *testing.T) (sandbox, far *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	sandbox = os.NewFile(uintptr(fds[0]), "sandbox")
	t.Cleanup(func() { sandbox.Close() })
	return sandbox, os.NewFile(uintptr(fds[1]), "far")
}

// TestProbe hears what a job sent, also from a sandbox that was made anew, and keeps no
// interface.
func TestProbe(t *testing.T) {
	var all []*os.File
	err := Probe(t.Context(), func(_ context.Context, i *runner.Interface) error {
		for range 2 {
			sandbox, far := ends(t)
			all = append(all, sandbox)
			if err := i.Attach(far); err != nil {
				return err
			}
		}
		_, err := all[1].Write([]byte("a frame"))
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for n, sandbox := range all {
		if _, err := sandbox.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("interface %d: %v, want that its far end is closed", n, err)
		}
	}
}

// TestProbeFails where a job is not heard, fails, or never gets its interface.
func TestProbeFails(t *testing.T) {
	failed := errors.New("it failed")
	for name, job := range map[string]func(*runner.Interface) error{
		"without an interface": func(*runner.Interface) error { return nil },
		"that does not start":  func(*runner.Interface) error { return failed },
		"that is silent": func(i *runner.Interface) error {
			_, far := ends(t)
			return i.Attach(far)
		},
		"that sends and fails": func(i *runner.Interface) error {
			sandbox, far := ends(t)
			_, err := sandbox.Write([]byte("a frame"))
			return errors.Join(i.Attach(far), err, failed)
		},
	} {
		if err := Probe(t.Context(), func(_ context.Context, i *runner.Interface) error { return job(i) }); err == nil {
			t.Errorf("a job %s passes", name)
		}
	}
}
