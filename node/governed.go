package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
)

const (
	// idleJob is who has a card in the ledger while the idle command runs on it.
	idleJob = "idle command "
	// readEvery is how often a governed rig asks its drivers, and the longest that a card is
	// hotter than it may be before anybody knows.
	readEvery = 10 * time.Second
	// governorDir is where a governor keeps its things, below the data directory.
	governorDir = "governor"
)

// governed is a rig whose cards a governor minds (SPEC §8.8). The methods of nil are those of a
// rig without one.
type governed struct {
	*governor.Governor
	cards  *cards // nil where none are sold
	ledger *hardware.Ledger
	src    hardware.Sources
	end    func(protocol.Hash) bool
	price  func(governor.Rate)

	mu    sync.Mutex // guards what follows
	seen  []governor.Seen
	mined map[string]bool // by address, from claim to clean
}

// openGoverned makes the governor of a rig, nil where nobody asked for one.
func (n *Node) openGoverned(r *rig) (*governed, error) {
	if r.cfg.Governor == nil {
		return nil, nil
	}
	if n.cfg.Profile.TokenDecimals > 18 {
		return nil, fmt.Errorf("governor: tokens of %d decimals; at most 18", n.cfg.Profile.TokenDecimals)
	}
	g := &governed{cards: r.cards, mined: map[string]bool{}, end: r.provider.Stop}
	if r.cards != nil { // one process has one, or its locks would shut each other out
		g.ledger, g.src = r.cards.ledger, r.cards.src
	} else {
		g.ledger, g.src, _ = CardLedger(n.cfg.DataDir, r.cfg.Sysroot)
	}
	cfg := *r.cfg.Governor
	cfg.Dir, cfg.Readings, cfg.Claims = filepath.Join(n.cfg.DataDir, governorDir), g, g
	cfg.Price = n.token().perHour(r.cfg.GPUPrice)
	cfg.Changed, cfg.EndJob = g.changed, g.endJob
	cfg.Clock, cfg.Logger = n.cfg.Clock, n.log
	if !r.cfg.GPUPrice.IsZero() {
		cfg.Market = func(ctx context.Context) ([]governor.Rate, error) { return n.cardAsks(ctx) }
	}
	g.price = func(ask governor.Rate) { r.provider.Reprice(protocol.UnitGPUMillis, n.token().perMillion(ask)) }
	var err error
	g.Governor, err = governor.New(cfg)
	return g, err
}

// run governs until ctx ends, and returns when every idle command is gone.
func (g *governed) run(ctx context.Context) error {
	if g == nil {
		return nil
	}
	if g.cards == nil {
		if err := g.ledger.Scrub(ctx, nil); err != nil && ctx.Err() == nil { // of an earlier run's command
			return fmt.Errorf("governor: %w", err)
		}
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan struct{}) // closed when the reader is gone
	g.read(reading)             // so that the first decision knows something
	go func() {
		defer close(read)
		tick := time.NewTicker(readEvery)
		defer tick.Stop()
		for {
			select {
			case <-reading.Done():
				return
			case <-tick.C:
				g.read(reading)
			}
		}
	}()
	err := g.Run(ctx)
	stop()
	<-read
	return err
}

// read asks the drivers.
func (g *governed) read(ctx context.Context) {
	now := time.Now()
	v := g.src.Look(ctx)
	if ctx.Err() != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var seen []governor.Seen
	for i := range v.Cards {
		c := &v.Cards[i]
		if c.Integrated || c.Driver == "" {
			continue
		}
		one := governor.Seen{Card: governor.Card{ID: c.Address, Name: c.Name(), UUID: c.UUID, Index: len(seen)}}
		if at := slices.IndexFunc(g.seen, func(s governor.Seen) bool { return s.ID == c.Address }); at >= 0 {
			one.Reading = g.seen[at].Reading // where the driver says nothing now
			one.Reading.Lost = ""
		}
		if c.Read {
			one.Reading = governor.Reading{At: now, TempC: c.TempC, Power: milliwatts(c.PowerW), Limit: milliwatts(c.PowerLimitW), UsedMiB: c.VRAMUsedMiB}
		}
		for _, f := range c.Serious() {
			if f.Present {
				one.Reading.Lost = f.Text
			}
		}
		seen = append(seen, one)
	}
	g.seen = seen
}

func milliwatts(w *int) *governor.Power {
	if w == nil {
		return nil
	}
	p := governor.Power(*w) * 1000
	return &p
}

// Latest is what the drivers told last.
func (g *governed) Latest() []governor.Seen {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// Claim leases a card to the idle command.
func (g *governed) Claim(ctx context.Context, card string) error {
	g.mark(card, true)
	_, err := g.ledger.Take(ctx, idleJob+card, hardware.Want{Count: 1, Suits: func(c *hardware.Card) string {
		if c.Address == card {
			return ""
		}
		return "is another card"
	}})
	if err != nil {
		g.mark(card, false)
	}
	return err
}

// Free ends the lease. The ledger waits until the card is clean, and keeps one that does not
// become so out of use.
func (g *governed) Free(ctx context.Context, card string) error {
	ctx, cancel := context.WithTimeout(ctx, cardTime)
	defer cancel()
	defer g.mark(card, false)
	if err := g.ledger.Release(ctx, idleJob+card); err != nil {
		return err
	}
	v, standings, err := g.ledger.Read(ctx)
	if err != nil {
		return err
	}
	for i := range v.Cards {
		if st := &standings[i]; v.Cards[i].Address == card && st.State == hardware.StateQuarantined {
			return errors.New(st.Reason)
		}
	}
	return nil
}

func (g *governed) mark(card string, mined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mined {
		g.mined[card] = true
	} else {
		delete(g.mined, card)
	}
}

// mines tells whether the idle command has a card.
func (g *governed) mines(card string) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mined[card]
}

// unsold says why a card is not for jobs, "" where it is.
func (g *governed) unsold(card string) string {
	if g == nil {
		return ""
	}
	return g.Sold(card)
}

// yield takes cards from the idle command for a job.
func (g *governed) yield(ctx context.Context, job string, cards []string) error {
	if g == nil {
		return nil
	}
	return g.Yield(ctx, job, cards)
}

// back gives them back.
func (g *governed) back(job string, cards []string) {
	if g != nil {
		g.Return(job, cards)
	}
}

// changed sells what the governor says, at its price.
func (g *governed) changed() {
	if g.cards != nil {
		g.price(g.Ask())
		g.cards.lookAgain()
	}
}

// endJob ends the job on a card that has become too hot.
func (g *governed) endJob(card string) {
	if id, err := protocol.ParseHash(g.Holder(card)); err == nil {
		g.end(id)
	}
}

// report is what the governor knows, nil without one.
func (g *governed) report() *governor.Report {
	if g == nil {
		return nil
	}
	r := g.Report()
	return &r
}
