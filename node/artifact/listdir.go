package artifact

import (
	"context"
	"path/filepath"

	"github.com/ipfs/go-cid"
)

// Entry is one file of a directory.
type Entry struct {
	Path string // slash-separated, below the directory
	CID  string
	Size uint64 // bytes, as the directory declares them; Fetch holds the file to its limit
}

// listFiles reads a directory without its files, up to the walk's limits on what it
// declares.
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
