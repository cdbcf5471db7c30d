package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// player is the work on one batch.
type player struct {
	bs   *batches
	b    *batch
	key  *Key
	stop func() // ends the work

	mu      sync.Mutex // guards what follows
	done    map[string]bool
	out     [2]*os.File // the answers, and the errors
	size    int64       // bytes of both
	unsaved bool
	err     error // of the disk
}

// play works on a batch until it is over or ctx ends, and reports whether it is to be tried
// again: its end could not be kept.
func (bs *batches) play(ctx context.Context, b *batch) (again bool) {
	p := &player{bs: bs, b: b, done: map[string]bool{}}
	err := p.run(ctx)
	switch {
	case p.over():
		p.clear()
		return false
	case ctx.Err() != nil && !p.cancelled(): // the gateway ends, and the next one goes on
		return false
	}
	bs.g.log.Error("a batch failed", "batch", b.ID, "err", err)
	if err := bs.change(b, func() { b.fail(bs.g.clock(), "server_error", err.Error()) }); err != nil {
		bs.g.log.Error("a batch's end was not kept", "batch", b.ID, "err", err)
		return true
	}
	p.clear()
	return false
}

func (p *player) cancelled() bool {
	p.bs.mu.Lock()
	defer p.bs.mu.Unlock()
	return p.b.Status == batchCancelling
}

func (p *player) over() bool {
	p.bs.mu.Lock()
	defer p.bs.mu.Unlock()
	return p.b.over()
}

// run goes through the states of the batch.
func (p *player) run(ctx context.Context) (err error) {
	g := p.bs.g
	if !p.cancelled() {
		if err := p.owner(); err != nil {
			return err
		}
		found, total, err := p.validate()
		if err != nil {
			return err
		}
		now := g.clock().Unix()
		if found != nil {
			return p.bs.change(p.b, func() { p.b.Status, p.b.FailedAt, p.b.Errors = batchFailed, &now, found })
		}
		if err := p.bs.change(p.b, func() {
			if p.b.Counts.Total = total; p.b.Status == batchValidating {
				p.b.Status, p.b.InProgress = batchInProgress, &now
			}
		}); err != nil {
			return err
		}
	}
	if err := p.resume(); err != nil {
		return err
	}
	defer func() {
		for _, f := range p.out {
			if f != nil {
				err = errors.Join(err, f.Close())
			}
		}
	}()
	var full error
	if !p.cancelled() {
		if err := p.work(ctx); errors.Is(err, errFull) {
			full = err
		} else if err != nil {
			return err
		}
	}
	if ctx.Err() != nil && !p.cancelled() {
		return ctx.Err()
	}
	return p.finish(full)
}

// owner finds whose key pays.
func (p *player) owner() error {
	if p.b.owner == "" {
		return nil
	}
	for _, k := range p.bs.g.config.Keys {
		if k.Name == p.b.owner {
			p.key = k
			return nil
		}
	}
	return fmt.Errorf("there is no key named %s any more", p.b.owner)
}

// finish makes files of the answers and the errors and ends the batch, as failed where they
// took too much.
func (p *player) finish(full error) error {
	g, now := p.bs.g, p.bs.g.clock().Unix()
	if err := p.bs.change(p.b, func() {
		if p.b.Status == batchInProgress {
			p.b.Status, p.b.Finalizing = batchFinalizing, &now
		}
	}); err != nil {
		return err
	}
	var files []*file
	var ids [2]*string
	for i, name := range []string{"_output.jsonl", "_error.jsonl"} {
		info, err := p.out[i].Stat()
		if err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		if info.Size() == 0 {
			continue
		}
		f := &file{ID: newFileID(), Name: p.b.ID + name, Purpose: "batch_output", Created: now, Bytes: info.Size(), owner: p.b.owner}
		if err := os.Link(p.part(i), g.store.path(f.ID)); err != nil {
			return fmt.Errorf("the batch's answers: %w", err)
		}
		files, ids[i] = append(files, f), &f.ID
	}
	now = g.clock().Unix()
	err := p.bs.end(p.b, files, func() {
		p.b.Output, p.b.ErrorFile = ids[0], ids[1]
		switch {
		case full != nil:
			p.b.fail(g.clock(), "output_too_large", fmt.Sprintf("the answers take more than %d bytes; the output has those that fit. Ask for the others in another batch", p.bs.most))
		case p.b.Status == batchCancelling:
			p.b.Status, p.b.Cancelled = batchCancelled, &now
		case p.b.Counts.Completed+p.b.Counts.Failed < p.b.Counts.Total:
			p.b.Status, p.b.Expired = batchExpired, &now
		default:
			p.b.Status, p.b.Completed = batchCompleted, &now
		}
	})
	if err != nil {
		for _, f := range files {
			err = errors.Join(err, os.Remove(g.store.path(f.ID)))
		}
	}
	return err
}

// clear removes what a batch that is over does not need; what stays goes when the gateway is
// started again.
func (p *player) clear() {
	for i := range p.out {
		if err := os.Remove(p.part(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.bs.g.log.Debug("a part of a batch was not removed", "batch", p.b.ID, "err", err)
		}
	}
}
