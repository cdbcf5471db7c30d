package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// shownOffer is what `rerig market show -o json` prints.
type shownOffer struct {
	Offer  *node.MarketOffer   `json:"offer"`
	Fits   bool                `json:"fits"`
	Cannot []protocol.Mismatch `json:"cannot,omitempty"`
	Price  protocol.Price      `json:"price"` // of the job's unit
	Cost   *protocol.Amount    `json:"cost,omitempty"`
	Bought dealings            `json:"bought"`
}

// dealings are what this node bought from a rig, as far as it lists its runs.
type dealings struct {
	Runs   int             `json:"runs"`
	Failed int             `json:"failed"`
	Spent  protocol.Amount `json:"spent"`
}

func (a *app) marketShow(ctx context.Context, of *needFlags, rig string) error {
	return a.inMarket(ctx, of, func(s *session, n *need, found *survey) error {
		n.costing = true
		o, err := found.pick(rig)
		if err != nil {
			return err
		}
		shown := shownOffer{Offer: o, Cannot: n.refuses(s, o)}
		shown.Fits = len(shown.Cannot) == 0
		if price, ok := n.priceOf(&o.Offer); ok {
			shown.Price = price
			if cost, known := n.most(price); known {
				shown.Cost = &cost
			}
		}
		if shown.Bought, err = bought(ctx, s, o.Rig); err != nil {
			return err
		}
		return a.print(shown, func(w io.Writer) error { return shown.write(w, n, s.money) })
	})
}

// pick is the offer of the rig that the text means, of all that were found.
func (f *survey) pick(rig string) (*node.MarketOffer, error) {
	if rig == "" {
		if len(f.Offers) == 0 {
			return nil, &exitError{exitNetwork, errors.New("no rig fits; `rerig market ls` with the same flags says why")}
		}
		return &f.Offers[0].MarketOffer, nil
	}
	means := func(o *node.MarketOffer) bool {
		digits := strings.TrimPrefix(strings.ToLower(rig), "0x")
		return o.Peer == rig || len(digits) >= 4 && strings.HasPrefix(o.Rig.String()[2:], digits)
	}
	var one *node.MarketOffer
	take := func(o *node.MarketOffer) bool {
		if means(o) && one != nil {
			return false
		}
		if means(o) {
			one = o
		}
		return true
	}
	for i := range f.Offers {
		if !take(&f.Offers[i].MarketOffer) {
			return nil, usage("%q means several rigs; give more digits", rig)
		}
	}
	for _, u := range f.Cannot {
		if !take(u.offer) {
			return nil, usage("%q means several rigs; give more digits", rig)
		}
	}
	if one == nil {
		return nil, fmt.Errorf("no rig %s offers; `rerig market ls` lists them, four digits of an address are enough", clipText(rig, 80))
	}
	return one, nil
}

// bought sums up the runs whose last attempt the rig had.
func bought(ctx context.Context, s *session, rig protocol.Address) (d dealings, err error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return d, err
	}
	for i := range runs {
		st := &runs[i]
		if st.Rig != rig {
			continue
		}
		d.Runs++
		d.Spent = plus(d.Spent, st.Spent)
		if st.Ended && st.Reason.RigFault() {
			d.Failed++
		}
	}
	return d, nil
}

func (v *shownOffer) write(w io.Writer, n *need, m money) error {
	o := v.Offer
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("rig", "%s", o.Rig)
	row("peer", "%s", o.Peer)
	row("paid to", "%s", o.Payee)
	row("offer", "of %s ago, expires in %s", age(o.Issued), time.Until(time.UnixMilli(int64(o.Expires))).Round(time.Second))
	for _, p := range o.Prices {
		rate := fmt.Sprintf("%s per million %s", m.text(p.PerMillion), clipText(string(p.Unit), 40))
		if p.Unit == protocol.UnitCPUMillis || p.Unit == protocol.UnitGPUMillis {
			rate = fmt.Sprintf("%s %s for an hour of a %s", m.perHour(p), m.Symbol, map[bool]string{true: "card", false: "CPU"}[p.Unit == protocol.UnitGPUMillis])
		}
		row("price", "%s", rate)
		if cost, err := p.Cost(o.TickUnits); err == nil {
			row("at stake", "a tick of %s, %s", unitsOf(p.Unit, o.TickUnits), m.text(cost))
		}
	}
	row("engines", "%s", clipText(strings.Join(o.Engines, ", "), 200))
	row("hardware", "%d× %s, %.1f GiB of memory, %.1f GiB of disk", o.Hardware.Cores, clipText(o.Hardware.CPU, 60),
		float64(o.Hardware.MemoryMiB)/1024, float64(o.Hardware.DiskMiB)/1024)
	row("cards", "%s", cards(o.Hardware.GPUs))
	row("slots", "%d of %d free", o.FreeSlots, o.Slots)
	row("region", "%s", dash(o.Region))
	row("internet", "%s", yesNo(o.Egress, "hosts that a job names", "none for jobs"))
	_, links := o.Opt[protocol.LinkExtension]
	row("gangs", "%s", yesNo(links, "yes", "no"))
	for _, served := range o.Models {
		row("serves", "%s, context of %d, %s per million tokens, %s", clipText(served.Name, protocol.MaxModelName), served.Context, m.text(served.PerMillion), served.CID)
	}
	row("addresses", "%s", clipText(strings.Join(o.Addrs, " "), 400))
	row("channel", "%s", yesNo(o.Channel, "open: a job costs no transaction", "none: the first job opens one"))
	row("bought here", "%d runs, %d failed by the rig's fault, %s", v.Bought.Runs, v.Bought.Failed, m.text(v.Bought.Spent))
	for _, why := range v.Cannot {
		row("cannot", "%s: %s", why.Reason, clipText(why.Detail, 120))
	}
	if v.Fits && v.Cost != nil && n.filter.Model == "" {
		row("this job", "%s when it is busy for %v", m.text(*v.Cost), n.run)
	} else if v.Fits {
		row("this job", "%s %s", n.rate(m, v.Price), n.unit(m))
	}
	return t.Flush()
}
