package requester

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

// quoted is a rig's binding answer and the stream it came on.
type quoted struct {
	offer    *protocol.VerifiedOffer
	st       Stream
	quote    *protocol.Quote
	verified bool // by verify
}

// verify checks the rig's signature, once.
func (q *quoted) verify() error {
	if q.verified {
		return nil
	}
	_, err := protocol.CheckSignature("quote.rig_sig", q.quote.Agreement.ID(), q.quote.RigSig, q.offer.Rig)
	q.verified = err == nil
	return err
}

// find lists the offers that fit, best first: the cheapest, then the one with
// most free slots, then by address so that the order is stable.
func (r *Requester) find(ctx context.Context, o *Order, again bool) ([]*protocol.VerifiedOffer, []protocol.SkipCount, error) {
	offers, skipped, err := r.cfg.Offers.Find(ctx, o.filter(r.cfg.Market), maxOffers, again)
	if err != nil {
		return nil, nil, fmt.Errorf("find offers: %w", err)
	}
	drop := func(reason protocol.Reason, detail func() string, unfit func(*protocol.VerifiedOffer) bool) {
		before := len(offers)
		if offers = slices.DeleteFunc(offers, unfit); len(offers) < before {
			skipped = append(skipped, protocol.SkipCount{Reason: reason, Detail: detail(), Count: uint32(before - len(offers))})
		}
	}
	drop(protocol.ReasonNoOffers, func() string { return "not rig " + o.Rig.String() },
		func(v *protocol.VerifiedOffer) bool { return !o.Rig.IsZero() && v.Rig != o.Rig })
	drop(protocol.ReasonNoOffers, func() string { return "this node's own rig" },
		func(v *protocol.VerifiedOffer) bool { return v.Rig == r.cfg.Key.Address() })
	drop(protocol.ReasonNoOffers, func() string { return "another member of the gang has hired it" },
		func(v *protocol.VerifiedOffer) bool { return o.gang.has(v.Rig) })
	drop(protocol.ReasonEngine, func() string { return "carries no private links" },
		func(v *protocol.VerifiedOffer) bool {
			_, carries := v.Opt[protocol.LinkExtension]
			return o.gang != nil && !carries
		})
	drop(protocol.ReasonOverBudget, func() string { return fmt.Sprintf("the budget of %s buys no %s", r.cfg.Text(o.Budget), o.Unit) },
		func(v *protocol.VerifiedOffer) bool {
			price, _, _ := o.price(&v.Offer)
			return price.Buys(o.Budget) == 0
		})
	slices.SortFunc(offers, func(a, b *protocol.VerifiedOffer) int {
		pa, _, _ := o.price(&a.Offer)
		pb, _, _ := o.price(&b.Offer)
		switch {
		case pa.PerMillion.Less(pb.PerMillion):
			return -1
		case pb.PerMillion.Less(pa.PerMillion):
			return 1
		}
		return cmp.Or(cmp.Compare(b.FreeSlots, a.FreeSlots), slices.Compare(a.Rig[:], b.Rig[:]))
	})
	return offers, skipped, nil
}

// hire asks the best rigs for quotes and returns the best answer: a rig that can
// start at once before one that cannot, then the cheaper. refused says why the
// others did not answer well.
func (r *Requester) hire(ctx context.Context, o *Order, spec []byte, offers []*protocol.VerifiedOffer) (best *quoted, refused []string) {
	for len(offers) > 0 && best == nil && ctx.Err() == nil {
		n := min(r.howMany(ctx, o, offers[0]), len(offers))
		var got []*quoted
		got, refused = r.askAll(ctx, o, spec, offers[:n], refused)
		offers = offers[n:]
		for _, q := range got {
			if best == nil || better(q.quote, best.quote) {
				best, q = q, best
			}
			if q != nil {
				_ = q.st.Close() // a quote not taken costs nobody anything
			}
		}
	}
	return best, refused
}

// howMany rigs to ask: only the best one where a channel to it is open already.
func (r *Requester) howMany(ctx context.Context, o *Order, best *protocol.VerifiedOffer) int {
	id := r.channelTo(best).ID()
	open := r.used.has(id)
	if !open {
		_, known, err := r.cfg.Book.Channel(ctx, id)
		open = known && err == nil
	}
	if open && (best.FreeSlots > 0 || o.Spec.OfServed()) { // a session takes no slot
		return 1
	}
	return askedRigs
}

func better(a, b *protocol.Quote) bool {
	if (a.Ahead == 0) != (b.Ahead == 0) {
		return a.Ahead == 0
	}
	if a.Agreement.Price.PerMillion == b.Agreement.Price.PerMillion {
		return a.Ahead < b.Ahead
	}
	return a.Agreement.Price.PerMillion.Less(b.Agreement.Price.PerMillion)
}

func (r *Requester) askAll(ctx context.Context, o *Order, spec []byte, offers []*protocol.VerifiedOffer, refused []string) ([]*quoted, []string) {
	type answer struct {
		rig protocol.Address
		q   *quoted
		err error
	}
	answers := make(chan answer, len(offers))
	for _, v := range offers {
		go func() { // ends within quoteWait; its answer always fits the channel
			q, err := r.ask(ctx, o, spec, v)
			if err == nil && len(offers) > 1 { // else while the budget is reserved
				if err = q.verify(); err != nil {
					q.st.Reset()
					err = fmt.Errorf("rig %s: %s: %w", v.Rig, protocol.ReasonBadSignature, err)
				}
			}
			answers <- answer{v.Rig, q, err}
		}()
	}
	var got []*quoted
	for range offers {
		a := <-answers
		if a.err == nil {
			got = append(got, a.q)
			continue
		}
		if len(refused) < maxTried {
			refused = append(refused, a.err.Error())
		}
		r.bans.add(a.rig)
	}
	return got, refused
}

// ask gets one rig's quote and checks all but its signature against the offer and the
// order.
func (r *Requester) ask(ctx context.Context, o *Order, spec []byte, v *protocol.VerifiedOffer) (*quoted, error) {
	fail := func(reason protocol.Reason, err any) error {
		return fmt.Errorf("rig %s: %s: %v", v.Rig, reason, err)
	}
	ctx, cancel := context.WithTimeout(ctx, quoteWait)
	defer cancel()
	st, err := r.cfg.Offers.Dial(ctx, v)
	if err != nil {
		return nil, fail(protocol.ReasonUnreachable, err)
	}
	req := &protocol.QuoteRequest{Spec: spec, Payer: r.cfg.Payer, Signer: r.cfg.Key.Address(),
		Market: r.cfg.Market, Unit: o.Unit, Budget: o.Budget}
	if _, err := rand.Read(req.Nonce[:]); err != nil {
		st.Reset()
		return nil, fail(protocol.ReasonJournal, err)
	}
	q, err := r.exchangeQuote(st, o, req, v)
	if err != nil {
		st.Reset()
		return nil, err
	}
	return &quoted{offer: v, st: st, quote: q}, nil
}

func (r *Requester) exchangeQuote(st Stream, o *Order, req *protocol.QuoteRequest, v *protocol.VerifiedOffer) (*protocol.Quote, error) {
	fail := func(reason protocol.Reason, err any) error {
		return fmt.Errorf("rig %s: %s: %v", v.Rig, reason, err)
	}
	if st.Key() != v.Key {
		return nil, fail(protocol.ReasonBadSignature, "another key answers at its address")
	}
	if err := st.Send(req); err != nil {
		return nil, fail(protocol.ReasonUnreachable, err)
	}
	m, err := st.RecvBefore(r.cfg.Clock().Add(quoteWait))
	if err != nil {
		return nil, fail(protocol.ReasonUnreachable, err)
	}
	switch m := m.(type) {
	case *protocol.Refusal:
		return nil, fail(m.Reason, m.Detail)
	case *protocol.Quote:
		if err := r.checkQuote(m, o, req, v); err != nil {
			return nil, fail(protocol.ReasonMalformed, err)
		}
		return m, nil
	}
	return nil, fail(protocol.ReasonMalformed, fmt.Sprintf("message type %d instead of a quote", m.Type()))
}

// checkQuote holds a quote against the offer that led to it and the request.
func (r *Requester) checkQuote(q *protocol.Quote, o *Order, req *protocol.QuoteRequest, v *protocol.VerifiedOffer) error {
	a := &q.Agreement
	offered, tick, ok := o.price(&v.Offer)
	sum, err := protocol.SpecCID(req.Spec)
	if err != nil {
		return err
	}
	now := uint64(r.cfg.Clock().UnixMilli())
	switch {
	case a.Rig != v.Rig || a.Requester != r.cfg.Key.Address() || a.Nonce != req.Nonce:
		return errors.New("quote names other parties or another request")
	case a.Domain != req.Market.Domain || q.Channel != r.channelTo(v) || a.Channel != q.Channel.ID():
		return errors.New("quote names another chain, escrow or channel")
	case string(a.SpecHash[:]) != string(sum.Hash()[len(sum.Hash())-32:]):
		return errors.New("quote is for another job spec")
	case !ok || a.Price.Unit != req.Unit || offered.PerMillion.Less(a.Price.PerMillion):
		return fmt.Errorf("quote of %s is above the offer of %s", a.Price.PerMillion, offered.PerMillion)
	case a.MaxTotal != req.Budget || a.TickUnits > tick:
		return errors.New("quote changes the budget or lengthens the tick")
	case *a != (protocol.Agreement{Domain: a.Domain, Requester: a.Requester, Rig: a.Rig, Channel: a.Channel,
		SpecHash: a.SpecHash, Price: a.Price, TickUnits: a.TickUnits, MaxTotal: a.MaxTotal, QuotedAt: a.QuotedAt,
		AcceptBy: a.AcceptBy, Deadline: a.Deadline, Nonce: a.Nonce}):
		return errors.New("quote sets fields that are zero in this version")
	case a.AcceptBy < now+uint64(time.Second.Milliseconds()):
		return errors.New("quote has run out already; check the clocks")
	}
	return nil
}

// channelTo is the channel this node pays a rig through.
func (r *Requester) channelTo(v *protocol.VerifiedOffer) protocol.Channel {
	return protocol.Channel{Payer: r.cfg.Payer, Signer: r.cfg.Key.Address(), Payee: v.Payee, Operator: v.Rig, Token: r.cfg.Market.Token}
}
