package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/rerig/rerig/node/hardware"
)

// limitTime bounds what setting one card's limit takes.
const limitTime = 30 * time.Second

// powerLimits are those that a rig set on its cards, and what they were before.
type powerLimits struct {
	src   hardware.Sources
	watts int
	log   *slog.Logger
	old   []hardware.Card // with a limit that is not theirs now
}

// set limits each card that takes it. One that does not goes on as it is: a limit is an
// economy, not a guard.
func (p *powerLimits) set(ctx context.Context) {
	if p.watts == 0 {
		return
	}
	v := p.src.Look(ctx)
	for i := range v.Cards {
		c := &v.Cards[i]
		if c.Integrated || c.Driver == "" || c.PowerLimitW != nil && *c.PowerLimitW == p.watts {
			continue
		}
		if err := p.limit(ctx, c, p.watts); err != nil {
			p.log.Warn("a card's power is not limited", "err", err)
			continue
		}
		p.log.Info("power limited", "card", c.Address, "watts", p.watts)
		if c.PowerLimitW != nil {
			p.old = append(p.old, *c)
		}
	}
}

// restore gives the cards their own limits back.
func (p *powerLimits) restore(ctx context.Context) {
	for i := range p.old {
		if err := p.limit(context.WithoutCancel(ctx), &p.old[i], *p.old[i].PowerLimitW); err != nil {
			p.log.Warn("a card's own power limit is not back", "watts", *p.old[i].PowerLimitW, "err", err)
		}
	}
}

func (p *powerLimits) limit(ctx context.Context, c *hardware.Card, watts int) error {
	ctx, cancel := context.WithTimeout(ctx, limitTime)
	defer cancel()
	return p.src.SetPowerLimit(ctx, c, watts)
}
