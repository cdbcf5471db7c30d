package hardware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits are what the ledger goes by. Zero values stand for those of DefaultLimits.
type Limits struct {
	// IdleMiB is how much memory of a card may be taken before a job gets it: what a
	// display server needs.
	IdleMiB uint32
	// SlackMiB is how much more may be taken after a job than before it.
	SlackMiB uint32
	// ScrubTime is how long a driver may take to give a job's memory back.
	ScrubTime time.Duration
	// UncleanTerm is how long a card that was not given back clean is kept out of use.
	UncleanTerm time.Duration
}

// DefaultLimits are the ledger's own.
func DefaultLimits() Limits {
	return Limits{IdleMiB: 512, SlackMiB: 64, ScrubTime: 10 * time.Second, UncleanTerm: time.Hour}
}

// LedgerConfig is what a ledger needs.
type LedgerConfig struct {
	// Path is the ledger's file. It is made when the first card is leased.
	Path string
	// Sources is the machine; it must have a Run of its own (see Below).
	Sources Sources
	// Look looks at the cards; nil for Sources.Look.
	Look func(context.Context) Survey
	// PID is the process that leases cards; 0 for this one.
	PID int
	// Processes is the machine on which that process and those of other leases run; the
	// zero value is Sources. It is another one where cards are read from a directory.
	Processes Sources
	// Locks keep cards from the ledgers of other data directories on this machine; nil where
	// there is no other.
	Locks *Locks
	// Now is the clock; nil for the machine's.
	Now    func() time.Time
	Limits Limits
}

// Ledger says who has which card. It lives in one file that is locked, read, replaced and
// synced for every change, so that any number of processes share it and a crash at any
// point leaves it whole. A card is handed out only when the machine shows it to be idle,
// and is free again only when its memory is back to what was taken before and nobody works
// on it. That a driver gives out no memory with another job's data in it is the driver's
// promise; the ledger cannot read a card's memory.
type Ledger struct{ cfg LedgerConfig }

// NewLedger makes one. It touches nothing.
func NewLedger(cfg LedgerConfig) *Ledger {
	if cfg.Look == nil {
		cfg.Look = cfg.Sources.Look
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Processes.Proc == "" {
		cfg.Processes = cfg.Sources
	}
	d := DefaultLimits()
	l := &cfg.Limits
	if l.IdleMiB == 0 {
		l.IdleMiB = d.IdleMiB
	}
	if l.SlackMiB == 0 {
		l.SlackMiB = d.SlackMiB
	}
	if l.ScrubTime == 0 {
		l.ScrubTime = d.ScrubTime
	}
	if l.UncleanTerm == 0 {
		l.UncleanTerm = d.UncleanTerm
	}
	return &Ledger{cfg}
}

// Want is what a job needs of cards.
type Want struct {
	Count int
	// VRAMMiB is the least memory of each.
	VRAMMiB uint32
	// Suits says whether a card will do; nil for any. It returns why not, or "".
	Suits func(*Card) string
}

// NoCardError says that a job's cards are not there.
type NoCardError struct {
	Want Want
	// Why has a line for each card that was not taken.
	Why []string
}

// Error lists the cards and why each would not do.
func (e *NoCardError) Error() string {
	text := fmt.Sprintf("no %d free card(s) of %d MiB", e.Want.Count, e.Want.VRAMMiB)
	if len(e.Why) == 0 {
		return text + ": this machine has no card"
	}
	return text + ": " + strings.Join(e.Why, "; ")
}

// Take leases cards to a job, all that it wants or none: a *NoCardError. What it returns
// is on disk before. The cards go by address, the widest link first, so that those on
// risers are left for jobs that come later.
func (l *Ledger) Take(ctx context.Context, job string, want Want) ([]Card, error) {
	if job == "" || len(job) > maxName || want.Count < 1 || want.Count > maxCards {
		return nil, fmt.Errorf("lease of %d cards to job %q: give a name and 1 to %d cards", want.Count, clean(job), maxCards)
	}
	owner, err := l.cfg.Processes.owner(l.cfg.PID)
	if err != nil {
		return nil, err
	}
	seq, err := l.seq(ctx)
	if err != nil {
		return nil, err
	}
	v := l.cfg.Look(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	boot := l.cfg.Sources.boot()
	var taken []Card
	err = l.change(ctx, func(b *book, now time.Time) error {
		b.observe(v.Cards, boot, now)
		b.wipe(v.Cards, seq, l.cfg.Limits)
		if slices.ContainsFunc(b.Leases, func(x lease) bool { return x.Job == job }) {
			return keep(fmt.Errorf("job %q already has cards", clean(job)))
		}
		var why []string
		taken, why = b.choose(v.Cards, want, l.cfg.Processes.alive, l.cfg.Locks.take, now, l.cfg.Limits)
		if len(taken) < want.Count {
			taken = nil
			return keep(&NoCardError{want, why})
		}
		for i := range taken {
			b.Leases = append(b.Leases, lease{identify(&taken[i]), job, owner, now, taken[i].VRAMUsedMiB})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// choose picks free cards, and says of the others why not. What it picks it locks.
func (b *book) choose(cards []Card, want Want, alive func(Owner) bool, lock func(address string) string, now time.Time, l Limits) (taken []Card, why []string) {
	order := slices.Clone(cards)
	slices.SortStableFunc(order, func(a, b Card) int { return b.Link.Width - a.Link.Width })
	for i := range order {
		c := &order[i]
		no := ""
		st := b.standing(c, alive, now, l)
		switch {
		case len(taken) == want.Count:
			return taken, nil
		case st.State != StateFree:
			no = string(st.State) + ": " + st.Reason
		case c.VRAMMiB < want.VRAMMiB:
			no = fmt.Sprintf("has %d MiB", c.VRAMMiB)
		case want.Suits != nil:
			no = want.Suits(c)
		}
		if no == "" {
			no = lock(c.Address)
		}
		if no == "" {
			taken = append(taken, *c)
		} else {
			why = append(why, c.Address+" ("+c.Name()+") "+strings.TrimSuffix(no, ": "))
		}
	}
	return taken, why
}

// Observe looks at the cards, quarantines those with new faults and says how each card
// stands: v's cards in order, and after them those that the ledger knows and v does not.
func (l *Ledger) Observe(ctx context.Context) (v Survey, standings []Standing, err error) {
	v = l.cfg.Look(ctx)
	boot := l.cfg.Sources.boot()
	err = l.change(ctx, func(b *book, now time.Time) error {
		b.observe(v.Cards, boot, now)
		standings = l.standings(&v, b, now)
		return nil
	})
	return v, standings, err
}

// Read is Observe without writing: new faults count, and are not kept.
func (l *Ledger) Read(ctx context.Context) (v Survey, standings []Standing, err error) {
	b, err := l.load()
	if err != nil {
		return v, nil, err
	}
	v = l.cfg.Look(ctx)
	b.observe(v.Cards, l.cfg.Sources.boot(), l.cfg.Now())
	return v, l.standings(&v, b, l.cfg.Now()), nil
}

// standings judges every card, and adds to v those that are missing.
func (l *Ledger) standings(v *Survey, b *book, now time.Time) (all []Standing) {
	for i := range v.Cards {
		st := b.standing(&v.Cards[i], l.cfg.Processes.alive, now, l.cfg.Limits)
		if (st.State == StateFree || st.State == StateBusy) && l.cfg.Locks.foreign(v.Cards[i].Address) {
			st = Standing{State: StateLeased, Reason: otherRig}
		}
		all = append(all, st)
	}
	lose := func(id identity, reason string) {
		if !slices.ContainsFunc(v.Cards, func(c Card) bool { return id.is(&c) }) {
			m, _ := lookup(id.Vendor, id.Device, "-")
			v.Cards = append(v.Cards, Card{Address: id.Address, Vendor: id.Vendor, Device: id.Device, UUID: id.UUID, Model: m.name, NUMA: -1})
			all = append(all, Standing{State: StateMissing, Reason: reason})
		}
	}
	for _, q := range b.Quarantines {
		lose(q.identity, "no longer on the PCI bus; it was quarantined: "+q.Reason)
	}
	for _, x := range b.Leases {
		lose(x.identity, "no longer on the PCI bus; job "+x.Job+" had it")
	}
	return all
}

// Quarantine keeps a card out of use for a time, 0 for until it is lifted. A job that has
// the card keeps it.
func (l *Ledger) Quarantine(ctx context.Context, c *Card, reason string, term time.Duration) error {
	return l.change(ctx, func(b *book, now time.Time) error {
		b.quarantine(c, clean(reason), now, term)
		return nil
	})
}

// ErrNotQuarantined is returned by Lift for a card that is in use or could be.
var ErrNotQuarantined = errors.New("the card is not quarantined")

// Lift ends a card's quarantine. Faults that it shows now do not count again; one that is
// still there is an error, because it keeps the card out of use whatever the ledger says.
func (l *Ledger) Lift(ctx context.Context, c *Card) error {
	boot := l.cfg.Sources.boot()
	return l.change(ctx, func(b *book, _ time.Time) error {
		for _, f := range c.Serious() {
			if f.Present {
				return fmt.Errorf("card %s cannot be released: %s", c.Address, f.Text)
			}
		}
		n := len(b.Quarantines)
		b.Quarantines = slices.DeleteFunc(b.Quarantines, func(q quarantine) bool { return q.is(c) })
		fresh := false
		for _, f := range c.Serious() {
			fresh = fresh || !b.saw(c, f, boot)
			b.see(c, f, boot)
		}
		if len(b.Quarantines) == n && !fresh {
			return ErrNotQuarantined
		}
		return nil
	})
}
