package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Outputs is a Run whose files can be read while it works.
type Outputs interface {
	// Output opens a regular file that lies directly in the job's outputs, as it is now.
	Output(name string) (*os.File, error)
}

// checkpoints is what a session keeps of its job's checkpoints (SPEC §5.9). Its owner is
// the session's one goroutine that looks for them.
type checkpoints struct {
	last os.FileInfo // of the newest that was kept
	kept []string    // CIDs, oldest first: the newest two
}

// keepCheckpoints looks for checkpoints until ctx ends or over is closed.
func (s *session) keepCheckpoints(ctx context.Context, run Outputs, over <-chan struct{}) {
	look := time.NewTicker(time.Duration(s.spec.Limits.CheckpointMillis) * time.Millisecond)
	defer look.Stop()
	c := &checkpoints{}
	defer func() {
		for _, cid := range c.kept {
			s.dropCheckpoint(cid)
		}
	}()
	for {
		select {
		case <-look.C:
			if err := s.keepCheckpoint(ctx, run, c); err != nil {
				s.log.Warn("checkpoint not kept", "err", err)
			}
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// keepCheckpoint sends the checkpoint if there is another one than before.
func (s *session) keepCheckpoint(ctx context.Context, run Outputs, c *checkpoints) error {
	f, err := run.Output(protocol.CheckpointFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || sameVersion(info, c.last) {
		return err
	}
	dir := s.dir + "-checkpoint"
	if err := resetDir(dir); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyUnchanged(f, info, filepath.Join(dir, protocol.CheckpointFile), s.spec.Limits.OutputBytes); err != nil {
		return err
	}
	art, l := s.p.cfg.Artifacts, s.spec.Limits
	var cid string
	var size uint64
	if s.spec.Sealed.Has(protocol.SealedFiles) {
		cid, size, err = art.AddSealedDir(ctx, dir, l.OutputBytes, 1, s.key)
	} else {
		cid, size, err = art.AddDir(ctx, dir, l.OutputBytes, 1)
	}
	if err != nil {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	if err := art.Share(cid, s.rec.Peer); err != nil { // its papers never change
		return fmt.Errorf("share checkpoint: %w", err)
	}
	s.out.tell(&protocol.Checkpoint{CID: cid, Size: size})
	c.last = info
	c.kept = append(slices.DeleteFunc(c.kept, func(old string) bool { return old == cid }), cid)
	if len(c.kept) > 2 { // the one before may still be on its way
		s.dropCheckpoint(c.kept[0])
		c.kept = c.kept[1:]
	}
	return nil
}

func (s *session) dropCheckpoint(cid string) {
	if err := s.p.cfg.Artifacts.Remove(cid); err != nil {
		s.log.Debug("checkpoint kept until there is no room", "err", err)
	}
}

func sameVersion(a, b os.FileInfo) bool {
	return b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// copyUnchanged copies a file that its writer leaves alone meanwhile.
func copyUnchanged(f *os.File, info os.FileInfo, to string, most uint64) error {
	if uint64(info.Size()) > most {
		return fmt.Errorf("a checkpoint of %d bytes, the outputs may have %d", info.Size(), most)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	n, err := io.Copy(out, io.LimitReader(f, info.Size()))
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	now, err := f.Stat()
	if err != nil {
		return fmt.Errorf("keep checkpoint: %w", err)
	}
	if n != info.Size() || !sameVersion(now, info) {
		return errors.New("it is being written; replace it by a rename")
	}
	return nil
}
