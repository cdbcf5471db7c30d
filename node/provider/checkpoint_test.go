package provider

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCheckpointThatChanges: what is written while it is read is not kept, nor what is more
// than the outputs may have (SPEC §5.9).
func TestCheckpointThatChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	opened := func(text string) (*os.File, os.FileInfo) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return f, info
	}
	to := filepath.Join(dir, "kept")
	f, info := opened("step 1")
	if err := copyUnchanged(f, info, to, 6); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(to); err != nil || string(b) != "step 1" {
		t.Errorf("kept %q, %v", b, err)
	}
	if err := copyUnchanged(f, info, filepath.Join(dir, "long"), 5); err == nil {
		t.Error("more than the outputs may have was kept")
	}
	for what, change := range map[string]func() error{
		"rewritten": func() error { return os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second)) },
		"cut off":   func() error { return os.Truncate(path, 2) },
		"longer":    func() error { return os.Truncate(path, 20) },
	} {
		f, info := opened("step 2")
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := copyUnchanged(f, info, filepath.Join(dir, what), 100); err == nil {
			t.Errorf("one that was %s meanwhile was kept", what)
		}
	}
	// A rename leaves what was opened as it was.
	f, info = opened("step 3")
	if err := os.WriteFile(filepath.Join(dir, "next"), []byte("step 4"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "next"), path); err != nil {
		t.Fatal(err)
	}
	if err := copyUnchanged(f, info, filepath.Join(dir, "renamed"), 100); err != nil {
		t.Errorf("one that was replaced by a rename: %v", err)
	}
	again, newer := opened("step 4")
	again.Close()
	if sameVersion(newer, info) || !sameVersion(info, info) || sameVersion(info, nil) {
		t.Error("another checkpoint is taken for the same")
	}
}
