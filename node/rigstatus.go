package node

import (
	"context"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// minRate is the least time between two looks at a job that a rate is made of.
const minRate = time.Second

// maxRates is of how many jobs a rate is kept.
const maxRates = 4096

// lookedAt is a job's units at one time.
type lookedAt struct {
	at    time.Time
	units uint64
	rate  *uint64
}

// rigStatus says how a rig does.
func (c *control) rigStatus(r *http.Request) (any, error) {
	if c.n.rig == nil {
		return nil, &APIError{http.StatusNotFound, "this node sells nothing; `rerig up` starts one that does"}
	}
	return c.n.RigStatus(r.Context())
}

// RigStatus says how a rig does. The node must have one.
func (n *Node) RigStatus(ctx context.Context) (*RigStatus, error) {
	now := n.cfg.Clock()
	s := &RigStatus{At: now, Cards: []CardStatus{}, Jobs: []JobNow{}, CPU: n.rig.readings.Processor(), Notes: n.rig.readings.Notes(), Link: n.linkStatus()}
	if tariff, ok := n.rig.tariff(); ok {
		s.Tariff = &tariff
	}
	active, err := n.journal.Records(ctx, journal.Query{Role: protocol.RoleRig, Active: true, Limit: journal.MaxLimit})
	if err != nil {
		return nil, err
	}
	held := n.rig.cards.holders()
	for i := range active {
		s.Jobs = append(s.Jobs, n.jobNow(&active[i], held))
	}
	n.rig.forgetRates(s.Jobs)
	for _, seen := range n.rig.readings.Latest() {
		s.Cards = append(s.Cards, n.rig.cardStatus(CardStatus{Seen: seen}, s, n.token()))
	}
	s.Day, err = n.day(ctx, now)
	return s, err
}

func (n *Node) jobNow(rec *protocol.Record, held map[string]string) JobNow {
	j := JobNow{ID: rec.Job.ID, Name: rec.Name, State: rec.Job.State, Paused: rec.Job.Paused, Price: rec.Job.Price, Units: rec.Job.Units,
		Paid: rec.Job.Paid, Started: rec.Job.Started, RunMillis: rec.Job.RunMillis}
	if spec, err := protocol.DecodeSpec(rec.Spec); err == nil {
		j.Engine = spec.Engine
		for _, m := range n.rig.served.status() {
			if m.CID == spec.Module {
				j.Model = m.Name
			}
		}
	}
	for card, job := range held {
		if job == j.ID.String() {
			j.Cards = append(j.Cards, card)
		}
	}
	slices.Sort(j.Cards)
	j.PerSecond = n.rig.rate(j.ID, j.Units, time.Now())
	return j
}

// rate is a job's units a second since a look some time ago, in thousandths.
func (r *rig) rate(job protocol.Hash, units uint64, now time.Time) *uint64 {
	r.ratesMu.Lock()
	defer r.ratesMu.Unlock()
	was, known := r.rates[job]
	switch d := now.Sub(was.at); {
	case !known && len(r.rates) < maxRates:
		r.rates[job] = lookedAt{at: now, units: units}
	case known && d >= minRate && units >= was.units:
		rate := (units - was.units) * 1_000_000 / uint64(d.Milliseconds())
		r.rates[job] = lookedAt{now, units, &rate}
	}
	return r.rates[job].rate
}

// forgetRates keeps those of the jobs under way.
func (r *rig) forgetRates(jobs []JobNow) {
	r.ratesMu.Lock()
	defer r.ratesMu.Unlock()
	for id := range r.rates {
		if !slices.ContainsFunc(jobs, func(j JobNow) bool { return j.ID == id }) {
			delete(r.rates, id)
		}
	}
}

// cardStatus says what a card does and what that is worth.
func (r *rig) cardStatus(c CardStatus, s *RigStatus, token Token) CardStatus {
	c.State, c.Why = r.cards.view(c.ID)
	at := slices.IndexFunc(s.Jobs, func(j JobNow) bool { return slices.Contains(j.Cards, c.ID) })
	switch {
	case at >= 0:
		c.State, c.Job, c.Why = CardBusy, &s.Jobs[at].ID, ""
		if p := s.Jobs[at].Price; p.Unit == protocol.UnitGPUMillis && !s.Jobs[at].Paused {
			c.Gross = token.perHour(p.PerMillion)
		}
	case r.governed.mines(c.ID):
		c.State = CardMining
	}
	if c.Lost != "" && c.State != CardQuarantined && c.State != CardBusy {
		c.State, c.Why = CardLost, c.Lost
	}
	if r.governed != nil && c.State != CardLost {
		if why := r.governed.Sold(c.ID); c.State == CardFree && why != "" {
			c.State, c.Why = CardUnsold, why
		}
	}
	if mw := c.Reading.PowerMW; mw != nil && s.Tariff != nil && c.Lost == "" {
		cost := s.Tariff.Cost(governor.Power(*mw))
		c.Power = &cost
	}
	return c
}

// tariff is what a kilowatt-hour costs now, as far as somebody told.
func (r *rig) tariff() (governor.PerKWh, bool) {
	if r.governed == nil {
		return 0, false
	}
	report := r.governed.Report()
	return report.Tariff, report.TariffKnown
}

// view is how a card stands for jobs.
func (c *cards) view(address string) (state, why string) {
	if c == nil {
		return CardUnsold, "this rig sells no cards; see --containers and --gpu-price"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	why, known := c.shown[address]
	switch {
	case !known:
		return CardUnsold, "its self-test has not been run yet"
	case why == "":
		return CardFree, ""
	case strings.HasPrefix(why, CardQuarantined):
		return CardQuarantined, why
	}
	return CardUnsold, why
}

// holders are the jobs that have cards, by address.
func (c *cards) holders() map[string]string {
	held := map[string]string{}
	if c == nil {
		return held
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for card, job := range c.holder {
		held[card] = job
	}
	return held
}

// day sums the last 24 hours.
func (n *Node) day(ctx context.Context, now time.Time) (d DaySum, err error) {
	from := now.Add(-24 * time.Hour)
	if _, d.Gross, err = n.journal.Earned(ctx, uint64(from.UnixMilli())); err != nil {
		return d, err
	}
	d.Power, _ = n.rig.readings.power(from)
	if d.Power.EnergyMJ > 0 && d.Power.Unpriced <= d.Power.EnergyMJ/20 { // a rig that starts does not know its tariff at once
		nano := new(big.Int).Mul(d.Gross.Big(), pow10(9))
		nano.Div(nano, pow10(n.token().Decimals)).Sub(nano, big.NewInt(d.Power.CostNano))
		if nano.IsInt64() {
			net := nano.Int64()
			d.NetNano = &net
		}
	}
	recs, err := n.journal.Records(ctx, journal.Query{Role: protocol.RoleRig, Limit: journal.MaxLimit})
	d.Capped = len(recs) >= journal.MaxLimit && recs[len(recs)-1].Updated >= uint64(from.UnixMilli())
	for i := range recs {
		j := &recs[i].Job
		if !j.Ended || recs[i].Updated < uint64(from.UnixMilli()) {
			continue
		}
		d.Ended++
		switch {
		case j.Paid.Less(j.Due):
			d.Unpaid++
		case j.Reason != protocol.ReasonNone:
			d.Failed++
		default:
			d.Done++
		}
	}
	return d, err
}

// linkStatus says how the node is connected.
func (n *Node) linkStatus() LinkStatus {
	h := n.net.Host()
	l := LinkStatus{Peers: len(h.Network().Peers()), Reach: "none"}
	var trips []time.Duration
	for _, p := range h.Network().Peers() {
		direct := slices.ContainsFunc(h.Network().ConnsToPeer(p), func(c network.Conn) bool { return !c.Stat().Limited })
		if !direct {
			l.Relayed++
		}
		if d := h.Peerstore().LatencyEWMA(p); d > 0 {
			trips = append(trips, d)
		}
	}
	if len(trips) > 0 {
		slices.Sort(trips)
		ms := trips[len(trips)/2].Milliseconds()
		l.LatencyMS = &ms
	}
	for _, a := range h.Addrs() {
		circuit := strings.Contains(a.String(), "/p2p-circuit")
		switch {
		case manet.IsPublicAddr(a) && !circuit:
			l.Reach = "direct"
		case circuit && l.Reach == "none":
			l.Reach = "relay"
		}
	}
	if n.cfg.Profile.Local && l.Reach == "none" {
		l.Reach = "local"
	}
	l.NAT = n.natType()
	return l
}

// natType is how the router in front of this node maps ports, as far as peers saw it.
func (n *Node) natType() string {
	sub, err := n.net.Host().EventBus().Subscribe(new(event.EvtNATDeviceTypeChanged))
	if err != nil {
		return ""
	}
	defer sub.Close()
	kind := ""
	for { // the last of each transport is kept for who subscribes later
		select {
		case e, ok := <-sub.Out():
			if !ok {
				return kind
			}
			switch e.(event.EvtNATDeviceTypeChanged).NatDeviceType {
			case network.NATDeviceTypeEndpointIndependent:
				if kind == "" {
					kind = "cone"
				}
			case network.NATDeviceTypeEndpointDependent:
				kind = "symmetric"
			}
		default:
			return kind
		}
	}
}
