package artifact

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDirCID: a directory's name is what the store gives it, and it keeps nothing of it.
func TestDirCID(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 0, "b.txt": 5, "deep/er/c": leafBytes + 7} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := DirCID(t.Context(), dir, 1<<30, 100)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := startNode(t, Config{}).AddDir(t.Context(), dir, 1<<30, 100)
	if err != nil || got != want {
		t.Errorf("named %s, and added as %s, %v", got, want, err)
	}
	if _, err := DirCID(t.Context(), dir, 10, 100); err == nil {
		t.Error("more than the limit was named")
	}
}
