// Locking down all threads needs a build without cgo, as the sandbox always is.

//go:build !cgo

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

const lockedEnv = "RERIG_TEST_LOCKED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(lockedEnv); dir != "" {
		if err := insideLock(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestLockDown tries in a process of its own what an escaped guest would.
func TestLockDown(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "in", "data"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockedEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func insideLock(dir string) error {
	req := &frame.Request{
		In: filepath.Join(dir, "in"), Out: filepath.Join(dir, "out"), MemoryBytes: 1 << 20,
	}
	if err := errors.Join(lockDown(), confine(req)); err != nil {
		return err
	}
	if _, err := os.ReadFile(filepath.Join(req.In, "data")); err != nil {
		return fmt.Errorf("input: %w", err)
	}
	if err := os.WriteFile(filepath.Join(req.Out, "data"), []byte("y"), 0o644); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	_, netErr := net.Listen("tcp", "127.0.0.1:0")
	denied := map[string]error{
		"network": netErr,
		"program": syscall.Exec("/proc/self/exe", []string{"x"}, nil),
		"link":    os.Symlink("/etc/passwd", filepath.Join(req.Out, "link")),
		"signal":  syscall.Kill(os.Getppid(), 0),
	}
	if version, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); e == 0 && version > 0 {
		_, denied["host file"] = os.ReadFile("/etc/passwd")
		_, denied["host directory"] = os.ReadDir("/")
		denied["input write"] = os.WriteFile(filepath.Join(req.In, "new"), nil, 0o644)
		denied["beside the output"] = os.WriteFile(filepath.Join(dir, "new"), nil, 0o644)
	}
	for what, err := range denied {
		if !errors.Is(err, os.ErrPermission) {
			return fmt.Errorf("%s: %v, want permission denied", what, err)
		}
	}
	return nil
}
