package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	idleFor      = 10 * time.Minute // a session nobody uses is ended then
	sessionLife  = 50 * time.Minute // no request begins later; a session may run an hour
	openWait     = 3 * time.Minute  // for a quote, a channel and the first connection
	learnWait    = 5 * time.Second  // for a session that runs to let somebody in
	learnPause   = 20 * time.Millisecond
	closeWait    = 20 * time.Second // for the last bill
	maxDialling  = 16               // connections of a session that are being opened; a rig lets 64 of a peer wait
	maxUsers     = 120              // requests of a session at once; a rig takes 128 (SPEC §5.6)
	requestsEach = 4                // that a session's budget suffices for, at least
	keptConns    = 128              // idle connections of a session
	reapEvery    = time.Second
	reportEvery  = 20 * time.Millisecond
	maxModelInfo = 1 << 20 // bytes of a rig's /v1/models
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

// pool keeps one session for each model and rig that is in use, and opens another before
// its budget or its time runs out. A request costs no agreement and no transaction.
type pool struct {
	market Market
	purse  *purse
	log    *slog.Logger
	clock  func() time.Time

	mu      sync.Mutex // guards the rest
	current map[place]*hire
	all     map[*hire]struct{}
	opening map[place]*opening
	closed  bool
	work    sync.WaitGroup // of sessions that report or are being closed
}

// opening is a session that somebody opens and others wait for.
type opening struct {
	done chan struct{} // closed when err is set
	err  error
}

func newPool(m Market, p *purse, log *slog.Logger, clock func() time.Time) *pool {
	return &pool{market: m, purse: p, log: log, clock: clock,
		current: map[place]*hire{}, all: map[*hire]struct{}{}, opening: map[place]*opening{}}
}

// get returns a session with the offer's rig that has need units left, and holds them.
func (p *pool) get(ctx context.Context, o Offer, need uint64) (*hire, error) {
	for {
		p.mu.Lock()
		if h := p.current[o.key()]; h != nil && h.fits(o, need, p.clock()) {
			h.held += need
			h.users++
			p.mu.Unlock()
			return h, nil
		}
		if p.closed {
			p.mu.Unlock()
			return nil, &apiError{status: http.StatusServiceUnavailable, code: "stopping", message: "the gateway is stopping"}
		}
		if other := p.opening[o.key()]; other != nil {
			p.mu.Unlock()
			select {
			case <-other.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if other.err != nil {
				return nil, other.err
			}
			continue
		}
		mine := &opening{done: make(chan struct{})}
		p.opening[o.key()] = mine
		p.work.Go(func() { p.open(context.WithoutCancel(ctx), o, need, mine) })
		p.mu.Unlock()
	}
}

// fits reports whether a request can begin here. The caller holds the pool's lock.
func (h *hire) fits(o Offer, need uint64, now time.Time) bool {
	select {
	case <-h.session.Done():
		return false
	default:
	}
	return !h.retired && h.users < maxUsers && h.offer.Model.PerMillion == o.Model.PerMillion &&
		h.done+h.held+need+h.offer.Model.Tick <= h.units && now.Sub(h.born) < sessionLife
}

// has reports whether a session is open at a place.
func (p *pool) has(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current[at] != nil
}

// open makes a session the current one of its place. It outlives the request that wanted it:
// others wait for it too.
func (p *pool) open(ctx context.Context, o Offer, need uint64, mine *opening) {
	h, err := p.hire(ctx, o, need)
	p.mu.Lock()
	delete(p.opening, o.key())
	if mine.err = err; err == nil {
		if old := p.current[o.key()]; old != nil {
			p.retire(old)
		}
		p.current[o.key()] = h
		p.all[h] = struct{}{}
		p.work.Go(func() { p.report(h) })
		if p.closed {
			p.retire(h)
		}
	}
	p.mu.Unlock()
	close(mine.done)
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

// put ends a request's use of a session: what it held, and what it cost.
func (p *pool) put(h *hire, held, cost uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.held, h.done, h.used = h.held-held, h.done+cost, p.clock()
	h.users--
	if h.retired {
		p.retire(h)
	}
}

// retire lets a session take no new requests, and ends it when it has none. The caller holds
// the lock.
func (p *pool) retire(h *hire) {
	h.retired = true
	if p.current[h.offer.key()] == h {
		delete(p.current, h.offer.key())
	}
	if h.users > 0 || h.closing {
		return
	}
	h.closing = true
	p.work.Go(func() {
		p.end(h)
		p.mu.Lock()
		delete(p.all, h)
		p.mu.Unlock()
	})
}

// end closes a session and books its bill.
func (p *pool) end(h *hire) {
	ctx, cancel := context.WithTimeout(context.Background(), closeWait) // it is ended whoever wanted it
	defer cancel()
	h.web.CloseIdleConnections()
	p.tell(ctx, h) // before the last receipt, which is held against it
	if err := h.session.Close(ctx); err != nil {
		p.log.Debug("a session ended badly", "job", h.session.Job(), "err", err)
	}
	p.purse.put(h.budget, h.session.Spent())
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

// run ends what is idle or old until ctx ends, then everything, and waits for the bills.
func (p *pool) run(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.mu.Lock()
			p.closed = true
			for h := range p.all {
				p.retire(h)
			}
			p.mu.Unlock()
			p.work.Wait()
			return
		}
		p.mu.Lock()
		now := p.clock()
		for _, h := range p.current {
			if now.Sub(h.born) > sessionLife || h.users == 0 && now.Sub(h.used) > idleFor {
				p.retire(h)
			}
		}
		p.mu.Unlock()
	}
}
