package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
)

const (
	// idleJob is who has a card in the ledger while the idle command runs on it.
	idleJob = "idle command "
	// governorDir is where a governor keeps its things, below the data directory.
	governorDir = "governor"
)

// governed is a rig whose cards a governor minds (SPEC §8.8). The methods of nil are those of a
// rig without one.
type governed struct {
	*governor.Governor
	cards    *cards // nil where none are sold
	ledger   *hardware.Ledger
	end      func(protocol.Hash) bool
	price    func(governor.Rate)
	readings *readings
	limits   powerLimits

	mu    sync.Mutex      // guards what follows
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
	g := &governed{cards: r.cards, mined: map[string]bool{}, end: r.provider.Stop, readings: r.readings}
	cfg := *r.cfg.Governor
	g.limits = powerLimits{watts: cfg.PowerLimit, log: n.log}
	g.ledger, g.limits.src, _ = CardLedger(n.cfg.DataDir, r.cfg.Sysroot)
	if r.cards != nil { // one process has one, or its locks would shut each other out
		g.ledger = r.cards.ledger
	}
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
	g.limits.set(ctx)
	defer g.limits.restore(ctx)
	return g.Run(ctx)
}

// Latest is what the drivers told last, of the cards that a driver has. The place of one that
// was taken out is kept, so that the others' stay theirs.
func (g *governed) Latest() []governor.Seen {
	var seen []governor.Seen
	for _, c := range g.readings.Latest() {
		if c.Driver == "" {
			continue
		}
		one := governor.Seen{Card: governor.Card{ID: c.ID, Name: c.Model, UUID: c.UUID, Index: len(seen)}}
		one.Reading = governor.Reading{At: c.Reading.At, TempC: c.Reading.TempC, Power: milliwatts(c.Reading.PowerMW),
			Limit: milliwatts(c.Reading.LimitMW), UsedMiB: c.Reading.UsedMiB, Lost: c.Lost}
		seen = append(seen, one)
	}
	return seen
}

func milliwatts(mw *int64) *governor.Power {
	if mw == nil {
		return nil
	}
	p := governor.Power(*mw)
	return &p
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

// drain takes no new work onto any card, and stops the idle commands.
func (g *governed) drain() {
	if g != nil {
		g.Drain()
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
