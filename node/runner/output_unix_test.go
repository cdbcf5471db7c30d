//go:build unix

package runner

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenOutput: what is not a regular file of the job's own is not opened, and nothing
// waits for a pipe.
func TestOpenOutput(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	file := filepath.Join(dir, "checkpoint")
	for _, f := range []string{secret, file} {
		if err := os.WriteFile(f, []byte("state"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("checkpoint", filepath.Join(dir, "in")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenOutput(dir, "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out", "in", "pipe", ".", "absent", "../" + filepath.Base(dir), "/etc/passwd", ""} {
		if f, err := OpenOutput(dir, name); err == nil {
			t.Errorf("%q was opened as %s", name, f.Name())
		}
	}
	if _, err := OpenOutput("", "checkpoint"); !os.IsNotExist(err) && err == nil {
		t.Errorf("a job without outputs: %v", err)
	}
}
