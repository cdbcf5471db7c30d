package artifact

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	maxSources   = 16                     // peers one fetch asks
	findAfter    = 8                      // blocks that the named peers give alone, where there are any
	missesToBear = 8                      // blocks a peer may lack before it had one
	hedgeEvery   = 50 * time.Millisecond  // between two looks at a block that is waited for
	hedgeAfter   = 250 * time.Millisecond // what a peer may take beyond twice its time
	ratedBytes   = 64 << 10               // blocks below it say more of latency than of rate
)

// session is one fetch and the peers that it asks. Each block is asked of the peer that
// is likely to bring it first, going by what each brought so far; one that is late is
// asked of a second peer too, and what comes first is taken. So a slow source costs its
// own share only.
type session struct {
	store  *Store
	find   func()             // looks for more sources; nil: nobody but the named is asked
	stop   context.CancelFunc // of find
	search sync.WaitGroup     // of find

	mu      sync.Mutex // guards what follows and every source
	sources []*source
	asked   int // wants so far
	pending int // blocks asked for and not here, all sources together
	state   searchState
	changed chan struct{} // closed and replaced when waiting for a source may be over
}

type searchState int

const (
	searchIdle searchState = iota
	searching
	searchOver
)

// want is one block on its way through a session; its goroutine alone touches it.
type want struct {
	c       cid.Cid
	tried   map[*source]bool
	pending []errand
	answers chan answer // room for every source, so that no errand waits for its asker
	err     error       // the most telling of the failures
}

type errand struct {
	src    *source
	at     time.Time
	expect time.Duration
}

type answer struct {
	src  *source
	data []byte
	err  error
}

func newSession(ctx context.Context, s *Store, root cid.Cid, routing Routing) *session {
	ses := &session{store: s, changed: make(chan struct{})}
	ctx, ses.stop = context.WithCancel(ctx)
	if routing != nil {
		ses.find = func() { ses.seek(ctx, routing, root) }
	}
	return ses
}

// close ends the search for more sources.
func (s *session) close() {
	s.stop()
	s.search.Wait()
}

// join adds a peer, unless it is known or blamed or there are enough.
func (s *session) join(p peer.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range s.sources {
		if src.id == p {
			return
		}
	}
	if len(s.sources) >= maxSources {
		return
	}
	src := &source{id: p}
	if s.store.wants.blame.has(p, time.Now()) {
		src.lost = fmt.Errorf("peer %s: %w", p, ErrLied)
	}
	s.sources = append(s.sources, src)
	s.wake()
}

// wake lets everybody who waits look again. mu must be held.
func (s *session) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// get brings one block, which matches its CID, from whoever is the first to send it.
func (s *session) get(ctx context.Context, c cid.Cid) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx) // takes back what is still asked at the end
	defer cancel()
	w := &want{c: c, tried: map[*source]bool{}, answers: make(chan answer, maxSources)}
	look := time.NewTimer(hedgeEvery)
	defer look.Stop()
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	for {
		src, changed, over := s.choose(w, time.Now())
		if over {
			return nil, s.failure(w)
		}
		if src != nil {
			if !s.store.wants.spawn(func() { s.run(ctx, src, w) }) {
				return nil, ErrClosed
			}
			continue
		}
		look.Reset(hedgeEvery)
		select {
		case a := <-w.answers:
			if a.err == nil {
				return a.data, nil
			}
			if err := w.failed(a); err != nil {
				return nil, err
			}
		case <-changed:
		case <-look.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// choose returns whom to ask now, nil for nobody yet, or that nobody is left.
func (s *session) choose(w *want, now time.Time) (src *source, changed <-chan struct{}, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, left := s.best(w)
	if s.find != nil && s.state == searchIdle && (s.asked > findAfter || (!left && len(w.pending) == 0)) {
		s.state = searching
		s.search.Go(s.find)
	}
	switch {
	case !left && len(w.pending) == 0:
		return nil, s.changed, s.state != searching
	case best == nil || best.inflight >= best.window() || s.pending >= maxInFlight || !s.worthwhile(w, best, now):
		return nil, s.changed, false
	}
	w.tried[best] = true
	w.pending = append(w.pending, errand{src: best, at: now, expect: best.wait(s.typical())})
	best.inflight++
	s.pending++
	return best, s.changed, false
}

// best is the source that would bring the block first if it were asked now, though it
// may have no room yet; nil while those left must answer first. mu must be held.
func (s *session) best(w *want) (best *source, left bool) {
	typical := s.typical()
	for _, src := range s.sources {
		switch {
		case src.lost != nil || w.tried[src]:
			continue
		case !src.answered && src.inflight >= newWindow:
		case best == nil || src.cost(typical) < best.cost(typical):
			best = src
		}
		left = true
	}
	return best, left
}

// worthwhile tells whether one more source should be asked for a block that others owe.
// mu must be held.
func (s *session) worthwhile(w *want, next *source, now time.Time) bool {
	switch len(w.pending) {
	case 0:
		return true
	case 1:
	default:
		return false
	}
	owed := w.pending[0]
	waited := now.Sub(owed.at)
	if waited > 2*owed.expect+hedgeAfter {
		return true
	}
	// At the end of a file fast sources are idle while slow ones have blocks to bring.
	return next.inflight == 0 && next.pace > 0 && 2*next.wait(next.pace) < owed.expect-waited
}

// run asks one source and hands its answer over.
func (s *session) run(ctx context.Context, src *source, w *want) {
	at := time.Now()
	data, err := s.store.wants.get(ctx, src.id, w.c)
	s.learn(src, at, len(data), err, ctx.Err() != nil)
	w.answers <- answer{src: src, data: data, err: err}
}

// learn takes in how a source did.
func (s *session) learn(src *source, at time.Time, size int, err error, abandoned bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake()
	now := time.Now()
	src.inflight--
	s.pending--
	switch {
	case err == nil:
		src.answered, src.misses = true, 0
		if size >= ratedBytes {
			begin := at
			if src.last.After(begin) {
				begin = src.last // it was busy with another block until then
			}
			src.measure(float64(now.Sub(begin)) / float64(size))
		}
		src.last = now
	case abandoned: // somebody else was faster, or the fetch is over
		src.pace = max(src.pace, float64(now.Sub(at))/leafBytes)
		s.miss(src, ErrStalled)
	case errors.Is(err, ErrNotFound):
		s.miss(src, err)
	default:
		src.lost = err
	}
}

// miss gives a source up that never brought anything. mu must be held.
func (s *session) miss(src *source, err error) {
	if src.misses++; src.misses >= missesToBear && !src.answered {
		src.lost = fmt.Errorf("peer %s: %w", src.id, err)
	}
}

// typical is the pace that is expected of a source that has none yet: that of the best,
// so that it is tried. mu must be held.
func (s *session) typical() float64 {
	best := 0.0
	for _, src := range s.sources {
		if src.pace > 0 && (best == 0 || src.pace < best) {
			best = src.pace
		}
	}
	return max(best, 1)
}

// failed notes an answer without a block. A block over the limit ends the want: it
// matches its CID, so everybody's is.
func (w *want) failed(a answer) error {
	for i, e := range w.pending {
		if e.src == a.src {
			w.pending = append(w.pending[:i], w.pending[i+1:]...)
			break
		}
	}
	if errors.As(a.err, new(*LimitError)) || errors.Is(a.err, ErrClosed) {
		return a.err
	}
	if w.err == nil || errors.Is(w.err, ErrNotFound) {
		w.err = a.err
	}
	return nil
}

// failure says why nobody brought the block.
func (s *session) failure(w *want) error {
	if w.err != nil {
		return w.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, src := range s.sources {
		if src.lost != nil {
			return src.lost
		}
	}
	return fmt.Errorf("%w: no peer is known that has %s", ErrNotFound, w.c)
}

// seek adds whoever is known to have the root, until enough are found or ctx ends.
func (s *session) seek(ctx context.Context, routing Routing, root cid.Cid) {
	for info := range routing.FindProvidersAsync(ctx, root, maxSources) {
		if info.ID != s.store.cfg.Host.ID() {
			s.join(info.ID)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = searchOver
	s.wake()
}
