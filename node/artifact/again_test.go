package artifact

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAddFileAgain adds a file twice, edits it so that neither size nor time tell,
// and removes it from the store: each time the CID is that of the bytes, and they
// are there.
func TestAddFileAgain(t *testing.T) {
	s := startNode(t, Config{})
	path := filepath.Join(t.TempDir(), "module")
	add := func() string {
		c, size, err := s.AddFile(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if size != 5 {
			t.Errorf("size %d, want 5", size)
		}
		if !s.Has(c) {
			t.Errorf("%s is not kept", c)
		}
		return c
	}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	first := add()
	if again := add(); again != first {
		t.Errorf("the same bytes became %s, then %s", first, again)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write("other")
	if err := os.Chtimes(path, st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	other := add()
	if other == first {
		t.Errorf("an edited file is still %s", first)
	}
	if err := s.Remove(other); err != nil {
		t.Fatal(err)
	}
	if again := add(); again != other {
		t.Errorf("after its removal the file became %s, want %s", again, other)
	}
}
