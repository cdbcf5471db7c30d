//go:build linux

package namespaces

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

var (
	// program is the static binary that the tests' sandboxes are.
	program string
	// guestRoot is a container's files: the conformance suite's program as /guest.
	guestRoot string
)

func TestMain(m *testing.M) {
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// build makes both in a new directory, where every user can reach them.
func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "namespaces"); err != nil {
		return "", err
	}
	program, guestRoot = filepath.Join(dir, "rig"), filepath.Join(dir, "root")
	for _, d := range []string{dir, guestRoot} {
		_ = os.Mkdir(d, 0o755) // the first is there
		if err := os.Chmod(d, 0o755); err != nil {
			return dir, err
		}
	}
	for out, pkg := range map[string]string{
		program: "./testdata/rig", filepath.Join(guestRoot, "guest"): "github.com/rerig/rerig/node/runner/conformance/guest",
	} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("build %s: %w\n%s", pkg, err, text)
		}
	}
	return dir, nil
}
