package gateway

import (
	"context"
	"errors"
	"time"
)

const maxAttempts = 8 // rigs that one request is sent to

// next is the best offer that was not tried; false if there is none.
func (d *dispatch) next(ctx context.Context) (Offer, bool, error) {
	if d.attempts >= maxAttempts {
		return Offer{}, false, nil
	}
	offers, err := d.g.catalog.find(ctx, d.q.model)
	if err != nil {
		return Offer{}, false, err
	}
	if offers, err = d.q.drawn(offers); err != nil {
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

// start asks the next rig; false if there is none. began gets the attempt when its first token
// is there, or its end.
func (d *dispatch) start(ctx context.Context, began chan<- *attempt) (a *attempt, ok bool, err error) {
	o, ok, err := d.next(ctx)
	if !ok || err != nil {
		return nil, false, err
	}
	held, err := d.hold(o)
	if err != nil {
		return nil, false, err
	}
	d.tried[o.key()] = true
	d.attempts++
	a = d.g.try(ctx, d.q, o, d.made)
	a.held = held
	d.open = append(d.open, a)
	d.g.attempts.Go(func() {
		<-a.began
		began <- a
	})
	return a, true, nil
}

// patience is how long an attempt's first token is waited for before another rig is asked.
func (d *dispatch) patience(a *attempt) time.Duration {
	if d.q.form == imageForm { // it comes all at once, and a second rig's would cost as much again
		return imageWait
	}
	if !d.g.pool.has(a.offer.key()) {
		return usualHedge
	}
	return d.g.rigs.patience(a.offer.key())
}

// win asks rigs until one of them gives a first token. A second one is asked at the same time
// when the first takes longer than it usually does; whoever is later is told to stop.
func (d *dispatch) win(ctx context.Context) (won *attempt, err error) {
	began := make(chan *attempt, maxAttempts)
	defer func() {
		for _, a := range d.open {
			if a != won {
				a.cancel(errLost)
			}
		}
	}()
	hedge := time.NewTimer(time.Hour)
	defer hedge.Stop()
	for open := 0; ; {
		if ctx.Err() != nil {
			return nil, gone{ctx.Err()}
		}
		a, ok, err := d.start(ctx, began)
		switch {
		case ok:
			open++
			hedge.Reset(d.patience(a))
		case open > 0: // who is asked already may yet answer
		case err != nil:
			return nil, err
		default:
			return nil, d.why.err(d.q.model)
		}
		for waiting := true; waiting; {
			select {
			case a := <-began:
				if a.alive {
					if d.q.form != imageForm {
						d.g.rigs.first(a.offer.key(), a.first, d.q.conversation)
					}
					return a, nil
				}
				open--
				if err := d.failed(a); err != nil {
					return nil, err
				}
				waiting = false
			case <-hedge.C:
				waiting = open > 1
			case <-ctx.Done():
				return nil, gone{ctx.Err()}
			}
		}
	}
}

// failed notes why an attempt gave nothing. The error is one that no other rig would mend.
func (d *dispatch) failed(a *attempt) error {
	d.book(a)
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
