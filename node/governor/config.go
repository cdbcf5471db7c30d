package governor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Card is one of the machine's cards.
type Card struct {
	ID    string // the ledger's name of it: its PCI address
	Name  string // for people
	UUID  string // "" where its driver tells none
	Index int    // its place among the cards, from 0
}

// Seen is a card and what its driver told last.
type Seen struct {
	Card
	Reading Reading
}

// Readings tell of the machine's cards, those that are lost among them. It must not block.
type Readings interface{ Latest() []Seen }

// Claims keep who has which card, on disk.
type Claims interface {
	// Claim takes a card for the idle command. It fails where somebody else has it.
	Claim(ctx context.Context, card string) error
	// Free gives it back when its memory is as it was before and nobody works on it. Where
	// that does not come, the card is out of use and the error says so.
	Free(ctx context.Context, card string) error
}

// Config is everything a governor needs. New checks it.
type Config struct {
	Policy Policy
	// Price is what an hour of a card is to cost, never less than the floors. Auto takes the
	// median of what others of the class ask instead, where that is known.
	Price Rate
	Auto  bool
	// KWh is a flat tariff; Schedule or KWhSource, where given, go before it. Extra is added
	// to what a source tells: what the grid and the state take.
	KWh       *PerKWh
	Schedule  *Schedule
	KWhSource *Source
	Extra     PerKWh
	// Revenue is what mining on one card brings in; RevenueSource goes before it.
	Revenue       *Rate
	RevenueSource *Source
	// Market tells what others ask for an hour of such cards; nil is not known.
	Market func(context.Context) ([]Rate, error)
	// Warm tells when warmth is wanted; nil is never.
	Warm *Warmth
	// Command is the idle command's words, nil for none. In them {card}, {uuid} and {index}
	// are the card's.
	Command []string
	// StopTime is how long the command may take to end by itself. 0 is 10 s.
	StopTime time.Duration
	// PowerLimit is what each card may draw, in W, as its driver has it; 0 leaves it alone.
	// Who makes the governor sets it.
	PowerLimit int
	// Dir keeps what was learned, the commands' logs and their mark.
	Dir      string
	Readings Readings
	Claims   Claims
	// Changed is told that a card's mode, or the ask, is another one. It must not block.
	Changed func()
	// EndJob ends the job on a card.
	EndJob func(card string)
	Clock  func() time.Time
	Tick   time.Duration // between decisions; 0 is 2 s
	Logger *slog.Logger
}

func (c *Config) check() error {
	p := &c.Policy
	p.Fill()
	p.Mines = len(c.Command) > 0
	if c.StopTime == 0 {
		c.StopTime = 10 * time.Second
	}
	if c.Tick == 0 {
		c.Tick = 2 * time.Second
	}
	switch {
	case c.KWh == nil && c.Schedule == nil && c.KWhSource == nil:
		return errors.New("governor: no tariff; say what power costs: --kwh 0.15, or 0 where it costs nothing")
	case p.Mines && c.Revenue == nil && c.RevenueSource == nil:
		return errors.New("governor: an idle command without --mining-revenue: say what it brings in, such as 0.03/h for each card")
	case p.TempStop < 0 || p.TempStop > 120:
		return fmt.Errorf("governor: stop temperature: 1 to 120 °C, got %d", p.TempStop)
	case p.TempStop > 0 && (p.TempResume <= 0 || p.TempResume >= p.TempStop):
		return fmt.Errorf("governor: resume temperature: below the %d °C at which a card stops, got %d", p.TempStop, p.TempResume)
	case p.Margin < 0 || p.Margin > maxShare || p.Heat < 0 || p.Heat > whole:
		return fmt.Errorf("governor: margin to 1000 %% and worth of warmth to 100 %%, got %v and %v", p.Margin, p.Heat)
	}
	return nil
}

// Warmth says when warmth is wanted: at hours, or when a thermostat says so.
type Warmth struct {
	Hours *Hours
	// Thermostat tells "on" or "off" or, with a target, the room's temperature.
	Thermostat *Source
	// Target is the temperature in thousandths of °C; 0 for a thermostat that switches.
	Target int64
}

// halfDegree is by how much a room may be above or below its target.
const halfDegree = 500

// ParseThermostat reads what a thermostat tells: on or off as a million or zero, or °C in
// thousandths.
func ParseThermostat(text string) (int64, error) {
	switch text {
	case "on", "true", "heat":
		return 1_000_000, nil
	case "off", "false", "idle":
		return 0, nil
	}
	v, err := parseMillionths(text)
	if err != nil {
		return 0, fmt.Errorf("on, off or a temperature, got %q", clip(text))
	}
	return v, nil
}

// wanted reports whether warmth is wanted; was is whether it was before. What a thermostat
// told too long ago is nothing.
func (w *Warmth) wanted(now time.Time, told Figure, life time.Duration, was bool) bool {
	if w == nil {
		return false
	}
	if w.Hours != nil && w.Hours.Holds(now) {
		return true
	}
	if w.Thermostat == nil || !told.fresh(now, life) {
		return false
	}
	if w.Target == 0 {
		return told.Value > 0
	}
	milli := told.Value / 1000
	if was {
		return milli < w.Target+halfDegree
	}
	return milli < w.Target-halfDegree
}
