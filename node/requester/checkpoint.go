package requester

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// sealedBeside is what a sealed directory of one file is longer than the file, at most:
// an archive's frame, and tags.
const sealedBeside = 1 << 20

// newest hands the newest checkpoint that a rig told of to the one goroutine that fetches
// them.
type newest struct {
	mu   sync.Mutex // owner: newest
	m    *protocol.Checkpoint
	wake chan struct{} // one element: look
}

func (n *newest) take(m *protocol.Checkpoint) {
	n.mu.Lock()
	n.m = m
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *newest) next() *protocol.Checkpoint {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.m
	n.m = nil
	return m
}

// fetchCheckpoints keeps the rig's checkpoints until ctx ends, not more often than the rig
// was asked to look for one: what it says in between is passed over for the newest. One
// that cannot be had is as none.
func (s *session) fetchCheckpoints(ctx context.Context) {
	pace := time.NewTicker(time.Duration(s.spec.Limits.CheckpointMillis) * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-s.checkpoints.wake:
		case <-ctx.Done():
			return
		}
		m := s.checkpoints.next()
		if m == nil {
			continue
		}
		if err := s.fetchCheckpoint(ctx, m); err != nil {
			s.log.Warn("checkpoint not kept", "err", err)
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
	}
}

// fetchCheckpoint puts a checkpoint in place of the one before, whole and durable.
func (s *session) fetchCheckpoint(ctx context.Context, m *protocol.Checkpoint) error {
	if err := s.parent.directory(); err != nil {
		return err
	}
	part := filepath.Join(s.parent.dir, protocol.CheckpointFile+".part")
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("clear a checkpoint: %w", err)
	}
	defer os.RemoveAll(part)
	art, most := s.r.cfg.Artifacts, s.spec.Limits.OutputBytes
	var err error
	if s.spec.Sealed.Has(protocol.SealedFiles) {
		err = art.FetchSealedDir(ctx, m.CID, part, most, 1, s.rec.Peer, s.parent.order.Key)
		s.r.drop(m.CID)
	} else {
		err = art.FetchDir(ctx, m.CID, part, most, 1, s.rec.Peer)
	}
	if err != nil {
		return fmt.Errorf("fetch a checkpoint: %w", err)
	}
	if err := syncFile(filepath.Join(part, protocol.CheckpointFile)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, protocol.CheckpointFile), s.parent.checkpoint()); err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	if err := syncDir(s.parent.dir); err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	now := uint64(s.r.cfg.Clock().UnixMilli())
	s.parent.update(func(st *Status) { st.Checkpoint = now })
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep a checkpoint: %w", err)
	}
	return nil
}

// checkpoint is where the run's newest checkpoint is, if there is one.
func (r *Run) checkpoint() string { return filepath.Join(r.dir, protocol.CheckpointFile) }

// resume gives the next attempt the newest checkpoint as an input; false where there is
// none. The order's own slices stay as they are.
func (r *Requester) resume(ctx context.Context, run *Run, o *Order) (unpin func(), ok bool, err error) {
	if _, err := os.Stat(run.checkpoint()); errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	var key protocol.JobKey
	if o.Spec.Sealed.Has(protocol.SealedFiles) {
		key = o.Key
	}
	cid, size, err := r.cfg.Artifacts.AddInput(ctx, run.checkpoint(), key)
	if err != nil {
		return nil, false, fmt.Errorf("go on from the checkpoint: %w", err)
	}
	o.Spec.Inputs = slices.DeleteFunc(slices.Clone(o.Spec.Inputs), func(in protocol.Input) bool { return in.Name == protocol.CheckpointFile })
	o.Spec.Inputs = append(o.Spec.Inputs, protocol.Input{Name: protocol.CheckpointFile, CID: cid, Size: size})
	return r.cfg.Artifacts.Pin(cid), true, nil
}
