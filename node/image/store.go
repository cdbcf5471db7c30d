package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Directories and files of a store.
const (
	layersDir  = "layers"
	rootsDir   = "roots"
	tmpDir     = "tmp"
	recordName = "record"
	rootfsName = "rootfs"
)

// layersAtOnce is how many layers of an image are unpacked side by side.
const layersAtOnce = 4

// Root is an unpacked image. It stays on disk until Release.
type Root struct {
	// Digest is the image ID: the digest of its config, which names its layers.
	Digest string
	// Path is a host directory with the image's files, which are shared: give it to a
	// job read-only.
	Path string
	// Program is what the image runs.
	Program Program

	release func()
}

// Release lets the store evict the root again. Calling it twice does nothing more.
func (r *Root) Release() { r.release() }

// Store keeps unpacked images on disk. Its methods may be called from any goroutine.
type Store struct {
	cfg  Config
	busy keyLocks // one worker for each layer and root

	index index
	sync  syncer
}

// Open opens a directory, deletes what was not finished, and reads the rest back. One
// store at a time may have the directory.
func Open(cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg}
	s.index = index{maxBytes: cfg.MaxBytes, drop: s.drop, remove: s.remove, layers: map[string]*layer{}, roots: map[string]*root{}}
	s.sync = syncer{boot: bootID(), wake: make(chan struct{}, 1)}
	if err := os.RemoveAll(s.path(tmpDir)); err != nil {
		return nil, fmt.Errorf("open the store of unpacked images: %w", err)
	}
	for _, sub := range []string{layersDir, rootsDir, tmpDir} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return nil, fmt.Errorf("open the store of unpacked images: %w; choose a data directory that can be written", err)
		}
	}
	if err := os.Chmod(cfg.Dir, 0o700); err != nil { // files in it may belong to users of the host by number
		return nil, fmt.Errorf("open the store of unpacked images: %w", err)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open the store of unpacked images: %w", err)
	}
	return s, nil
}

func (s *Store) path(elements ...string) string {
	return filepath.Join(append([]string{s.cfg.Dir}, elements...)...)
}

// Unpack returns the root of the image that a layout has for this machine, which it
// makes when it is not here. Callers that want the same image at once wait for the first.
// layout is an fs.FS such as os.DirFS or Files. The caller must call Release.
//
// Errors: *BadImageError for what is wrong with the image, ErrFull, the context's, or
// the disk's.
func (s *Store) Unpack(ctx context.Context, layout fs.FS) (*Root, error) {
	src, err := readSource(layout, s.cfg.Limits)
	if err != nil {
		return nil, err
	}
	id := src.manifest.Config.Digest.Hex
	if r, ok := s.index.pinRoot(id); ok {
		return s.opened(r), nil
	}
	unlock, err := s.busy.lock(ctx, rootsDir+id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if r, ok := s.index.pinRoot(id); ok {
		return s.opened(r), nil
	}
	r, err := s.unpack(ctx, src, id)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", src.digest, err)
	}
	return s.opened(r), nil
}

// Root returns an unpacked image by its ID, as Unpack does; false when it is not here.
func (s *Store) Root(digest string) (*Root, bool) {
	id, ok := hexOf(digest)
	if !ok {
		return nil, false
	}
	r, ok := s.index.pinRoot(id)
	if !ok {
		return nil, false
	}
	return s.opened(r), true
}

// Bytes is what the store takes on disk.
func (s *Store) Bytes() int64 { return s.index.used() }

// opened hands a pinned root out and remembers its use.
func (s *Store) opened(r *root) *Root {
	now := time.Now()
	_ = os.Chtimes(s.path(rootsDir, r.id, recordName), now, now) // only the order of eviction hangs on it
	return &Root{
		Digest: "sha256:" + r.id, Path: s.path(rootsDir, r.id, rootfsName), Program: r.program,
		release: sync.OnceFunc(func() { s.index.unpinRoot(r) }),
	}
}

// unpack makes a root, pinned.
func (s *Store) unpack(ctx context.Context, src *source, id string) (*root, error) {
	ids := make([]string, len(src.manifest.Layers))
	for i, d := range src.config.RootFS.DiffIDs {
		ids[i] = d.Hex
	}
	defer s.index.pinLayers(ids)()
	if err := s.unpackLayers(ctx, src, ids); err != nil {
		return nil, err
	}
	t := newTree(s.cfg.Limits)
	dirs := make([]string, len(ids))
	for i, layer := range ids {
		dirs[i] = s.path(layersDir, layer)
		if err := t.layer(i, filepath.Join(dirs[i], "entries")); err != nil {
			return nil, fmt.Errorf("layer sha256:%s: %w", layer, err)
		}
	}
	p, err := program(&src.config.Config, t, dirs)
	if err != nil {
		return nil, err
	}
	if err := t.furnish(p.WorkDir); err != nil {
		return nil, err
	}
	r := &root{id: id, record: record{Layers: ids, Bytes: t.root.weight(), Program: *p, Boot: s.sync.boot}}
	return r, s.place(ctx, r, t, dirs)
}

// unpackLayers unpacks the layers that are not here.
func (s *Store) unpackLayers(ctx context.Context, src *source, ids []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(layersAtOnce)
	b := &budget{limits: s.cfg.Limits}
	for i, id := range ids {
		g.Go(func() error { return s.unpackLayer(ctx, src, i, id, b) })
	}
	return g.Wait()
}

// unpackLayer unpacks one layer, if it is not here. It is pinned by its name already.
func (s *Store) unpackLayer(ctx context.Context, src *source, i int, id string, b *budget) error {
	unlock, err := s.busy.lock(ctx, layersDir+id)
	if err != nil {
		return err
	}
	defer unlock()
	if s.index.hasLayer(id) {
		return nil
	}
	tmp, err := os.MkdirTemp(s.path(tmpDir), "layer-")
	if err != nil {
		return err
	}
	room := &reservation{x: &s.index}
	defer room.release()
	defer os.RemoveAll(tmp)
	dropped, err := unpackLayer(ctx, src, i, tmp, b, room.take)
	if err != nil {
		return err
	}
	if dropped > 0 {
		s.cfg.Logger.Info("left devices, pipes and sockets of an image out", "image", src.digest.String(), "layer", id, "count", dropped)
	}
	if err := writeJSON(filepath.Join(tmp, recordName), layerRecord{Bytes: room.taken(), Boot: s.sync.boot}); err != nil {
		return err
	}
	if err := s.settle(tmp, layersDir, id); err != nil {
		return err
	}
	room.becomeLayer(id)
	return nil
}

// place lays a root out and makes it known.
func (s *Store) place(ctx context.Context, r *root, t *tree, dirs []string) error {
	room := &reservation{x: &s.index}
	defer room.release()
	if err := room.take(r.Bytes); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(s.path(tmpDir), "root-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	rootfs := filepath.Join(tmp, rootfsName)
	if err := os.Mkdir(rootfs, 0o700); err != nil {
		return err
	}
	if err := layOut(ctx, t, rootfs, dirs, os.Geteuid() == 0); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(tmp, recordName), r.record); err != nil {
		return err
	}
	if err := s.settle(tmp, rootsDir, r.id); err != nil {
		return err
	}
	room.becomeRoot(r)
	return nil
}

// settle puts a finished directory under its name.
func (s *Store) settle(tmp, dir, id string) error {
	if err := os.Rename(tmp, s.path(dir, id)); err != nil {
		return err
	}
	s.sync.add(filepath.Join(dir, id))
	return nil
}

// drop takes a layer or a root away and returns what remove deletes of it. What is left
// of either, the next Open sweeps.
func (s *Store) drop(dir, id string) (trash string) {
	trash, err := os.MkdirTemp(s.path(tmpDir), "trash-")
	if err == nil {
		err = os.Rename(s.path(dir, id), filepath.Join(trash, id))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.cfg.Logger.Warn("could not delete an unpacked image; the next start tries again", "dir", dir, "id", id, "err", err)
	}
	return trash
}

func (s *Store) remove(trash string) {
	if err := os.RemoveAll(trash); err != nil {
		s.cfg.Logger.Warn("could not delete an unpacked image; the next start tries again", "dir", trash, "err", err)
	}
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}
