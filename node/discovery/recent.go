package discovery

import (
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const maxRecent = 64 // searches remembered

// recent is the outcome of searches of the last moment, so that a burst of equal
// jobs costs one walk. Only searches that found something are kept. It is safe for
// concurrent use.
type recent struct {
	fresh time.Duration

	mu    sync.Mutex // guards finds
	finds map[protocol.Hash]pastFind
}

type pastFind struct {
	found Found
	at    time.Time
}

func newRecent(fresh time.Duration) *recent {
	return &recent{fresh: fresh, finds: make(map[protocol.Hash]pastFind)}
}

func (r *recent) get(f *protocol.Filter, limit int, now time.Time) (Found, bool) {
	key, ok := findKey(f, limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	p, found := r.finds[key]
	if !ok || !found || now.Sub(p.at) >= r.fresh ||
		slices.ContainsFunc(p.found.Offers, func(o *protocol.VerifiedOffer) bool { return !live(o, now) }) {
		return Found{}, false
	}
	p.found.Offers = slices.Clone(p.found.Offers) // a caller may sort its own
	return p.found, true
}

func (r *recent) put(f *protocol.Filter, limit int, found Found, now time.Time) {
	key, ok := findKey(f, limit)
	if !ok || len(found.Offers) == 0 || r.fresh <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.finds) >= maxRecent {
		clear(r.finds)
	}
	found.Offers = slices.Clone(found.Offers)
	r.finds[key] = pastFind{found, now}
}

func findKey(f *protocol.Filter, limit int) (protocol.Hash, bool) {
	b, err := protocol.Encode(f)
	if err != nil {
		return protocol.Hash{}, false
	}
	return protocol.Keccak(b, []byte{byte(limit >> 8), byte(limit)}), true
}
