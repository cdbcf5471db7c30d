package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

const (
	compareEvery = 5 * time.Second // at the longest, between comparisons of the heads
	maxLag       = 16              // blocks that an endpoint may be behind the others
	minDepth     = 8               // blocks below the lowest head where all must agree
	maxAhead     = 2 * time.Minute // that a block may be ahead of our clock, if other endpoints do not have it
)

// Status is what is known of the chain, as of the last contact.
type Status struct {
	Online    bool      // an endpoint answered the last request and is the right one
	Head      uint64    // number of the newest block seen
	HeadTime  time.Time // that block's time
	Reason    string    // why not online, for people
	Reorgs    uint64    // times that blocks seen before were gone, since the start
	Endpoints []EndpointStatus
}

// EndpointStatus is what is known of one endpoint.
type EndpointStatus struct {
	Name   string // scheme and host
	Used   bool   // it is asked
	Reason string // why not
	// Requests were made since the start, and Errors of them got no answer.
	Requests, Errors uint64
}

// observe records the outcome of the last contact.
func (r *remote) observe(head block, reorgs uint64, err error) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.status
	r.status.Reorgs = reorgs
	if err != nil {
		r.status.Online, r.status.Reason = false, err.Error()
	} else {
		r.status.Online, r.status.Reason, r.status.Head, r.status.HeadTime = true, "", head.number, head.time
	}
	if r.status.Online && (!before.Online || before.Head != head.number || before.Reorgs != reorgs) {
		select {
		case r.news <- struct{}{}:
		default: // there is news already that nobody has asked for
		}
	}
	return before.Online != r.status.Online
}

func (r *remote) last() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.status
	for _, e := range r.endpoints {
		es := EndpointStatus{Name: e.name, Requests: e.asked, Errors: e.errors, Used: e.proven && e.wrong == nil && e.doubt == nil && e.failure == nil}
		for _, err := range []error{e.failure, e.doubt, e.wrong} {
			if err != nil {
				es.Reason = err.Error()
			}
		}
		st.Endpoints = append(st.Endpoints, es)
	}
	return st
}

// sighting is an endpoint's newest block.
type sighting struct {
	*endpoint
	head *types.Header
}

// agree compares the endpoints, where there are several and it is time: one that is
// far behind is not believed, and where they have different blocks at a depth that
// is settled, only a majority is. It changes what ready's client asks.
func (r *remote) agree(ctx context.Context, every time.Duration) error {
	r.mu.Lock()
	due := len(r.endpoints) > 1 && r.now().Sub(r.compared) >= every
	if due {
		r.compared = r.now()
	}
	r.mu.Unlock()
	if !due {
		return nil
	}
	r.proveLate(ctx)
	seen := r.heads(ctx)
	if len(seen) == 0 {
		return nil // nobody answers; the caller is about to notice
	}
	timely, doubts := r.timely(seen)
	r.behind(timely, doubts)
	level := slices.DeleteFunc(slices.Clone(timely), func(s sighting) bool { return doubts[s.endpoint] != nil })
	if len(level) < 2 { // what seems to lag may be all that is true
		level = timely
	}
	for e, doubt := range r.apart(ctx, level) {
		doubts[e] = doubt
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	believed := false
	for _, s := range seen {
		s.doubt = doubts[s.endpoint]
		believed = believed || s.doubt == nil
	}
	if believed {
		return nil
	}
	return seen[0].doubt
}

// proveLate checks the endpoints that were away at first contact. A wrong one is
// left out for good.
func (r *remote) proveLate(ctx context.Context) {
	r.mu.Lock()
	list := slices.DeleteFunc(slices.Clone(r.endpoints), func(e *endpoint) bool {
		return e.proven || e.wrong != nil || r.now().Before(e.limited) || r.now().Before(e.rest)
	})
	r.mu.Unlock()
	errs := r.proveAll(ctx, list)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range list {
		e.proven = errs[i] == nil
		if wrongEndpoint(errs[i]) {
			e.wrong = errs[i]
		}
	}
}

// heads asks every endpoint that may be asked for its newest block.
func (r *remote) heads(ctx context.Context) []sighting {
	r.mu.Lock()
	list := slices.DeleteFunc(slices.Clone(r.endpoints), func(e *endpoint) bool {
		return !e.proven || e.wrong != nil || r.now().Before(e.limited) || r.now().Before(e.rest)
	})
	r.mu.Unlock()
	found := make([]sighting, len(list))
	var all sync.WaitGroup
	for i, e := range list {
		all.Go(func() {
			if head, err := e.client.HeaderByNumber(ctx, nil); err == nil {
				found[i] = sighting{e, head}
			}
		})
	}
	all.Wait()
	return slices.DeleteFunc(found, func(s sighting) bool { return s.head == nil })
}

// timely leaves out endpoints whose lead is only that their blocks are of the future.
func (r *remote) timely(seen []sighting) ([]sighting, map[*endpoint]error) {
	doubts := map[*endpoint]error{}
	lowest := slices.MinFunc(seen, func(a, b sighting) int { return a.head.Number.Cmp(b.head.Number) }).head.Number.Uint64()
	return slices.DeleteFunc(slices.Clone(seen), func(s sighting) bool {
		ahead := time.Unix(int64(s.head.Time), 0).Sub(r.now())
		if ahead <= maxAhead || s.head.Number.Uint64() <= lowest+maxLag {
			return false
		}
		doubts[s.endpoint] = &OfflineError{Endpoint: s.name, Err: fmt.Errorf("its block %d is %v in the future", s.head.Number, ahead.Round(time.Second))}
		return true
	}), doubts
}

// behind doubts endpoints that lag behind half of them or more, and one that is as far
// ahead of the rest: else one that names a high block would do away with all others.
// Of two, the lower one lags.
func (r *remote) behind(seen []sighting, doubts map[*endpoint]error) {
	if len(seen) == 0 {
		return
	}
	heads := make([]uint64, len(seen))
	for i, s := range seen {
		heads[i] = s.head.Number.Uint64()
	}
	slices.Sort(heads)
	top := heads[len(heads)/2]
	for _, s := range seen {
		switch n := s.head.Number.Uint64(); {
		case n < top && top-n > maxLag:
			doubts[s.endpoint] = &OfflineError{Endpoint: s.name, Err: fmt.Errorf("it is %d blocks behind the others, at %d", top-n, n)}
		case n > top && n-top > maxLag:
			doubts[s.endpoint] = &OfflineError{Endpoint: s.name, Err: fmt.Errorf("it is %d blocks ahead of the others, at %d", n-top, n)}
		}
	}
}

// apart compares the endpoints' blocks where they must agree. Without a majority
// nobody is believed, not even the one that is left when the other goes away.
func (r *remote) apart(ctx context.Context, level []sighting) map[*endpoint]error {
	doubts := map[*endpoint]error{}
	if len(level) < 2 {
		for _, s := range level {
			if errors.As(s.doubt, new(*DisagreementError)) {
				doubts[s.endpoint] = s.doubt
			}
		}
		return doubts
	}
	at := slices.MinFunc(level, func(a, b sighting) int { return a.head.Number.Cmp(b.head.Number) }).head.Number.Uint64()
	at -= min(at, max(r.depth, minDepth))
	hashes := r.hashesAt(ctx, level, at)
	votes, most := map[common.Hash]int{}, 0
	apart := &DisagreementError{Block: at}
	for i, s := range level {
		if hashes[i] != (common.Hash{}) { // else it did not answer this time
			votes[hashes[i]]++
			most = max(most, votes[hashes[i]])
			apart.Endpoints = append(apart.Endpoints, s.name)
		}
	}
	for i, s := range level {
		n := votes[hashes[i]]
		switch {
		case len(apart.Endpoints) == 0:
			if s.doubt != nil {
				doubts[s.endpoint] = s.doubt // silence is no way out of it
			}
		case n == 0:
			doubts[s.endpoint] = &OfflineError{Endpoint: s.name, Err: fmt.Errorf("it does not show its block %d", at)}
		case 2*n > len(apart.Endpoints):
		case 2*most > len(apart.Endpoints):
			doubts[s.endpoint] = &OfflineError{Endpoint: s.name, Err: fmt.Errorf("its block %d is another one than the others'", at)}
		default:
			doubts[s.endpoint] = apart
		}
	}
	return doubts
}

// hashesAt is each endpoint's hash of one block, zero for one that does not answer.
func (r *remote) hashesAt(ctx context.Context, level []sighting, number uint64) []common.Hash {
	hashes := make([]common.Hash, len(level))
	var all sync.WaitGroup
	for i, s := range level {
		all.Go(func() {
			if h, err := s.client.HeaderByNumber(ctx, new(big.Int).SetUint64(number)); err == nil {
				hashes[i] = h.Hash()
			}
		})
	}
	all.Wait()
	return hashes
}
