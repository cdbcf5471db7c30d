package image

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// load reads back what is on disk. What it cannot read is deleted.
func (s *Store) load() error {
	x := &s.index
	x.mu.Lock()
	defer x.unlock()
	ids, err := s.listed(layersDir)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var r layerRecord
		err := s.record(layersDir, id, &r)
		if err == nil {
			err = s.survived(filepath.Join(layersDir, id), r.Boot)
		}
		if err != nil || r.Bytes <= 0 {
			s.cfg.Logger.Warn("an unpacked layer is damaged and was deleted", "layer", id, "err", err)
			x.trash = append(x.trash, s.drop(layersDir, id))
			continue
		}
		x.layers[id] = &layer{bytes: r.Bytes}
		x.bytes += r.Bytes
	}
	if ids, err = s.listed(rootsDir); err != nil {
		return err
	}
	for _, id := range ids {
		r := &root{id: id}
		err := s.record(rootsDir, id, &r.record)
		if err == nil {
			err = s.survived(filepath.Join(rootsDir, id), r.Boot)
		}
		if err == nil && slices.ContainsFunc(r.Layers, func(l string) bool { return x.layers[l] == nil }) {
			err = errors.New("a layer of it is gone")
		}
		if err != nil {
			s.cfg.Logger.Warn("an unpacked image is damaged and was deleted", "image", id, "err", err)
			x.trash = append(x.trash, s.drop(rootsDir, id))
			continue
		}
		x.addRoot(r)
		x.bytes += r.Bytes
	}
	x.shrink(0)
	return nil
}

// listed names what lies in a directory of the store, the longest unused first. The
// index must be locked.
func (s *Store) listed(dir string) ([]string, error) {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		return nil, err
	}
	used := map[string]int64{}
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		if _, ok := hexOf("sha256:" + e.Name()); !ok {
			s.index.trash = append(s.index.trash, s.drop(dir, e.Name()))
			continue
		}
		if info, err := os.Stat(s.path(dir, e.Name(), recordName)); err == nil {
			used[e.Name()] = info.ModTime().UnixNano()
		}
		ids = append(ids, e.Name())
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(used[a], used[b]) })
	return ids, nil
}

// record reads the record of a layer or a root.
func (s *Store) record(dir, id string, v any) error {
	info, err := os.Stat(s.path(dir, id, recordName))
	if err != nil {
		return err
	}
	if info.Size() > maxJSONBytes {
		return &LimitError{"bytes of " + recordName, maxJSONBytes, info.Size()}
	}
	b, err := fs.ReadFile(os.DirFS(filepath.Join(s.cfg.Dir, dir, id)), recordName)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
