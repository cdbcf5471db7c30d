package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// survey is who could run a job and for how much, and why each other rig cannot.
type survey struct {
	Unit    protocol.Unit        `json:"unit,omitempty"` // that Prices are of a million of; none is cpu_ms
	Offers  []pricedOffer        `json:"offers"`         // cheapest first
	Cannot  []unfitRig           `json:"cannot"`
	Skipped []protocol.SkipCount `json:"skipped"` // counts of index nodes, also of rigs that they did not name
	Prices  []priceBin           `json:"prices"`

	asks []ask
}

// pricedOffer is an offer that fits.
type pricedOffer struct {
	node.MarketOffer
	Price protocol.Price   `json:"price"`          // of the job's unit
	Cost  *protocol.Amount `json:"cost,omitempty"` // of the job when it is busy for its whole time, at most its budget
	Buys  uint64           `json:"buys,omitempty"` // units that the budget buys
}

// unfitRig is a rig that cannot run the job, with every reason.
type unfitRig struct {
	Rig     protocol.Address    `json:"rig"`
	Reasons []protocol.Mismatch `json:"reasons"`

	offer *node.MarketOffer
}

// add judges one offer.
func (f *survey) add(n *need, s *session, o *node.MarketOffer) {
	why := n.refuses(s, o)
	price, sells := n.priceOf(&o.Offer)
	if sells {
		f.asks = append(f.asks, ask{price.PerMillion, len(why) == 0})
	}
	if len(why) > 0 {
		f.Cannot = append(f.Cannot, unfitRig{Rig: o.Rig, Reasons: why, offer: o})
		return
	}
	p := pricedOffer{MarketOffer: *o, Price: price}
	if n.costing {
		if most, known := n.most(price); known {
			p.Cost = &most
		}
		if !n.budget.IsZero() {
			p.Buys = price.Buys(n.budget)
		}
	}
	f.Offers = append(f.Offers, p)
}

// sort puts the cheapest first, and equal ones in an order that stays.
func (f *survey) sort() {
	slices.SortFunc(f.Offers, func(a, b pricedOffer) int {
		switch {
		case a.Price.PerMillion.Less(b.Price.PerMillion):
			return -1
		case b.Price.PerMillion.Less(a.Price.PerMillion):
			return 1
		}
		return slices.Compare(a.Rig[:], b.Rig[:])
	})
	slices.SortFunc(f.Cannot, func(a, b unfitRig) int { return slices.Compare(a.Rig[:], b.Rig[:]) })
	f.Prices = histogram(f.asks)
}

// offers are those that fit, or without one those that do not.
func (f *survey) offers() []node.MarketOffer {
	var list []node.MarketOffer
	for i := range f.Offers {
		list = append(list, f.Offers[i].MarketOffer)
	}
	return list
}

// write lists offers with their prices, the others with their reasons, and the prices.
func (f *survey) write(w io.Writer, n *need, m money, page page) error {
	if err := f.table(w, n, m); err != nil {
		return err
	}
	if err := skippedTable(w, f.Skipped); err != nil {
		return err
	}
	if err := f.cannotTable(w, page); err != nil {
		return err
	}
	return f.chart(w, n, m, page)
}

func (f *survey) table(w io.Writer, n *need, m money) error {
	if len(f.Offers) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	head := []string{"RIG", strings.ToUpper(n.unit(m)), "CPU", "MEMORY", "GPU", "SLOTS", "REGION", "CHANNEL"}
	if n.costing && n.filter.Model == "" {
		head = append(head, "FOR "+strings.ToUpper(n.run.String()))
	}
	if n.costing && !n.budget.IsZero() {
		head = append(head, "BUDGET BUYS")
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for i := range f.Offers {
		o := &f.Offers[i]
		row := []string{o.Rig.String(), n.rate(m, o.Price), fmt.Sprintf("%d× %s", o.Hardware.Cores, clipText(o.Hardware.CPU, 24)),
			fmt.Sprintf("%.1f GiB", float64(o.Hardware.MemoryMiB)/1024), cards(o.Hardware.GPUs),
			fmt.Sprintf("%d/%d free", o.FreeSlots, o.Slots), dash(o.Region), yesNo(o.Channel, "open", "-")}
		if o.Cost != nil && n.filter.Model == "" {
			row = append(row, m.text(*o.Cost))
		}
		if n.costing && !n.budget.IsZero() {
			row = append(row, unitsOf(o.Price.Unit, o.Buys))
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// cannotTable names the rigs that cannot, each with all its reasons.
func (f *survey) cannotTable(w io.Writer, page page) error {
	if len(f.Cannot) == 0 {
		return nil
	}
	var table bytes.Buffer
	t := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nRIG\tCANNOT")
	for _, u := range f.Cannot {
		fmt.Fprintf(t, "%s\t%s\n", u.Rig, reasons(u.Reasons))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, page.clip(strings.TrimSuffix(line, "\n"))); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return nil
}

func reasons(why []protocol.Mismatch) string {
	texts := make([]string, len(why))
	for i, m := range why {
		texts[i] = string(m.Reason) + ": " + clipText(m.Detail, 120)
	}
	return strings.Join(texts, "; ")
}

// dryRun shows who would run the request and for how much. It spends nothing.
func (a *app) dryRun(ctx context.Context, s *session, req *node.RunRequest) error {
	n := needOf(req)
	found, err := n.ask(ctx, s)
	if err != nil {
		return err
	}
	if err := a.print(found, func(w io.Writer) error { return found.write(w, n, s.money, a.page()) }); err != nil {
		return err
	}
	if len(found.Offers) == 0 {
		return &exitError{exitNetwork, errors.New("no rig fits; raise --max-price, drop --region or --rig, or see `rerig market ls`")}
	}
	a.progress().line("Nothing was spent. The cheapest is asked first; it never costs more than the budget of %s (time limit %v).", s.money.text(req.Budget), n.run)
	return nil
}
