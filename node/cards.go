package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
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
	sell      func([]provider.Card, []protocol.GPU)
	log       *slog.Logger
	again     chan struct{} // capacity 1: a card came back, look at all

	told   map[string]string // by address: why a card is not sold; owner: run
	failed map[string]string // by cardKey: how the self-test ended; owner: run
	proved map[string]bool   // by cardKey; owner: run

	mu   sync.Mutex      // guards lent
	lent map[string]bool // by address, until a card is back and clean
}

// CardLedger is where a node keeps who has which card: those of this machine, or of one
// that is read from a directory.
func CardLedger(dataDir, sysroot string) (*hardware.Ledger, hardware.Sources, string) {
	src, name := hardware.Machine(), hardware.LedgerFile
	if sysroot != "" {
		src, name = hardware.Below(sysroot), "simulated-"+hardware.LedgerFile
	}
	path := filepath.Join(dataDir, name)
	return hardware.NewLedger(hardware.LedgerConfig{Path: path, Sources: src, Processes: hardware.Machine()}), src, path
}

// newCards makes them, nil for a rig that sells none.
func newCards(cfg *RigConfig, dataDir string, log *slog.Logger) *cards {
	if cfg.Containers == "" || cfg.GPUPrice.IsZero() {
		return nil
	}
	c := &cards{held: cfg.Containers, simulated: cfg.Sysroot != "", log: log, again: make(chan struct{}, 1),
		told: map[string]string{}, failed: map[string]string{}, proved: map[string]bool{}, lent: map[string]bool{}}
	c.ledger, c.src, c.ledgerAt = CardLedger(dataDir, cfg.Sysroot)
	return c
}

// run proves the cards in an engine that has passed its own self-test, and sells those that
// are fit until ctx ends. On a machine without cards it returns at once.
func (c *cards) run(ctx context.Context, engine runner.Engine) {
	prober, ok := engine.(runner.CardProber)
	if _, err := os.Stat(c.ledgerAt); !ok || errors.Is(err, fs.ErrNotExist) && len(c.src.Look(ctx).Cards) == 0 {
		return
	}
	if err := c.ledger.Scrub(ctx); err != nil && ctx.Err() == nil { // of jobs that a crash cut off
		c.log.Warn("cards are not sold here", "err", err)
		return
	}
	tick := time.NewTicker(cardWatch)
	defer tick.Stop()
	for ctx.Err() == nil {
		c.refresh(ctx, prober)
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.again:
		}
	}
}

// refresh looks at every card, tries those that it has not, and sells the fit ones.
func (c *cards) refresh(ctx context.Context, engine runner.CardProber) {
	v, standings, err := c.ledger.Observe(ctx)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("cards cannot be looked at; none is sold", "err", err)
			c.sell(nil, nil)
		}
		return
	}
	var fit []hardware.Card
	for i := range v.Cards {
		card := &v.Cards[i]
		why := c.unfit(card, &standings[i])
		if why == "" && !c.proved[cardKey(card)] {
			why = c.prove(ctx, engine, card)
		}
		if ctx.Err() != nil {
			return
		}
		if why == "" {
			fit = append(fit, *card)
		}
		c.tell(card, why)
	}
	c.offer(fit)
}

// cardKey is a card with the driver that it was tried with.
func cardKey(c *hardware.Card) string {
	return strings.Join([]string{c.Address, c.UUID, c.Device, c.DriverVersion}, " ")
}

// unfit says why a card cannot be sold as it is, "" when it can.
func (c *cards) unfit(card *hardware.Card, st *hardware.Standing) string {
	c.mu.Lock()
	lent := c.lent[card.Address]
	c.mu.Unlock()
	ours := lent && st.Reason == "" && st.State == hardware.StateLeased || lent && st.State == hardware.StateDirty
	sale := hardware.HowToSell(card)
	way := sale.Namespaces
	if c.held == HeldByGvisor {
		way = sale.GVisor
	}
	switch {
	case st.State == hardware.StateLeased && !ours && st.Reason == "":
		return "leased to job " + st.Job
	case st.State != hardware.StateFree && !ours:
		return string(st.State) + ": " + st.Reason
	case !way.OK:
		return way.Why
	case card.VRAMMiB == 0:
		return "nobody tells how much memory it has"
	}
	return c.failed[cardKey(card)]
}

// prove tries a card in a small job that has it. It returns why it is not fit.
func (c *cards) prove(ctx context.Context, engine runner.CardProber, card *hardware.Card) (why string) {
	devices, err := c.lend(ctx, cardTrial+" "+card.Address, []string{card.Address})
	if none := new(hardware.NoCardError); errors.As(err, &none) {
		return err.Error() // as it is now
	}
	if err == nil {
		err = errors.Join(engine.ProbeCards(ctx, devices), c.giveBack(ctx, cardTrial+" "+card.Address, []string{card.Address}))
	}
	if err != nil {
		why = "self-test: " + err.Error()
		if ctx.Err() == nil {
			c.failed[cardKey(card)] = why
		}
		return why
	}
	c.proved[cardKey(card)] = true
	return ""
}

// tell logs what is new about a card.
func (c *cards) tell(card *hardware.Card, why string) {
	if was, known := c.told[card.Address]; known && was == why {
		return
	}
	c.told[card.Address] = why
	log := c.log.With("card", card.Address, "model", card.Name())
	if why == "" {
		log.Info("card is sold", "vram_mib", card.VRAMMiB)
	} else {
		log.Warn("card is not sold", "why", why)
	}
}

// offer sells these cards and no others.
func (c *cards) offer(fit []hardware.Card) {
	groups := hardware.Groups(fit)
	groups = groups[:min(len(groups), protocol.MaxGPUs)]
	for i := range groups {
		groups[i].Simulated = c.simulated
	}
	list := make([]provider.Card, len(fit))
	for i := range fit {
		list[i] = provider.Card{ID: fit[i].Address, Model: fit[i].Name(), VRAMMiB: fit[i].VRAMMiB}
	}
	c.sell(list, groups)
}

// lend leases cards to a job, on disk, and says what its sandbox is to be given.
func (c *cards) lend(ctx context.Context, job string, ids []string) (runner.Devices, error) {
	c.mark(ids, true)
	list, err := c.ledger.Take(ctx, job, hardware.Want{Count: len(ids), Suits: func(card *hardware.Card) string {
		if slices.Contains(ids, card.Address) {
			return ""
		}
		return "is not the job's"
	}})
	if err != nil {
		c.mark(ids, false)
		return runner.Devices{}, err
	}
	d, err := c.devices(list)
	if err != nil {
		err = errors.Join(err, c.giveBack(ctx, job, ids))
	}
	return d, err
}

// giveBack ends a job's lease. It returns when the cards are clean, or out of use.
func (c *cards) giveBack(ctx context.Context, job string, ids []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cardTime)
	defer cancel()
	err := c.ledger.Release(ctx, job)
	c.mark(ids, false)
	select {
	case c.again <- struct{}{}:
	default: // it is to look already
	}
	if err != nil {
		return fmt.Errorf("take cards back: %w", err)
	}
	return nil
}

func (c *cards) mark(ids []string, lent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if lent {
			c.lent[id] = true
		} else {
			delete(c.lent, id)
		}
	}
}

// devices is what a sandbox is to be given for cards.
func (c *cards) devices(list []hardware.Card) (d runner.Devices, err error) {
	e, err := c.src.Edits(list)
	if err != nil {
		return d, err
	}
	for i := range list {
		d.Names = append(d.Names, hardware.CDIName(&list[i]))
		if list[i].Vendor == hardware.VendorNVIDIA {
			d.NVIDIA = list[i].DriverVersion
		}
	}
	for _, n := range e.Nodes {
		d.Nodes = append(d.Nodes, runner.DeviceNode{Host: n.Host, Inside: n.Inside, Major: n.Major, Minor: n.Minor})
	}
	for _, m := range e.Mounts {
		d.Files = append(d.Files, runner.DriverFile{Host: m.Host, Inside: m.Inside})
	}
	for _, m := range e.Sys {
		d.Sys = append(d.Sys, runner.DriverFile{Host: m.Host, Inside: m.Inside})
	}
	for _, l := range e.Links {
		d.SysLinks = append(d.SysLinks, runner.SysLink{Inside: l.Inside, Target: l.Target})
	}
	d.Env = e.Env
	if c.held == HeldByDocker {
		err = c.writeCDI()
	}
	return d, err
}

// writeCDI has Docker find the cards by their names: it reads the directory for each job.
func (c *cards) writeCDI() error {
	specs, err := c.src.CDI(slices.DeleteFunc(c.src.Look(context.Background()).Cards, func(card hardware.Card) bool {
		return !hardware.HowToSell(&card).Namespaces.OK
	}))
	if err == nil {
		err = hardware.WriteCDI(filepath.Join(c.src.Root, "var/run/cdi"), specs)
	}
	return err
}
