package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// needFlags say for which job the market is asked. They are called as those of `rerig run`.
type needFlags struct {
	region   string
	maxPrice string
	budget   string
	timeout  time.Duration
	engine   string
	image    string
	model    string
	served   string
	memory   uint32
	disk     uint32
	cpus     uint16
	egress   bool
	cards    cardFlags
}

func (n *needFlags) register(f *pflag.FlagSet) {
	f.StringVar(&n.region, "region", "", "only rigs of this region")
	f.StringVar(&n.maxPrice, "max-price", "", "highest `price` of a CPU hour, or with --gpus of a card's, such as 0.06/h; with --served of a million tokens")
	f.StringVar(&n.budget, "budget", "", "most that the job may cost (default any)")
	f.DurationVar(&n.timeout, "timeout", 0, "run time that the job may need (default 1h)")
	f.StringVar(&n.engine, "engine", "", "`engine` that the job needs: wasm, model, container, or container:gvisor and others where it must be held so")
	f.StringVar(&n.image, "image", "", "container `image` of the job")
	f.StringVar(&n.model, "model", "", "GGUF `file` of a model that the job brings, or jargon")
	f.StringVar(&n.served, "served", "", "`model` that the rig serves, by name or CID")
	f.Uint32Var(&n.memory, "memory", 0, "`MiB` that the job needs (default of a model: its size and more)")
	f.Uint32Var(&n.disk, "disk", 0, "`MiB` that a container writes outside /out")
	f.Uint16Var(&n.cpus, "cpus", 0, "`cores` that the job keeps busy (default 1)")
	f.BoolVar(&n.egress, "egress", false, "the container needs the internet")
	n.cards.register(f, "the job")
}

// need is the job that the market is asked about.
type need struct {
	filter  protocol.Filter
	rig     protocol.Address // only this one; zero is any
	run     time.Duration    // busy for so long
	at      uint64           // CPUs or cards that are busy at once
	budget  protocol.Amount  // zero is any
	costing bool             // somebody wants to know what it costs
}

// read checks the flags.
func (n *needFlags) read(a *app, s *session) (_ *need, err error) {
	req := node.RunRequest{Region: n.region, Engine: n.engine}
	if one := strings.Fields(n.engine + " " + mark(n.image) + mark(n.model) + mark(n.served)); len(one) > 1 {
		return nil, usage("--engine, --image, --model and --served: give one of them")
	}
	r := &req.Resources
	if r.GPUs, r.VRAMMiB, err = n.cards.read(); err != nil {
		return nil, err
	}
	if req.Budget, err = s.money.parse("budget", cmp.Or(n.budget, "0")); err != nil {
		return nil, err
	}
	if n.timeout < 0 || n.timeout > protocol.MaxRunTime {
		return nil, usage("--timeout: 0 to %v, got %v", protocol.MaxRunTime, n.timeout)
	}
	r.MemoryMiB, r.DiskMiB, r.CPUs = n.memory, n.disk, n.cpus
	switch {
	case n.image != "":
		req.Engine = protocol.EngineContainer
		_, err = a.imageLayout(n.image)
	case n.model != "":
		err = a.modelRequest(s.info.DataDir, &runFlags{model: n.model, memory: n.memory, cpus: n.cpus}, &req)
	}
	if err != nil {
		return nil, err
	}
	req.Limits.RunMillis = uint64(cmp.Or(n.timeout, time.Hour).Milliseconds())
	needs := needOf(&req)
	needs.filter.Engine, needs.filter.Egress, needs.filter.Model = req.Engine, n.egress, n.served
	needs.costing = n.timeout > 0 || n.cpus > 0 || n.budget != ""
	return needs, needs.price(s.money, n.maxPrice)
}

// mark is a word for what was given.
func mark(text string) string {
	if text == "" {
		return ""
	}
	return "x "
}

// price reads the highest price in the unit of the job.
func (n *need) price(m money, text string) (err error) {
	switch {
	case n.filter.Model != "":
		n.filter.Unit = protocol.UnitTokenOut
		n.filter.MaxPrice, err = m.parse("max-price", cmp.Or(text, "0"))
	case text != "":
		n.filter.MaxPrice, err = m.rate("max-price", text)
	}
	return err
}

// needOf is what a run asks of an offer.
func needOf(req *node.RunRequest) *need {
	r := req.Resources
	n := &need{rig: req.Rig, budget: req.Budget, run: req.Limits.RunTime(), at: max(uint64(r.CPUs), 1), costing: true,
		filter: protocol.Filter{Engine: cmp.Or(req.Engine, protocol.EngineWASM), Region: req.Region, MinMemMiB: r.MemoryMiB, MinDiskMiB: r.DiskMiB,
			MinCores: r.CPUs, MinGPUs: r.GPUs, MinVRAMMiB: r.VRAMMiB, Egress: len(req.Hosts) > 0, Unit: r.Unit(), MaxPrice: req.MaxPrice}}
	if r.GPUs > 0 {
		n.at = uint64(r.GPUs)
	}
	return n
}

// priceOf is what an offer asks for the job's unit.
func (n *need) priceOf(o *protocol.Offer) (protocol.Price, bool) {
	if n.filter.Model != "" {
		m, ok := o.Serves(n.filter.Model)
		return m.Price(), ok
	}
	return o.Price(n.filter.Unit)
}

// rate is a price as people read it: for an hour, or for a million tokens.
func (n *need) rate(m money, p protocol.Price) string {
	if n.filter.Model != "" {
		return p.PerMillion.Units(m.Decimals)
	}
	return m.perHour(p)
}

// unit is what the rate is for.
func (n *need) unit(m money) string {
	if n.filter.Model != "" {
		return "price/M tokens " + m.Symbol
	}
	return priceName(n.filter.Unit) + "/h " + m.Symbol
}

// most is what the job costs when its CPUs are busy, or its cards held, for the whole
// time, or the budget where that is less. Of a session with a served model nobody knows.
func (n *need) most(p protocol.Price) (cost protocol.Amount, known bool) {
	cost, err := p.Cost(uint64(n.run.Milliseconds()) * n.at)
	if n.filter.Model != "" || err != nil || !n.budget.IsZero() && n.budget.Less(cost) {
		return n.budget, !n.budget.IsZero()
	}
	return cost, true
}

// ask finds who could do it, and why each of the others cannot.
func (n *need) ask(ctx context.Context, s *session) (*survey, error) {
	fitting, err := s.Market(ctx, n.filter)
	if err != nil {
		return nil, networkError(err)
	}
	all, err := s.Market(ctx, protocol.Filter{})
	if err != nil {
		return nil, networkError(err)
	}
	found := &survey{Unit: n.filter.Unit, Skipped: fitting.Skipped}
	seen := map[protocol.Address]bool{}
	for _, list := range [][]node.MarketOffer{fitting.Offers, all.Offers} {
		for i := range list {
			if o := &list[i]; !seen[o.Rig] {
				seen[o.Rig] = true
				found.add(n, s, o)
			}
		}
	}
	found.sort()
	return found, nil
}

// refuses lists all the reasons why the offer is none for the job.
func (n *need) refuses(s *session, o *node.MarketOffer) (why []protocol.Mismatch) {
	add := func(r protocol.Reason, format string, args ...any) {
		why = append(why, protocol.Mismatch{Reason: r, Detail: fmt.Sprintf(format, args...)})
	}
	if !n.rig.IsZero() && o.Rig != n.rig {
		add(protocol.ReasonNoOffers, "not rig %s", n.rig)
	}
	if o.Rig == s.info.Address {
		add(protocol.ReasonNoOffers, "this node's own rig")
	}
	price, ok := n.priceOf(&o.Offer)
	for _, m := range n.filter.Mismatches(&o.Offer) {
		if m.Reason == protocol.ReasonPriceFloor {
			most := protocol.Price{Unit: price.Unit, PerMillion: n.filter.MaxPrice}
			per := "/h"
			if n.filter.Model != "" {
				per = " per million tokens"
			}
			m.Detail = fmt.Sprintf("asks %s %s%s, at most %s wanted", n.rate(s.money, price), s.money.Symbol, per, n.rate(s.money, most))
		}
		why = append(why, m)
	}
	if ok && !n.budget.IsZero() && price.Buys(n.budget) == 0 {
		add(protocol.ReasonOverBudget, "the budget of %s buys nothing", s.money.text(n.budget))
	}
	return why
}
