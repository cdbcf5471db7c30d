package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// TestTamperedBlock holds SPEC §5.1: bytes that do not match their CID are
// refused, whoever sends them and wherever they lie.
func TestTamperedBlock(t *testing.T) {
	t.Run("a peer sends other bytes", func(t *testing.T) {
		liar, store, asks := hostilePeer(t, testStall)
		c := rawCID(t, []byte("what was asked for"))
		put(t, store, newBlock(t, []byte("something else"), c))
		_, err := asks.Fetch(t.Context(), c.String(), 100, From(liar))
		if !errors.Is(err, ErrLied) {
			t.Errorf("got %v, want ErrLied", err)
		}
		if asks.Has(c.String()) {
			t.Error("wrong bytes were kept")
		}
	})
	t.Run("the provider's disk went bad", func(t *testing.T) {
		has, asks := pair(t)
		c := addBytes(t, has.Store, noise(100, 1))
		if err := has.Publish(c); err != nil {
			t.Fatal(err)
		}
		flip(t, has.disk.path("files/"+c), 50)
		if _, err := asks.Fetch(t.Context(), c, 100, From(has.host.ID())); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
	t.Run("our disk went bad while we were off", func(t *testing.T) {
		has, asks := pair(t)
		want := noise(3<<20, 2)
		c := addBytes(t, has.Store, want)
		if err := has.Publish(c); err != nil {
			t.Fatal(err)
		}
		path, err := asks.Fetch(t.Context(), c, 3<<20, From(has.host.ID()))
		if err != nil {
			t.Fatal(err)
		}
		asks.stop()
		flip(t, path, 2<<20)
		again := startNode(t, Config{Dir: asks.cfg.Dir})
		connect(t, again.host, has.host)
		if path, err = again.Fetch(t.Context(), c, 3<<20, From(has.host.ID())); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(readFile(t, path), want) {
			t.Error("bytes gone bad were returned")
		}
	})
}

func TestSilentPeer(t *testing.T) {
	asks := startNode(t, Config{StallAfter: 200 * time.Millisecond})
	silent := newHost(t)
	silent.SetStreamHandler(bsnet.ProtocolBitswap, func(s network.Stream) { _, _ = io.Copy(io.Discard, s) })
	connect(t, asks.host, silent)
	c := rawCID(t, []byte("never"))
	if _, err := asks.Fetch(t.Context(), c.String(), 100, From(silent.ID())); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v, want ErrStalled", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := asks.Fetch(ctx, c.String(), 100, From(silent.ID())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestPeerGoesAway(t *testing.T) {
	asks, leaver := startNode(t, Config{}), newHost(t)
	asked := make(chan struct{}, 8)
	leaver.SetStreamHandler(bsnet.ProtocolBitswap, func(s network.Stream) {
		_, _ = s.Read(make([]byte, 1))
		asked <- struct{}{}
	})
	connect(t, asks.host, leaver)
	got := make(chan error, 1)
	go func() {
		_, err := asks.Fetch(t.Context(), rawCID(t, []byte("gone")).String(), 100, From(leaver.ID()))
		got <- err
	}()
	<-asked
	_ = leaver.Close()
	if err := <-got; !errors.Is(err, errConnectionLost) {
		t.Errorf("got %v, want the lost connection", err)
	}
}

// TestHostileFiles serves DAGs that no honest tool makes.
func TestHostileFiles(t *testing.T) {
	liar, store, asks := hostilePeer(t, testStall)
	leaf := rawBlock(t, noise(1000, 7))
	big := rawBlock(t, noise(maxBlockBytes+1, 7))
	crumb := rawBlock(t, []byte{1})
	put(t, store, leaf, big, crumb)
	inner := func(size uint64, sizes []uint64, links ...cid.Cid) cid.Cid {
		return dagNode(t, store, fileData(t, size, sizes), links...)
	}
	deep := leaf.Cid()
	for range maxDepth + 1 {
		deep = inner(1000, []uint64{1000}, deep)
	}
	wide := make([]cid.Cid, 2000)
	ones := make([]uint64, len(wide))
	for i := range wide {
		wide[i], ones[i] = crumb.Cid(), 1
	}
	symlink, err := unixfs.SymlinkData("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	other, err := cid.V1Builder{Codec: cid.Raw, MhType: 0x11}.Sum([]byte("sha-1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		root  cid.Cid
		limit string // field of the LimitError, or empty: ErrMalformed
	}{
		"declares more than the limit": {inner(1<<40, []uint64{1 << 40}, leaf.Cid()), "file bytes"},
		"leaf over the block limit":    {big.Cid(), "block bytes"},
		"leaf shorter than declared":   {inner(2000, []uint64{2000}, leaf.Cid()), ""},
		"leaf longer than declared":    {inner(10, []uint64{10}, leaf.Cid()), ""},
		"children exceed the node":     {inner(1000, []uint64{1000, 1000}, leaf.Cid(), leaf.Cid()), ""},
		"children fall short":          {inner(5000, []uint64{1000}, leaf.Cid()), ""},
		"size overflow":                {inner(1000, []uint64{1<<64 - 1, 1001}, leaf.Cid(), leaf.Cid()), ""},
		"more links than sizes":        {inner(1000, []uint64{1000}, leaf.Cid(), leaf.Cid()), ""},
		"empty children":               {inner(1000, []uint64{0, 1000}, leaf.Cid(), leaf.Cid()), ""},
		"deeper than allowed":          {deep, "levels of the file"},
		"more blocks than bytes merit": {inner(2000, ones, wide...), "blocks of the file"},
		"a symlink":                    {dagNode(t, store, symlink), ""},
		"a directory":                  {dagNode(t, store, unixfs.FolderPBData()), ""},
		"not UnixFS at all":            {dagNode(t, store, []byte{0xff, 0xff}), ""},
		"a child under another hash":   {inner(5, []uint64{5}, other), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := asks.Fetch(t.Context(), tc.root.String(), 1<<20+maxBlockBytes, From(liar))
			var limit *LimitError
			switch {
			case tc.limit == "" && !errors.Is(err, ErrMalformed):
				t.Errorf("got %v, want ErrMalformed", err)
			case tc.limit != "" && (!errors.As(err, &limit) || limit.Field != tc.limit):
				t.Errorf("got %v, want a LimitError on %s", err, tc.limit)
			}
			if asks.Has(tc.root.String()) {
				t.Error("it was kept")
			}
		})
	}
}

// TestHostileDirectories serves directories that would write elsewhere.
func TestHostileDirectories(t *testing.T) {
	liar, store, asks := hostilePeer(t, testStall)
	leaf := rawBlock(t, noise(1000, 7))
	put(t, store, leaf)
	symlink, err := unixfs.SymlinkData("/etc")
	if err != nil {
		t.Fatal(err)
	}
	link := dagNode(t, store, symlink)
	shard, err := unixfs.HAMTShardData(nil, 256, 0x22)
	if err != nil {
		t.Fatal(err)
	}
	dir := func(names ...string) cid.Cid { return dirNode(t, store, leaf.Cid(), names...) }
	deep := dir("x")
	for range maxDirDepth + 1 {
		deep = dirNode(t, store, deep, "d")
	}
	var tooMany []string
	for i := range 9 {
		tooMany = append(tooMany, fmt.Sprint(i))
	}
	for name, tc := range map[string]struct {
		root  cid.Cid
		limit string
	}{
		"parent":           {dir(".."), ""},
		"itself":           {dir("."), ""},
		"slash":            {dir("a/b"), ""},
		"absolute":         {dir("/etc/x"), ""},
		"backslash":        {dir(`..\x`), ""},
		"drive":            {dir("c:x"), ""},
		"empty":            {dir(""), ""},
		"NUL":              {dir("a\x00b"), ""},
		"twice":            {dir("a", "a"), ""},
		"long":             {dir(strings.Repeat("n", 300)), ""},
		"not UTF-8":        {dir("\xff"), ""},
		"symlink inside":   {dirNode(t, store, link, "l"), ""},
		"symlink itself":   {link, ""},
		"sharded":          {dagNode(t, store, shard), ""},
		"a file":           {leaf.Cid(), ""},
		"too deep":         {deep, "directory levels"},
		"too many":         {dir(tooMany...), "files and directories"},
		"too many bytes":   {dir("a", "b", "c", "d", "e"), "bytes of all files"},
		"declares too big": {dirNode(t, store, dagNode(t, store, fileData(t, 1<<40, []uint64{1 << 40}), leaf.Cid()), "f"), "bytes of all files"},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			limitFiles := 8
			if name == "too deep" {
				limitFiles = 100
			}
			err := asks.FetchDir(t.Context(), tc.root.String(), filepath.Join(top, "out"), 4500, limitFiles, From(liar))
			var limit *LimitError
			switch {
			case tc.limit == "" && !errors.Is(err, ErrMalformed):
				t.Errorf("got %v, want ErrMalformed", err)
			case tc.limit != "" && (!errors.As(err, &limit) || limit.Field != tc.limit):
				t.Errorf("got %v, want a LimitError on %s", err, tc.limit)
			}
			if left, _ := os.ReadDir(top); len(left) > 0 {
				t.Errorf("it left %s behind", left[0].Name())
			}
		})
	}
}

// TestFetchGoesOn loses the peer half way and asks for the rest only.
func TestFetchGoesOn(t *testing.T) {
	source, store, asks := hostilePeer(t, testStall)
	origin := startNode(t, Config{})
	want := noise(4<<20, 8)
	c := addBytes(t, origin.Store, want)
	root, err := cid.Decode(c)
	if err != nil {
		t.Fatal(err)
	}
	rootData, err := origin.readBlock(root)
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, newBlock(t, rootData, root))
	links, _, err := decodeNode(rootData)
	if err != nil {
		t.Fatal(err)
	}
	last := len(links) - 1
	for i := range last {
		put(t, store, rawBlock(t, want[i<<20:(i+1)<<20]))
	}
	// The refusal of the last leaf may overtake the others; trying again gets them.
	for deadline := time.Now().Add(testStall); ; {
		if _, err := asks.Fetch(t.Context(), c, 4<<20, From(source)); !errors.Is(err, ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
		part := readFile(t, filepath.Join(asks.disk.partial(root), partialData))
		if bytes.Equal(part[:min(len(part), last<<20)], want[:last<<20]) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("what arrived was not kept")
		}
	}
	for i := range last {
		if err := store.DeleteBlock(t.Context(), links[i].Cid); err != nil {
			t.Fatal(err)
		}
	}
	put(t, store, rawBlock(t, want[last<<20:]))
	path, err := asks.Fetch(t.Context(), c, 4<<20, From(source))
	if err != nil {
		t.Fatalf("what was there was asked for again: %v", err)
	}
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
}

// hostilePeer serves whatever lies in its store, checked by nobody.
func hostilePeer(t *testing.T, stall time.Duration) (peer.ID, blockstore.Blockstore, *node) {
	t.Helper()
	asks := startNode(t, Config{StallAfter: stall})
	h := newHost(t)
	_, store := plainDAG(t, h)
	connect(t, asks.host, h)
	return h.ID(), store, asks
}

func rawCID(t *testing.T, data []byte) cid.Cid {
	t.Helper()
	c, err := cid.V1Builder{Codec: cid.Raw, MhType: 0x12}.Sum(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newBlock(t *testing.T, data []byte, c cid.Cid) blocks.Block {
	t.Helper()
	b, err := blocks.NewBlockWithCid(data, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func rawBlock(t *testing.T, data []byte) blocks.Block { return newBlock(t, data, rawCID(t, data)) }

func put(t *testing.T, store blockstore.Blockstore, list ...blocks.Block) {
	t.Helper()
	if err := store.PutMany(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// fileData is the UnixFS part of a file node with the given claims.
func fileData(t *testing.T, size uint64, sizes []uint64) []byte {
	t.Helper()
	fs := unixfs.NewFSNode(unixfs.TFile)
	for _, n := range sizes {
		fs.AddBlockSize(n)
	}
	fs.UpdateFilesize(int64(size) - int64(fs.FileSize()))
	b, err := fs.GetBytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dagNode(t *testing.T, store blockstore.Blockstore, data []byte, links ...cid.Cid) cid.Cid {
	t.Helper()
	n := merkledag.NodeWithData(data)
	for _, l := range links {
		if err := n.AddRawLink("", &format.Link{Cid: l}); err != nil {
			t.Fatal(err)
		}
	}
	return putNode(t, store, n)
}

func dirNode(t *testing.T, store blockstore.Blockstore, child cid.Cid, names ...string) cid.Cid {
	t.Helper()
	n := merkledag.NodeWithData(unixfs.FolderPBData())
	for _, name := range names {
		if err := n.AddRawLink(name, &format.Link{Cid: child}); err != nil {
			t.Fatal(err)
		}
	}
	return putNode(t, store, n)
}

func putNode(t *testing.T, store blockstore.Blockstore, n *merkledag.ProtoNode) cid.Cid {
	t.Helper()
	if err := n.SetCidBuilder(cid.V1Builder{Codec: cid.DagProtobuf, MhType: 0x12}); err != nil {
		t.Fatal(err)
	}
	put(t, store, n)
	return n.Cid()
}

// flip changes one bit of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b := readFile(t, path)
	b[at] ^= 1
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b)
}
