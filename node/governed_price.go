package node

import (
	"context"
	"math/big"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// A governor's money is in millionths of the token, an hour's.
const (
	millionth  = 6 // decimals
	hourMillis = 3_600_000
	maxRate    = 1 << 50 // more than any price; what is above counts as it
)

// perHour is a price of a million milliseconds as a governor has it. The last digit of a rate
// that was given for an hour means nothing (protocol.Price.PerHour) and is rounded away.
func (t Token) perHour(perMillion protocol.Amount) governor.Rate {
	v := new(big.Int).Mul(perMillion.Big(), big.NewInt(hourMillis))
	v.Mul(v, pow10(millionth)).Div(v, pow10(t.Decimals)).Div(v, big.NewInt(1_000_000))
	if ten := big.NewInt(10); v.Cmp(big.NewInt(1000)) > 0 {
		v.Add(v, big.NewInt(5)).Div(v, ten).Mul(v, ten)
	}
	if most := big.NewInt(maxRate); v.Cmp(most) > 0 {
		v = most
	}
	return governor.Rate(v.Int64())
}

// perMillion is a governor's ask as the price of a million milliseconds, rounded up: it is
// never below the floor.
func (t Token) perMillion(ask governor.Rate) protocol.Amount {
	v := new(big.Int).Mul(big.NewInt(int64(max(ask, 0))), pow10(t.Decimals))
	v.Mul(v, big.NewInt(1_000_000))
	by := new(big.Int).Mul(big.NewInt(hourMillis), pow10(millionth))
	v.Add(v, new(big.Int).Sub(by, big.NewInt(1))).Div(v, by)
	a, err := protocol.AmountFromBig(v)
	if err != nil { // 2^50 of millionths at 18 decimals fit
		return protocol.Amount{}
	}
	return a
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// closedFor is how far back jobs count as the price of today.
const closedFor = 7 * 24 * time.Hour

// closed are the card jobs that this rig was paid for lately, and what an hour of a card cost
// in them, each weighed by its time.
func (n *Node) closed(ctx context.Context) (average governor.Rate, jobs int, err error) {
	list, err := n.journal.Records(ctx, journal.Query{Role: protocol.RoleRig, Limit: journal.MaxLimit})
	if err != nil {
		return 0, 0, err
	}
	since := uint64(n.cfg.Clock().Add(-closedFor).UnixMilli())
	sum, millis := new(big.Int), uint64(0)
	for i := range list {
		j := &list[i].Job
		if !j.Ended || j.Paid.IsZero() || j.Price.Unit != protocol.UnitGPUMillis || list[i].Updated < since || j.Units > 1<<40 {
			continue
		}
		jobs, millis = jobs+1, millis+j.Units
		rate := big.NewInt(int64(n.token().perHour(j.Price.PerMillion)))
		sum.Add(sum, rate.Mul(rate, new(big.Int).SetUint64(j.Units)))
	}
	if millis == 0 {
		return 0, 0, nil
	}
	return governor.Rate(sum.Div(sum, new(big.Int).SetUint64(millis)).Int64()), jobs, nil
}

// cardAsks are what other rigs ask for an hour of a card with no less memory than the smallest
// of this rig's.
func (n *Node) cardAsks(ctx context.Context) ([]governor.Rate, error) {
	market := n.cfg.Profile.Market()
	f := protocol.Filter{Market: &market, Engine: protocol.EngineContainer, Unit: protocol.UnitGPUMillis, MinGPUs: 1}
	for _, g := range n.rig.provider.Offer(protocol.Offer{}, false).Hardware.GPUs {
		if f.MinVRAMMiB == 0 || g.VRAMMiB < f.MinVRAMMiB {
			f.MinVRAMMiB = g.VRAMMiB
		}
	}
	found, err := n.discovery.Look(ctx, f, protocol.MaxFindLimit)
	if err != nil {
		return nil, err
	}
	var asks []governor.Rate
	for _, o := range found.Offers {
		if p, ok := o.Price(protocol.UnitGPUMillis); ok && o.Rig != n.key.Address() {
			asks = append(asks, n.token().perHour(p.PerMillion))
		}
	}
	return asks, nil
}
