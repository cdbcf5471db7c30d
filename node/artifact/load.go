package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
)

// load reads the index back: every root whose nodes are sound and whose files
// have their size. The bytes of the files are hashed at their first use.
func (s *Store) load() error {
	entries, err := os.ReadDir(s.disk.path(rootsDir))
	if err != nil {
		return err
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, info := range infos {
		if err := s.loadRoot(info.Name()); err != nil {
			s.cfg.Logger.Warn("content on disk is not whole and was dropped", "root", info.Name(), "err", err)
			s.disk.remove(rootsDir + "/" + info.Name())
		}
	}
	if err := s.dropOrphans(); err != nil {
		return err
	}
	return s.loadPartials()
}

func (s *Store) loadRoot(name string) error {
	info, err := s.disk.readRoot(name)
	if err != nil {
		return err
	}
	c := &content{rootInfo: info, sizes: map[string]int64{}}
	if info.kind == kindDir {
		err = s.loadDir(info.cid, c, 0)
	} else {
		err = s.loadFile(info.cid, c)
	}
	if err != nil {
		return err
	}
	return s.index.install(c, nil, func(string) error { return nil })
}

// loadFile finds the blocks of one file that lies under its CID.
func (s *Store) loadFile(id cid.Cid, c *content) error {
	name := fileName(id)
	st, err := os.Lstat(s.disk.path(name))
	if err != nil {
		return err
	}
	size := st.Size()
	c.sizes[name] = size
	if id.Type() == cid.Raw {
		c.parts = append(c.parts, part{cid: id, size: int(size), name: name})
		return nil
	}
	w := fileWalk{get: s.readNode, keep: noKeep, limit: uint64(size), name: name}
	data, err := s.readNode(context.Background(), id)
	if err != nil {
		return err
	}
	declared, parts, err := w.run(context.Background(), id, data)
	if err != nil {
		return err
	}
	if declared != uint64(size) {
		return fmt.Errorf("file %s has %d bytes instead of %d: %w", id, size, declared, ErrCorrupt)
	}
	c.add(parts)
	return nil
}

func (s *Store) loadDir(id cid.Cid, c *content, depth int) error {
	if depth > maxDirDepth {
		return &LimitError{Field: "directory levels", Limit: maxDirDepth, Got: uint64(depth)}
	}
	data, err := s.readNode(context.Background(), id)
	if err != nil {
		return err
	}
	c.add([]part{{cid: id, size: len(data), name: nodeName(id)}})
	links, _, err := decodeNode(data)
	if err != nil {
		return err
	}
	for _, l := range links {
		dir, err := s.isDir(l.Cid)
		if err == nil && dir {
			err = s.loadDir(l.Cid, c, depth+1)
		} else if err == nil {
			err = s.loadFile(l.Cid, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) isDir(id cid.Cid) (bool, error) {
	if id.Type() == cid.Raw {
		return false, nil
	}
	data, err := s.readNode(context.Background(), id)
	if err != nil {
		return false, err
	}
	_, fs, err := decodeNode(data)
	return err == nil && fs.Type() == unixfs.TDirectory, err
}

// readNode is a getter of what lies in nodes/.
func (s *Store) readNode(_ context.Context, id cid.Cid) ([]byte, error) {
	data, err := readSmall(s.disk.path(nodeName(id)), maxBlockBytes)
	if err != nil {
		return nil, err
	}
	return data, checkHash(id, data)
}

func noKeep(cid.Cid, []byte) error { return nil }

// add takes the blocks of a walk in; those that are not file bytes are objects
// of their own.
func (c *content) add(parts []part) {
	c.parts = append(c.parts, parts...)
	for _, p := range parts {
		if p.name == nodeName(p.cid) {
			c.sizes[p.name] = int64(p.size)
		}
	}
}

// dropOrphans deletes what no root holds: a crash came before its record.
func (s *Store) dropOrphans() error {
	for _, dir := range []string{filesDir, nodesDir} {
		entries, err := os.ReadDir(s.disk.path(dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if _, _, ok := s.index.object(dir + "/" + e.Name()); !ok {
				s.disk.remove(dir + "/" + e.Name())
			}
		}
	}
	return nil
}

func (s *Store) loadPartials() error {
	entries, err := os.ReadDir(s.disk.path(partialDir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, err := parseCID(e.Name())
		if err != nil {
			s.disk.remove(partialDir + "/" + e.Name())
			continue
		}
		s.index.setPartial(id, treeBytes(s.disk.partial(id)))
	}
	return nil
}

// treeBytes is what the files under dir count against MaxBytes.
func treeBytes(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what cannot be read counts for nothing
		}
		if info, err := d.Info(); err == nil {
			n += onDisk(uint64(info.Size()))
		}
		return nil
	})
	return n
}

// path is Path for a parsed CID.
func (s *Store) path(c cid.Cid) (string, bool) {
	r, ok := s.index.lookup(c)
	if !ok || r.kind != kindFile {
		return "", false
	}
	name := fileName(c)
	size, checked, ok := s.index.object(name)
	if !ok {
		return "", false
	}
	path := s.disk.path(name)
	st, err := os.Lstat(path)
	if err == nil && st.Size() != size {
		err = ErrCorrupt
	}
	if err == nil && !checked {
		err = s.verify(r)
	}
	if err != nil {
		s.cfg.Logger.Warn("a file on disk went bad and was dropped", "cid", c.String(), "err", err)
		s.index.discard(c)
		return "", false
	}
	return path, true
}

// verify hashes every byte of a file.
func (s *Store) verify(r rootInfo) error {
	f, err := os.Open(s.disk.path(fileName(r.cid)))
	if err != nil {
		return err
	}
	defer f.Close()
	get := func(_ context.Context, c cid.Cid) ([]byte, error) {
		data, err := s.readBlock(c)
		if errors.Is(err, ErrNotFound) {
			err = ErrCorrupt
		}
		return data, err
	}
	data, err := get(context.Background(), r.cid)
	if err != nil {
		return err
	}
	w := fileWalk{get: get, out: f, keep: noKeep, limit: r.size}
	if _, _, err := w.run(context.Background(), r.cid, data); err != nil {
		return err
	}
	s.index.markChecked(fileName(r.cid))
	return nil
}
