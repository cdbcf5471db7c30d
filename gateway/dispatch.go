package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

// sink takes an answer as it comes. An error of its client's connection is a gone, every other
// one is about what the rig said.
type sink interface {
	// begin is called once, before the first piece.
	begin(d *dispatch) error
	piece(p *piece) error
	whole(fields map[string]any) error
	// flush is called where nothing more has come yet.
	flush() error
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
	open     []*attempt // that are not booked
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
	held  protocol.Amount // of the key's budget
}

// gone is an error of the client's connection.
type gone struct{ error }

// run answers a request. The error is in the API's form unless the client is gone; whoever
// calls looks at begun to know whether a part was said already. Whatever happens, the key pays
// what the request cost.
func (d *dispatch) run(ctx context.Context, out sink) error {
	defer func() {
		d.close()
		d.g.purse.settle(d.q.key, d.held, d.cost)
	}()
	for {
		a, err := d.win(ctx)
		if err != nil {
			return err
		}
		err = d.relay(a, out)
		d.book(a)
		d.deliver(a)
		var left gone
		var api *apiError
		switch {
		case err == nil:
			d.g.rigs.succeeded(a.offer.key())
			d.close()
			return out.end(d)
		case errors.As(err, &left):
			return err
		case ctx.Err() != nil:
			return gone{err}
		case errors.As(err, &api):
			return api
		case errors.Is(err, errSlow):
			return &apiError{status: http.StatusRequestTimeout, code: "client_too_slow",
				message: fmt.Sprintf("%d bytes of this answer waited for you to read them; read faster, or ask for fewer tokens", maxBehind)}
		}
		d.g.blame(a, err)
		d.broke(a, err)
		if !d.q.settled || d.unsure || len(d.made) == 0 || !a.hire.continues {
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

// hold sets aside what an attempt may cost the key.
func (d *dispatch) hold(o Offer) (protocol.Amount, error) {
	most, err := o.Model.Price().Cost(d.q.need(o, d.made))
	if err != nil {
		return most, err
	}
	if broke := d.g.purse.hold(d.q.key, most); broke != nil {
		return most, broke
	}
	d.held = sum(d.held, most)
	return most, nil
}

// book adds what an attempt cost to the bill, once it is over. What it was held for beyond that
// is free again.
func (d *dispatch) book(a *attempt) {
	<-a.ended
	d.open = slices.DeleteFunc(d.open, func(other *attempt) bool { return other == a })
	cost, err := a.offer.Model.Price().Cost(a.charge())
	if err != nil { // no more than was held
		cost = a.held
	}
	left := a.held.Minus(cost)
	d.g.purse.settle(d.q.key, left, protocol.Amount{})
	d.held, d.cost = d.held.Minus(left), sum(d.cost, cost)
	if d.job == "" && !cost.IsZero() {
		d.offer, d.job = a.offer, a.hire.session.Job()
	}
}

// close ends what is under way still, and books it: a rig that was asked is paid, whoever won.
func (d *dispatch) close() {
	for _, a := range d.open {
		a.cancel(errLost)
	}
	for len(d.open) > 0 {
		d.book(d.open[0])
	}
}

// deliver adds what an attempt said to the answer's tokens.
func (d *dispatch) deliver(a *attempt) {
	if d.total.Prompt == 0 {
		d.total.Prompt = a.read
		if a.usage != nil {
			d.total.Prompt, d.total.Details = a.usage.Prompt, a.usage.Details
		}
	}
	d.total.Completion += a.tokens
	d.total.Total = d.total.Prompt + d.total.Completion
	d.read += a.read
}

// relay passes an attempt's chunks on.
func (d *dispatch) relay(a *attempt, out sink) (err error) {
	defer func() {
		var left gone
		if errors.As(err, &left) {
			a.cancel(nil)
		} else {
			a.cancel(err)
		}
	}()
	d.offer, d.job, d.first = a.offer, a.hire.session.Job(), a.first
	for chunks := a.chunks.take(nil); len(chunks) > 0; chunks = a.chunks.take(chunks) {
		for i := range chunks {
			if err := d.pass(&chunks[i], out); err != nil {
				return err
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	<-a.ended
	return a.err
}

// pass passes a chunk on.
func (d *dispatch) pass(c *chunk, out sink) error {
	if c.fingerprint != "" {
		d.fingerprint = c.fingerprint
	}
	if !d.begun {
		d.begun = true
		if err := out.begin(d); err != nil {
			return err
		}
	}
	if c.whole != nil {
		fields := map[string]any{}
		for name, value := range c.whole {
			fields[name] = value
		}
		return out.whole(fields)
	}
	for i := range c.pieces {
		p := &c.pieces[i]
		if err := out.piece(p); err != nil {
			return err
		}
		if d.made = append(d.made, p.tokens...); len(p.tokens) == 0 && (p.text != nil || p.delta != nil) {
			d.unsure = true
		}
	}
	return nil
}

// blame remembers a rig's failure. Its session may end in good order, by its budget or its
// time, and a rig whose session has ended is asked for another first.
func (g *Gateway) blame(a *attempt, err error) {
	var busy *busyError
	switch {
	case errors.As(err, &busy):
		g.rigs.full(a.offer.key(), busy.retry)
	case !broken(err), errors.Is(err, errCannotGo):
	default:
		g.rigs.failed(a.offer.key())
		g.log.Info("a rig failed", "rig", a.offer.Rig, "model", a.offer.Model.Name, "err", err)
	}
}
