package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// hire is an open session with what the gateway keeps beside it. The pool owns it.
type hire struct {
	offer     Offer
	session   Session
	web       *http.Client
	name      string // of the model at the rig
	continues bool   // the rig takes continue_token_ids
	budget    protocol.Amount
	units     uint64 // that the budget buys
	born      time.Time

	// guarded by pool.mu
	held    uint64 // units that requests under way may cost
	done    uint64 // units of those that ended
	users   int
	used    time.Time
	retired bool // takes no new request
	closing bool

	credit struct { // what has arrived, in units
		sync.Mutex
		units   int64
		changed chan struct{} // holds a value where units are not reported yet; never closed
	}
}

// hire opens a session and learns what its server takes.
func (p *pool) hire(ctx context.Context, o Offer, need uint64) (*hire, error) {
	ctx, cancel := context.WithTimeout(ctx, openWait)
	defer cancel()
	least, err := o.Model.Price().Cost(need + o.Model.Tick)
	if err != nil {
		return nil, err
	}
	wish := least
	for range requestsEach {
		wish = sum(wish, least)
	}
	if share, err := protocol.AmountFromBig(p.purse.budget.Big().Rsh(p.purse.budget.Big(), 3)); err == nil && wish.Less(share) {
		wish = share
	}
	budget, broke := p.purse.take(wish, least)
	if broke != nil {
		return nil, broke
	}
	s, err := p.market.Open(ctx, o, budget)
	if err != nil {
		p.purse.put(budget, protocol.Amount{})
		if errors.Is(err, ErrBudget) {
			return nil, &apiError{status: http.StatusPaymentRequired, code: "insufficient_quota", message: err.Error()}
		}
		return nil, err
	}
	h := &hire{offer: o, session: s, budget: budget, units: o.Model.Price().Buys(budget), born: p.clock(), used: p.clock()}
	h.credit.changed = make(chan struct{}, 1)
	h.web = &http.Client{Transport: &http.Transport{
		DialContext:  fewAtOnce(s),
		MaxIdleConns: keptConns, MaxIdleConnsPerHost: keptConns, IdleConnTimeout: time.Minute, DisableCompression: true,
		MaxResponseHeaderBytes: 64 << 10,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for {
		err := h.learn(ctx)
		if err == nil {
			return h, nil
		}
		select { // a rig says that it runs before it lets anybody in
		case <-time.After(learnPause):
			if p.clock().Sub(h.born) < learnWait {
				continue
			}
		case <-s.Done():
		}
		p.end(h)
		return nil, fmt.Errorf("ask the rig for its model: %w", err)
	}
}

// fewAtOnce dials a session no more often at once than a rig lets wait.
func fewAtOnce(s Session) func(ctx context.Context, _, _ string) (net.Conn, error) {
	dialling := make(chan struct{}, maxDialling)
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case dialling <- struct{}{}:
			defer func() { <-dialling }()
			return s.Dial(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// learn asks the rig's server how it calls its model.
func (h *hire) learn(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://rig/v1/models", nil)
	if err != nil {
		return err
	}
	res, err := h.web.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var list struct {
		Data []struct {
			ID        string `json:"id"`
			Continues bool   `json:"continues_tokens"`
		} `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxModelInfo)).Decode(&list); err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	if len(list.Data) == 0 {
		return fmt.Errorf("%s: it names no model", res.Status)
	}
	i := max(0, slices.IndexFunc(list.Data, func(m struct {
		ID        string `json:"id"`
		Continues bool   `json:"continues_tokens"`
	}) bool {
		return m.ID == h.offer.Model.Name
	}))
	h.name, h.continues = list.Data[i].ID, list.Data[i].Continues
	return nil
}

// earn says that so many units have arrived, or that some are taken back.
func (h *hire) earn(units int64) {
	h.credit.Lock()
	h.credit.units += units
	h.credit.Unlock()
	select {
	case h.credit.changed <- struct{}{}:
	default:
	}
}

// report tells the node what has arrived until the session is over, in the order it did.
func (p *pool) report(h *hire) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-h.session.Done():
			p.mu.Lock()
			p.retire(h)
			p.mu.Unlock()
			return
		case <-h.credit.changed:
		}
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		p.tell(ctx, h)
		cancel()
		pause.Reset(reportEvery)
		select {
		case <-pause.C:
		case <-h.session.Done():
		}
	}
}

// tell tells the node what has arrived by now.
func (p *pool) tell(ctx context.Context, h *hire) {
	h.credit.Lock()
	units := h.credit.units
	h.credit.Unlock()
	if err := h.session.Delivered(ctx, uint64(max(units, 0))); err != nil {
		p.log.Debug("the node was not told what arrived", "job", h.session.Job(), "err", err)
	}
}
