package hardware

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is what may be done with a card.
type State string

// The states of a card. It is in exactly one.
const (
	StateFree        State = "free"        // a job may have it
	StateLeased      State = "leased"      // a job has it
	StateDirty       State = "dirty"       // its last job is over; it is not known to be clean
	StateBusy        State = "busy"        // somebody else's program works on it
	StateQuarantined State = "quarantined" // kept out of use until a time or a person says otherwise
	StateUnusable    State = "unusable"    // no driver, or one that does not answer
	StateMissing     State = "missing"     // the ledger knows it and the machine does not
)

// Standing is a card's state, with what there is to say about it.
type Standing struct {
	State State `json:"state"`
	// Reason says why, and what to do about it.
	Reason string `json:"reason,omitempty"`
	// Job is who has the card.
	Job string `json:"job,omitempty"`
	// Until is when a quarantine ends by itself.
	Until *time.Time `json:"until,omitempty"`
}

// identity tells a card from others across restarts and slots.
type identity struct {
	Address string `json:"address"`
	Vendor  string `json:"vendor"`
	Device  string `json:"device"`
	UUID    string `json:"uuid,omitempty"`
}

func identify(c *Card) identity { return identity{c.Address, c.Vendor, c.Device, c.UUID} }

// is reports whether the record is about the card: by the card's own identity where both
// have one, else by its place and kind.
func (id identity) is(c *Card) bool {
	if id.UUID != "" && c.UUID != "" {
		return id.UUID == c.UUID
	}
	return id.Address == c.Address && id.Vendor == c.Vendor && id.Device == c.Device
}

// book is the ledger's content. Its methods are pure: what they need of the world is given.
type book struct {
	Version int `json:"version"`
	// Seq grows with every change.
	Seq         uint64       `json:"seq"`
	Leases      []lease      `json:"leases"`
	Dirty       []dirty      `json:"dirty"`
	Quarantines []quarantine `json:"quarantines"`
	Seen        []seen       `json:"seen"`
}

// lease is a card that a job has.
type lease struct {
	identity
	Job   string    `json:"job"`
	Owner Owner     `json:"owner"`
	Since time.Time `json:"since"`
	// BaseMiB is the memory that was taken before the job began.
	BaseMiB *uint32 `json:"base_mib,omitempty"`
}

// dirty is a card that a job had.
type dirty struct {
	identity
	Job     string  `json:"job"`
	BaseMiB *uint32 `json:"base_mib,omitempty"`
	Seq     uint64  `json:"seq"` // of the book when it became dirty
}

type quarantine struct {
	identity
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until,omitzero"` // zero for until it is lifted
}

// seen is a fault that has been acted on: the same occurrence is not acted on again.
type seen struct {
	identity
	Boot string `json:"boot"`
	Kind string `json:"kind"`
	Mark uint64 `json:"mark"`
}

// Limits of a book, so that no rig that lost and found its cards for years grows it.
const (
	maxRecords = 512
	maxReason  = 300
)

// settle makes cards of owners that ended dirty, and ends quarantines.
func (b *book) settle(now time.Time, alive func(Owner) bool) {
	b.Leases = slices.DeleteFunc(b.Leases, func(l lease) bool {
		if alive(l.Owner) {
			return false
		}
		b.soil(l)
		return true
	})
	b.Quarantines = slices.DeleteFunc(b.Quarantines, func(q quarantine) bool { return q.over(now) })
}

// soil notes that a job has had a card.
func (b *book) soil(l lease) {
	b.Dirty = last(append(b.Dirty, dirty{l.identity, l.Job, l.BaseMiB, b.Seq + 1}))
}

// has tells whether a card is a job's, or not yet seen clean after one.
func (b *book) has(address string) bool {
	return slices.ContainsFunc(b.Leases, func(x lease) bool { return x.Address == address }) ||
		slices.ContainsFunc(b.Dirty, func(d dirty) bool { return d.Address == address })
}

// observe quarantines cards for faults that were not seen before.
func (b *book) observe(cards []Card, boot string, now time.Time) {
	for i := range cards {
		c := &cards[i]
		for _, f := range c.Serious() {
			switch {
			case f.Present && b.quarantined(c, now) == nil: // again, as long as it is there
			case !f.Present && !b.saw(c, f, boot):
				b.see(c, f, boot)
			default:
				continue
			}
			b.quarantine(c, f.Text, now, faultTerm(f.Kind))
		}
	}
}

// faultTerm is how long a fault keeps a card out of use: for good where memory is broken,
// else for a day. 0 is for good.
func faultTerm(kind string) time.Duration {
	switch kind {
	case "ecc", "row-remap-failed", "xid-48", "xid-64", "xid-95", "xid-140":
		return 0
	}
	return 24 * time.Hour
}

func (b *book) saw(c *Card, f Fault, boot string) bool {
	return slices.ContainsFunc(b.Seen, func(s seen) bool { return s.is(c) && s.Boot == boot && s.Kind == f.Kind && s.Mark == f.Mark })
}

func (b *book) see(c *Card, f Fault, boot string) {
	b.Seen = slices.DeleteFunc(b.Seen, func(s seen) bool { return s.Boot != boot || s.is(c) && s.Kind == f.Kind })
	b.Seen = last(append(b.Seen, seen{identify(c), boot, f.Kind, f.Mark}))
}

func (q *quarantine) over(now time.Time) bool { return !q.Until.IsZero() && !now.Before(q.Until) }

// quarantined is the card's quarantine, nil for none.
func (b *book) quarantined(c *Card, now time.Time) *quarantine {
	i := slices.IndexFunc(b.Quarantines, func(q quarantine) bool { return q.is(c) && !q.over(now) })
	if i < 0 {
		return nil
	}
	return &b.Quarantines[i]
}

// quarantine keeps a card out of use for a time, 0 for until it is lifted. The longer of
// two counts, with the later reason.
func (b *book) quarantine(c *Card, reason string, now time.Time, term time.Duration) {
	q := quarantine{identity: identify(c), Reason: reason, Since: now}
	if term > 0 {
		q.Until = now.Add(term)
	}
	if len(q.Reason) > maxReason {
		q.Reason = q.Reason[:maxReason]
	}
	for i, old := range b.Quarantines {
		if old.is(c) {
			if old.Until.IsZero() || !q.Until.IsZero() && old.Until.After(q.Until) {
				q.Until = old.Until
			}
			b.Quarantines[i] = q
			return
		}
	}
	b.Quarantines = last(append(b.Quarantines, q))
}

// last keeps the newest records.
func last[T any](s []T) []T { return s[max(0, len(s)-maxRecords):] }

// standing judges a card.
func (b *book) standing(c *Card, alive func(Owner) bool, now time.Time, l Limits) Standing {
	var held Standing
	if q := b.quarantined(c, now); q != nil {
		held = Standing{State: StateQuarantined, Reason: q.Reason}
		if !q.Until.IsZero() {
			held.Until = &q.Until
		}
	}
	soiled := slices.ContainsFunc(b.Dirty, func(d dirty) bool { return d.is(c) })
	if i := slices.IndexFunc(b.Leases, func(l lease) bool { return l.is(c) }); i >= 0 {
		if alive(b.Leases[i].Owner) {
			return Standing{State: StateLeased, Job: b.Leases[i].Job, Reason: held.Reason}
		}
		soiled = true
	}
	if held.State != "" {
		return held
	}
	if why := unusable(c); why != "" {
		return Standing{State: StateUnusable, Reason: why}
	}
	if soiled {
		return Standing{State: StateDirty, Reason: "its last job is over; the card is checked before the next one"}
	}
	if why := occupied(c, l.IdleMiB); why != "" {
		return Standing{State: StateBusy, Reason: why}
	}
	return Standing{State: StateFree}
}

// unusable says why no job can have the card as it is, "" when one can.
func unusable(c *Card) string {
	for _, f := range c.Serious() {
		if f.Present {
			return f.Text
		}
	}
	want := map[string]string{VendorNVIDIA: "nvidia", VendorAMD: "amdgpu", VendorIntel: "i915 or xe"}[c.Vendor]
	switch {
	case c.Integrated:
		return "part of the processor, with no memory of its own"
	case c.Driver == "":
		return "no driver is loaded; it needs " + want
	case !strings.Contains(want, c.Driver):
		return fmt.Sprintf("driver %s cannot run jobs; it needs %s", c.Driver, want)
	case !c.Read:
		return "its driver does not answer; see the notes"
	}
	return ""
}

// occupied says who works on a card, or that more than mib MiB of its memory are taken; ""
// when it is idle.
func occupied(c *Card, mib uint32) string {
	for _, h := range c.Holders {
		if h.Compute {
			return fmt.Sprintf("process %d (%s) works on it: stop that", h.PID, h.Name)
		}
	}
	if c.VRAMUsedMiB != nil && *c.VRAMUsedMiB > mib {
		return fmt.Sprintf("%d MiB of its memory are taken", *c.VRAMUsedMiB)
	}
	return ""
}
