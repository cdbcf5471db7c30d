package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ipfs/go-cid"
)

// Fetch returns the path of the file named root, fetching what is not here from all
// its sources at once. limit is the most bytes the file may have. The file belongs to
// the store, as with Path: read it, never write it, and Pin it while it is used. A
// second fetch costs a stat; callers that want one CID at once wait for the first. What
// arrived before a failure or a restart is kept and is not fetched again.
//
// Errors: LimitError, ErrNotFound (also when no peer may give it), ErrStalled, ErrLied,
// ErrMalformed, ErrClosed, or the context's.
func (s *Store) Fetch(ctx context.Context, root string, limit uint64, from Sources) (string, error) {
	c, err := parseCID(root)
	if err != nil {
		return "", err
	}
	if path, ok, err := s.cached(c, limit); ok {
		return path, err
	}
	get, done := s.gather(ctx, c, from)
	defer done()
	return s.fetchFile(ctx, c, limit, get)
}

// fetchFile is Fetch by a given getter.
func (s *Store) fetchFile(ctx context.Context, c cid.Cid, limit uint64, get getter) (string, error) {
	unlock, err := s.busy.lock(ctx, c.String())
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", c, err)
	}
	defer unlock()
	defer s.index.pin(c)()
	s.adopt(c)
	if path, ok, err := s.cached(c, limit); ok {
		return path, err
	}
	if err := s.fetch(ctx, c, limit, get); err != nil {
		return "", fmt.Errorf("fetch %s: %w", c, err)
	}
	return s.disk.path(fileName(c)), nil
}

// adopt makes a file that is kept as a part of a directory a root of its own.
func (s *Store) adopt(c cid.Cid) {
	if _, known := s.index.lookup(c); known {
		return
	}
	size, _, ok := s.index.object(fileName(c))
	if !ok {
		return
	}
	n := &content{rootInfo: rootInfo{cid: c, kind: kindFile, size: uint64(size)}, sizes: map[string]int64{}}
	gone := func(string) error { return ErrNotFound }
	if s.loadFile(c, n) != nil || s.index.install(n, nil, gone) != nil {
		return // it was evicted meanwhile, or is not sound: it is fetched
	}
	_ = s.disk.writeRoot(n.rootInfo, false) // lost with the process, it is adopted again
}

// cached answers a fetch of what is here. The limit holds all the same: what a job is
// allowed must not hang on what others fetched before.
func (s *Store) cached(c cid.Cid, limit uint64) (string, bool, error) {
	path, ok := s.path(c)
	if !ok {
		return "", false, nil
	}
	r, _ := s.index.lookup(c)
	if r.size > limit {
		return "", true, fmt.Errorf("fetch %s: %w", c, &LimitError{Field: "file bytes", Limit: limit, Got: r.size})
	}
	return path, true, nil
}

func (s *Store) fetch(ctx context.Context, c cid.Cid, limit uint64, get getter) (err error) {
	p := &partialFile{s: s, cid: c, get: get}
	data, err := p.node(ctx, c)
	if err != nil {
		return err
	}
	size, err := fileSize(c, data)
	if err != nil {
		return err
	}
	if size > limit {
		return &LimitError{Field: "file bytes", Limit: limit, Got: size}
	}
	s.index.takePartial(c)
	room, err := s.index.reserve(onDisk(size) + onDisk(uint64(len(data))))
	if err != nil {
		s.index.setPartial(c, treeBytes(s.disk.partial(c)))
		return err
	}
	err = p.complete(ctx, data, limit, room)
	room.release()
	if errors.Is(err, ErrMalformed) {
		s.disk.remove(partialDir + "/" + c.String())
	}
	if left := treeBytes(s.disk.partial(c)); left > 0 {
		s.index.setPartial(c, left)
	}
	return err
}

// partialFile is a fetch under way: the bytes in data, nodes beside it by CID.
// All of it is hashed again before it is believed, so it may outlive a crash.
type partialFile struct {
	s   *Store
	cid cid.Cid
	get getter
}

const partialData = "data"

func (p *partialFile) path(name string) string {
	return filepath.Join(p.s.disk.partial(p.cid), name)
}

// node returns a block that an earlier try may have left.
func (p *partialFile) node(ctx context.Context, c cid.Cid) ([]byte, error) {
	if c.Type() == cid.DagProtobuf {
		if data, err := readSmall(p.path(c.String()), maxBlockBytes); err == nil && checkHash(c, data) == nil {
			return data, nil
		}
	}
	return p.get(ctx, c)
}

// complete fetches what is missing and makes the file a root. The bytes are not
// synced: they can be fetched again, and are hashed before use after a restart.
func (p *partialFile) complete(ctx context.Context, data []byte, limit uint64, room *reservation) error {
	if err := os.MkdirAll(p.path(""), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(p.path(partialData), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	keep := func(c cid.Cid, data []byte) error { return os.WriteFile(p.path(c.String()), data, 0o600) }
	w := fileWalk{get: p.node, out: f, keep: keep, limit: limit, name: fileName(p.cid)}
	size, parts, err := w.run(ctx, p.cid, data)
	if err != nil {
		return err
	}
	if err := f.Truncate(int64(size)); err != nil {
		return err
	}
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	if err := f.Close(); err != nil { // before the rename, for Windows
		return err
	}
	c := &content{
		rootInfo: rootInfo{cid: p.cid, kind: kindFile, size: size},
		sizes:    map[string]int64{fileName(p.cid): int64(size)},
		checked:  true,
	}
	c.add(parts)
	if err := p.s.index.install(c, room, p.place); err != nil {
		return err
	}
	p.s.disk.remove(partialDir + "/" + p.cid.String())
	return p.s.disk.writeRoot(c.rootInfo, false)
}

// place moves an object from the partial fetch to its name.
func (p *partialFile) place(name string) error {
	from := p.path(filepath.Base(name))
	if name == fileName(p.cid) {
		from = p.path(partialData)
	}
	return os.Rename(from, p.s.disk.path(name))
}
