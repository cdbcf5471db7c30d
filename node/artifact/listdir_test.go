package artifact

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"
)

// TestListDir lists two directories that share a file and fetches their files one by
// one: the shared one travels once.
func TestListDir(t *testing.T) {
	has, asks := pair(t)
	shared, big := noise(1<<20+5, 1), noise(3<<20, 2)
	content := map[string][]byte{"index.json": []byte("{}"), "blobs/sha256/aa": shared, "blobs/sha256/bb": big, "empty": nil}
	dir := t.TempDir()
	for name, data := range content {
		writeFile(t, filepath.Join(dir, name), data)
	}
	root, total, err := has.AddDir(t.Context(), dir, 1<<30, 100)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "index.json"), []byte("{other}"))
	other, _, err := has.AddDir(t.Context(), dir, 1<<30, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{root, other} {
		if err := has.Share(c, asks.host.ID()); err != nil {
			t.Fatal(err)
		}
	}
	list := func(c string) []Entry {
		entries, err := asks.ListDir(t.Context(), c, total+10, 6, From(has.host.ID()))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(content) {
			t.Errorf("%d entries of %d", len(entries), len(content))
		}
		return entries
	}
	var sum uint64
	for _, e := range list(root) {
		sum += e.Size
		path, err := asks.Fetch(t.Context(), e.CID, e.Size, From(has.host.ID()))
		if err != nil {
			t.Fatalf("%s: %v", e.Path, err)
		}
		if !bytes.Equal(readFile(t, path), content[e.Path]) {
			t.Errorf("%s has other bytes", e.Path)
		}
	}
	if sum != total {
		t.Errorf("%d bytes are declared of %d", sum, total)
	}
	for _, e := range list(other) {
		if e.Path != "index.json" && !asks.Has(e.CID) {
			t.Errorf("%s would be fetched again", e.Path)
		}
	}
	if asks.Has(root) {
		t.Error("the directory itself is kept")
	}
}

func TestListDirLimits(t *testing.T) {
	has, asks := pair(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "d", "f"), noise(100, 1))
	root, _, err := has.AddDir(t.Context(), dir, 100, 2)
	if err != nil {
		t.Fatal(err)
	}
	from := From(has.host.ID())
	if _, err := asks.ListDir(t.Context(), root, 100, 2, from); !errors.Is(err, ErrNotFound) {
		t.Errorf("before Share: %v", err)
	}
	if err := has.Share(root, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	var limit *LimitError
	if _, err := asks.ListDir(t.Context(), root, 99, 2, from); !errors.As(err, &limit) || limit.Field != "bytes of all files" {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := asks.ListDir(t.Context(), root, 100, 1, from); !errors.As(err, &limit) || limit.Field != "files and directories" {
		t.Errorf("too many files: %v", err)
	}
	entries, err := asks.ListDir(t.Context(), root, 100, 2, from)
	if err != nil || !slices.ContainsFunc(entries, func(e Entry) bool { return e.Path == "d/f" && e.Size == 100 }) {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := asks.ListDir(t.Context(), entries[0].CID, 100, 2, from); !errors.Is(err, ErrMalformed) {
		t.Errorf("a file as a directory: %v", err)
	}
}
