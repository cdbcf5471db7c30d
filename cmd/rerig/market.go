package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

func (a *app) marketCmd() *cobra.Command {
	var region, maxPrice string
	var memory uint32
	var wanted cardFlags
	ls := &cobra.Command{
		Use: "ls", Short: "List rigs that offer, and why others do not fit", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.marketLs(cmd.Context(), region, maxPrice, memory, &wanted)
		},
	}
	f := ls.Flags()
	f.StringVar(&region, "region", "", "only rigs of this region")
	f.StringVar(&maxPrice, "max-price", "", "highest `price` of a CPU hour, or with --gpus of a card's, such as 0.06/h")
	f.Uint32Var(&memory, "memory", 0, "`MiB` that a job needs")
	wanted.register(f, "a job")
	return group("market", "Look at who sells", ls)
}

func (a *app) marketLs(ctx context.Context, region, maxPrice string, memory uint32, wanted *cardFlags) (err error) {
	need := protocol.Resources{MemoryMiB: memory}
	if need.GPUs, need.VRAMMiB, err = wanted.read(); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.join(ctx); err != nil {
		return err
	}
	filter := protocol.Filter{Region: region, MinMemMiB: memory, MinGPUs: need.GPUs, MinVRAMMiB: need.VRAMMiB, Unit: need.Unit()}
	if maxPrice != "" {
		if filter.MaxPrice, err = s.money.rate("max-price", maxPrice); err != nil {
			return err
		}
	}
	found, err := s.Market(ctx, filter)
	if err != nil {
		return err
	}
	return a.print(found, func(w io.Writer) error {
		if len(found.Offers) == 0 && len(found.Skipped) == 0 {
			a.progress().line("no rig offers here; `rerig doctor` says whether this node has peers, `rerig up` sells")
			return nil
		}
		if err := offerTable(w, s.money, need.Unit(), found.Offers, nil, nil); err != nil {
			return err
		}
		if err := servedTable(w, s.money, found.Offers); err != nil {
			return err
		}
		return skippedTable(w, found.Skipped)
	})
}

// offerTable lists offers with their prices of a unit, and further columns when extra is given.
func offerTable(w io.Writer, m money, unit protocol.Unit, offers []node.MarketOffer, names []string, extra func(*node.MarketOffer) []string) error {
	if len(offers) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	head := []string{"RIG", strings.ToUpper(priceName(unit) + "/h " + m.Symbol), "CPU", "MEMORY", "GPU", "SLOTS", "REGION", "CHANNEL"}
	fmt.Fprintln(t, strings.Join(append(head, names...), "\t"))
	for i := range offers {
		o := &offers[i]
		price, _ := o.Price(unit)
		row := []string{o.Rig.String(), m.perHour(price), fmt.Sprintf("%d× %s", o.Hardware.Cores, clipText(o.Hardware.CPU, 24)),
			fmt.Sprintf("%.1f GiB", float64(o.Hardware.MemoryMiB)/1024), cards(o.Hardware.GPUs),
			fmt.Sprintf("%d/%d free", o.FreeSlots, o.Slots), dash(o.Region), yesNo(o.Channel, "open", "-")}
		if extra != nil {
			row = append(row, extra(o)...)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// priceName says whose hour a price is for, where that is not the processor's.
func priceName(u protocol.Unit) string {
	if u == protocol.UnitGPUMillis {
		return "gpu price"
	}
	return "price"
}

func skippedTable(w io.Writer, skipped []protocol.SkipCount) error {
	for _, k := range skipped {
		if _, err := fmt.Fprintf(w, "%d skipped: %s (%s)\n", k.Count, k.Reason, clipText(k.Detail, 120)); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return nil
}

func cards(gpus []protocol.GPU) string {
	texts := make([]string, len(gpus))
	for i, g := range gpus {
		texts[i] = card(g)
	}
	return dash(strings.Join(texts, ", "))
}

// clipText makes text of other people fit a column: printable, and not too long.
func clipText(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u009b' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return clipText(s, 60)
}

func yesNo(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// dryRun shows who would run the request and for how much. It spends nothing.
func (a *app) dryRun(ctx context.Context, s *session, req *node.RunRequest) error {
	filter := protocol.Filter{Engine: cmp.Or(req.Engine, protocol.EngineWASM), Region: req.Region, MinMemMiB: req.Resources.MemoryMiB,
		MinCores: req.Resources.CPUs, MinGPUs: req.Resources.GPUs, MinVRAMMiB: req.Resources.VRAMMiB, Unit: req.Resources.Unit(), MaxPrice: req.MaxPrice}
	found, err := s.Market(ctx, filter)
	if err != nil {
		return networkError(err)
	}
	skip(found, protocol.ReasonNoOffers, "not rig "+req.Rig.String(), func(o *node.MarketOffer) bool {
		return !req.Rig.IsZero() && o.Rig != req.Rig
	})
	skip(found, protocol.ReasonNoOffers, "this node's own rig", func(o *node.MarketOffer) bool { return o.Rig == s.info.Address })
	skip(found, protocol.ReasonOverBudget, "the budget of "+s.money.text(req.Budget)+" buys nothing", func(o *node.MarketOffer) bool {
		price, _ := o.Price(filter.Unit)
		return price.Buys(req.Budget) == 0
	})
	err = a.print(found, func(w io.Writer) error {
		columns := []string{"FOR " + strings.ToUpper(req.Limits.RunTime().String()), "BUDGET BUYS"}
		err := offerTable(w, s.money, filter.Unit, found.Offers, columns, func(o *node.MarketOffer) []string {
			return estimate(s.money, o, req)
		})
		return errors.Join(err, skippedTable(w, found.Skipped))
	})
	if err != nil {
		return err
	}
	p := a.progress()
	if len(found.Offers) == 0 {
		return &exitError{exitNetwork, errors.New("no rig fits; raise --max-price, drop --region or --rig, or see `rerig market ls`")}
	}
	p.line("Nothing was spent. The cheapest is asked first; it never costs more than the budget of %s (time limit %v).", s.money.text(req.Budget), req.Limits.RunTime())
	return nil
}

// estimate is what the run costs when its CPUs are busy, or its cards held, for the whole
// time limit, or the budget where that is less, and how long the budget lasts.
func estimate(m money, o *node.MarketOffer, req *node.RunRequest) []string {
	r := req.Resources
	price, _ := o.Price(r.Unit())
	at := max(uint64(r.CPUs), 1)
	if r.GPUs > 0 {
		at = uint64(r.GPUs)
	}
	most, err := price.Cost(req.Limits.RunMillis * at)
	if err != nil || req.Budget.Less(most) {
		most = req.Budget
	}
	return []string{m.text(most), unitsOf(price.Unit, price.Buys(req.Budget))}
}

// skip counts the offers that the run would not take under a reason.
func skip(found *node.MarketReply, reason protocol.Reason, detail string, unfit func(*node.MarketOffer) bool) {
	before := len(found.Offers)
	found.Offers = slices.DeleteFunc(found.Offers, func(o node.MarketOffer) bool { return unfit(&o) })
	if n := before - len(found.Offers); n > 0 {
		found.Skipped = append(found.Skipped, protocol.SkipCount{Reason: reason, Detail: detail, Count: uint32(n)})
	}
}
