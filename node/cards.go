package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

const (
	// cardWatch is how often a rig looks at its cards beside the times when a job ends:
	// what a driver's tool costs each time is a few milliseconds of a processor.
	cardWatch = 30 * time.Second
	// cardTime bounds a card's way back: scrubbing, and looking at a driver that hangs.
	cardTime = 90 * time.Second
	// cardTrial is who has a card during its self-test.
	cardTrial = "self-test"
	// cardRetry is the pause after a card's first self-test that fails, doubled after each
	// other one up to maxCardRetry: a driver may come to itself.
	cardRetry    = time.Minute
	maxCardRetry = time.Hour
)

// cards are a rig's graphics cards (SPEC §8.7): proved one by one, lent to jobs whole, and
// looked after in between. The ledger on disk says who has which, so that none is stuck
// however this process ends.
type cards struct {
	src       hardware.Sources
	ledger    *hardware.Ledger
	ledgerAt  string
	held      string // how containers are held
	simulated bool
	sell      func([]provider.Card, []protocol.GPU, protocol.DriverGap)
	governed  *governed // nil where nobody governs them
	log       *slog.Logger
	again     chan struct{} // capacity 1: a card came back, look at all

	told    map[string]string // by address: why a card is not sold; owner: run
	trouble string            // why no card could be looked at; owner: run
	failed  map[string]trial  // by cardKey; owner: run
	proved  map[string]bool   // by cardKey; owner: run, who changes it under mu
	looked  chan struct{}     // closed when all cards were looked at once, or there are none

	mu     sync.Mutex        // guards what follows
	lent   map[string]bool   // by address, until a card is back and clean
	serves map[string]string // by address: the served model that has the card
	owed   map[string]error  // by job that is over: why the ledger does not know it
	shown  map[string]string // by address: told, for who asks
	holder map[string]string // by address: the job that has it
}

// trial is a self-test that failed.
type trial struct {
	why   string
	times int
	again time.Time // not before
}

// CardLedger is where a node keeps who has which card: those of this machine, or of one
// that is read from a directory.
func CardLedger(dataDir, sysroot string) (*hardware.Ledger, hardware.Sources, string) {
	src, name := hardware.Machine(), hardware.LedgerFile
	if sysroot != "" {
		src, name = hardware.Below(sysroot), "simulated-"+hardware.LedgerFile
	}
	path := filepath.Join(dataDir, name)
	return hardware.NewLedger(hardware.LedgerConfig{Path: path, Sources: src, Processes: hardware.Machine(), Locks: hardware.NewLocks(src)}), src, path
}

// newCards makes them, nil for a rig that sells none.
func newCards(cfg *RigConfig, dataDir string, log *slog.Logger) *cards {
	if cfg.Containers == "" || cfg.GPUPrice.IsZero() {
		return nil
	}
	c := &cards{held: cfg.Containers, simulated: cfg.Sysroot != "", log: log, again: make(chan struct{}, 1),
		told: map[string]string{}, failed: map[string]trial{}, proved: map[string]bool{}, lent: map[string]bool{}, owed: map[string]error{},
		shown: map[string]string{}, holder: map[string]string{}, serves: map[string]string{}, looked: make(chan struct{})}
	c.ledger, c.src, c.ledgerAt = CardLedger(dataDir, cfg.Sysroot)
	return c
}

// run proves the cards in an engine that has passed its own self-test, and sells those that
// are fit until ctx ends. On a machine without cards it returns at once.
func (c *cards) run(ctx context.Context, engine runner.Engine) {
	first := sync.OnceFunc(func() { close(c.looked) })
	defer first()
	prober, ok := engine.(runner.CardProber)
	if _, err := os.Stat(c.ledgerAt); !ok || errors.Is(err, fs.ErrNotExist) && len(c.src.Look(ctx).Cards) == 0 {
		return
	}
	tick := time.NewTicker(cardWatch)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.refresh(ctx, prober)
		first()
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.again:
		}
	}
}

// refresh takes back what is owed, looks at every card, sells the fit ones, and looks again
// when dirty ones became clean.
func (c *cards) refresh(ctx context.Context, engine runner.CardProber) {
	c.collect(ctx)
	if !c.look(ctx, engine) {
		return
	}
	if err := c.ledger.Scrub(ctx, c.isHeld); err != nil { // those that are lent, their jobs clean
		if ctx.Err() == nil {
			c.log.Warn("cards cannot be cleaned", "err", err)
		}
		return
	}
	c.look(ctx, engine)
}

// look tries the cards that it has not, and sells the fit ones. It tells whether there are
// dirty ones that nobody cleans.
func (c *cards) look(ctx context.Context, engine runner.CardProber) (dirty bool) {
	v, standings, err := c.ledger.Observe(ctx)
	if err != nil {
		if ctx.Err() == nil && c.trouble != err.Error() {
			c.trouble = err.Error()
			c.log.Warn("cards cannot be looked at; none is sold", "err", err)
		}
		c.sell(nil, nil, protocol.DriverGap{})
		return false
	}
	c.trouble = ""
	var fit []hardware.Card
	for i := range v.Cards {
		card := &v.Cards[i]
		why := c.unfit(card, &standings[i])
		if why == "" && !c.proved[cardKey(card)] {
			why = c.prove(ctx, engine, card)
		}
		if why == "" {
			why = c.governed.unsold(card.Address)
		}
		if why == "" {
			why = c.serving(card.Address)
		}
		if ctx.Err() != nil {
			return false
		}
		if why == "" {
			fit = append(fit, *card)
		}
		c.tell(card, why)
		dirty = dirty || standings[i].State == hardware.StateDirty && !c.isHeld(card.Address)
	}
	gap := protocol.DriverGap{}
	if c.held == HeldByGvisor {
		gap = hardware.DriverGap(v.Cards)
	}
	c.offer(fit, gap)
	return dirty
}

// cardKey is a card with the driver that it was tried with.
func cardKey(c *hardware.Card) string {
	return strings.Join([]string{c.Address, c.UUID, c.Device, c.DriverVersion}, " ")
}

// unfit says why a card cannot be sold as it is, "" when it can.
func (c *cards) unfit(card *hardware.Card, st *hardware.Standing) string {
	lent := c.isHeld(card.Address)
	ours := lent && st.Reason == "" && st.State == hardware.StateLeased || lent && st.State == hardware.StateDirty
	sale := hardware.HowToSell(card)
	way := sale.Namespaces
	if c.held == HeldByGvisor {
		way = sale.GVisor
	}
	switch {
	case st.State == hardware.StateLeased && !ours && st.Reason == "":
		if err := c.owes(st.Job); err != nil {
			return "its job is over, and that is not in the ledger: " + err.Error()
		}
		return "leased to job " + st.Job
	case st.State != hardware.StateFree && !ours:
		return string(st.State) + ": " + st.Reason
	case !way.OK:
		return way.Why
	case card.VRAMMiB == 0:
		return "nobody tells how much memory it has"
	}
	return ""
}

// prove tries a card in a small job that has it. It returns why it is not fit.
func (c *cards) prove(ctx context.Context, engine runner.CardProber, card *hardware.Card) (why string) {
	key, job, ids := cardKey(card), cardTrial+" "+card.Address, []string{card.Address}
	if c.isLent(card.Address) {
		return "its driver is another one than before; it is tried when its job is over"
	}
	last := c.failed[key]
	if time.Now().Before(last.again) {
		return last.why
	}
	devices, err := c.lend(ctx, job, ids)
	if none := new(hardware.NoCardError); errors.As(err, &none) {
		return err.Error() // as it is now
	}
	if err == nil {
		err = errors.Join(engine.ProbeCards(ctx, devices), c.giveBack(ctx, job, ids))
	}
	if err == nil {
		delete(c.failed, key)
		c.mu.Lock()
		c.proved[key] = true
		c.mu.Unlock()
		return ""
	}
	if ctx.Err() == nil {
		pause := min(cardRetry<<min(last.times, 10), maxCardRetry)
		last = trial{fmt.Sprintf("self-test: %v; it is tried again in %s", err, pause), last.times + 1, time.Now().Add(pause)}
		c.failed[key] = last
	}
	return last.why
}

// tell logs what is new about a card.
func (c *cards) tell(card *hardware.Card, why string) {
	if was, known := c.told[card.Address]; known && was == why {
		return
	}
	c.told[card.Address] = why
	c.mu.Lock()
	c.shown[card.Address] = why
	c.mu.Unlock()
	log := c.log.With("card", card.Address, "model", card.Name())
	if why == "" {
		log.Info("card is sold", "vram_mib", card.VRAMMiB)
	} else {
		log.Warn("card is not sold", "why", why)
	}
}

// offer sells these cards and no others, and says which driver keeps others from jobs.
func (c *cards) offer(fit []hardware.Card, gap protocol.DriverGap) {
	groups := hardware.Groups(fit)
	groups = groups[:min(len(groups), protocol.MaxGPUs)]
	for i := range groups {
		groups[i].Simulated = c.simulated
	}
	list := make([]provider.Card, len(fit))
	for i := range fit {
		list[i] = provider.Card{ID: fit[i].Address, Model: fit[i].Name(), VRAMMiB: fit[i].VRAMMiB}
	}
	c.sell(list, groups, gap)
}
