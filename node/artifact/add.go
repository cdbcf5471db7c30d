package artifact

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
)

// AddBytes keeps data as a file and returns its CID. The bytes are on the
// medium when it returns.
func (s *Store) AddBytes(ctx context.Context, data []byte) (string, error) {
	b := s.newBatch()
	defer b.discard()
	if err := b.reserve(uint64(len(data)), 1); err != nil {
		return "", fmt.Errorf("add %d bytes: %w", len(data), err)
	}
	n, err := b.file(ctx, bytes.NewReader(data))
	if err == nil {
		err = b.commit(ctx, n.Cid(), kindFile)
	}
	if err != nil {
		return "", fmt.Errorf("add %d bytes: %w", len(data), err)
	}
	return n.Cid().String(), nil
}

// AddFile copies a plain file into the store and returns its CID and its size
// in bytes. The copy is on the medium when it returns.
func (s *Store) AddFile(ctx context.Context, path string) (string, uint64, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", 0, fmt.Errorf("add file: %w", err)
	}
	if !st.Mode().IsRegular() {
		return "", 0, fmt.Errorf("add %s: it is no plain file (%s); name a plain file", path, st.Mode().Type())
	}
	if c, ok := s.again(ctx, path, st.Size()); ok {
		return c.String(), uint64(st.Size()), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("add file: %w", err)
	}
	defer f.Close()
	b := s.newBatch()
	defer b.discard()
	if err := b.reserve(uint64(st.Size()), 1); err != nil {
		return "", 0, fmt.Errorf("add %s: %w", path, err)
	}
	sum := sha256.New()
	n, err := b.file(ctx, io.TeeReader(atMost(f, st.Size()), sum))
	if err == nil {
		err = b.commit(ctx, n.Cid(), kindFile)
	}
	if err != nil {
		return "", 0, fmt.Errorf("add %s: %w", path, err)
	}
	s.added.put(path, addition{n.Cid(), int64(b.bytes), [32]byte(sum.Sum(nil))})
	return n.Cid().String(), b.bytes, nil
}

// batch is content on its way in: bytes in tmp/, nodes in memory.
type batch struct {
	content
	s     *Store
	room  *reservation
	tmp   map[string]string // path in tmp/ of each new object, by name
	nodes map[cid.Cid][]byte
	bytes uint64
	named bool // nothing is kept: only the names are wanted
}

func (s *Store) newBatch() *batch {
	return &batch{
		content: content{sizes: map[string]int64{}, checked: true},
		s:       s, tmp: map[string]string{}, nodes: map[cid.Cid][]byte{},
	}
}

// reserve makes room for files of so many bytes in all.
func (b *batch) reserve(bytes uint64, files int) (err error) {
	nodes := (1 + bytes/leafBytes/uint64(helpers.DefaultLinksPerBlock)) + uint64(files)
	// Each file may waste a block of the disk, and a node is under 16 KiB.
	b.room, err = b.s.index.reserve(onDisk(bytes) + int64(files)*4<<10 + int64(nodes)*16<<10)
	return err
}

// discard deletes what was not committed and gives the room back.
func (b *batch) discard() {
	for _, path := range b.tmp {
		_ = os.Remove(path)
	}
	if b.room != nil {
		b.room.release()
	}
}

// file copies r to tmp/ and builds its DAG.
func (b *batch) file(ctx context.Context, r io.Reader) (format.Node, error) {
	if b.named {
		return buildDAG(readerWith(ctx, r), &dagSink{b: b})
	}
	f, err := os.CreateTemp(b.s.disk.path(tmpDir), "add-")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sink := &dagSink{b: b}
	n, err := buildDAG(io.TeeReader(readerWith(ctx, r), f), sink)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Chmod(0o444)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return nil, err
	}
	name := fileName(n.Cid())
	for _, p := range sink.leaves {
		p.name = name
		b.parts = append(b.parts, p)
	}
	if _, twice := b.tmp[name]; twice {
		_ = os.Remove(f.Name())
	} else {
		b.tmp[name] = f.Name()
	}
	b.sizes[name] = sink.off
	b.bytes += uint64(sink.off)
	return n, nil
}

// buildDAG is the layout of SPEC §5.1: what `ipfs add --cid-version=1
// --chunker=size-1048576` makes.
func buildDAG(r io.Reader, to format.DAGService) (format.Node, error) {
	prefix, err := merkledag.PrefixForCidVersion(1)
	if err != nil {
		return nil, err
	}
	params := helpers.DagBuilderParams{
		Maxlinks: helpers.DefaultLinksPerBlock, RawLeaves: true, CidBuilder: prefix, Dagserv: to,
	}
	db, err := params.New(chunk.NewSizeSplitter(r, leafBytes))
	if err != nil {
		return nil, err
	}
	return balanced.Layout(db)
}

// dagSink takes the blocks of one file, leaves in their order.
type dagSink struct {
	format.DAGService // nil: the builder only adds
	b                 *batch
	leaves            []part
	off               int64
}

// Add takes one block.
func (d *dagSink) Add(_ context.Context, n format.Node) error {
	size := len(n.RawData())
	if n.Cid().Type() == cid.Raw {
		d.leaves = append(d.leaves, part{cid: n.Cid(), size: size, off: d.off})
		d.off += int64(size)
		return nil
	}
	d.b.node(n)
	return nil
}

func (b *batch) node(n format.Node) {
	c := n.Cid()
	b.nodes[c] = n.RawData()
	b.add([]part{{cid: c, size: len(n.RawData()), name: nodeName(c)}})
}

// commit makes the content durable and known. Everything is on the medium
// before the root's record is, and the record before commit returns.
func (b *batch) commit(ctx context.Context, root cid.Cid, kind string) error {
	unlock, err := b.s.busy.lock(ctx, root.String())
	if err != nil {
		return err
	}
	defer unlock()
	defer b.s.index.pin(root)()
	b.rootInfo = rootInfo{cid: root, kind: kind, size: b.bytes}
	disk := b.s.disk
	for c, data := range b.nodes {
		tmp := tmpDir + "/" + c.String()
		if err := disk.writeAtomic(tmp, data, true); err != nil {
			return err
		}
		b.tmp[nodeName(c)] = disk.path(tmp)
	}
	place := func(name string) error {
		path := b.tmp[name]
		delete(b.tmp, name)
		return os.Rename(path, disk.path(name))
	}
	if err := b.s.index.install(&b.content, b.room, place); err != nil {
		return err
	}
	for name := range b.tmp { // there before, perhaps from a fetch, which does not sync
		if err := syncFile(disk.path(name)); err != nil {
			return err
		}
	}
	for _, dir := range []string{filesDir, nodesDir} {
		if err := syncDir(disk.path(dir)); err != nil {
			return err
		}
	}
	info, ok := b.s.index.lookup(root)
	if !ok {
		return fmt.Errorf("keep %s: %w", root, ErrCorrupt)
	}
	return disk.writeRoot(info, true)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

var errGrew = errors.New("the file grew while it was read; add it when it is complete")

// atMost fails when r has more than n bytes.
func atMost(r io.Reader, n int64) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		k, err := r.Read(p)
		if n -= int64(k); n < 0 {
			return 0, errGrew
		}
		return k, err
	})
}

// readerWith stops reading when ctx ends.
func readerWith(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
