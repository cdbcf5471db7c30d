package node

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sort"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// Ask is what one rig asks, and how full it is.
type Ask struct {
	PerHour governor.Rate `json:"per_hour"` // millionths of the token
	Own     bool          `json:"own"`
	Slots   uint16        `json:"slots"`
	Free    uint16        `json:"free"`
}

// Class is what can be compared: the hours of processors, or of cards of a least memory.
type Class struct {
	Name string        `json:"name"`
	Unit protocol.Unit `json:"unit"`
	Asks []Ask         `json:"asks"` // the cheapest first
}

// MarketView is the market in this node's classes.
type MarketView struct {
	Classes []Class `json:"classes"`
}

// market lists what others ask for what this node sells, or for processors where it sells
// nothing.
func (d *dash) market(r *http.Request) (any, error) {
	n := d.n
	market := n.cfg.Profile.Market()
	find := func(c Class, f protocol.Filter) (Class, error) {
		f.Market, f.Unit = &market, c.Unit
		found, err := n.look(r.Context(), f, protocol.MaxFindLimit)
		c.Asks = []Ask{}
		for _, o := range found.Offers {
			if p, ok := o.Price(c.Unit); ok {
				c.Asks = append(c.Asks, Ask{n.token().perHour(p.PerMillion), o.Rig == n.key.Address(), o.Slots, o.FreeSlots})
			}
		}
		slices.SortFunc(c.Asks, func(a, b Ask) int { return cmp.Compare(a.PerHour, b.PerHour) })
		return c, err
	}
	cpu, err := find(Class{Name: "an hour of one processor", Unit: protocol.UnitCPUMillis}, protocol.Filter{})
	if err != nil {
		return nil, err
	}
	v := MarketView{Classes: []Class{cpu}}
	if least := n.smallestCard(); least > 0 {
		cards, err := find(Class{Name: fmt.Sprintf("an hour of a card with %d GiB or more", least>>10), Unit: protocol.UnitGPUMillis}, protocol.Filter{MinVRAMMiB: least, MinGPUs: 1})
		if err != nil {
			return nil, err
		}
		v.Classes = slices.Insert(v.Classes, 0, cards)
	}
	return v, nil
}

// smallestCard is the memory in MiB of the smallest card that this node sells, 0 for none.
func (n *Node) smallestCard() (least uint32) {
	if n.rig == nil || n.rig.cfg.GPUPrice.IsZero() {
		return 0
	}
	for _, g := range n.rig.provider.Offer(protocol.Offer{}, false).Hardware.GPUs {
		if least == 0 || g.VRAMMiB < least {
			least = g.VRAMMiB
		}
	}
	return least
}

// Developer is what buying through this node costs and how well it goes. Times are
// milliseconds from the order to the end.
type Developer struct {
	Runs      []RunStatus     `json:"runs"` // newest first
	Spent     protocol.Amount `json:"spent"`
	Jobs      int             `json:"jobs"` // that were paid for, ever
	Budget    protocol.Amount `json:"budget"`
	OfBudget  protocol.Amount `json:"of_budget"` // spent by the listed
	Done      int             `json:"done"`
	Failed    int             `json:"failed"`
	Retried   int             `json:"retried"`
	P50       uint64          `json:"p50_ms"` // of the listed that ended well; 0 for none
	P95       uint64          `json:"p95_ms"`
	PerSecond []TokenRate     `json:"tokens"`
}

// TokenRate is the speed of a session with a served model.
type TokenRate struct {
	Run    protocol.Hash `json:"run"`
	Name   string        `json:"name"`
	Tokens uint64        `json:"tokens"`
	Millis uint64        `json:"ms"`
}

// runs is what this node bought.
func (d *dash) runs(r *http.Request) (any, error) {
	got, err := (&control{n: d.n}).runs(r)
	if err != nil {
		return nil, err
	}
	list, _ := got.([]RunStatus) // that is what it lists
	v := Developer{Runs: list[:min(len(list), maxListed)], PerSecond: []TokenRate{}}
	if v.Jobs, v.Spent, err = d.n.journal.Spent(r.Context(), 0); err != nil {
		return nil, err
	}
	ends, err := d.ends(r)
	if err != nil {
		return nil, err
	}
	var took []uint64
	for i := range v.Runs {
		run := &v.Runs[i]
		if v.Budget, err = v.Budget.Add(run.Budget); err == nil {
			v.OfBudget, err = v.OfBudget.Add(run.Spent)
		}
		if err != nil {
			return nil, err
		}
		if run.Attempt > 1 {
			v.Retried++
		}
		end := ends[run.ID]
		switch {
		case !run.Ended:
			continue
		case run.Succeeded():
			v.Done++
			if end > run.Created {
				took = append(took, end-run.Created)
			}
		default:
			v.Failed++
		}
		if run.Price.Unit == protocol.UnitTokenOut && run.Units > 0 && end > run.Created {
			v.PerSecond = append(v.PerSecond, TokenRate{run.ID, run.Name, run.Units, end - run.Created})
		}
	}
	if n := len(took); n > 0 {
		sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
		v.P50, v.P95 = took[(n-1)/2], took[(n*95+99)/100-1]
	}
	return v, nil
}

// ends is when runs ended, as far as they did: unix milliseconds.
func (d *dash) ends(r *http.Request) (map[protocol.Hash]uint64, error) {
	recs, err := d.n.journal.Records(r.Context(), journal.Query{Role: protocol.RoleRequester, Limit: journal.MaxLimit})
	ends := map[protocol.Hash]uint64{}
	for i := range recs {
		ends[recs[i].Run] = max(ends[recs[i].Run], recs[i].Updated)
	}
	return ends, err
}
