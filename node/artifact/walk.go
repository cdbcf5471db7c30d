package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/multiformats/go-multihash"
	"golang.org/x/sync/errgroup"
)

// maxDepth is how many levels a file's DAG may have; 4 GiB of 1 MiB leaves
// needs three.
const maxDepth = 16

// getter returns the bytes of a block, which match its CID.
type getter func(ctx context.Context, c cid.Cid) ([]byte, error)

// fileWalk reads one UnixFS file out of blocks nobody vouches for, level by
// level, several blocks at a time. Declared sizes are checked against the limit
// before anything is fetched and against the truth afterwards.
type fileWalk struct {
	get   getter
	out   output // takes the bytes; nil: leaves are not read at all
	keep  func(c cid.Cid, data []byte) error
	limit uint64        // bytes of the file
	name  string        // of the object that will hold the leaves, for parts
	turns chan struct{} // bounds the blocks several walks hold at once; nil: this walk's own bound
}

// output is a file; what it already holds is not fetched again.
type output interface {
	io.ReaderAt
	io.WriterAt
}

// piece is one block of a file and the range of bytes it stands for.
type piece struct {
	cid  cid.Cid
	off  uint64
	size uint64
}

// size is the declared size of the file at root, which a block of it proves
// only if it is the whole file.
func fileSize(c cid.Cid, data []byte) (uint64, error) {
	if c.Type() == cid.Raw {
		return uint64(len(data)), nil
	}
	_, fs, err := decodeNode(data)
	if err != nil {
		return 0, err
	}
	if t := fs.Type(); t != unixfs.TFile && t != unixfs.TRaw {
		return 0, malformed("%s is a %s, not a file", c, t)
	}
	return fs.FileSize(), nil
}

// run reads the file whose root block is data. It returns where each block
// lies; nodes are named by the caller's keep.
func (w *fileWalk) run(ctx context.Context, c cid.Cid, data []byte) (size uint64, parts []part, err error) {
	if size, err = fileSize(c, data); err != nil {
		return 0, nil, err
	}
	if size > w.limit {
		return 0, nil, &LimitError{Field: "file bytes", Limit: w.limit, Got: size}
	}
	maxPieces := 1024 + size/(32<<10)
	seen := uint64(1)
	level := []piece{{cid: c, size: size}}
	rootGet := w.get
	w.get = func(ctx context.Context, want cid.Cid) ([]byte, error) {
		if want == c {
			return data, nil
		}
		return rootGet(ctx, want)
	}
	for depth := 0; len(level) > 0; depth++ {
		if depth == maxDepth {
			return 0, nil, fmt.Errorf("%w: %w", ErrMalformed, &LimitError{Field: "levels of the file", Limit: maxDepth, Got: maxDepth + 1})
		}
		below, done, err := w.level(ctx, level)
		if err != nil {
			return 0, nil, err
		}
		parts = append(parts, done...)
		if seen += uint64(len(below)); seen > maxPieces {
			return 0, nil, fmt.Errorf("%w: %w", ErrMalformed, &LimitError{Field: "blocks of the file", Limit: maxPieces, Got: seen})
		}
		level = below
	}
	return size, parts, nil
}

// level reads the blocks of one level and returns the level below it. The
// goroutines it starts end before it does.
func (w *fileWalk) level(ctx context.Context, pieces []piece) (below []piece, parts []part, err error) {
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(maxInFlight)
	parts = make([]part, len(pieces))
	children := make([][]piece, len(pieces))
	for i, p := range pieces {
		if inner.Err() != nil {
			break
		}
		g.Go(func() (err error) {
			if w.turns != nil {
				w.turns <- struct{}{}
				defer func() { <-w.turns }()
			}
			if p.cid.Type() == cid.Raw {
				parts[i] = part{cid: p.cid, size: int(p.size), name: w.name, off: int64(p.off)}
				return w.leaf(inner, p)
			}
			children[i], parts[i], err = w.node(inner, p)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	for _, c := range children {
		below = append(below, c...)
	}
	return below, parts, nil
}

// leaf brings the bytes of a raw block to their place.
func (w *fileWalk) leaf(ctx context.Context, p piece) error {
	if p.size > maxBlockBytes {
		return malformed("leaf %s of %d bytes: %v", p.cid, p.size, &LimitError{Field: "block bytes", Limit: maxBlockBytes, Got: p.size})
	}
	if w.out == nil {
		return nil
	}
	have := make([]byte, p.size)
	if n, err := w.out.ReadAt(have, int64(p.off)); n == len(have) {
		if sum, err := p.cid.Prefix().Sum(have); err == nil && sum == p.cid {
			return nil
		}
	} else if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read what is already fetched: %w", err)
	}
	data, err := w.get(ctx, p.cid)
	if err != nil {
		return err
	}
	if uint64(len(data)) != p.size {
		return malformed("leaf %s has %d bytes where %d are declared", p.cid, len(data), p.size)
	}
	return w.write(data, p.off)
}

// node reads an inner block: its own bytes, if any, and its children.
func (w *fileWalk) node(ctx context.Context, p piece) ([]piece, part, error) {
	none := part{}
	data, err := w.get(ctx, p.cid)
	if err != nil {
		return nil, none, err
	}
	own, children, err := decodePiece(p, data)
	if err != nil {
		return nil, none, err
	}
	if err := w.keep(p.cid, data); err != nil {
		return nil, none, err
	}
	if w.out != nil && len(own) > 0 {
		err = w.write(own, p.off)
	}
	return children, part{cid: p.cid, size: len(data), name: nodeName(p.cid)}, err
}

// decodePiece is what an inner block holds itself, which comes first, and the pieces
// below it, which fill the rest of what it stands for.
func decodePiece(p piece, data []byte) (own []byte, children []piece, err error) {
	links, fs, err := decodeNode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("block %s: %w", p.cid, err)
	}
	switch t := fs.Type(); {
	case t != unixfs.TFile && t != unixfs.TRaw:
		return nil, nil, malformed("block %s inside a file is a %s", p.cid, t)
	case fs.FileSize() != p.size:
		return nil, nil, malformed("block %s says %d bytes where %d are declared", p.cid, fs.FileSize(), p.size)
	case len(links) != fs.NumChildren():
		return nil, nil, malformed("block %s has %d links and %d sizes", p.cid, len(links), fs.NumChildren())
	}
	own = fs.Data()
	left := p.size
	if uint64(len(own)) > left {
		return nil, nil, malformed("block %s holds more than it declares", p.cid)
	}
	left -= uint64(len(own))
	children = make([]piece, len(links))
	for i, l := range links {
		n := fs.BlockSize(i)
		if n == 0 || n > left {
			return nil, nil, malformed("child %d of block %s declares %d of %d bytes left", i, p.cid, n, left)
		}
		if err := checkLink(l.Cid); err != nil {
			return nil, nil, fmt.Errorf("block %s: %w", p.cid, err)
		}
		children[i] = piece{cid: l.Cid, off: p.off + p.size - left, size: n}
		left -= n
	}
	if left != 0 {
		return nil, nil, malformed("block %s is %d bytes short", p.cid, left)
	}
	return own, children, nil
}

func (w *fileWalk) write(data []byte, off uint64) error {
	if len(data) == 0 {
		return nil
	}
	if _, err := w.out.WriteAt(data, int64(off)); err != nil {
		return fmt.Errorf("write fetched bytes: %w", err)
	}
	return nil
}

func decodeNode(data []byte) ([]*format.Link, *unixfs.FSNode, error) {
	n, err := merkledag.DecodeProtobuf(data)
	if err != nil {
		return nil, nil, malformed("not a dag-pb block: %v", err)
	}
	fs, err := unixfs.FSNodeFromBytes(n.Data())
	if err != nil {
		return nil, nil, malformed("not a UnixFS block: %v", err)
	}
	return n.Links(), fs, nil
}

// checkLink refuses links that are not UnixFS or hang on another hash than ours.
func checkLink(c cid.Cid) error {
	p := c.Prefix()
	if (p.Codec != cid.Raw && p.Codec != cid.DagProtobuf) || p.MhType != multihash.SHA2_256 || p.MhLength != 32 {
		return malformed("link %s is not raw or dag-pb with SHA2-256", c)
	}
	return nil
}

// checkHash compares bytes with their CID.
func checkHash(c cid.Cid, data []byte) error {
	sum, err := c.Prefix().Sum(data)
	if err != nil {
		return fmt.Errorf("hash of %s: %w", c, err)
	}
	if !bytes.Equal(sum.Hash(), c.Hash()) {
		return fmt.Errorf("block %s: %w", c, ErrCorrupt)
	}
	return nil
}
