package discovery

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p-kbucket"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"

	"github.com/rerig/rerig/protocol"
)

const (
	maxFound     = 1024                   // offers one Find may be asked for
	maxWalked    = 128                    // candidates of one walk
	patienceSome = 400 * time.Millisecond // without an answer, once an offer is in hand
	patienceNone = 2 * time.Second        // without an answer, with none in hand
)

// Found is the outcome of a Find.
type Found struct {
	Offers  []*protocol.VerifiedOffer // newest of each rig; this node's own among them
	Skipped []protocol.SkipCount      // how many offers did not hold or fit, by first reason; a hint
	Asked   int                       // index nodes that answered, without this node's own index
}

// Find asks the index for offers that fit, until limit are found or nobody is left
// to ask. It looks in the filter's VRAM class and every larger one. The rigs'
// addresses are then in the host's peerstore for as long as their offers live. An
// error means a filter that breaks a limit or that ctx ended.
func (d *Discovery) Find(ctx context.Context, filter protocol.Filter, limit int) (Found, error) {
	limit = min(max(limit, 1), maxFound)
	if f, ok := d.recent.get(&filter, limit, d.cfg.Clock()); ok {
		return f, nil
	}
	return d.FindAgain(ctx, filter, limit)
}

// FindAgain is Find that asks even where an equal search of a moment ago is
// remembered: for whoever has tried all that it found.
func (d *Discovery) FindAgain(ctx context.Context, filter protocol.Filter, limit int) (Found, error) {
	return d.search(ctx, filter, limit, false)
}

// Look is Find for whoever only wants to know what there is: index nodes do not count it
// among the requests of those who hire (SPEC §4.5).
func (d *Discovery) Look(ctx context.Context, filter protocol.Filter, limit int) (Found, error) {
	limit = min(max(limit, 1), maxFound)
	if f, ok := d.recent.get(&filter, limit, d.cfg.Clock()); ok {
		return f, nil
	}
	return d.search(ctx, filter, limit, true)
}

func (d *Discovery) search(ctx context.Context, filter protocol.Filter, limit int, looks bool) (Found, error) {
	if err := filter.Check(); err != nil {
		return Found{}, err
	}
	limit = min(max(limit, 1), maxFound)
	now := d.cfg.Clock()
	s := newSearch(d, filter, limit)
	s.looks = looks
	for _, salt := range rand.Perm(salts) {
		s.run(ctx, salt)
		if err := ctx.Err(); err != nil {
			return Found{}, fmt.Errorf("find offers: %w", err)
		}
		// On a small network the same nodes hold every key.
		if len(s.offers) >= limit || len(s.heard) < replicas {
			break
		}
	}
	found := s.result()
	for _, o := range found.Offers {
		d.remember(o, now)
	}
	d.recent.put(&filter, limit, found, now)
	return found, nil
}

// remember makes the rig of an offer diallable by peer ID while the offer lives.
func (d *Discovery) remember(o *protocol.VerifiedOffer, now time.Time) {
	id, err := peerID(o.Key)
	if err != nil || id == d.cfg.Host.ID() {
		return
	}
	ttl := time.UnixMilli(int64(o.Expires)).Sub(now)
	d.cfg.Host.Peerstore().AddAddrs(id, multiaddrs(o.Addrs), ttl)
}

// search is one Find under way; only its caller's goroutine touches it.
type search struct {
	d       *Discovery
	filter  protocol.Filter
	limit   int
	looks   bool // and does not hire
	offers  map[protocol.Address]*protocol.VerifiedOffer
	skipped map[int]map[protocol.Reason]protocol.SkipCount // by class; the most any node reported
	bad     map[protocol.Hash]protocol.SkipCount           // offers that index nodes gave and that do not hold
	heard   map[peer.ID]struct{}                           // index nodes known of
	asked   map[peer.ID]struct{}                           // index nodes that answered
}

func newSearch(d *Discovery, f protocol.Filter, limit int) *search {
	return &search{d: d, filter: f, limit: limit,
		offers:  make(map[protocol.Address]*protocol.VerifiedOffer),
		skipped: make(map[int]map[protocol.Reason]protocol.SkipCount),
		bad:     make(map[protocol.Hash]protocol.SkipCount),
		heard:   make(map[peer.ID]struct{}),
		asked:   make(map[peer.ID]struct{}),
	}
}

// answer is what one index node said to one request.
type answer struct {
	walk    *walk
	from    peer.ID
	offers  []*protocol.VerifiedOffer
	closer  []peer.ID
	skipped []protocol.SkipCount
	bad     map[protocol.Hash]protocol.SkipCount
	err     error
}

// run walks every class of the filter at once, under one salt.
func (s *search) run(ctx context.Context, salt int) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel() // before the wait: requests under way end with it
	var walks []*walk
	for class := protocol.VRAMClass(s.filter.MinVRAMMiB); class < len(s.d.cells.list); class++ {
		w := newWalk(&s.d.cells.list[class][salt], s.d.cfg.Host.ID())
		if !s.looks {
			s.d.index.demand.count(w.cell.key, &s.filter, s.d.cfg.Clock())
		}
		offers, skipped := s.d.index.find(w.cell.key, &s.filter, s.limit, s.d.cfg.Clock())
		s.merge(w, offers, skipped)
		s.meet(w, s.d.near(w.cell))
		walks = append(walks, w)
	}
	answers := make(chan answer, len(walks)*walkWidth) // a sender never waits; nobody closes it
	patience := time.NewTimer(patienceNone)
	defer patience.Stop()
	for len(s.offers) < s.limit {
		flying := 0
		for _, w := range walks {
			for p, ok := w.next(); ok; p, ok = w.next() {
				w.flying++
				asking.Go(func() { answers <- s.d.find(ctx, w, p, s) })
			}
			flying += w.flying
		}
		if flying == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-patience.C:
			for _, w := range walks {
				w.giveUp(s.d)
			}
			return
		case a := <-answers:
			s.take(ctx, a)
		}
		if len(s.offers) > 0 {
			patience.Reset(patienceSome)
		} else {
			patience.Reset(patienceNone)
		}
	}
}

// take merges an answer and lets its walk go on.
func (s *search) take(ctx context.Context, a answer) {
	a.walk.flying--
	if a.err != nil {
		a.walk.state[a.from] = candidateFailed
		s.d.failed(ctx, a.from, a.err)
		s.d.log.Debug("index node did not answer", "peer", a.from, "err", a.err)
		return
	}
	a.walk.state[a.from] = candidateAnswered
	s.asked[a.from] = struct{}{}
	s.merge(a.walk, a.offers, a.skipped)
	for id, skip := range a.bad { // the replicas of one offer count once
		if len(s.bad) < maxFound {
			s.bad[id] = skip
		}
	}
	s.meet(a.walk, a.closer)
}

func (s *search) merge(w *walk, offers []*protocol.VerifiedOffer, skipped []protocol.SkipCount) {
	for _, o := range offers {
		if old := s.offers[o.Rig]; old == nil || old.Seq < o.Seq {
			s.offers[o.Rig] = o
		}
	}
	byReason := s.skipped[w.cell.class]
	if byReason == nil {
		byReason = make(map[protocol.Reason]protocol.SkipCount)
		s.skipped[w.cell.class] = byReason
	}
	for _, c := range skipped {
		if old, known := byReason[c.Reason]; (known || len(byReason) < maxSkips) && old.Count < c.Count {
			c.Detail = clip(c.Detail, maxSkipDetail)
			byReason[c.Reason] = c
		}
	}
}

func (s *search) meet(w *walk, list []peer.ID) {
	for _, p := range list {
		if !s.d.doubtful(p) && w.add(p) {
			s.heard[p] = struct{}{}
		}
	}
}

func (s *search) result() Found {
	f := Found{Asked: len(s.asked)}
	for _, o := range s.offers {
		f.Offers = append(f.Offers, o)
	}
	f.Offers = sample(f.Offers, s.limit)
	for _, skip := range s.bad {
		f.Skipped = countSkip(f.Skipped, skip)
	}
	for _, byReason := range s.skipped {
		for _, c := range byReason {
			f.Skipped = countSkip(f.Skipped, c)
		}
	}
	slices.SortFunc(f.Skipped, func(a, b protocol.SkipCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return f
}

// find asks one index node and checks all it says.
func (d *Discovery) find(ctx context.Context, w *walk, p peer.ID, s *search) answer {
	a := answer{walk: w, from: p}
	f := &s.filter
	req := protocol.IndexRequest{Find: &protocol.IndexFind{Key: w.cell.key, Filter: *f, Limit: uint16(min(s.limit, protocol.MaxFindLimit))}}
	if s.looks {
		req.Opt = protocol.Extensions{protocol.TallyExtension: {}}
	}
	reply, err := d.ask(ctx, p, req)
	if err == nil && reply.Status != protocol.IndexOK {
		err = fmt.Errorf("index node %s: %s: %s", p, reply.Status, reply.Detail)
	}
	if err != nil {
		a.err = err
		return a
	}
	now := d.cfg.Clock()
	a.bad = make(map[protocol.Hash]protocol.SkipCount)
	for _, signed := range reply.Offers {
		o, err := d.book.verify(signed, now)
		switch {
		case err != nil:
			d.log.Debug("index node gave an offer that does not hold", "peer", p, "err", err)
			a.bad[signed.ID()] = unverified(signed, err, now)
		case len(f.Mismatches(&o.Offer)) > 0:
			a.bad[signed.ID()] = unfit(f.Mismatches(&o.Offer))
		default:
			a.offers = append(a.offers, o)
		}
	}
	for _, hint := range reply.Closer {
		if id, ok := d.heed(hint); ok {
			a.closer = append(a.closer, id)
		}
	}
	a.skipped = reply.Skipped
	return a
}

// heed makes a hinted peer diallable; one with no usable address is no hint.
func (d *Discovery) heed(hint protocol.PeerHint) (peer.ID, bool) {
	id, err := peer.IDFromBytes(hint.ID)
	if err != nil || id == d.cfg.Host.ID() {
		return "", false
	}
	addrs := d.book.usable(multiaddrs(hint.Addrs))
	if len(addrs) == 0 {
		return "", false
	}
	d.cfg.Host.Peerstore().AddAddrs(id, addrs, peerstore.TempAddrTTL)
	return id, true
}

type candidate int

const (
	candidateNew candidate = iota
	candidateAsked
	candidateAnswered
	candidateFailed
)

// walk approaches one cell: it asks the closest candidates not yet asked, and is
// over when the replicas closest of those that answer have answered.
type walk struct {
	cell   *cell
	self   peer.ID
	state  map[peer.ID]candidate
	order  []peer.ID // closest to the cell first
	flying int       // requests under way
}

func newWalk(c *cell, self peer.ID) *walk {
	return &walk{cell: c, self: self, state: make(map[peer.ID]candidate)}
}

func (w *walk) add(p peer.ID) bool {
	if _, known := w.state[p]; known || p == w.self || len(w.order) >= maxWalked {
		return false
	}
	w.state[p] = candidateNew
	w.order = kbucket.SortClosestPeers(append(w.order, p), w.cell.target)
	return true
}

// next is the closest candidate to ask now, if any; it counts as asked.
func (w *walk) next() (peer.ID, bool) {
	if w.flying >= walkWidth {
		return "", false
	}
	closest := 0
	for _, p := range w.order {
		switch w.state[p] {
		case candidateNew:
			w.state[p] = candidateAsked
			return p, true
		case candidateAsked, candidateAnswered:
			closest++
		}
		if closest >= replicas {
			break
		}
	}
	return "", false
}

// giveUp blames the candidates still being dialled, so that the next search does
// not wait for them again.
func (w *walk) giveUp(d *Discovery) {
	for p, state := range w.state {
		if state == candidateAsked {
			d.suspect(p)
		}
	}
}
