package artifact

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
)

// TestTreesShareFiles fetches two directories that have files in common, as images have
// layers: what is here already does not travel again.
func TestTreesShareFiles(t *testing.T) {
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
	fetch := func(c string) []Entry {
		entries, err := asks.FetchTree(t.Context(), c, total+10, 6, From(has.host.ID()))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(content) {
			t.Errorf("%d entries of %d", len(entries), len(content))
		}
		return entries
	}
	var sum uint64
	for _, e := range fetch(root) {
		sum += e.Size
		path, ok := asks.Path(e.CID)
		if !ok || !bytes.Equal(readFile(t, path), content[e.Path]) {
			t.Errorf("%s has other bytes", e.Path)
		}
	}
	if sum != total {
		t.Errorf("%d bytes are declared of %d", sum, total)
	}
	before := has.net.Stats().MessagesSent
	fetch(other)
	// Four directory nodes at most and one small file; the others would be six leaves.
	if sent := has.net.Stats().MessagesSent - before; sent > 5 {
		t.Errorf("%d messages for a directory of which only a small file is new", sent)
	}
}

func TestTreeOfAFile(t *testing.T) {
	has, asks := pair(t)
	file := addBytes(t, has.Store, noise(100, 1))
	if _, err := asks.FetchTree(t.Context(), file, 100, 2, From(has.host.ID())); !errors.Is(err, ErrNotFound) {
		t.Errorf("before Share: %v", err)
	}
	if err := has.Share(file, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.FetchTree(t.Context(), file, 100, 2, From(has.host.ID())); !errors.Is(err, ErrMalformed) {
		t.Errorf("a file as a tree: %v", err)
	}
}
