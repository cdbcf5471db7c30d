//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// TestReservedOutput checks that a job cannot take the disk without writing to it.
func TestReservedOutput(t *testing.T) {
	t.Parallel()
	e := open(t)
	s := spec("reserve", "/out/file")
	s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), 2<<20, 4
	res, out := do(t, e, s)
	if res.Failure != nil || !strings.HasPrefix(out, "refused") {
		t.Errorf("%+v, said %q", res, out)
	}
}

// TestOutputIsTheRigs checks that nothing of a job's users and rights is left in its output.
func TestOutputIsTheRigs(t *testing.T) {
	t.Parallel()
	e := open(t)
	s := spec("rights", "/out/program", "/out/closed")
	s.UID, s.GID = 1000, 1000
	s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), 1<<20, 4
	if res, out := do(t, e, s); res.Failure != nil || out != "" {
		t.Fatalf("%+v, said %q", res, out)
	}
	for name, want := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "program": 0o600, "closed": 0o700 | os.ModeDir} {
		info, err := os.Lstat(filepath.Join(s.OutDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; info.Mode() != want || owner != uint32(os.Getuid()) {
			t.Errorf("%q has mode %s of user %d, want %s", name, info.Mode(), owner, want)
		}
	}
}

// TestOutputOfStoppedJob checks that what a job has written until it is stopped is its output.
func TestOutputOfStoppedJob(t *testing.T) {
	t.Parallel()
	e := open(t)
	s := spec("rights", "/out/program", "/out/closed")
	s.Env = []string{"STAY=1"}
	s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), 1<<20, 4
	said := newNotice()
	j, err := e.Start(t.Context(), s, said, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-said.seen:
	case <-t.Context().Done():
	}
	for _, pid := range tree(j.(*Job).meter.pid)[1:] { // who has the device answers for the file system
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, f := range files {
			if to, _ := os.Readlink(f); to == "/dev/fuse" {
				t.Errorf("process %d of the sandbox has %s", pid, to)
			}
		}
	}
	j.Stop()
	res, err := j.Wait()
	if err != nil || res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
		t.Errorf("%+v, %v", res, err)
	}
	if b, err := os.ReadFile(filepath.Join(s.OutDir, "program")); err != nil || string(b) != "#!/bin/sh" {
		t.Errorf("the output holds %q, %v", b, err)
	}
}

// TestHiddenOutput checks that an unprivileged rig does not let a job write where it
// cannot look.
func TestHiddenOutput(t *testing.T) {
	t.Parallel()
	if !asNobody(t) {
		return
	}
	if unix.Access("/dev/fuse", unix.R_OK|unix.W_OK) == nil {
		t.Skip("needs a user who may not open /dev/fuse: there is nothing to look for where the output is held")
	}
	e := run(t, Config{DataDir: t.TempDir(), Program: rigProgram, Sandbox: sandboxProgram})
	s := spec("rights", "/out/program", "/out/closed")
	s.Env = []string{"STAY=1"}
	s.OutDir, s.OutputBytes, s.OutputFiles = t.TempDir(), 1<<20, 4
	res, out := do(t, e, s)
	if f := res.Failure; f == nil || f.Kind != runner.FailureOutput || !strings.Contains(f.Detail, "closed") {
		t.Errorf("%+v, said %q", res, out)
	}
}
