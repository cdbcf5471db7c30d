package gateway

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"
	"sync"
	"time"
)

const (
	firstBan    = 30 * time.Second // after a first failure; doubled with each further one
	longestBan  = 10 * time.Minute
	maxPlaces   = 4096 // rigs and models remembered
	maxSamples  = 64   // first tokens remembered of each
	leastHedge  = 50 * time.Millisecond
	usualHedge  = 5 * time.Second // until there are enough first tokens to know better
	enoughToGo  = 8               // first tokens
	maxSticky   = 8192            // conversations remembered
	stickyFor   = 30 * time.Minute
	sharedSlots = 4 // requests that a rig computes at once without each being slower, by default
)

// standing is what the gateway knows of a model at a rig.
type standing struct {
	strikes  int       // failures in a row
	banned   time.Time // not asked before then
	busy     time.Time // was full, not asked before then
	inflight int
	firsts   []time.Duration // till the first token, a ring
	next     int             // in the ring
	seen     time.Time
}

// rigs remembers how rigs did.
type rigs struct {
	clock func() time.Time

	mu     sync.Mutex // guards the rest
	known  map[place]*standing
	sticky map[string]stuck // by conversation
}

// stuck is where a conversation was answered last.
type stuck struct {
	at    place
	until time.Time
}

func newRigs(clock func() time.Time) *rigs {
	return &rigs{clock: clock, known: map[place]*standing{}, sticky: map[string]stuck{}}
}

// of returns what is known of a place. The caller holds the lock.
func (r *rigs) of(p place) *standing {
	s := r.known[p]
	if s == nil {
		if len(r.known) >= maxPlaces {
			r.forget()
		}
		s = &standing{}
		r.known[p] = s
	}
	s.seen = r.clock()
	return s
}

// forget drops the idle place that was not seen for the longest time.
func (r *rigs) forget() {
	var oldest *place
	for p, s := range r.known {
		if s.inflight == 0 && (oldest == nil || s.seen.Before(r.known[*oldest].seen)) {
			oldest = &p
		}
	}
	if oldest != nil {
		delete(r.known, *oldest)
	}
}

// order lists the offers to try, best first: where the conversation was, then by price,
// where every sharedSlots requests under way count as the price once more, then by load.
// What is banned or full is left out and told in why.
func (r *rigs) order(offers []Offer, conversation string, why *refusals) []Offer {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	var fit []Offer
	for _, o := range offers {
		switch s := r.of(o.key()); {
		case now.Before(s.banned):
			why.add(o.Rig.String(), "failed lately, asked again in "+s.banned.Sub(now).Round(time.Second).String())
			why.banned++
		case now.Before(s.busy):
			why.wait(o.Rig.String(), s.busy.Sub(now))
		default:
			fit = append(fit, o)
		}
	}
	last, ok := r.sticky[conversation]
	stays := func(o Offer) int {
		if ok && conversation != "" && last.at == o.key() && now.Before(last.until) && r.of(o.key()).inflight < sharedSlots {
			return 0
		}
		return 1
	}
	cost := func(o Offer) *big.Int {
		load := int64(r.of(o.key()).inflight/sharedSlots) + 1
		return new(big.Int).Mul(o.Model.PerMillion.Big(), big.NewInt(load))
	}
	slices.SortStableFunc(fit, func(a, b Offer) int {
		x, y := r.of(a.key()), r.of(b.key())
		return cmp.Or(stays(a)-stays(b), cost(a).Cmp(cost(b)), x.inflight-y.inflight, cmp.Compare(x.p95(), y.p95()),
			bytes.Compare(a.Rig[:], b.Rig[:]))
	})
	return fit
}

// begin and end frame a request at a place.
func (r *rigs) begin(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(p).inflight++
}

func (r *rigs) end(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(p).inflight--
}

// first tells that the first token came, and where the conversation is now.
func (r *rigs) first(p place, took time.Duration, conversation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(p)
	if len(s.firsts) < maxSamples {
		s.firsts = append(s.firsts, took)
	} else {
		s.firsts[s.next] = took
		s.next = (s.next + 1) % maxSamples
	}
	if conversation == "" {
		return
	}
	if _, ok := r.sticky[conversation]; !ok && len(r.sticky) >= maxSticky {
		for c := range r.sticky { // any one
			delete(r.sticky, c)
			break
		}
	}
	r.sticky[conversation] = stuck{p, r.clock().Add(stickyFor)}
}

// succeeded forgives a place its failures: an answer of its came to the end.
func (r *rigs) succeeded(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(p).strikes = 0
}

// failed bans a place for a while, longer with each failure in a row.
func (r *rigs) failed(p place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(p)
	s.banned = r.clock().Add(min(firstBan<<min(s.strikes, 10), longestBan))
	s.strikes++
}

// full keeps requests away from a place that has no room for a moment.
func (r *rigs) full(p place, retry time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(p).busy = r.clock().Add(retry)
}

// patience is how long the first token of a place may take before another one is asked.
func (r *rigs) patience(p place) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.of(p)
	if len(s.firsts) < enoughToGo {
		return usualHedge
	}
	return max(s.p95(), leastHedge)
}

// p95 is the 95th percentile of the first tokens; 0 where there was none.
func (s *standing) p95() time.Duration {
	if len(s.firsts) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.firsts))
	return sorted[(len(sorted)*95+99)/100-1]
}
