package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// Card is one of the rig's cards, as a job may hold it.
type Card struct {
	ID      string // names it in Task.Cards
	Model   string
	VRAMMiB uint32
}

// cardPool is the rig's cards and which of them jobs hold. Its owner guards it.
type cardPool struct {
	cards []Card
	lent  map[string]bool // by ID; one that is gone from cards may be among them
}

// count is how many cards have so much memory, whoever holds them.
func (p *cardPool) count(vramMiB uint32) (n int) {
	for _, c := range p.cards {
		if c.VRAMMiB >= vramMiB {
			n++
		}
	}
	return n
}

// choose finds free cards for a need, the smallest that will do.
func (p *cardPool) choose(n need) (ids []string, ok bool) {
	if n.cards == 0 {
		return nil, true
	}
	list := slices.Clone(p.cards)
	slices.SortStableFunc(list, func(a, b Card) int { return cmp.Compare(a.VRAMMiB, b.VRAMMiB) })
	for _, c := range list {
		if len(ids) < n.cards && c.VRAMMiB >= n.vramMiB && !p.lent[c.ID] {
			ids = append(ids, c.ID)
		}
	}
	return ids, len(ids) == n.cards
}

// SellCards sets the cards that jobs may have from now on, how offers list them, and which
// driver keeps others from jobs, if one does. A job that holds a card keeps it.
func (p *Provider) SellCards(cards []Card, groups []protocol.GPU, gap protocol.DriverGap) {
	p.mu.Lock()
	changed := !slices.Equal(p.gpus, groups) || p.gap != gap
	p.gpus, p.gap = slices.Clone(groups), gap
	p.mu.Unlock()
	p.slots.offer(slices.Clone(cards))
	if changed {
		p.cfg.Changed()
	}
}

// hardware is the rig's, with the cards that it sells now.
func (p *Provider) hardware() protocol.Hardware {
	p.mu.Lock()
	defer p.mu.Unlock()
	hw := p.cfg.Hardware
	hw.GPUs = slices.Concat(hw.GPUs, p.gpus)
	return hw
}

// prices are the rig's. Who has no card for jobs does not sell the time of any.
func (p *Provider) prices() []protocol.Price {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.gpus) > 0 {
		return p.cfg.Prices
	}
	return slices.DeleteFunc(slices.Clone(p.cfg.Prices), func(pr protocol.Price) bool { return pr.Unit == protocol.UnitGPUMillis })
}

// fitsCards says what a job wants of cards and the rig does not have.
func (p *Provider) fitsCards(spec *protocol.JobSpec) error {
	r := spec.Resources
	if r.GPUs == 0 {
		if r.VRAMMiB > 0 {
			return refuse(protocol.ReasonResources, "VRAM of %d MiB and no GPU: a job's memory for graphics is that of its cards", r.VRAMMiB)
		}
		return nil
	}
	if protocol.EngineFamily(spec.Engine) != protocol.EngineContainer {
		return refuse(protocol.ReasonResources, "engine %s reaches no GPU here, asked for %d", spec.Engine, r.GPUs)
	}
	p.mu.Lock()
	kept := p.gap.String()
	p.mu.Unlock()
	if kept != "" {
		kept = "; " + kept
	}
	p.slots.mu.Lock()
	defer p.slots.mu.Unlock()
	pool := &p.slots.cards
	n := pool.count(r.VRAMMiB)
	if n >= int(r.GPUs) {
		return nil
	}
	have := make([]string, len(pool.cards))
	for i, c := range pool.cards {
		have[i] = fmt.Sprintf("%s of %d MiB", c.Model, c.VRAMMiB)
	}
	if len(have) == 0 {
		return refuse(protocol.ReasonResources, "GPUs 0 < %d: no card of this rig is for jobs now%s", r.GPUs, kept)
	}
	return refuse(protocol.ReasonResources, "GPUs with VRAM of %d MiB: %d < %d; here are %.200s%s", r.VRAMMiB, n, r.GPUs, strings.Join(have, ", "), kept)
}
