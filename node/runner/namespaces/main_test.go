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

// program is the static binary that the tests' sandboxes are.
var program string

func TestMain(m *testing.M) {
	if Main() {
		return
	}
	dir, err := os.MkdirTemp("", "namespaces")
	if err == nil {
		err = os.Chmod(dir, 0o755) // sandboxes run it as other users
	}
	if err == nil {
		program = filepath.Join(dir, "rig")
		cmd := exec.Command("go", "build", "-trimpath", "-o", program, "./testdata/rig")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var text []byte
		if text, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("build the sandbox: %w\n%s", err, text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}
