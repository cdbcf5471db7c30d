package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"golang.org/x/sync/errgroup"
)

// FetchDir writes the directory named root as plain files under dest, which
// must not exist or be empty, and syncs them. It is filled beside dest and then
// renamed, so dest is never half there; a try that failed for want of blocks
// goes on from what it wrote. limitBytes bounds all files together, limitFiles
// files and directories together. Nothing of it is kept in the store.
//
// Errors are those of Fetch.
func (s *Store) FetchDir(ctx context.Context, root, dest string, limitBytes uint64, limitFiles int, from Sources) error {
	c, err := parseCID(root)
	if err != nil {
		return err
	}
	if dest, err = filepath.Abs(dest); err != nil {
		return fmt.Errorf("fetch directory: %w", err)
	}
	unlock, err := s.busy.lock(ctx, dest)
	if err != nil {
		return fmt.Errorf("fetch directory %s: %w", root, err)
	}
	defer unlock()
	if err := checkVacant(dest); err != nil {
		return fmt.Errorf("fetch directory %s: %w", root, err)
	}
	part := filepath.Join(filepath.Dir(dest), "."+filepath.Base(dest)+"."+root[len(root)-12:]+".part")
	err = s.fillDir(ctx, c, part, limitBytes, limitFiles, from)
	if err == nil {
		err = replace(part, dest)
	}
	var limit *LimitError
	if errors.Is(err, ErrMalformed) || errors.Is(err, ErrNotFound) || errors.As(err, &limit) {
		_ = os.RemoveAll(part) // going on would end here again
	}
	if err != nil {
		return fmt.Errorf("fetch directory %s: %w", root, err)
	}
	return nil
}

func (s *Store) fillDir(ctx context.Context, c cid.Cid, part string, limitBytes uint64, limitFiles int, from Sources) error {
	if err := os.MkdirAll(part, 0o755); err != nil {
		return err
	}
	top, err := os.OpenRoot(part)
	if err != nil {
		return err
	}
	defer top.Close()
	get, done := s.gather(ctx, c, from)
	defer done()
	d := &dirWalk{
		get: get, top: top, limitFiles: limitFiles,
		limitBytes: limitBytes, turns: make(chan struct{}, maxInFlight),
	}
	data, err := d.get(ctx, c)
	if err != nil {
		return err
	}
	if err := d.dir(ctx, c, data, ".", 0); err != nil {
		return err
	}
	return d.files(ctx)
}

// dirWalk reads one UnixFS directory out of blocks nobody vouches for. Every
// write goes through top, which no name and no link leads out of.
type dirWalk struct {
	get        getter
	top        *os.Root // nil: nothing is written
	limitFiles int
	limitBytes uint64
	turns      chan struct{}                // blocks held at once by all files
	keep       func(c cid.Cid, data []byte) // takes each directory's block; may be nil

	dirs  []string
	list  []dirFile
	count int

	mu    sync.Mutex // guards bytes
	bytes uint64
}

type dirFile struct {
	path string
	cid  cid.Cid
	size uint64 // as the directory declares it
}

// dir makes one directory and notes the files in it.
func (d *dirWalk) dir(ctx context.Context, c cid.Cid, data []byte, path string, depth int) error {
	if depth > maxDirDepth {
		return fmt.Errorf("%w: %w", ErrMalformed, &LimitError{Field: "directory levels", Limit: maxDirDepth, Got: uint64(depth)})
	}
	if c.Type() == cid.Raw {
		return malformed("%s is a file, not a directory", c)
	}
	links, fs, err := decodeNode(data)
	if err != nil {
		return err
	}
	if t := fs.Type(); t != unixfs.TDirectory {
		return malformed("%s is a %s, not a plain directory", c, t)
	}
	if d.top != nil {
		if err := d.top.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	if d.keep != nil {
		d.keep(c, data)
	}
	d.dirs = append(d.dirs, path)
	seen := make(map[string]bool, len(links))
	for _, l := range links {
		at := filepath.Join(path, l.Name)
		if err := checkName(l.Name, l.Name); err != nil {
			return malformed("%v", err)
		}
		if err := checkLink(l.Cid); err != nil {
			return err
		}
		same := sameName(l.Name)
		if seen[same] {
			return malformed("directory %s names %q twice", c, l.Name)
		}
		seen[same] = true
		if d.count++; d.count > d.limitFiles {
			return &LimitError{Field: "files and directories", Limit: uint64(d.limitFiles), Got: uint64(d.count)}
		}
		if err := d.entry(ctx, l, at, depth); err != nil {
			return err
		}
	}
	return nil
}

// sameName is equal for names that are one file on this system.
func sameName(name string) string {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.ToLower(name)
	}
	return name
}

// entry goes into a directory and notes a file.
func (d *dirWalk) entry(ctx context.Context, l *format.Link, path string, depth int) error {
	c := l.Cid
	if c.Type() == cid.Raw {
		d.list = append(d.list, dirFile{path: path, cid: c, size: l.Size})
		return nil
	}
	data, err := d.get(ctx, c)
	if err != nil {
		return err
	}
	_, fs, err := decodeNode(data)
	if err != nil {
		return err
	}
	switch t := fs.Type(); t {
	case unixfs.TDirectory:
		return d.dir(ctx, c, data, path, depth+1)
	case unixfs.TFile, unixfs.TRaw:
		d.list = append(d.list, dirFile{path: path, cid: c, size: fs.FileSize()})
		return nil
	default:
		return malformed("%s is a %s; only plain files and directories are taken", path, t)
	}
}

// files writes the files noted, several at a time, and syncs the directories.
func (d *dirWalk) files(ctx context.Context) error {
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(maxInFlight)
	for _, f := range d.list {
		if inner.Err() != nil {
			break
		}
		g.Go(func() error { return d.file(inner, f) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, path := range d.dirs {
		if err := syncDir(filepath.Join(d.top.Name(), path)); err != nil {
			return err
		}
	}
	return nil
}

func (d *dirWalk) file(ctx context.Context, f dirFile) error {
	out, err := d.top.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	data, err := d.rootBlock(ctx, f.cid, out)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	size, err := fileSize(f.cid, data)
	if err == nil {
		err = d.take(size)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	w := fileWalk{get: d.get, out: out, keep: noKeep, limit: size, turns: d.turns}
	if _, _, err := w.run(ctx, f.cid, data); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := out.Truncate(int64(size)); err != nil {
		return err
	}
	return out.Sync()
}

// rootBlock returns the first block of a file, from an earlier try if it can.
func (d *dirWalk) rootBlock(ctx context.Context, c cid.Cid, out *os.File) ([]byte, error) {
	d.turns <- struct{}{}
	defer func() { <-d.turns }()
	if st, err := out.Stat(); err == nil && c.Type() == cid.Raw && st.Size() <= maxBlockBytes {
		data := make([]byte, st.Size())
		if n, _ := out.ReadAt(data, 0); n == len(data) && checkHash(c, data) == nil {
			return data, nil
		}
	}
	return d.get(ctx, c)
}

// take counts bytes against the limit before they are fetched.
func (d *dirWalk) take(size uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if size > d.limitBytes-d.bytes {
		return &LimitError{Field: "bytes of all files", Limit: d.limitBytes, Got: d.bytes + size}
	}
	d.bytes += size
	return nil
}

// checkVacant refuses a destination that holds something.
func checkVacant(dest string) error {
	entries, err := os.ReadDir(dest)
	if errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(dest), 0o755)
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a new directory", dest)
	}
	return nil
}

// replace renames a finished directory to its place and syncs the rename.
func replace(part, dest string) error {
	if err := os.Remove(dest); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(part, dest); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dest))
}
