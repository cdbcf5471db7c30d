package governor

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// How often what others tell is asked for.
const (
	tariffEvery  = 5 * time.Minute
	revenueEvery = 5 * time.Minute
	marketEvery  = time.Minute
	roomEvery    = time.Minute
	fileEvery    = 5 * time.Second
	saveEvery    = 10 * time.Minute // what is learned; what is chosen is saved at once
)

// Governor keeps a rig's cards at what earns most.
type Governor struct {
	cfg  Config
	mark string
	look chan struct{} // capacity 1: decide now

	tariff, revenue, market, room *follower // nil where nothing is to be followed

	mu      sync.Mutex // guards what follows
	price   Rate
	auto    bool
	asks    []Rate // of the market
	ask     Rate
	warm    bool
	paused  map[string]bool
	states  map[string]State
	cards   map[string]*governed
	leaving bool
	saved   time.Time
}

// governed is one card with what was decided last.
type governed struct {
	seen    Seen
	tender  *tender
	verdict Verdict
}

// New checks the configuration, reads what was learned and ends what an earlier run has left.
func New(cfg Config) (*Governor, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the governor's directory: %w", err)
	}
	g := &Governor{cfg: cfg, look: make(chan struct{}, 1), price: cfg.Price, auto: cfg.Auto,
		paused: map[string]bool{}, cards: map[string]*governed{}}
	var err error
	if g.mark, err = ownMark(cfg.Dir); err != nil {
		return nil, err
	}
	m, err := load(cfg.Dir)
	if err != nil {
		cfg.Logger.Warn("the governor learns anew what cards draw", "err", err)
	}
	g.states = m.Cards
	for _, id := range m.Paused {
		g.paused[id] = true
	}
	if n := sweep(g.mark); n > 0 {
		cfg.Logger.Warn("ended processes that the idle command of an earlier run had left", "count", n)
	}
	g.follow()
	return g, nil
}

// follow makes what keeps the figures of others.
func (g *Governor) follow() {
	source := func(name string, s *Source, every time.Duration) *follower {
		if s == nil {
			return nil
		}
		if s.url == nil {
			every = fileEvery
		}
		return &follower{name: name, every: every, read: s.Read, heard: g.wake}
	}
	c := &g.cfg
	g.tariff = source("tariff", c.KWhSource, tariffEvery)
	g.revenue = source("mining revenue", c.RevenueSource, revenueEvery)
	if c.Warm != nil {
		g.room = source("thermostat", c.Warm.Thermostat, roomEvery)
	}
	if c.Market != nil {
		g.market = &follower{name: "market", every: marketEvery, heard: g.wake, none: true, read: func(ctx context.Context) (int64, error) {
			asks, err := c.Market(ctx)
			if err != nil {
				return 0, err
			}
			slices.Sort(asks)
			g.mu.Lock()
			g.asks = asks
			g.mu.Unlock()
			if len(asks) == 0 {
				return 0, nil
			}
			return int64(asks[len(asks)/2]), nil
		}}
	}
}

func (g *Governor) wake() {
	select {
	case g.look <- struct{}{}:
	default: // it is to look already
	}
}

// Run decides until ctx ends. It returns when every idle command is gone.
func (g *Governor) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for _, f := range []*follower{g.tariff, g.revenue, g.market, g.room} {
		if f != nil {
			all.Go(func() { f.run(ctx, g.cfg.Clock) })
		}
	}
	tick := time.NewTicker(g.cfg.Tick)
	defer tick.Stop()
	for {
		for _, t := range g.decide(g.cfg.Clock()) {
			all.Go(func() { t.run(ctx) })
		}
		select {
		case <-ctx.Done():
			return g.keep(g.cfg.Clock(), true)
		case <-tick.C:
		case <-g.look:
		}
	}
}

// decide gives every card its next step, and returns the tenders of cards that are new.
func (g *Governor) decide(now time.Time) (fresh []*tender) {
	seen := g.cfg.Readings.Latest()
	g.mu.Lock()
	for _, s := range seen[:min(len(seen), maxCards)] {
		c := g.cards[s.ID]
		if c == nil && len(g.cards) < maxCards {
			c = &governed{tender: newTender(s.Card, &g.cfg, g.mark, g.wake)}
			g.cards[s.ID] = c
			fresh = append(fresh, c.tender)
		}
		if c != nil {
			c.seen = s
		}
	}
	figure, _ := g.room.last()
	g.warm = g.cfg.Warm.wanted(now, figure, g.cfg.Policy.RevenueLife, g.warm)
	inputs := g.inputs(now, seen)
	changed := g.setAsk(inputs)
	var ends []string
	for id, in := range inputs {
		in.Ask = g.ask
		c := g.cards[id]
		before := c.verdict
		g.states[id], c.verdict = g.cfg.Policy.Decide(g.states[id], in)
		if v := &c.verdict; v.Mode != before.Mode || v.Sold != before.Sold {
			changed = true
			if before.Mode != "" || v.Mode != ModeGone { // a driver's first word takes a moment
				g.cfg.Logger.Info("card: "+string(v.Mode), "card", id, "sold", v.Sold, "why", v.Why)
			}
		}
		if c.verdict.EndJob {
			ends = append(ends, id)
		}
	}
	for _, c := range g.cards {
		c.tender.want(c.verdict.Mines)
	}
	g.mu.Unlock()
	for _, id := range ends {
		g.cfg.EndJob(id)
	}
	if changed {
		g.cfg.Changed()
	}
	if err := g.keep(now, changed); err != nil {
		g.cfg.Logger.Warn("the governor's memory", "err", err)
	}
	return fresh
}

// inputs gathers what is known of each card; the caller holds mu.
func (g *Governor) inputs(now time.Time, seen []Seen) map[string]*Input {
	tariff, revenue := g.figures(now)
	all := map[string]*Input{}
	for id, c := range g.cards {
		in := &Input{Now: now, Reading: c.seen.Reading, Job: c.tender.holder() != "", Barred: c.tender.barred(),
			Paused: g.leaving || g.paused[id] || g.paused[""], Tariff: tariff, Revenue: revenue, Warm: g.warm}
		if in.Reading.Lost == "" && !slices.ContainsFunc(seen, func(s Seen) bool { return s.ID == id }) {
			in.Reading.Lost = "the machine has it no more"
		}
		all[id] = in
	}
	return all
}

// figures are the tariff and the mining revenue of now.
func (g *Governor) figures(now time.Time) (tariff, revenue Figure) {
	c := &g.cfg
	switch {
	case g.tariff != nil:
		var err error
		if tariff, err = g.tariff.last(); tariff.Known {
			tariff.Value += int64(c.Extra)
		}
		if c.KWh != nil && !tariff.fresh(now, c.Policy.TariffLife) && (tariff.Known || err != nil) { // the source is away
			tariff = Figure{Value: int64(*c.KWh), Known: true}
		}
	case c.Schedule != nil:
		tariff = Figure{Value: int64(c.Schedule.At(now) + c.Extra), Known: true}
	default:
		tariff = Figure{Value: int64(*c.KWh + c.Extra), Known: true}
	}
	switch {
	case g.revenue != nil:
		revenue, _ = g.revenue.last()
	case c.Revenue != nil:
		revenue = Figure{Value: int64(*c.Revenue), Known: true}
	}
	return tariff, revenue
}

// setAsk sets what the rig asks, and reports whether that is new; the caller holds mu.
func (g *Governor) setAsk(inputs map[string]*Input) bool {
	price := g.price
	if g.auto {
		for _, in := range inputs {
			if median, ok := g.median(in.Now); ok {
				price = median
			}
		}
	}
	var floors []Rate
	for id, in := range inputs {
		if sum, ok := g.cfg.Policy.Floor(g.states[id], in); ok && in.Reading.Lost == "" {
			floors = append(floors, sum.Floor)
		}
	}
	ask := Ask(price, floors...)
	if ask == g.ask {
		return false
	}
	if ask > price {
		g.cfg.Logger.Info("price raised to the floor: power × tariff × (1 + margin)", "price", price, "floor", ask)
	}
	g.ask = ask
	return true
}

// median is what others ask; the caller holds mu.
func (g *Governor) median(now time.Time) (Rate, bool) {
	f, _ := g.market.last()
	return Rate(f.Value), f.Value > 0 && f.fresh(now, g.cfg.Policy.MarketLife)
}

// keep saves what must outlive a restart: at once what was chosen, now and then what was
// learned.
func (g *Governor) keep(now time.Time, chosen bool) error {
	g.mu.Lock()
	if !chosen && now.Sub(g.saved) < saveEvery {
		g.mu.Unlock()
		return nil
	}
	g.saved = now
	m := memory{Version: 1, Cards: maps.Clone(g.states), Paused: slices.Sorted(maps.Keys(g.paused))}
	for id := range g.states { // of cards that were taken out
		if len(m.Cards) > maxCards && g.cards[id] == nil {
			delete(m.Cards, id)
		}
	}
	g.mu.Unlock()
	return m.save(g.cfg.Dir)
}
