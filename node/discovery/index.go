package discovery

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// index is the offers this node keeps for others, one per rig and cell (SPEC
// §4.4). It is safe for concurrent use.
type index struct {
	cells  *cells
	book   *book
	limits Limits

	mu    sync.RWMutex // guards both
	held  map[protocol.Hash]map[protocol.Address]*protocol.VerifiedOffer
	bytes int

	demand demands
}

func newIndex(c *cells, b *book, limits Limits) *index {
	x := &index{cells: c, book: b, limits: limits,
		held: make(map[protocol.Hash]map[protocol.Address]*protocol.VerifiedOffer)}
	x.demand.cells = make(map[protocol.Hash]*protocol.Demand)
	for key := range c.byKey {
		x.held[key] = make(map[protocol.Address]*protocol.VerifiedOffer)
		x.demand.cells[key] = new(protocol.Demand)
	}
	return x
}

// put keeps an offer, or says why not: the second result is for people.
func (x *index) put(p *protocol.IndexPut, now time.Time) (protocol.IndexStatus, string) {
	cell, ok := x.cells.byKey[p.Key]
	if !ok {
		return protocol.IndexBad, "index.put.key: not a cell of this network"
	}
	v, err := x.book.verify(p.Offer, now)
	if err != nil {
		return protocol.IndexBad, err.Error()
	}
	if class := protocol.VRAMClass(v.Hardware.VRAMMiB()); class != cell.class {
		return protocol.IndexBad, fmt.Sprintf("index.put.key: the cell of VRAM class %d, the offer is of class %d", cell.class, class)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	held := x.held[p.Key]
	old := held[v.Rig]
	if old != nil && old.Seq > v.Seq {
		return protocol.IndexStale, fmt.Sprintf("offer.seq: at least %d, got %d", old.Seq, v.Seq)
	}
	if !x.roomLocked(p.Key, old, v) {
		x.sweepLocked(now)
		if !x.roomLocked(p.Key, held[v.Rig], v) {
			return protocol.IndexFull, "this index node is full; another of the closest may not be"
		}
	}
	if old := held[v.Rig]; old != nil {
		x.bytes -= size(old)
	}
	held[v.Rig] = v
	x.bytes += size(v)
	return protocol.IndexOK, ""
}

func (x *index) roomLocked(key protocol.Hash, old, v *protocol.VerifiedOffer) bool {
	bytes := x.bytes + size(v)
	if old != nil {
		return bytes-size(old) <= x.limits.Bytes
	}
	return bytes <= x.limits.Bytes && len(x.held[key]) < x.limits.CellOffers
}

// size is the bytes an offer counts against the node's limit.
func size(v *protocol.VerifiedOffer) int { return len(v.Signed.Offer) + len(v.Signed.Signature) }

// find is the live offers of a cell that fit, a random choice of limit where there
// are more, and for the others how many failed first for which reason. Those whose
// time ended lately are among the others.
func (x *index) find(key protocol.Hash, f *protocol.Filter, limit int, now time.Time) ([]*protocol.VerifiedOffer, []protocol.SkipCount) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var fit []*protocol.VerifiedOffer
	var skipped []protocol.SkipCount
	for _, v := range x.held[key] {
		if !live(v, now) {
			skipped = countSkip(skipped, outlived(&v.Offer, now))
			continue
		}
		if why := f.Mismatches(&v.Offer); len(why) > 0 {
			skipped = countSkip(skipped, unfit(why))
			continue
		}
		fit = append(fit, v)
	}
	return sample(fit, limit), skipped
}

// sample is a random choice of at most limit; it may reorder the list.
func sample(list []*protocol.VerifiedOffer, limit int) []*protocol.VerifiedOffer {
	if len(list) > limit {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:limit]
	}
	return list
}

// sweep drops what nobody will ask about any more.
func (x *index) sweep(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sweepLocked(now.Add(-keptExpired))
}

func (x *index) sweepLocked(now time.Time) {
	for _, held := range x.held {
		for rig, v := range held {
			if !live(v, now) {
				x.bytes -= size(v)
				delete(held, rig)
			}
		}
	}
}
