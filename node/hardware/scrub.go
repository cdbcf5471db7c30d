package hardware

import (
	"context"
	"slices"
	"time"
)

// seq is the book's, after cards of owners that ended became dirty.
func (l *Ledger) seq(ctx context.Context) (seq uint64, err error) {
	if err := l.change(ctx, func(*book, time.Time) error { return nil }); err != nil {
		return 0, err
	}
	b, err := l.load()
	if err != nil {
		return 0, err
	}
	return b.Seq, nil
}

// wipe frees dirty cards that a look which began at the book's seq, or later, shows clean.
func (b *book) wipe(cards []Card, seq uint64, l Limits) {
	b.Dirty = slices.DeleteFunc(b.Dirty, func(d dirty) bool {
		i := slices.IndexFunc(cards, func(c Card) bool { return d.is(&c) })
		return d.Seq <= seq && i >= 0 && d.unclean(&cards[i], l) == ""
	})
}

// unclean says what a job has left on a card, "" when nothing.
func (d *dirty) unclean(c *Card, l Limits) string {
	if why := unusable(c); why != "" {
		return why
	}
	limit := l.IdleMiB
	if d.BaseMiB != nil {
		limit = *d.BaseMiB + l.SlackMiB
	}
	return occupied(c, limit)
}

// Release gives a job's cards back. It returns when each is clean and free; one that does
// not become clean is quarantined, which is no error. Until then, and after a crash on the
// way, a card is dirty. A job without cards is no error either.
func (l *Ledger) Release(ctx context.Context, job string) error {
	soiled := 0
	err := l.change(ctx, func(b *book, _ time.Time) error {
		b.Leases = slices.DeleteFunc(b.Leases, func(x lease) bool {
			if x.Job != job {
				return false
			}
			b.soil(x)
			return true
		})
		for _, d := range b.Dirty {
			if d.Job == job {
				soiled++
			}
		}
		return nil
	})
	if err != nil || soiled == 0 {
		return err
	}
	return l.scrubOf(ctx, func(d *dirty) bool { return d.Job == job })
}

// Scrub waits until every dirty card is clean, or quarantines it: those of jobs that a crash
// cut off, and those whose quarantine is over. It leaves out cards, by address, that spare
// says another one cleans; nil for none.
func (l *Ledger) Scrub(ctx context.Context, spare func(address string) bool) error {
	return l.scrubOf(ctx, func(d *dirty) bool { return spare == nil || !spare(d.Address) })
}

// scrubOf is Scrub for those of the dirty cards that are wanted.
func (l *Ledger) scrubOf(ctx context.Context, wanted func(*dirty) bool) error {
	end := time.NewTimer(l.cfg.Limits.ScrubTime)
	defer end.Stop()
	pause := time.NewTicker(max(l.cfg.Limits.ScrubTime/20, time.Millisecond))
	defer pause.Stop()
	for over := false; ; {
		left, err := l.scrub(ctx, wanted, over)
		if err != nil || left == 0 || over {
			return err
		}
		select {
		case <-pause.C:
		case <-end.C:
			over = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// scrub looks once. When the time is over it quarantines what is not clean.
func (l *Ledger) scrub(ctx context.Context, wanted func(*dirty) bool, over bool) (left int, err error) {
	seq, err := l.seq(ctx)
	if err != nil {
		return 0, err
	}
	v := l.cfg.Look(ctx)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	boot := l.cfg.Sources.boot()
	err = l.change(ctx, func(b *book, now time.Time) error {
		b.observe(v.Cards, boot, now)
		b.wipe(v.Cards, seq, l.cfg.Limits)
		left = 0
		for _, d := range b.Dirty {
			i := slices.IndexFunc(v.Cards, func(c Card) bool { return d.is(&c) })
			if i < 0 || !wanted(&d) || b.quarantined(&v.Cards[i], now) != nil || l.cfg.Locks.foreign(v.Cards[i].Address) {
				continue // gone, another's, kept out of use already, or in use by another rig
			}
			left++
			if why := d.unclean(&v.Cards[i], l.cfg.Limits); over && why != "" {
				b.quarantine(&v.Cards[i], "not clean after job "+clean(d.Job)+": "+why, now, l.cfg.Limits.UncleanTerm)
			}
		}
		return nil
	})
	return left, err
}
