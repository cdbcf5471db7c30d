package artifact

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ipfs/go-cid"
)

// Entry is one file of a directory.
type Entry struct {
	Path string // slash-separated, below the directory
	CID  string
	Size uint64 // bytes, as the directory declares them; Fetch holds the file to its limit
}

// ListDir reads the directory named root without its files, so that each can be fetched
// as an artifact of its own: what two directories share is fetched and kept once.
// limitBytes bounds the declared bytes of all files together, limitFiles files and
// directories together. Nothing of it is kept in the store.
//
// Errors are those of Fetch.
func (s *Store) ListDir(ctx context.Context, root string, limitBytes uint64, limitFiles int, from Sources) ([]Entry, error) {
	c, err := parseCID(root)
	if err != nil {
		return nil, err
	}
	get, done := s.gather(ctx, c, from)
	defer done()
	entries, err := listFiles(ctx, c, &dirWalk{get: get, limitFiles: limitFiles, limitBytes: limitBytes})
	if err != nil {
		return nil, fmt.Errorf("list directory %s: %w", root, err)
	}
	return entries, nil
}

func listFiles(ctx context.Context, root cid.Cid, d *dirWalk) ([]Entry, error) {
	data, err := d.get(ctx, root)
	if err == nil {
		err = d.dir(ctx, root, data, ".", 0)
	}
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(d.list))
	for i, f := range d.list {
		if err := d.take(f.size); err != nil {
			return nil, err
		}
		entries[i] = Entry{Path: filepath.ToSlash(f.path), CID: f.cid.String(), Size: f.size}
	}
	return entries, nil
}
