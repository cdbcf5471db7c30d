package provider

import (
	"slices"

	"github.com/rerig/rerig/protocol"
)

// Reprice sets the price of a unit that the rig sells already, for offers and quotes from now
// on. What was quoted stays as it was quoted.
func (p *Provider) Reprice(unit protocol.Unit, perMillion protocol.Amount) {
	p.mu.Lock()
	list := slices.Clone(p.cfg.Prices)
	changed := false
	for i := range list {
		if list[i].Unit == unit && list[i].PerMillion != perMillion {
			list[i].PerMillion, changed = perMillion, true
		}
	}
	p.cfg.Prices = list
	p.mu.Unlock()
	if changed {
		p.cfg.Changed()
	}
}

// listed are the rig's prices now.
func (p *Provider) listed() []protocol.Price {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.Prices
}
