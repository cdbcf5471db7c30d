package node

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
)

// A node that has just started knows nobody to ask, and would say of a full market that
// nobody offers anything: for so long it asks again.
const (
	joining  = 5 * time.Second
	joinPoll = 100 * time.Millisecond
)

// offers is the requester's market: the index, and streams to the rigs in it.
type offers struct{ n *Node }

func (o offers) Find(ctx context.Context, f protocol.Filter, limit int, again bool) ([]*protocol.VerifiedOffer, []protocol.SkipCount, error) {
	ask := o.n.discovery.Find
	if again {
		ask = o.n.discovery.FindAgain
	}
	found, err := o.n.findBy(ctx, ask, f, limit)
	return found.Offers, found.Skipped, err
}

func (o offers) Dial(ctx context.Context, v *protocol.VerifiedOffer) (requester.Stream, error) {
	id, err := o.n.discovery.Connect(ctx, v)
	if err != nil {
		return nil, err
	}
	st, err := exchange.Dial(ctx, o.n.net.Host(), o.n.cfg.Profile.Name, id)
	if err != nil { // a nil *Stream must not become a non-nil interface
		return nil, err
	}
	return st, nil
}

// look asks the index for somebody who does not hire.
func (n *Node) look(ctx context.Context, f protocol.Filter, limit int) (discovery.Found, error) {
	return n.findBy(ctx, n.discovery.Look, f, limit)
}

// findBy asks the index and says in the terms of a user why offers were skipped.
func (n *Node) findBy(ctx context.Context, ask func(context.Context, protocol.Filter, int) (discovery.Found, error), f protocol.Filter, limit int) (found discovery.Found, err error) {
	if found, err = ask(ctx, f, limit); err != nil {
		return found, err
	}
	found, err = whileJoining(ctx, n.born, found, func() (discovery.Found, error) { return ask(ctx, f, limit) })
	if err != nil {
		return found, err
	}
	if err := n.explainVRAM(ctx, f, limit, &found); err != nil {
		return found, err
	}
	return found, n.explainPrice(ctx, f, limit, &found)
}

// whileJoining asks again what found nothing because there was nobody to ask, until
// some index node has answered or the node is no longer new. A rig of its own that it
// knows without asking is an answer too.
func whileJoining(ctx context.Context, born time.Time, found discovery.Found, ask func() (discovery.Found, error)) (_ discovery.Found, err error) {
	over := time.NewTimer(joining - time.Since(born))
	defer over.Stop()
	poll := time.NewTicker(joinPoll)
	defer poll.Stop()
	for found.Asked == 0 && len(found.Offers) == 0 {
		select {
		case <-ctx.Done():
			return found, fmt.Errorf("find offers: %w", ctx.Err())
		case <-over.C:
			return found, nil
		case <-poll.C:
		}
		if found, err = ask(); err != nil {
			return found, err
		}
	}
	return found, nil
}

// explainVRAM makes the reasons for a search that found nothing among the rigs with
// large cards. The index keeps offers by their memory for graphics, so that the nodes
// asked for much of it know no reason why rigs with less do not fit.
func (n *Node) explainVRAM(ctx context.Context, f protocol.Filter, limit int, found *discovery.Found) error {
	told := slices.ContainsFunc(found.Skipped, func(s protocol.SkipCount) bool { return s.Reason != protocol.ReasonOfferExpired })
	if f.MinVRAMMiB == 0 || len(found.Offers) > 0 || told {
		return nil
	}
	all, err := n.discovery.Look(ctx, protocol.Filter{}, limit)
	if err != nil {
		return err
	}
	counts := map[protocol.Reason]int{} // where in found.Skipped
	for _, o := range all.Offers {
		why := f.Mismatches(&o.Offer)
		if len(why) == 0 {
			continue
		}
		first := why[0] // counted by the first reason, as an index counts
		at, known := counts[first.Reason]
		if !known {
			at = len(found.Skipped)
			counts[first.Reason] = at
			found.Skipped = append(found.Skipped, protocol.SkipCount{Reason: first.Reason, Detail: first.Detail})
		}
		found.Skipped[at].Count++
	}
	slices.SortFunc(found.Skipped, func(a, b protocol.SkipCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return nil
}

// explainPrice says for how much the cheapest would do it, as prices are given: an
// index knows base units only.
func (n *Node) explainPrice(ctx context.Context, f protocol.Filter, limit int, found *discovery.Found) error {
	at := slices.IndexFunc(found.Skipped, func(s protocol.SkipCount) bool { return s.Reason == protocol.ReasonPriceFloor })
	if at < 0 || f.Unit != protocol.UnitCPUMillis && f.Unit != protocol.UnitGPUMillis {
		return nil
	}
	most := protocol.Price{Unit: f.Unit, PerMillion: f.MaxPrice}
	f.MaxPrice = protocol.Amount{}
	all, err := n.discovery.Look(ctx, f, limit)
	if err != nil {
		return err
	}
	var cheapest protocol.Price
	for _, o := range all.Offers {
		p, ok := o.Price(f.Unit)
		if ok && most.PerMillion.Less(p.PerMillion) && (cheapest.PerMillion.IsZero() || p.PerMillion.Less(cheapest.PerMillion)) {
			cheapest = p
		}
	}
	if token := n.token(); !cheapest.PerMillion.IsZero() {
		found.Skipped[at].Detail = fmt.Sprintf("the cheapest costs %s %s/h, at most %s wanted",
			cheapest.PerHour(token.Decimals), token.Symbol, most.PerHour(token.Decimals))
	}
	return nil
}

// market lists who could run a job and why others could not. Without a body it
// lists every offer that takes this network's money.
func (c *control) market(r *http.Request) (any, error) {
	var f protocol.Filter
	if err := decode(r, &f); err != nil {
		return nil, err
	}
	if f.Market == nil { // what takes other money is no offer to this node
		own := c.n.cfg.Profile.Market()
		f.Market = &own
	}
	found, err := c.n.look(r.Context(), f, protocol.MaxFindLimit)
	if err != nil {
		return nil, err
	}
	reply := MarketReply{Offers: []MarketOffer{}, Skipped: found.Skipped}
	for _, o := range found.Offers {
		id, err := network.PeerID(o.Key)
		if err != nil {
			return nil, err
		}
		m := MarketOffer{Offer: o.Offer, Peer: id.String()}
		if price, ok := o.Price(cmp.Or(f.Unit, protocol.UnitCPUMillis)); ok {
			if m.PerHour, err = price.Cost(3_600_000); err != nil {
				return nil, err
			}
		}
		ch := protocol.Channel{Payer: c.n.payer.Address(), Signer: c.n.key.Address(), Payee: o.Payee, Operator: o.Rig, Token: c.n.cfg.Profile.Market().Token}
		_, m.Channel, err = outBook{Journal: c.n.journal}.Channel(r.Context(), ch.ID())
		if err != nil {
			return nil, err
		}
		reply.Offers = append(reply.Offers, m)
	}
	slices.SortFunc(reply.Offers, func(a, b MarketOffer) int {
		if a.PerHour == b.PerHour {
			return slices.Compare(a.Rig[:], b.Rig[:])
		}
		if a.PerHour.Less(b.PerHour) {
			return -1
		}
		return 1
	})
	return reply, nil
}
