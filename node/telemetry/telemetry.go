// Package telemetry reads over time what a rig's cards and processor do (SPEC §8.9): state,
// load, power, temperatures, fans, memory, links, errors. NVIDIA's cards are told by one
// nvidia-smi that lives as long as the rig, AMD's and Intel's by sysfs. Start at New and Run;
// Latest, History and Subscribe are what the rest of a rig reads.
//
// The forms of every source are those that drivers' documents and public logs show; no test
// has met a real card.
package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Limits. All that is read comes from a kernel, a driver or a tool, which may be broken.
const (
	maxCards       = 64
	maxGone        = 64 // cards that are no longer there and whose history is kept
	maxSubscribers = 64
	maxNotes       = 16
)

// Card is a card that the machine has.
type Card struct {
	// ID is its PCI address, such as "0000:01:00.0".
	ID string `json:"id"`
	// Index is its place on the bus among the machine's cards, from 0.
	Index  int    `json:"index"`
	Model  string `json:"model"`
	UUID   string `json:"uuid,omitempty"`
	Driver string `json:"driver,omitempty"` // of the kernel: nvidia, amdgpu, i915, xe
	// Faults are what went wrong with it since the machine started, the serious ones first.
	Faults []string `json:"faults,omitempty"`
	// OffBus tells that it does not answer on its bus.
	OffBus bool `json:"off_bus,omitempty"`
}

// Reading is what a card, or the processor, told at one time. A nil field was not told; what
// drivers print in place of a value is dropped.
type Reading struct {
	// At is when it was told; zero for never.
	At time.Time `json:"at,omitzero"`
	// Load is percent of the time in which it worked.
	Load *int `json:"load_percent,omitempty"`
	// PowerMW and LimitMW are milliwatts drawn and allowed.
	PowerMW *int64 `json:"power_mw,omitempty"`
	LimitMW *int64 `json:"power_limit_mw,omitempty"`
	// TempC is the core's temperature, the edge's where there are several, in °C; JunctionC is
	// the hottest point's and MemoryC the memory's.
	TempC     *int `json:"temp_c,omitempty"`
	JunctionC *int `json:"junction_c,omitempty"`
	MemoryC   *int `json:"memory_c,omitempty"`
	// FanPercent is of the fan's highest speed.
	FanPercent *int `json:"fan_percent,omitempty"`
	// UsedMiB and TotalMiB are of the card's memory.
	UsedMiB  *uint32 `json:"vram_used_mib,omitempty"`
	TotalMiB *uint32 `json:"vram_mib,omitempty"`
	// LinkWidth and LinkGen are the PCI Express link's lanes and generation as it runs now.
	LinkWidth *int `json:"link_width,omitempty"`
	LinkGen   *int `json:"link_gen,omitempty"`
	// Corrected and Uncorrected count memory errors since the driver was loaded.
	Corrected   *uint64 `json:"ecc_corrected,omitempty"`
	Uncorrected *uint64 `json:"ecc_uncorrected,omitempty"`
}

// told reports whether there is anything in it.
func (r *Reading) told() bool {
	return r.Load != nil || r.PowerMW != nil || r.TempC != nil || r.JunctionC != nil || r.MemoryC != nil || r.FanPercent != nil || r.UsedMiB != nil || r.TotalMiB != nil
}

// Hottest is the highest of the temperatures, in °C; nil where none is told.
func (r *Reading) Hottest() *int {
	hot := r.TempC
	for _, t := range []*int{r.JunctionC, r.MemoryC} {
		if t != nil && (hot == nil || *t > *hot) {
			hot = t
		}
	}
	return hot
}

// Seen is a card, what it told last, and what is wrong with it.
type Seen struct {
	Card
	Reading Reading `json:"reading"`
	// Lost says why the machine has the card no more, or hears nothing of it; "" where it does.
	Lost string `json:"lost,omitempty"`
	// EnergyMJ is millijoules drawn since the rig started, as far as power was told.
	EnergyMJ uint64 `json:"energy_mj"`
}

// CPU is the ID of the machine's processors in History.
const CPU = "cpu"

// Config is everything that a telemetry needs.
type Config struct {
	// Sys and Proc are the directories that the kernel keeps.
	Sys, Proc string
	// Tool finds a driver's tool, "" where it is not installed.
	Tool func(name string) string
	// Scan lists the machine's cards. It asks no tool, and is called every time.
	Scan func() []Card
	// Every is the time between readings. 0 is 5 s.
	Every time.Duration
	// Silence is how long a tool or a driver may say nothing. 0 is 30 s.
	Silence time.Duration
	// Retry is the pause after a tool's first failure, doubled up to 64 times as much. 0 is 2 s.
	Retry  time.Duration
	Clock  func() time.Time
	Logger *slog.Logger
}

// Telemetry is the readings of a machine. It is safe for concurrent use.
type Telemetry struct {
	cfg Config
	smi *follower
	cpu cpu // owner: Run's loop

	mu    sync.Mutex // guards what follows
	cards map[string]*track
	proc  *track            // the processors
	notes map[string]string // by source: what cannot be read, and what to do about it
	subs  map[chan Told]bool
	tries map[string]bool // sysfs readings under way, by card
}

// track is one card through time.
type track struct {
	Seen
	gone    time.Time // since when the machine does not have it; zero while it has
	since   time.Time // it was first seen, or came back
	history history
	meter   meter // of a card that counts energy
	rocm    bool  // rocm-smi is asked for it
}

// Told is a new reading, or a new loss.
type Told struct {
	Card    string
	Reading Reading
	Lost    string
}

// New makes one that has read nothing.
func New(cfg Config) *Telemetry {
	for _, d := range []struct {
		at    *time.Duration
		usual time.Duration
	}{{&cfg.Every, 5 * time.Second}, {&cfg.Silence, 30 * time.Second}, {&cfg.Retry, 2 * time.Second}} {
		if *d.at == 0 {
			*d.at = d.usual
		}
	}
	cfg.Silence = max(cfg.Silence, 3*cfg.Every)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Telemetry{cfg: cfg, cards: map[string]*track{}, notes: map[string]string{}, subs: map[chan Told]bool{}, tries: map[string]bool{}}
	t.proc = &track{Seen: Seen{Card: Card{ID: CPU}}}
	t.smi = newFollower(t)
	return t
}

// Run reads until ctx ends. Tools that it started are over when it returns, but for one that
// hangs in the kernel.
func (t *Telemetry) Run(ctx context.Context) error {
	var tools sync.WaitGroup
	defer tools.Wait()
	tools.Go(func() { t.smi.run(ctx) })
	tools.Go(func() { t.followROCm(ctx) })
	tick := time.NewTicker(t.cfg.Every)
	defer tick.Stop()
	for {
		t.poll()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// poll looks which cards are there and reads all but NVIDIA's.
func (t *Telemetry) poll() {
	list := t.cfg.Scan()
	list = list[:min(len(list), maxCards)]
	now := t.cfg.Clock()
	var nvidia []string
	all := true
	for i := range list {
		c := &list[i]
		t.there(c, now)
		switch c.Driver {
		case "nvidia":
			if all = all && !c.OffBus; !c.OffBus {
				nvidia = append(nvidia, c.ID)
			}
		case "amdgpu", "i915", "xe":
			t.sysfs(c)
		}
	}
	t.missing(list, now)
	t.smi.want(nvidia, all)
	t.take(CPU, t.cpu.read(t.cfg.Sys, t.cfg.Proc, now))
}

// there notes a card that the machine has.
func (t *Telemetry) there(c *Card, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.cards[c.ID]
	if tr == nil {
		tr = &track{since: now}
		t.cards[c.ID] = tr
	}
	if !tr.gone.IsZero() {
		tr.gone, tr.since, tr.Lost, tr.Reading = time.Time{}, now, "", Reading{}
	}
	tr.Card = *c
	switch {
	case c.OffBus:
		t.lose(tr, "the card has fallen off the bus: it does not answer; check riser and power, then restart")
	case c.Driver == "":
		t.lose(tr, "no driver is loaded")
	case tr.Lost == "" && now.Sub(latest(tr.since, tr.Reading.At)) > 2*t.cfg.Silence:
		t.lose(tr, t.silent(c))
	}
}

// silent says why a card tells nothing.
func (t *Telemetry) silent(c *Card) string {
	text := "its driver tells nothing"
	if c.Driver == "nvidia" && t.notes[smiName] != "" {
		text += ": " + t.notes[smiName]
	}
	return text
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// missing notes the cards that the machine no longer has, and forgets the oldest of them.
func (t *Telemetry) missing(list []Card, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var gone []*track
	for id, tr := range t.cards {
		if slices.ContainsFunc(list, func(c Card) bool { return c.ID == id }) {
			continue
		}
		if tr.gone.IsZero() {
			tr.gone = now
			t.lose(tr, "the machine no longer has it: it was taken out, or fell off the bus")
		}
		gone = append(gone, tr)
	}
	slices.SortFunc(gone, func(a, b *track) int { return b.gone.Compare(a.gone) })
	for i, tr := range gone {
		if i >= maxGone || now.Sub(tr.gone) > keepMinutes*time.Minute {
			delete(t.cards, tr.ID)
		}
	}
}

// lose notes why a card tells nothing. The caller holds mu.
func (t *Telemetry) lose(tr *track, why string) {
	if tr.Lost == why {
		return
	}
	tr.Lost = why
	t.cfg.Logger.Warn("card has no reading", "card", tr.ID, "model", tr.Model, "why", why)
	t.tell(Told{Card: tr.ID, Lost: why})
}

// lost notes it of a card by its ID.
func (t *Telemetry) lost(id, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.cards[id]; tr != nil && tr.gone.IsZero() {
		t.lose(tr, why)
	}
}

// take adds a reading.
func (t *Telemetry) take(id string, r Reading) {
	if !r.told() {
		return
	}
	r.At = t.cfg.Clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.cards[id]
	if id == CPU {
		tr = t.proc
	}
	if tr == nil || !tr.gone.IsZero() || tr.OffBus {
		return
	}
	if last := tr.Reading; !last.At.IsZero() && last.PowerMW != nil && r.PowerMW != nil {
		d := min(r.At.Sub(last.At), 2*t.cfg.Silence) // of a machine that slept nothing is known
		tr.EnergyMJ += uint64(max(0, d.Milliseconds()) * (*last.PowerMW + *r.PowerMW) / 2 / 1000)
	}
	if tr.Lost != "" {
		t.cfg.Logger.Info("card has readings again", "card", id, "model", tr.Model)
	}
	tr.Reading, tr.Lost = r, ""
	tr.history.add(&r)
	t.tell(Told{Card: id, Reading: r})
}

// note says what cannot be read of a source, "" that it can.
func (t *Telemetry) note(source, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.notes[source]
	switch {
	case was == text:
		return
	case text == "":
		delete(t.notes, source)
		t.cfg.Logger.Info("cards can be read again", "source", source)
	case was != "" || len(t.notes) < maxNotes:
		t.notes[source] = text
		t.cfg.Logger.Warn("cards cannot be read", "source", source, "why", text)
	}
}

// tell hands a reading to the subscribers. The caller holds mu.
func (t *Telemetry) tell(x Told) {
	for c := range t.subs {
		select {
		case c <- x:
		default: // it has more than it reads
		}
	}
}

// Latest is every card as it was told last, in their order on the bus, and those that are
// lost for a day.
func (t *Telemetry) Latest() []Seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Seen, 0, len(t.cards))
	for _, tr := range t.cards {
		list = append(list, tr.Seen)
	}
	slices.SortFunc(list, func(a, b Seen) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// Processor is what the machine's processors told last.
func (t *Telemetry) Processor() Seen {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.proc.Seen
}

// Notes say what cannot be read, and what to do about it.
func (t *Telemetry) Notes() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []string{}
	for _, text := range t.notes {
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// History is what a card, or CPU, told after a time, the oldest first: every reading of the
// last hour, and before that a minute each, of the last day.
func (t *Telemetry) History(id string, since time.Time) []Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.cards[id]
	if id == CPU {
		tr = t.proc
	}
	if tr == nil {
		return nil
	}
	return tr.history.since(since)
}

// Subscribe is told every reading and every loss from now on, until cancel is called, which
// closes the channel. It holds n of them, 1024 at most; who does not read in time misses the
// later ones. Where too many have subscribed the channel is closed at once.
func (t *Telemetry) Subscribe(n int) (told <-chan Told, cancel func()) {
	c := make(chan Told, max(1, min(n, 1024)))
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.subs) == maxSubscribers {
		close(c)
		return c, func() {}
	}
	t.subs[c] = true
	return c, sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.subs, c)
		close(c)
	})
}
