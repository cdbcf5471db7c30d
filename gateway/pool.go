package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
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
