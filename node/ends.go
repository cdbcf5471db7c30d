package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

const (
	firstRetry = 250 * time.Millisecond // of an end that found no room, and twice as long each time
	lastRetry  = 30 * time.Second       // up to this
	maxEnds    = 4096                   // ends that wait; the next start writes what is beyond
)

// ends journals the ends of jobs, also when the disk has no room for them: such a job
// would stand as running, and its budget aside, until the next start (SPEC §6.6).
type ends struct {
	journal *journal.Journal
	log     *slog.Logger
	wake    chan struct{} // capacity 1: something waits

	mu      sync.Mutex // guards waiting; owner: ends
	waiting map[ending]protocol.Record
}

// ending names a record of the journal.
type ending struct {
	role protocol.Role
	job  protocol.Hash
}

func newEnds(j *journal.Journal, log *slog.Logger) *ends {
	return &ends{journal: j, log: log, wake: make(chan struct{}, 1), waiting: map[ending]protocol.Record{}}
}

// put journals an end and releases what was reserved. Where the journal cannot write,
// it returns that error, and run goes on trying.
func (e *ends) put(ctx context.Context, rec protocol.Record) error {
	err := e.journal.PutAndRelease(ctx, rec)
	if err == nil || journal.Refused(err) || errors.Is(err, journal.ErrClosed) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) < maxEnds {
		e.waiting[ending{rec.Job.Role, rec.Job.ID}] = rec
	}
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return err
}

// run writes what waits until ctx ends. What is left when the work is over gets one
// more chance by retry; what it does not write, the next start ends.
func (e *ends) run(ctx context.Context) error {
	for {
		select {
		case <-e.wake:
		case <-ctx.Done():
			return nil
		}
		for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil
			}
			if e.retry(ctx) {
				break
			}
		}
	}
}

// retry tries to write all that waits and reports whether nothing does any more.
func (e *ends) retry(ctx context.Context) bool {
	for {
		e.mu.Lock()
		var key ending
		var rec protocol.Record
		left := len(e.waiting)
		for key, rec = range e.waiting {
			break
		}
		e.mu.Unlock()
		if left == 0 {
			return true
		}
		err := e.journal.PutAndRelease(ctx, rec)
		if err != nil && !journal.Refused(err) {
			return false
		}
		e.log.Info("job's end journaled late", "job", rec.Job.ID.Short(), "state", rec.Job.State, "reason", rec.Job.Reason, "err", err)
		e.mu.Lock()
		delete(e.waiting, key)
		e.mu.Unlock()
	}
}

// recover ends the jobs that a crash left under way (SPEC §6.6). Their vouchers
// are in the books and stay good.
func (n *Node) recover(ctx context.Context) error {
	for {
		recs, err := n.journal.Records(ctx, journal.Query{Active: true, Limit: journal.MaxLimit})
		if err != nil {
			return fmt.Errorf("read jobs under way: %w", err)
		}
		if len(recs) == 0 {
			return nil
		}
		for _, rec := range recs {
			if err := n.endAfterRestart(ctx, rec); err != nil {
				return err
			}
		}
	}
}

func (n *Node) endAfterRestart(ctx context.Context, rec protocol.Record) (err error) {
	if rec.Job.Paid, err = n.journal.Paid(ctx, rec.Job.Role, rec.Job.ID); err != nil {
		return fmt.Errorf("read what was paid for job %s: %w", rec.Job.ID.Short(), err)
	}
	rec.Job = rec.Job.Restarted()
	rec.Updated = uint64(n.cfg.Clock().UnixMilli())
	if err := n.journal.PutAndRelease(ctx, rec); err != nil {
		return fmt.Errorf("end job %s after the restart: %w", rec.Job.ID.Short(), err)
	}
	n.log.Warn("job ended by the restart", "job", rec.Job.ID.Short(), "state", rec.Job.State, "paid", rec.Job.Paid)
	return nil
}
