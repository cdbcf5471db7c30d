package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	maxAttempts = 8       // rigs that one request is sent to
	maxMade     = 1 << 20 // tokens that are kept to go on with elsewhere
)

// sink takes an answer as it comes. Its errors mean that the client is gone.
type sink interface {
	// begin is called once, before the first piece.
	begin(d *dispatch) error
	piece(p piece) error
	whole(fields map[string]any) error
	// end closes a complete answer.
	end(d *dispatch) error
	// again forgets what was said, and reports whether nobody has heard it.
	again() bool
}

// dispatch is a request on its way over one or more rigs.
type dispatch struct {
	g       *Gateway
	q       *request
	id      string
	created time.Time
	model   string // as the client called it

	tried    map[place]bool
	last     *Offer // broke off, with its session still open
	again    bool   // it was asked again
	attempts int
	why      refusals
	begun    bool
	made     []int // tokens delivered so far, where the answer can be continued
	unsure   bool  // tokens were delivered that are not in made

	// of the attempt that delivers, or did last
	offer       Offer
	job         string
	fingerprint string
	first       time.Duration

	total usage // delivered, over all rigs
	read  uint64
	cost  protocol.Amount
}

// gone is an error of the client's connection.
type gone struct{ error }

// run answers a request. The error is in the API's form unless the client is gone; whoever
// calls looks at begun to know whether a part was said already.
func (d *dispatch) run(ctx context.Context, out sink) error {
	for {
		a, err := d.win(ctx)
		if err != nil {
			return err
		}
		err = d.relay(a, out)
		d.book(a)
		var left gone
		switch {
		case err == nil:
			return out.end(d)
		case errors.As(err, &left):
			return err
		case ctx.Err() != nil:
			return gone{err}
		}
		d.g.blame(a, err)
		d.broke(a, err)
		switch {
		case !d.q.settled || d.unsure || len(d.made) == 0 || !a.hire.continues:
			if !out.again() {
				return &apiError{status: http.StatusBadGateway, code: "rig_lost", message: fmt.Sprintf(
					"rig %s failed in the middle of its answer (%v), and this request's answer cannot be continued by another: it is not greedy, has no seed, or is several; ask again",
					a.offer.Rig, err)}
			}
			d.made, d.unsure = nil, false
			d.total, d.read, d.cost = usage{}, 0, protocol.Amount{} // nobody has heard it: it is not charged
		}
	}
}

// book adds what an attempt delivered to the bill.
func (d *dispatch) book(a *attempt) {
	for range a.chunks { // it ends soon: it is over or cancelled
	}
	if a.hire == nil {
		return
	}
	if d.total.Prompt == 0 {
		d.total.Prompt = a.read
		if a.usage != nil {
			d.total.Prompt, d.total.Details = a.usage.Prompt, a.usage.Details
		}
	}
	d.total.Completion += a.tokens
	d.total.Total = d.total.Prompt + d.total.Completion
	d.read += a.read
	if cost, err := a.offer.Model.Price().Cost(a.units()); err == nil {
		d.cost = sum(d.cost, cost)
	}
}

// relay passes an attempt's chunks on.
func (d *dispatch) relay(a *attempt, out sink) error {
	defer a.cancel(nil)
	d.offer, d.job, d.first = a.offer, a.hire.session.Job(), a.first
	for c := range a.chunks {
		if c.fingerprint != "" {
			d.fingerprint = c.fingerprint
		}
		if !d.begun {
			d.begun = true
			if err := out.begin(d); err != nil {
				return gone{err}
			}
		}
		if c.whole != nil {
			fields := map[string]any{}
			for name, value := range c.whole {
				fields[name] = value
			}
			if err := out.whole(fields); err != nil {
				return gone{err}
			}
		}
		for _, p := range c.pieces {
			if err := out.piece(p); err != nil {
				return gone{err}
			}
			if d.made = append(d.made, p.tokens...); len(p.tokens) == 0 && (p.text != "" || p.delta != nil) || len(d.made) > maxMade {
				d.unsure = true
			}
		}
	}
	return a.err
}

// blame remembers a rig's failure. Its session may end in good order, by its budget or its
// time, and a rig whose session has ended is asked for another first.
func (g *Gateway) blame(a *attempt, err error) {
	var busy *busyError
	switch {
	case errors.As(err, &busy):
		g.rigs.full(a.offer.key(), busy.retry)
	case errors.Is(err, errLost), errors.Is(err, errCannotGo), errors.Is(err, context.Canceled):
	default:
		g.rigs.failed(a.offer.key())
		g.log.Info("a rig failed", "rig", a.offer.Rig, "model", a.offer.Model.Name, "err", err)
	}
}

// next is the best offer that was not tried; false if there is none.
func (d *dispatch) next(ctx context.Context) (Offer, bool, error) {
	if d.attempts >= maxAttempts {
		return Offer{}, false, nil
	}
	offers, err := d.g.catalog.find(ctx, d.q.model)
	if err != nil {
		return Offer{}, false, err
	}
	var left []Offer
	for _, o := range offers {
		if !d.tried[o.key()] {
			left = append(left, o)
		}
	}
	why := &refusals{}
	if d.attempts == 0 {
		why = &d.why
	}
	fit := d.g.rigs.order(left, d.q.conversation, why)
	switch {
	case len(fit) > 0:
		return fit[0], true, nil
	case d.last != nil && !d.again: // nobody else is there, and one answer that broke off may have been bad luck
		d.again = true
		return *d.last, true, nil
	}
	return Offer{}, false, nil
}

// win asks rigs until one of them gives a first token. A second one is asked at the same time
// when the first takes longer than it usually does; whoever is later is told to stop.
func (d *dispatch) win(ctx context.Context) (won *attempt, err error) {
	var running []*attempt
	began := make(chan *attempt, maxAttempts)
	defer func() {
		for _, a := range running {
			if a != won {
				a.cancel(errLost)
			}
		}
	}()
	hedge := time.NewTimer(time.Hour)
	defer hedge.Stop()
	start := func() (ok bool, err error) {
		o, ok, err := d.next(ctx)
		if !ok || err != nil {
			return false, err
		}
		d.tried[o.key()] = true
		d.attempts++
		a := d.g.try(ctx, d.q, o, d.made)
		running = append(running, a)
		d.g.attempts.Go(func() {
			<-a.began
			began <- a
		})
		wait := usualHedge
		if d.g.pool.has(o.key()) {
			wait = d.g.rigs.patience(o.key())
		}
		hedge.Reset(wait)
		return true, nil
	}
	if ok, err := start(); err != nil {
		return nil, err
	} else if !ok {
		return nil, d.why.err(d.q.model)
	}
	for open := 1; ; {
		select {
		case a := <-began:
			if a.alive {
				d.g.rigs.first(a.offer.key(), a.first, d.q.conversation)
				return a, nil
			}
			open--
			if err := d.failed(a); err != nil {
				return nil, err
			}
		case <-hedge.C:
			if open > 1 {
				continue
			}
		case <-ctx.Done():
			return nil, gone{ctx.Err()}
		}
		ok, err := start()
		if err != nil {
			return nil, err
		}
		if ok {
			open++
		} else if open == 0 {
			return nil, d.why.err(d.q.model)
		}
	}
}

// failed notes why an attempt gave nothing. The error is one that no other rig would mend.
func (d *dispatch) failed(a *attempt) error {
	for range a.chunks { // there is none: its end is all that it waits for
	}
	var refused *refusedError
	var api *apiError
	var busy *busyError
	switch {
	case errors.As(a.err, &refused):
		return refused.api
	case errors.As(a.err, &api):
		return api
	case errors.As(a.err, &busy):
		d.why.wait(a.offer.Rig.String(), busy.retry)
	default:
		d.broke(a, a.err)
	}
	d.g.blame(a, a.err)
	return nil
}

// broke notes why an attempt broke off.
func (d *dispatch) broke(a *attempt, err error) {
	d.why.add(a.offer.Rig.String(), err.Error())
	if a.hire == nil || errors.Is(err, errCannotGo) {
		return
	}
	select {
	case <-a.hire.session.Done():
	default:
		d.last = &a.offer
	}
}
