package artifact

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestTreePassesFromNeighbourToNeighbour: what one node fetched as a tree the next gets
// from it, also after a restart, and finds it by its provider record.
func TestTreePassesFromNeighbourToNeighbour(t *testing.T) {
	neighbour, asks := routed(t, true)
	origin := startNode(t, Config{})
	connect(t, neighbour.host, origin.host)
	content := map[string][]byte{
		"oci-layout": []byte("{}"), "empty": nil, "blobs/sha256/aa": noise(3<<20, 1), "blobs/sha256/bb": noise(2<<20+9, 2), "twice": []byte("{}"),
	}
	dir := t.TempDir()
	for name, data := range content {
		writeFile(t, filepath.Join(dir, name), data)
	}
	root, total, err := origin.AddDir(t.Context(), dir, 1<<30, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := origin.Share(root, neighbour.host.ID()); err != nil {
		t.Fatal(err)
	}
	check := func(n *node, entries []Entry) {
		t.Helper()
		if len(entries) != len(content) {
			t.Errorf("%d files of %d", len(entries), len(content))
		}
		for _, e := range entries {
			path, ok := n.Path(e.CID)
			if !ok || !bytes.Equal(readFile(t, path), content[e.Path]) {
				t.Errorf("%s: other bytes, or none (%v)", e.Path, ok)
			}
		}
		if size, ok := n.Size(root); !ok || size != total {
			t.Errorf("the tree has %d bytes, want %d", size, total)
		}
	}
	entries, err := neighbour.FetchTree(t.Context(), root, total, 10, From(origin.host.ID()))
	if err != nil {
		t.Fatal(err)
	}
	check(neighbour, entries)
	origin.stop()
	if err := neighbour.Publish(root); err != nil {
		t.Fatal(err)
	}
	poll(t, "the tree from the neighbour", func() bool {
		entries, err = asks.FetchTree(t.Context(), root, total, 10, Sources{Find: true})
		return err == nil
	})
	check(asks, entries)
	asks.stop()
	again := startNode(t, Config{Dir: asks.cfg.Dir})
	if entries, err = again.FetchTree(t.Context(), root, total, 10, Sources{}); err != nil {
		t.Fatal(err)
	}
	check(again, entries)
}

// TestTreeOutlivesItsFiles: where the files went as roots of their own the tree keeps
// their bytes, and gives them back without the network.
func TestTreeOutlivesItsFiles(t *testing.T) {
	s := startNode(t, Config{})
	dir := t.TempDir()
	want := noise(2<<20, 3)
	writeFile(t, filepath.Join(dir, "f"), want)
	root, total, err := s.AddDir(t.Context(), dir, 1<<30, 10)
	if err != nil {
		t.Fatal(err)
	}
	before := s.index.bytes
	entries, err := s.FetchTree(t.Context(), root, total, 10, Sources{})
	if err != nil {
		t.Fatal(err)
	}
	path, ok := s.Path(entries[0].CID)
	if !ok || !bytes.Equal(readFile(t, path), want) {
		t.Error("other bytes")
	}
	if s.index.bytes != before {
		t.Errorf("it takes %d bytes more", s.index.bytes-before)
	}
	if err := s.Remove(entries[0].CID); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the tree lost a file: %v", err)
	}
	if _, err := s.Fetch(t.Context(), entries[0].CID, total, Sources{}); err != nil {
		t.Error(err)
	}
}

func TestTreeLimits(t *testing.T) {
	has, asks := pair(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a"), noise(1000, 1))
	writeFile(t, filepath.Join(dir, "b"), noise(1000, 2))
	root, _, err := has.AddDir(t.Context(), dir, 1<<30, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := has.Publish(root); err != nil {
		t.Fatal(err)
	}
	var limit *LimitError
	if _, err := asks.FetchTree(t.Context(), root, 1999, 10, From(has.host.ID())); !errors.As(err, &limit) || limit.Limit != 1999 {
		t.Errorf("over the bytes: %v", err)
	}
	if _, err := asks.FetchTree(t.Context(), root, 2000, 1, From(has.host.ID())); !errors.As(err, &limit) || limit.Limit != 1 {
		t.Errorf("over the files: %v", err)
	}
	if asks.Has(root) {
		t.Error("a tree over its limits was kept")
	}
}
