package artifact

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/ipfs/go-cid"
)

// TestReaderFetchesOnlyWhatIsRead: the source has the blocks that are read and no other.
func TestReaderFetchesOnlyWhatIsRead(t *testing.T) {
	source, store, asks := hostilePeer(t, testStall)
	want := noise(6<<20+100, 1)
	root, list := fileBlocks(t, startNode(t, Config{}), want)
	put(t, store, list[0], list[3], list[4], list[7]) // the root and leaves 2, 3 and the last
	r, err := asks.Open(t.Context(), root.String(), From(source))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Size() != int64(len(want)) {
		t.Errorf("size %d, want %d", r.Size(), len(want))
	}
	for _, at := range []struct{ off, n int }{{2 << 20, 2 << 20}, {3<<20 - 5, 10}, {2<<20 + 7, 1}, {6 << 20, 100}, {4<<20 - 1, 1}} {
		got := make([]byte, at.n)
		if n, err := r.ReadAt(got, int64(at.off)); n != at.n || err != nil || !bytes.Equal(got, want[at.off:at.off+at.n]) {
			t.Errorf("%d bytes at %d: %d, %v, or other bytes", at.n, at.off, n, err)
		}
	}
	got := make([]byte, 300)
	if n, err := r.ReadAt(got, 6<<20+50); n != 50 || !errors.Is(err, io.EOF) || !bytes.Equal(got[:50], want[6<<20+50:]) {
		t.Errorf("over the end: %d, %v", n, err)
	}
	if n, err := r.ReadAt(got, 1<<30); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("beyond the end: %d, %v", n, err)
	}
	if _, err := r.ReadAt(got, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("what the source lacks: %v, want ErrNotFound", err)
	}
	if asks.Has(root.String()) {
		t.Error("the file is kept")
	}
}

func TestReader(t *testing.T) {
	has, asks := pair(t)
	for _, size := range []int{0, 1, leafBytes, leafBytes + 1, 5<<20 + 3} {
		want := noise(size, 2)
		c := addBytes(t, has.Store, want)
		if err := has.Share(c, asks.host.ID()); err != nil {
			t.Fatal(err)
		}
		for name, n := range map[string]*node{"from a peer": asks, "kept here": has} {
			r, err := n.Open(t.Context(), c, From(has.host.ID()))
			if err != nil {
				t.Fatalf("%d bytes %s: %v", size, name, err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes %s: %d bytes, %v", size, name, len(got), err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestReaderKeepsTheContract reads a file of small blocks on two levels in every way
// that io's interfaces allow.
func TestReaderKeepsTheContract(t *testing.T) {
	source, store, asks := hostilePeer(t, testStall)
	want := noise(1000, 3)
	half := func(data []byte) cid.Cid {
		var links []cid.Cid
		var sizes []uint64
		for at := 0; at < len(data); at += 100 {
			leaf := rawBlock(t, data[at:at+100])
			put(t, store, leaf)
			links, sizes = append(links, leaf.Cid()), append(sizes, 100)
		}
		return dagNode(t, store, fileData(t, uint64(len(data)), sizes), links...)
	}
	root := dagNode(t, store, fileData(t, 1000, []uint64{500, 500}), half(want[:500]), half(want[500:]))
	r, err := asks.Open(t.Context(), root.String(), From(source))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(r, want); err != nil {
		t.Error(err)
	}
}

// TestReaderOfHostileFiles: declared sizes are lies in ways that only a read finds.
func TestReaderOfHostileFiles(t *testing.T) {
	liar, store, asks := hostilePeer(t, testStall)
	leaf := rawBlock(t, noise(1000, 7))
	put(t, store, leaf)
	inner := func(size uint64, sizes []uint64, links ...cid.Cid) cid.Cid {
		return dagNode(t, store, fileData(t, size, sizes), links...)
	}
	deep := leaf.Cid()
	for range maxDepth + 1 {
		deep = inner(1000, []uint64{1000}, deep)
	}
	for name, root := range map[string]cid.Cid{
		"longer leaf":      inner(10, []uint64{10}, leaf.Cid()),
		"shorter leaf":     inner(2000, []uint64{2000}, leaf.Cid()),
		"over the limit":   inner(1<<62, []uint64{1 << 62}, leaf.Cid()),
		"too deep":         deep,
		"short of its sum": inner(5000, []uint64{1000}, leaf.Cid()),
	} {
		r, err := asks.Open(t.Context(), root.String(), From(liar))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := r.ReadAt(make([]byte, 5), 3); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	folder := dirNode(t, store, leaf.Cid(), "f")
	if _, err := asks.Open(t.Context(), folder.String(), From(liar)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a directory: %v", err)
	}
}
