package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// syncedName is an empty file beside what is on the medium.
const syncedName = "synced"

// errUnsynced: the system went down before it had written everything.
var errUnsynced = errors.New("it was not on the medium when the system went down")

// syncer puts what was unpacked on the medium after it is in use: an image of gigabytes
// would keep its first job waiting for a minute on a slow disk. Until then it is believed
// as long as the system runs on, for only its fall can lose what was written; after that
// it is unpacked again.
type syncer struct {
	boot string        // this run of the system
	wake chan struct{} // holds one; never closed

	mu    sync.Mutex // guards dirty
	dirty []string   // directories of the store
}

func (y *syncer) add(dir string) {
	y.mu.Lock()
	y.dirty = append(y.dirty, dir)
	y.mu.Unlock()
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

func (y *syncer) take() []string {
	y.mu.Lock()
	defer y.mu.Unlock()
	dirs := y.dirty
	y.dirty = nil
	return dirs
}

// Run puts unpacked images on the medium in the background until ctx is done. Without it
// they are unpacked again after the system was restarted.
func (s *Store) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.sync.wake:
		}
		for _, dir := range s.sync.take() {
			if err := s.markSynced(dir); err != nil && !errors.Is(err, os.ErrNotExist) { // evicted meanwhile
				s.cfg.Logger.Warn("an unpacked image is not on the medium; after a power cut it is unpacked again", "dir", dir, "err", err)
			}
		}
	}
}

func (s *Store) markSynced(dir string) error {
	if err := syncTree(s.path(dir)); err != nil {
		return err
	}
	return os.WriteFile(s.path(dir, syncedName), nil, 0o600)
}

// survived tells whether what a record says is still so.
func (s *Store) survived(dir, boot string) error {
	if _, err := os.Stat(filepath.Join(s.cfg.Dir, dir, syncedName)); err == nil {
		return nil
	}
	if boot != s.sync.boot {
		return fmt.Errorf("%s: %w", dir, errUnsynced)
	}
	s.sync.add(dir)
	return nil
}
