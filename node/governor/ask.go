package governor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// CardStatus is a card and how it was decided.
type CardStatus struct {
	ID      string       `json:"card"`
	Name    string       `json:"name"`
	Mode    Mode         `json:"mode"`
	Sold    bool         `json:"sold"`
	Why     string       `json:"why"`
	Since   time.Time    `json:"since"`
	Holder  string       `json:"holder,omitempty"` // the job that has it
	TempC   *int         `json:"temp_c,omitempty"`
	PowerMW *Power       `json:"power_mw,omitempty"`
	Sum     Sum          `json:"sum"`
	Miner   *MinerStatus `json:"miner,omitempty"` // nil without an idle command
}

// SourceStatus is a number that is followed.
type SourceStatus struct {
	Name  string    `json:"name"`
	Known bool      `json:"known"`
	Value int64     `json:"value"` // millionths
	At    time.Time `json:"at,omitzero"`
	Error string    `json:"error,omitempty"`
}

// Report is what a governor knows and has decided. Rates are in millionths of the token.
type Report struct {
	Price       Rate           `json:"price"` // the miner's own
	Auto        bool           `json:"auto"`
	Ask         Rate           `json:"ask"`
	Median      Rate           `json:"market_median"`
	MarketKnown bool           `json:"market_known"`
	Asks        int            `json:"market_asks"`
	Closed      Rate           `json:"closed"`      // what this rig's card jobs of the last week paid, on average; whoever has the journal fills it in
	ClosedJobs  int            `json:"closed_jobs"` // how many they were
	Tariff      PerKWh         `json:"tariff"`
	TariffKnown bool           `json:"tariff_known"`
	TariffNext  time.Time      `json:"tariff_changes,omitzero"`
	Warm        bool           `json:"warmth_wanted"`
	Cards       []CardStatus   `json:"cards"`
	Sources     []SourceStatus `json:"sources,omitempty"`
}

// Report tells all of it.
func (g *Governor) Report() Report {
	now := g.cfg.Clock()
	g.mu.Lock()
	defer g.mu.Unlock()
	tariff, _ := g.figures(now)
	r := Report{Price: g.price, Auto: g.auto, Ask: g.ask, Asks: len(g.asks), Tariff: PerKWh(tariff.Value),
		TariffKnown: tariff.fresh(now, g.cfg.Policy.TariffLife), Warm: g.warm, Cards: []CardStatus{}}
	r.Median, r.MarketKnown = g.median(now)
	if g.cfg.Schedule != nil && g.tariff == nil {
		r.TariffNext, _ = g.cfg.Schedule.Next(now)
	}
	for id, c := range g.cards {
		one := CardStatus{ID: id, Name: c.seen.Name, Mode: c.verdict.Mode, Sold: c.verdict.Sold, Why: c.verdict.Why, Since: g.states[id].Since,
			Holder: c.tender.holder(), TempC: c.seen.Reading.TempC, PowerMW: c.seen.Reading.Power, Sum: c.verdict.Sum}
		if g.cfg.Policy.Mines {
			st := c.tender.stat()
			one.Miner = &st
		}
		r.Cards = append(r.Cards, one)
	}
	slices.SortFunc(r.Cards, func(a, b CardStatus) int { return cmp.Compare(a.ID, b.ID) })
	for _, f := range []*follower{g.tariff, g.revenue, g.market, g.room} {
		if f == nil {
			continue
		}
		figure, err := f.last()
		one := SourceStatus{Name: f.name, Known: figure.Known, Value: figure.Value, At: figure.At}
		if err != nil {
			one.Error = err.Error()
		}
		r.Sources = append(r.Sources, one)
	}
	return r
}

// Ask is what an hour of a card costs now.
func (g *Governor) Ask() Rate {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ask
}

// Sold says why a card is not for jobs now, "" where it is.
func (g *Governor) Sold(card string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.cards[card]
	switch {
	case c == nil || c.verdict.Mode == "":
		return "nothing has been read of it yet"
	case c.verdict.Sold:
		return ""
	}
	return string(c.verdict.Mode) + ": " + c.verdict.Why
}

// Yield gives cards to who: it returns when no idle command is on any of them and all are
// clean, or with an error and none given. Return gives them back.
func (g *Governor) Yield(ctx context.Context, who string, cards []string) error {
	for i, id := range cards {
		if t := g.tender(id); t != nil {
			if err := t.yield(ctx, who); err != nil {
				g.Return(who, cards[:i])
				return err
			}
		}
	}
	g.wake()
	return nil
}

// Return ends what Yield began.
func (g *Governor) Return(who string, cards []string) {
	for _, id := range cards {
		if t := g.tender(id); t != nil {
			t.giveBack(who)
		}
	}
	g.wake()
}

func (g *Governor) tender(card string) *tender {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.cards[card]; c != nil {
		return c.tender
	}
	return nil
}

// Holder is who has a card, "" for nobody but perhaps the idle command.
func (g *Governor) Holder(card string) string {
	if t := g.tender(card); t != nil {
		return t.holder()
	}
	return ""
}

// SetPrice sets what the miner wants for an hour of a card, or with auto the market's median,
// until the node ends. The floor holds all the same.
func (g *Governor) SetPrice(price Rate, auto bool) error {
	if price < 0 || price > maxMoney {
		return fmt.Errorf("price of an hour: 0 to %v, got %v", Rate(maxMoney), price)
	}
	g.mu.Lock()
	g.auto = auto
	if !auto {
		g.price = price
	}
	g.mu.Unlock()
	g.wake()
	return nil
}

// ErrNoCard says that the rig has no such card.
var ErrNoCard = errors.New("no such card; `rerig ps` lists them")

// Pause takes a card, "" for all, out of work and back. A job under way goes on; no new one
// is taken and the idle command stops. It outlives a restart.
func (g *Governor) Pause(card string, on bool) error {
	g.mu.Lock()
	if card != "" && g.cards[card] == nil {
		g.mu.Unlock()
		return fmt.Errorf("card %s: %w", clip(card), ErrNoCard)
	}
	switch {
	case on:
		g.paused[card] = true
	case card == "":
		clear(g.paused)
	default:
		if g.paused[""] { // one of all: the others stay as they are
			delete(g.paused, "")
			for id := range g.cards {
				g.paused[id] = true
			}
		}
		delete(g.paused, card)
	}
	g.mu.Unlock()
	g.wake()
	return nil
}

// Drain takes all cards out of work for good: the rig goes away.
func (g *Governor) Drain() {
	g.mu.Lock()
	g.leaving = true
	g.mu.Unlock()
	g.wake()
}
