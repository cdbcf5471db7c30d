package node

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
)

// withCards is a running job that holds cards, metered by their time. Pauses, which are
// waits for a payment, are not in it.
type withCards struct {
	sandboxed
	count uint64
	back  func() error // gives the cards back
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	since  time.Time  // the clock runs since then; zero while it stands
	before time.Duration
}

func holding(job runner.Job, count int, back func() error, log *slog.Logger) *withCards {
	return &withCards{sandboxed: sandboxed{job}, count: uint64(count), back: back, log: log, since: time.Now()}
}

// Units is the time of all cards together so far, in milliseconds.
func (w *withCards) Units() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.before
	if !w.since.IsZero() {
		d += time.Since(w.since)
	}
	return w.count * uint64(d.Milliseconds())
}

// Pause halts the job, and its clock with it.
func (w *withCards) Pause() error {
	err := w.sandboxed.Pause()
	if err == nil {
		w.stand()
	}
	return err
}

// Resume lets both go on.
func (w *withCards) Resume() error {
	err := w.sandboxed.Resume()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.since.IsZero() {
		w.since = time.Now()
	}
	return err
}

func (w *withCards) stand() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.since.IsZero() {
		w.before, w.since = w.before+time.Since(w.since), time.Time{}
	}
}

// Wait waits for the job's end, and then until its cards are clean or out of use: the next
// job may be given them at once. Only the first of both is billed.
func (w *withCards) Wait() provider.Outcome {
	o := w.sandboxed.Wait()
	w.stand()
	if o.Units > 0 {
		o.Units = max(w.Units(), 1)
	}
	if err := w.back(); err != nil {
		w.log.Warn("a job's cards are not back yet", "err", err)
	}
	return o
}

// startWithCards starts a job that holds cards.
func (s *sandbox) startWithCards(ctx context.Context, t *provider.Task, start func(*runner.Devices) (runner.Job, error)) (run, error) {
	name := t.Job.String()
	devices, err := s.cards.lend(ctx, name, t.Cards)
	if err != nil {
		return nil, err
	}
	job, err := start(&devices)
	if err != nil {
		if back := s.cards.giveBack(ctx, name, t.Cards); back != nil {
			s.cards.log.Warn("a job's cards are not back yet", "err", back)
		}
		return nil, err
	}
	return holding(job, len(t.Cards), func() error { return s.cards.giveBack(ctx, name, t.Cards) }, s.cards.log), nil
}

// withDriver is a job's environment with that of its driver: what both set is the driver's,
// but for the paths of libraries, where the driver's come first.
func withDriver(env, driver []string) []string {
	const libraries = "LD_LIBRARY_PATH="
	out := make([]string, 0, len(env)+len(driver))
	own := ""
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if e, ok := strings.CutPrefix(e, libraries); ok {
			own = e
		}
		taken := false
		for _, d := range driver {
			taken = taken || strings.HasPrefix(d, name+"=")
		}
		if !taken {
			out = append(out, e)
		}
	}
	for _, d := range driver {
		if own != "" && strings.HasPrefix(d, libraries) {
			d += ":" + own
		}
		out = append(out, d)
	}
	return out
}
