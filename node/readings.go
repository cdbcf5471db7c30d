package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/telemetry"
)

const (
	// powerKey is where the journal keeps what the rig drew.
	powerKey = "power"
	// bookPower is how often energy is booked, and savePower how often it is made durable: a
	// power cut loses so much of the count at most.
	bookPower = 10 * time.Second
	savePower = 5 * time.Minute
	// Hours and days of power that are kept.
	keepHours = 48
	keepDays  = 400
	// millijoules of a kilowatt-hour.
	kilowattHour = 3_600_000_000
)

// PowerUse is what a rig drew in an hour or a day, as far as its drivers told, and what that
// cost. Costs are billionths of the token.
type PowerUse struct {
	From     int64  `json:"from"` // seconds since 1970
	EnergyMJ uint64 `json:"energy_mj"`
	CostNano int64  `json:"cost_nano"`
	// Unpriced is energy whose price nobody knew.
	Unpriced uint64 `json:"unpriced_mj"`
}

// powerBook is what the rig drew, by the hour and by the day, oldest first, in UTC.
type powerBook struct {
	Hours []PowerUse `json:"hours"`
	Days  []PowerUse `json:"days"`
}

// add books energy.
func (b *powerBook) add(now time.Time, mj uint64, tariff governor.PerKWh, known bool) {
	now = now.UTC()
	b.Hours = drawn(b.Hours, now.Truncate(time.Hour).Unix(), keepHours, mj, tariff, known)
	b.Days = drawn(b.Days, time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC).Unix(), keepDays, mj, tariff, known)
}

func drawn(list []PowerUse, from int64, most int, mj uint64, tariff governor.PerKWh, known bool) []PowerUse {
	if n := len(list); n == 0 || list[n-1].From < from {
		list = append(list, PowerUse{From: from})
	}
	u := &list[len(list)-1]
	u.EnergyMJ += mj
	if known {
		u.CostNano += int64(tariff) * int64(min(mj, kilowattHour)) / (kilowattHour / 1000)
	} else {
		u.Unpriced += mj
	}
	return list[max(0, len(list)-most):]
}

// since sums the hours from a time on.
func (b *powerBook) since(t time.Time) (sum PowerUse) {
	sum.From = t.Unix()
	for _, h := range b.Hours {
		if h.From >= t.Unix() {
			sum.EnergyMJ, sum.CostNano, sum.Unpriced = sum.EnergyMJ+h.EnergyMJ, sum.CostNano+h.CostNano, sum.Unpriced+h.Unpriced
		}
	}
	return sum
}

// readings are what a rig's cards and processors tell (SPEC §8.9), and what their power costs.
type readings struct {
	*telemetry.Telemetry
	look    *hardware.Watch
	journal *journal.Journal
	tariff  func() (governor.PerKWh, bool)

	mu   sync.Mutex // guards what follows
	book powerBook
	drew map[string]uint64 // by card: energy that is booked
}

func newReadings(src hardware.Sources, n *Node) *readings {
	r := &readings{look: src.Watch(), journal: n.journal, drew: map[string]uint64{}}
	r.Telemetry = telemetry.New(telemetry.Config{Sys: src.Sys, Proc: src.Proc, Tool: src.Tool, Scan: r.scan, Logger: n.log})
	return r
}

// scan lists the cards for telemetry. What is a part of the processor is told with it.
func (r *readings) scan() (list []telemetry.Card) {
	for _, c := range r.look.Scan() {
		if c.Integrated {
			continue
		}
		one := telemetry.Card{ID: c.Address, Index: len(list), Model: c.Name(), UUID: c.UUID, Driver: c.Driver}
		for _, f := range c.Faults {
			one.Faults = append(one.Faults, f.Text)
			one.OffBus = one.OffBus || f.Kind == "off-bus"
		}
		list = append(list, one)
	}
	return list
}

// run reads until ctx ends. What was drawn is durable when it returns, if the journal still is.
func (r *readings) run(ctx context.Context) error {
	defer r.look.Close()
	if err := r.load(ctx); err != nil {
		return err
	}
	reading := make(chan error, 1) // gets Run's result, once
	go func() { reading <- r.Run(ctx) }()
	tick := time.NewTicker(bookPower)
	defer tick.Stop()
	saved := time.Now()
	for {
		select {
		case <-tick.C:
			r.draw(time.Now())
			if time.Since(saved) < savePower {
				continue
			}
			saved = time.Now()
			if err := r.save(ctx); err != nil && ctx.Err() == nil {
				return errors.Join(err, <-reading)
			}
		case <-ctx.Done():
			r.draw(time.Now())
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookPower)
			defer cancel()
			return errors.Join(r.save(last), <-reading)
		}
	}
}

func (r *readings) load(ctx context.Context) error {
	text, err := r.journal.Meta(ctx, powerKey)
	if errors.Is(err, journal.ErrNotFound) {
		return nil
	}
	var b powerBook
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	if err != nil {
		return fmt.Errorf("read what the rig drew: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.book = powerBook{Hours: b.Hours[max(0, len(b.Hours)-keepHours):], Days: b.Days[max(0, len(b.Days)-keepDays):]}
	return nil
}

// draw books what was drawn since the last time.
func (r *readings) draw(now time.Time) {
	tariff, known := governor.PerKWh(0), false
	if r.tariff != nil {
		tariff, known = r.tariff()
	}
	all := append(r.Latest(), r.Processor())
	r.mu.Lock()
	defer r.mu.Unlock()
	mj := uint64(0)
	here := map[string]bool{}
	for _, s := range all {
		here[s.ID] = true
		if was := r.drew[s.ID]; s.EnergyMJ > was {
			mj += s.EnergyMJ - was
		}
		r.drew[s.ID] = s.EnergyMJ
	}
	maps.DeleteFunc(r.drew, func(id string, _ uint64) bool { return !here[id] })
	if mj > 0 {
		r.book.add(now, mj, tariff, known)
	}
}

func (r *readings) save(ctx context.Context) error {
	r.mu.Lock()
	text, err := json.Marshal(&r.book)
	r.mu.Unlock()
	if err == nil {
		err = r.journal.PutMeta(ctx, powerKey, text)
	}
	if err != nil {
		return fmt.Errorf("keep what the rig drew: %w", err)
	}
	return nil
}

// power is what was drawn since a time, and by the day.
func (r *readings) power(since time.Time) (PowerUse, []PowerUse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.book.since(since), slices.Clone(r.book.Days)
}
