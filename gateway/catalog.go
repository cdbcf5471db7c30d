package gateway

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	freshFor = 10 * time.Second // offers are asked for anew then
	rushFor  = time.Second      // or then, for a model that nobody offered
	findWait = 15 * time.Second
)

// catalog is what rigs within reach serve.
type catalog struct {
	market   Market
	maxPrice protocol.Amount // per million units; 0 is any
	clock    func() time.Time

	asking chan struct{} // holds a value while somebody asks the market; never closed

	mu      sync.Mutex // guards the rest
	offers  []Offer
	skipped []string
	asked   time.Time
}

func newCatalog(m Market, maxPrice protocol.Amount, clock func() time.Time) *catalog {
	return &catalog{market: m, maxPrice: maxPrice, clock: clock, asking: make(chan struct{}, 1)}
}

// all lists the offers, at most so old.
func (c *catalog) all(ctx context.Context, age time.Duration) ([]Offer, []string, error) {
	c.mu.Lock()
	offers, skipped, fresh := c.offers, c.skipped, !c.asked.IsZero() && c.clock().Sub(c.asked) < age
	known := len(offers) > 0 && age >= freshFor
	c.mu.Unlock()
	if fresh {
		return offers, skipped, nil
	}
	select {
	case c.asking <- struct{}{}:
	default:
		if known { // somebody asks already, and what is known is good enough
			return offers, skipped, nil
		}
		select {
		case c.asking <- struct{}{}:
			<-c.asking
			return c.all(ctx, max(age, rushFor))
		case <-ctx.Done():
			return nil, nil, gone{ctx.Err()}
		}
	}
	defer func() { <-c.asking }()
	return c.ask(ctx)
}

// ask asks the market. Whoever else waits gets the answer too, so it does not end with the
// request that wanted it.
func (c *catalog) ask(ctx context.Context) ([]Offer, []string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findWait)
	defer cancel()
	offers, skipped, err := c.market.Offers(ctx)
	if err != nil {
		return nil, nil, &apiError{status: http.StatusServiceUnavailable, code: "no_rig", retry: 5 * time.Second, message: "find rigs: " + err.Error()}
	}
	offers = slices.DeleteFunc(offers, func(o Offer) bool {
		dear := !c.maxPrice.IsZero() && c.maxPrice.Less(o.Model.PerMillion)
		if dear && len(skipped) < maxReasons {
			skipped = append(skipped, o.Rig.String()+": "+o.Model.Name+" costs more than --max-price")
		}
		return dear
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers, c.skipped, c.asked = offers, skipped, c.clock()
	return offers, skipped, nil
}

// find lists the offers of a model by its name or CID. A name that several models have means
// the one that most rigs serve, and of these the cheapest.
func (c *catalog) find(ctx context.Context, name string) ([]Offer, error) {
	offers, skipped, err := c.all(ctx, freshFor)
	if err != nil {
		return nil, err
	}
	found := serving(offers, name)
	if len(found) == 0 {
		if offers, skipped, err = c.all(ctx, rushFor); err != nil {
			return nil, err
		}
		found = serving(offers, name)
	}
	if len(found) > 0 {
		return found, nil
	}
	var names []string
	for _, m := range listed(offers) {
		names = append(names, m.id)
	}
	e := errNoModel(name, names)
	for _, s := range skipped {
		e.message += "; " + s
	}
	return nil, e
}

func serving(offers []Offer, name string) []Offer {
	for _, m := range listed(offers) {
		if m.id == name || m.cid == name {
			return m.offers
		}
	}
	return nil
}

// model is one that rigs serve.
type model struct {
	id, cid string
	context uint32
	offers  []Offer // cheapest first
}

// listed groups offers by model, the best known first.
func listed(offers []Offer) []model {
	by := map[string]*model{}
	for _, o := range offers {
		m := by[o.Model.CID]
		if m == nil {
			m = &model{cid: o.Model.CID, context: o.Model.Context}
			by[o.Model.CID] = m
		}
		m.offers, m.context = append(m.offers, o), min(m.context, o.Model.Context)
	}
	var out []model
	for _, m := range by {
		slices.SortFunc(m.offers, func(a, b Offer) int {
			return cmp.Or(a.Model.PerMillion.Big().Cmp(b.Model.PerMillion.Big()), bytes.Compare(a.Rig[:], b.Rig[:]))
		})
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b model) int {
		return cmp.Or(len(b.offers)-len(a.offers),
			a.offers[0].Model.PerMillion.Big().Cmp(b.offers[0].Model.PerMillion.Big()), cmp.Compare(a.cid, b.cid))
	})
	taken := map[string]bool{}
	for i := range out {
		out[i].id = out[i].cid
		if name := out[i].offers[0].Model.Name; !taken[name] {
			out[i].id, taken[name] = name, true
		}
	}
	return out
}

// modelView is a model in the API's form, with what is ours beside it.
type modelView struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created int64           `json:"created"`
	OwnedBy string          `json:"owned_by"`
	CID     string          `json:"cid"`
	Context uint32          `json:"context_length"`
	Price   protocol.Amount `json:"price_per_million_units"` // the cheapest, in base units
	Text    string          `json:"price"`
	Rigs    []rigView       `json:"rigs"`
	Images  *imagesView     `json:"images,omitempty"` // how the cheapest rig makes images
}

// rigView is a rig that serves a model.
type rigView struct {
	Rig     string           `json:"rig"`
	Price   protocol.Amount  `json:"price_per_million_units"`
	Context uint32           `json:"context_length"`
	Images  *protocol.Images `json:"images,omitempty"`
}

func (g *Gateway) view(m model) modelView {
	v := modelView{ID: m.id, Object: "model", Created: g.started.Unix(), OwnedBy: "rerig", CID: m.cid, Context: m.context,
		Price: m.offers[0].Model.PerMillion, Text: g.config.Text(m.offers[0].Model.PerMillion) + " per million tokens"}
	for _, o := range m.offers {
		v.Rigs = append(v.Rigs, rigView{o.Rig.String(), o.Model.PerMillion, o.Model.Context, o.Model.Images})
		if v.Images == nil {
			v.Images = g.viewImages(&o.Model)
		}
	}
	return v
}

func (g *Gateway) models(w http.ResponseWriter, r *http.Request) {
	offers, _, err := g.catalog.all(r.Context(), freshFor)
	if err != nil {
		fail(w, err)
		return
	}
	data := []modelView{}
	for _, m := range listed(offers) {
		data = append(data, g.view(m))
	}
	answer(w, map[string]any{"object": "list", "data": data})
}

func (g *Gateway) oneModel(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	offers, _, err := g.catalog.all(r.Context(), freshFor)
	if err != nil {
		fail(w, err)
		return
	}
	for _, m := range listed(offers) {
		if m.id == name || m.cid == name {
			answer(w, g.view(m))
			return
		}
	}
	fail(w, errNoModel(name, nil))
}
