package node

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/metrics"
	"github.com/rerig/rerig/node/telemetry"
	"github.com/rerig/rerig/protocol"
)

// ofCards is what the cards and the processors tell, and what each card does.
func (m *measured) ofCards(ctx context.Context, p *metrics.Page) error {
	r := m.n.rig
	s := &RigStatus{Jobs: []JobNow{}}
	if tariff, ok := r.tariff(); ok {
		s.Tariff = &tariff
	}
	active, err := m.n.journal.Records(ctx, journal.Query{Role: protocol.RoleRig, Active: true, Limit: journal.MaxLimit})
	if err != nil {
		return fmt.Errorf("read jobs under way: %w", err)
	}
	held := r.cards.holders()
	for i := range active {
		s.Jobs = append(s.Jobs, m.n.jobNow(&active[i], held))
	}
	for _, seen := range r.readings.Latest() {
		c := r.cardStatus(CardStatus{Seen: seen}, s, m.n.token())
		for _, state := range []string{CardBusy, CardFree, CardMining, CardQuarantined, CardUnsold, CardLost} {
			p.Add(&cardState, metrics.Bool(c.State == state), c.ID, c.Model, state)
		}
		p.Add(&cardGross, metrics.Decimal(int64(c.Gross), 6), c.ID, c.Model)
		if c.Power != nil {
			p.Add(&cardCost, metrics.Decimal(int64(*c.Power), 6), c.ID, c.Model)
		}
		p.Add(&cardEnergy, metrics.Decimal(int64(c.EnergyMJ), 3), c.ID, c.Model)
		if c.Lost == "" { // what it told before says nothing of now
			reading(p, &c.Reading, c.ID, c.Model)
		}
	}
	cpu := r.readings.Processor()
	if v := cpu.Reading.PowerMW; v != nil {
		p.Add(&cpuPower, metrics.Decimal(*v, 3))
	}
	if v := cpu.Reading.TempC; v != nil {
		p.Add(&cpuTemp, metrics.Int(*v))
	}
	if v := cpu.Reading.Load; v != nil {
		p.Add(&cpuLoad, metrics.Decimal(int64(*v), 2))
	}
	return nil
}

// reading writes what a card told; what it did not tell is not there.
func reading(p *metrics.Page, r *telemetry.Reading, card, model string) {
	for _, one := range []struct {
		to *metrics.Family
		of *int64
	}{{&cardPower, r.PowerMW}, {&cardLimit, r.LimitMW}} {
		if one.of != nil {
			p.Add(one.to, metrics.Decimal(*one.of, 3), card, model)
		}
	}
	for _, one := range []struct {
		to     *metrics.Family
		of     *int
		places int
	}{{&cardTemp, r.TempC, 0}, {&cardJunction, r.JunctionC, 0}, {&cardMemTemp, r.MemoryC, 0}, {&cardFan, r.FanPercent, 2}, {&cardLoad, r.Load, 2},
		{&cardLanes, r.LinkWidth, 0}} {
		if one.of != nil {
			p.Add(one.to, metrics.Decimal(int64(*one.of), one.places), card, model)
		}
	}
	if r.UsedMiB != nil {
		p.Add(&cardUsed, metrics.Uint(uint64(*r.UsedMiB)<<20), card, model)
	}
	if r.TotalMiB != nil {
		p.Add(&cardTotal, metrics.Uint(uint64(*r.TotalMiB)<<20), card, model)
	}
	if r.Corrected != nil {
		p.Add(&cardErrors, metrics.Uint(*r.Corrected), card, model, "corrected")
	}
	if r.Uncorrected != nil {
		p.Add(&cardErrors, metrics.Uint(*r.Uncorrected), card, model, "uncorrected")
	}
}
