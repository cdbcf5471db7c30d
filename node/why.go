package node

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// The time that `rerig why` looks back, at least and at most.
const (
	minWhy = time.Minute
	maxWhy = protocol.TallyKept
)

// answers is what this rig said to those who asked it. It is safe for concurrent use.
type answers struct {
	clock func() time.Time

	mu    sync.Mutex // guards count
	count protocol.Answers
}

func (a *answers) note(one protocol.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count.Count(one, a.clock())
}

func (a *answers) since(now time.Time, back time.Duration) (taken, untaken uint32, refused []protocol.Refused) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count.Since(now, back)
}

// why says what kept requests from this rig.
func (c *control) why(r *http.Request) (any, error) {
	if c.n.rig == nil {
		return nil, &APIError{http.StatusNotFound, "this node sells nothing; `rerig up` starts one that does"}
	}
	back := time.Hour
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if back, err = time.ParseDuration(text); err != nil || back < minWhy || back > maxWhy {
			return nil, &APIError{http.StatusBadRequest, fmt.Sprintf("since: %v to %v, got %.40q", minWhy, maxWhy, text)}
		}
	}
	return c.n.Why(r.Context(), back)
}

// Why says what kept requests from this node's rig in the time before now. The node must
// have one.
func (n *Node) Why(ctx context.Context, back time.Duration) (*WhyReport, error) {
	now := n.cfg.Clock()
	w := &WhyReport{At: now, SinceMillis: back.Milliseconds(), Asks: []AsksSum{}, Skips: []WhySkip{}, Notes: []WhyNote{}}
	offer := n.rig.provider.Offer(protocol.Offer{}, false)
	taken, untaken, refused := n.rig.answers.since(now, back)
	w.Came = AnswersSum{Taken: taken, Untaken: untaken}
	for _, r := range refused {
		w.Came.Refused += r.Count
	}
	t, err := n.discovery.Tally(ctx, back)
	if err != nil {
		w.Notes = append(w.Notes, WhyNote{"not_offered", "nothing is offered: " + err.Error(), "rerig doctor says what is missing"})
	}
	w.IndexNodes, w.Asked, w.Fit, w.Forgotten = t.Nodes, t.Asked, t.Fit, t.Other
	for _, e := range t.Excluded {
		skip := n.clauseSkip(&offer, &e)
		w.Skipped += e.Count
		w.Skips = append(w.Skips, skip)
	}
	if err := n.standings(ctx, w, &offer); err != nil {
		return nil, err
	}
	n.passedBy(w)
	for _, r := range refused {
		w.Skips = append(w.Skips, WhySkip{Code: "refused:" + string(r.Reason), Count: r.Count, Only: r.Count, Says: refusedText(r), Change: refusedChange[r.Reason]})
	}
	for i := range w.Skips {
		s := &w.Skips[i]
		s.Permille = uint32(min(uint64(s.Count)*1000/uint64(max(w.Asked, 1)), 1000))
	}
	slices.SortStableFunc(w.Skips, func(a, b WhySkip) int { return cmp.Compare(b.Count, a.Count) })
	return w, n.stateNotes(ctx, w, &offer)
}

// standings compares what the rig asks with what others do.
func (n *Node) standings(ctx context.Context, w *WhyReport, offer *protocol.Offer) error {
	market := n.cfg.Profile.Market()
	for _, own := range offer.Prices {
		f := protocol.Filter{Market: &market, Unit: own.Unit}
		if own.Unit == protocol.UnitGPUMillis {
			if f.MinVRAMMiB = offer.Hardware.VRAMMiB(); f.MinVRAMMiB == 0 {
				continue
			}
		}
		found, err := n.discovery.Look(ctx, f, protocol.MaxFindLimit)
		if err != nil {
			return err
		}
		var others []protocol.Amount
		for _, o := range found.Offers {
			if p, ok := o.Price(own.Unit); ok && o.Rig != n.key.Address() {
				others = append(others, p.PerMillion)
			}
		}
		s := protocol.StandingOf(own.PerMillion, others)
		w.Asks = append(w.Asks, AsksSum{Unit: string(own.Unit), Asks: s.Asks, Cheaper: s.Cheaper, Above: s.Above,
			Median: n.ask(own.Unit, s.Median), Mine: n.ask(own.Unit, own.PerMillion)})
	}
	return nil
}

// ask is a price per million as people give it: for an hour, or for a million tokens.
func (n *Node) ask(u protocol.Unit, perMillion protocol.Amount) string {
	token := n.token()
	if u == protocol.UnitCPUMillis || u == protocol.UnitGPUMillis {
		return protocol.Price{Unit: u, PerMillion: perMillion}.PerHour(token.Decimals) + "/h"
	}
	return perMillion.Units(token.Decimals) + " per million " + string(u)
}

// passedBy counts those that the rig fits and that did not come, and those that came and
// took another's quote.
func (n *Node) passedBy(w *WhyReport) {
	price, change := "others were asked first", "a lower price is asked first: rerig market ls shows the others"
	for _, a := range w.Asks {
		if a.Cheaper > 0 {
			price = fmt.Sprintf("price %s %s, %s, of %d others %d are cheaper", a.Mine, aboveText(a.Above), a.Median, a.Asks, a.Cheaper)
			change = fmt.Sprintf("ask less than %s: requesters ask the cheapest first", cmp.Or(cheaperThan(&a), a.Mine))
			break
		}
	}
	if came := w.Came.Taken + w.Came.Untaken + w.Came.Refused; w.Fit > came {
		w.Skips = append(w.Skips, WhySkip{Code: "passed", Count: w.Fit - came, Only: w.Fit - came, Says: "it fits and was not asked: " + price, Change: change})
	}
	if w.Came.Untaken > 0 {
		w.Skips = append(w.Skips, WhySkip{Code: "untaken", Count: w.Came.Untaken, Only: w.Came.Untaken, Says: "asked for a quote, and another rig was taken: " + price, Change: change})
	}
}

// cheaperThan is the median, where it is what keeps this rig behind.
func cheaperThan(a *AsksSum) string {
	if a.Above > 0 {
		return a.Median
	}
	return ""
}

func aboveText(permille int) string {
	switch {
	case permille > 0:
		return fmt.Sprintf("is %d.%d %% above the median", permille/10, permille%10)
	case permille < 0:
		return fmt.Sprintf("is %d.%d %% below the median", -permille/10, -permille%10)
	}
	return "is the median"
}

// stateNotes says what of the rig's own state keeps requests away.
func (n *Node) stateNotes(ctx context.Context, w *WhyReport, offer *protocol.Offer) error {
	note := func(code, says, change string) { w.Notes = append(w.Notes, WhyNote{code, says, change}) }
	s, err := n.RigStatus(ctx)
	if err != nil {
		return err
	}
	switch s.Link.Reach {
	case "relay":
		note("relay", "only reachable through a relay: slower, and for small jobs only", "forward a port of the router and name it with --listen and --announce; rerig doctor tests it")
	case "none":
		note("unreachable", "no peer has reached this rig from outside yet", "rerig doctor says why")
	}
	if err := n.treasury.Halted(protocol.Hash{}); err != nil {
		note("halted", protocol.ClipDetail(err.Error()), "rerig doctor says what to do; jobs are taken again by themselves after it")
	}
	if n.rig.cfg.Containers != "" && !slices.Contains(offer.Engines, protocol.EngineContainer) {
		note("self_test", "containers are wanted and not sold: their self-test has not passed", "rerig doctor says what is missing")
	}
	for i := range s.Cards {
		c := &s.Cards[i]
		switch c.State {
		case CardMining:
			note("mining", fmt.Sprintf("GPU %d runs the idle command, which brings in more than jobs do", c.Index), "rerig price explain has the sums; a job that pays more still gets the card")
		case CardQuarantined:
			note("quarantined", fmt.Sprintf("GPU %d is kept out of use: %s", c.Index, c.Why), "rerig hardware says how it comes back")
		case CardUnsold, CardLost:
			note("card_unsold", fmt.Sprintf("GPU %d is not sold: %s", c.Index, c.Why), "rerig doctor and rerig ps say more")
		}
	}
	return nil
}
