package artifact

import (
	"context"
	"fmt"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"
)

// treeFiles is how many files of a tree are fetched at once; each asks for blocks of its
// own.
const treeFiles = 4

// FetchTree keeps the directory named root and all its files here, as AddDir does, and
// lists the files: Path(entry.CID) is where one lies. Files that directories share are
// fetched and kept once. What it kept can be published as a whole, so that neighbours
// fetch it here. Pin root and the entries while the paths are used. limitBytes bounds
// all files together, limitFiles files and directories together. What arrived before a
// failure or a restart is not fetched again.
//
// Errors are those of Fetch.
func (s *Store) FetchTree(ctx context.Context, root string, limitBytes uint64, limitFiles int, from Sources) ([]Entry, error) {
	c, err := parseCID(root)
	if err != nil {
		return nil, err
	}
	get, done := s.gather(ctx, c, from)
	defer done()
	defer s.index.pin(c)()
	b := s.newBatch()
	defer b.discard()
	var dirs []part
	d := &dirWalk{get: get, limitFiles: limitFiles, limitBytes: limitBytes, keep: func(c cid.Cid, data []byte) {
		b.nodes[c] = data
		dirs = append(dirs, part{cid: c, size: len(data), name: nodeName(c)})
	}}
	entries, err := listFiles(ctx, c, d)
	if err == nil {
		err = s.fetchEntries(ctx, entries, get)
	}
	if _, kept := s.index.lookup(c); err == nil && !kept {
		err = s.keepTree(ctx, c, b, dirs, d.list)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch tree %s: %w", root, err)
	}
	return entries, nil
}

// fetchEntries brings the files here, several at a time. They stay while one is fetched
// only as far as the store has room; keepTree says when one has gone again.
func (s *Store) fetchEntries(ctx context.Context, entries []Entry, get getter) error {
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(treeFiles)
	for _, e := range entries {
		c, err := parseCID(e.CID)
		if err != nil {
			return err
		}
		defer s.index.pin(c)()
		g.Go(func() error {
			_, err := s.fetchFile(inner, c, e.Size, get)
			return err
		})
	}
	return g.Wait()
}

// keepTree makes a root of the directories and the files that are here.
func (s *Store) keepTree(ctx context.Context, root cid.Cid, b *batch, dirs []part, files []dirFile) (err error) {
	b.add(dirs)
	for _, f := range files {
		if err := s.loadFile(f.cid, &b.content); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		b.bytes += f.size
	}
	var bytes uint64
	for _, p := range dirs {
		bytes += uint64(p.size) + 4<<10
	}
	if b.room, err = s.index.reserve(int64(bytes)); err != nil {
		return err
	}
	return b.commit(ctx, root, kindDir)
}
