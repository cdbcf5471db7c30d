package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"
)

const (
	readWidth   = 8       // leaves one ReadAt asks for at once
	readLeaves  = 4       // leaves a Reader keeps, for reads smaller than one
	readNodes   = 1 << 10 // inner blocks a Reader keeps; a file of 4 GiB has 25
	maxReadFile = math.MaxInt64
)

// Reader reads parts of a file without the rest of it: what is here from this disk, and
// of what is not the blocks that the read touches. Every byte is checked. It implements
// io.ReadSeeker and io.ReaderAt; ReadAt is safe for concurrent use.
type Reader struct {
	root piece
	file *os.File // the whole, where it is kept here; nil: blocks are asked for
	get  func(cid.Cid) ([]byte, error)
	done func()

	mu     sync.Mutex // guards what follows; owner: Reader
	pos    int64
	nodes  map[cid.Cid][]byte
	leaves []leaf // the one used last at the end
}

type leaf struct {
	cid  cid.Cid
	data []byte
}

// Open begins to read the file named root. ctx bounds all reads, not only Open; the
// caller closes the Reader. Nothing that it fetches is kept on disk: Fetch what is read
// again and again.
//
// Errors of Open and of every read are those of Fetch.
func (s *Store) Open(ctx context.Context, root string, from Sources) (*Reader, error) {
	c, err := parseCID(root)
	if err != nil {
		return nil, err
	}
	s.adopt(c)
	if path, ok := s.path(c); ok {
		return openKept(c, path, s.index.pin(c))
	}
	get, done := s.gather(ctx, c, from)
	r := &Reader{done: done, nodes: map[cid.Cid][]byte{}, get: func(c cid.Cid) ([]byte, error) { return get(ctx, c) }}
	data, err := r.get(c)
	if err == nil {
		r.root, err = rootPiece(c, data)
	}
	if err != nil {
		done()
		return nil, fmt.Errorf("open %s: %w", root, err)
	}
	r.remember(c, data)
	return r, nil
}

func openKept(c cid.Cid, path string, unpin func()) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		unpin()
		return nil, fmt.Errorf("open %s: %w", c, err)
	}
	st, err := f.Stat()
	if err != nil {
		unpin()
		return nil, fmt.Errorf("open %s: %w", c, errors.Join(err, f.Close()))
	}
	return &Reader{root: piece{cid: c, size: uint64(st.Size())}, file: f, done: unpin}, nil
}

func rootPiece(c cid.Cid, data []byte) (piece, error) {
	size, err := fileSize(c, data)
	if err == nil && size > maxReadFile {
		err = &LimitError{Field: "file bytes", Limit: maxReadFile, Got: size}
	}
	return piece{cid: c, size: size}, err
}

// Size is the file's size in bytes.
func (r *Reader) Size() int64 { return int64(r.root.size) }

// Close ends the reading. What others read meanwhile fails.
func (r *Reader) Close() error {
	r.done()
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Read reads from the present position.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	pos := r.pos
	r.mu.Unlock()
	n, err := r.ReadAt(p, pos)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pos = pos + int64(n)
	return n, err
}

// Seek sets the position of the next Read.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.Size()
	default:
		return 0, fmt.Errorf("seek: whence is %d; use io.SeekStart, io.SeekCurrent or io.SeekEnd", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: before the beginning", offset)
	}
	r.pos = offset
	return offset, nil
}

// ReadAt reads len(p) bytes from off on; fewer, with io.EOF, only at the end.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at %d: before the beginning", off)
	}
	if r.file != nil {
		return r.file.ReadAt(p, off)
	}
	if off >= r.Size() {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.Size()-off)
	var g errgroup.Group
	g.SetLimit(readWidth)
	err := r.read(&g, r.root, p[:n], uint64(off), 0)
	if err = errors.Join(err, g.Wait()); err != nil {
		return 0, fmt.Errorf("read %s at %d: %w", r.root.cid, off, err)
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// read fills out, which is what the file has from off on, with what of it lies in p.
func (r *Reader) read(g *errgroup.Group, p piece, out []byte, off uint64, depth int) error {
	if depth == maxDepth {
		return fmt.Errorf("%w: %w", ErrMalformed, &LimitError{Field: "levels of the file", Limit: maxDepth, Got: maxDepth + 1})
	}
	if p.cid.Type() == cid.Raw {
		g.Go(func() error {
			data, err := r.leaf(p)
			if err == nil {
				overlay(out, off, data, p.off)
			}
			return err
		})
		return nil
	}
	data, err := r.node(p.cid)
	if err != nil {
		return err
	}
	own, children, err := decodePiece(p, data)
	if err != nil {
		return err
	}
	overlay(out, off, own, p.off)
	for _, c := range children {
		if c.off < off+uint64(len(out)) && off < c.off+c.size {
			if err := r.read(g, c, out, off, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// overlay copies what data, which is at from, has of out, which is at off.
func overlay(out []byte, off uint64, data []byte, from uint64) {
	switch {
	case from >= off && from-off < uint64(len(out)):
		copy(out[from-off:], data)
	case from < off && off-from < uint64(len(data)):
		copy(out, data[off-from:])
	}
}

func (r *Reader) node(c cid.Cid) ([]byte, error) {
	r.mu.Lock()
	data, ok := r.nodes[c]
	r.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := r.get(c)
	if err == nil {
		r.remember(c, data)
	}
	return data, err
}

// remember keeps an inner block; the leaves are what may be large.
func (r *Reader) remember(c cid.Cid, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Type() == cid.Raw {
		r.leaves = append(r.leaves, leaf{c, data})
		return
	}
	if len(r.nodes) >= readNodes {
		clear(r.nodes)
	}
	r.nodes[c] = data
}

func (r *Reader) leaf(p piece) ([]byte, error) {
	if p.size > maxBlockBytes {
		return nil, malformed("leaf %s of %d bytes: %v", p.cid, p.size, &LimitError{Field: "block bytes", Limit: maxBlockBytes, Got: p.size})
	}
	if data, ok := r.recent(p.cid); ok {
		return data, nil
	}
	data, err := r.get(p.cid)
	if err != nil {
		return nil, err
	}
	if uint64(len(data)) != p.size {
		return nil, malformed("leaf %s has %d bytes where %d are declared", p.cid, len(data), p.size)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.leaves) >= readLeaves {
		r.leaves = append(r.leaves[:0], r.leaves[1:]...)
	}
	r.leaves = append(r.leaves, leaf{p.cid, data})
	return data, nil
}

// recent is a leaf that was read a moment ago.
func (r *Reader) recent(c cid.Cid) ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, l := range r.leaves {
		if l.cid == c {
			r.leaves = append(append(r.leaves[:i], r.leaves[i+1:]...), l)
			return l.data, true
		}
	}
	return nil, false
}
