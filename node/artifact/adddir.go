package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unicode/utf8"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"

	"github.com/rerig/rerig/protocol"
)

// maxDirDepth is how many directories may lie in one another.
const maxDirDepth = 32

// AddDir copies a directory into the store and returns its CID and the bytes of
// all its files. It takes plain files and directories only and refuses anything
// else by name (*ContentError); maxFiles bounds files and directories together. The copy
// is on the medium when it returns. Nothing may change the directory meanwhile.
func (s *Store) AddDir(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, uint64, error) {
	top, err := os.OpenRoot(dir)
	if err != nil {
		return "", 0, fmt.Errorf("add directory: %w", err)
	}
	defer top.Close()
	bytes, files, err := survey(top, maxBytes, maxFiles)
	if err != nil {
		return "", 0, fmt.Errorf("add directory %s: %w", dir, err)
	}
	b := s.newBatch()
	defer b.discard()
	if err := b.reserve(bytes, files); err != nil {
		return "", 0, fmt.Errorf("add directory %s: %w", dir, err)
	}
	n, err := b.dir(ctx, top, ".")
	if err == nil {
		err = b.commit(ctx, n.Cid(), kindDir)
	}
	if err != nil {
		return "", 0, fmt.Errorf("add directory %s: %w", dir, err)
	}
	return n.Cid().String(), b.content.size, nil
}

// DirCID is the CID that AddDir would give a directory. It keeps nothing.
func DirCID(ctx context.Context, dir string, maxBytes uint64, maxFiles int) (string, error) {
	top, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("name directory: %w", err)
	}
	defer top.Close()
	if _, _, err := survey(top, maxBytes, maxFiles); err != nil {
		return "", fmt.Errorf("name directory %s: %w", dir, err)
	}
	b := &batch{content: content{sizes: map[string]int64{}}, nodes: map[cid.Cid][]byte{}, named: true}
	n, err := b.dir(ctx, top, ".")
	if err != nil {
		return "", fmt.Errorf("name directory %s: %w", dir, err)
	}
	return n.Cid().String(), nil
}

// FileCID is the CID that AddFile would give a file. It keeps nothing.
func FileCID(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("name file: %w", err)
	}
	defer f.Close()
	b := &batch{content: content{sizes: map[string]int64{}}, nodes: map[cid.Cid][]byte{}, named: true}
	n, err := b.file(ctx, f)
	if err != nil {
		return "", fmt.Errorf("name file %s: %w", path, err)
	}
	return n.Cid().String(), nil
}

// survey counts a directory and refuses what cannot be added.
func survey(top *os.Root, maxBytes uint64, maxFiles int) (bytes uint64, files int, err error) {
	err = fs.WalkDir(top.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "." {
			return nil
		}
		if err := checkName(path, d.Name()); err != nil {
			return &ContentError{err}
		}
		if files++; files > maxFiles {
			return &ContentError{&LimitError{Field: "files and directories", Limit: uint64(maxFiles), Got: uint64(files)}}
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			return &ContentError{fmt.Errorf("%s is a %s; only plain files and directories can be added", path, kindOf(d.Type()))}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size := uint64(info.Size())
		if size > maxBytes-bytes {
			return &ContentError{&LimitError{Field: "bytes of all files", Limit: maxBytes, Got: bytes + size}}
		}
		bytes += size
		return nil
	})
	return bytes, files, err
}

// dir adds one directory and what is below it.
func (b *batch) dir(ctx context.Context, top *os.Root, path string) (format.Node, error) {
	entries, err := fs.ReadDir(top.FS(), path)
	if err != nil {
		return nil, err
	}
	node := unixfs.EmptyDirNode()
	prefix, err := merkledag.PrefixForCidVersion(1)
	if err != nil {
		return nil, err
	}
	if err := node.SetCidBuilder(prefix); err != nil {
		return nil, err
	}
	for _, e := range entries {
		at := e.Name()
		if path != "." {
			at = path + "/" + e.Name()
		}
		var child format.Node
		if e.IsDir() {
			child, err = b.dir(ctx, top, at)
		} else {
			child, err = b.plain(ctx, top, at)
		}
		if err == nil {
			err = node.AddNodeLink(e.Name(), child)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
	}
	if n := len(node.RawData()); n > leafBytes {
		return nil, &ContentError{fmt.Errorf("%s: %w; spread the files over directories", path, &LimitError{Field: "bytes of a directory's block", Limit: leafBytes, Got: uint64(n)})}
	}
	b.node(node)
	return node, nil
}

// plain adds one file that survey saw.
func (b *batch) plain(ctx context.Context, top *os.Root, path string) (format.Node, error) {
	f, err := top.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New("changed while it was added")
	}
	return b.file(ctx, atMost(f, st.Size()))
}

// checkName refuses names that mean something else on the other side.
func checkName(field, name string) error {
	if !utf8.ValidString(name) {
		return &protocol.FieldError{Field: fmt.Sprintf("%q", field), Limit: "a name in UTF-8"}
	}
	return protocol.CheckFileName(fmt.Sprintf("name of %q", field), name)
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symlink"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	default:
		return "special file"
	}
}
