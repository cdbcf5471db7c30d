package artifact

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"github.com/ipfs/go-cid"
)

// pin keeps c, present or still to come, until the returned function is called.
func (x *index) pin(c cid.Cid) func() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pins[c]++
	return sync.OnceFunc(func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.pins[c]--; x.pins[c] == 0 {
			delete(x.pins, c)
		}
		x.shrink(0)
	})
}

// reservation is room for bytes that are about to be written: install turns it
// into content, release gives it back.
type reservation struct {
	x *index
	n int64 // guarded by x.mu
}

func (r *reservation) release() {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	r.settle()
}

// settle stops counting the reservation. mu must be held.
func (r *reservation) settle() {
	r.x.bytes -= r.n
	r.x.promised -= r.n
	r.n = 0
}

// reserve makes room for n bytes, evicting what it must: on the store's own account and,
// where others fill the disk, on the disk's. Without room there the error is the
// system's own (ENOSPC).
func (x *index) reserve(n int64) (*reservation, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n > x.maxBytes || !x.shrink(n) {
		return nil, fmt.Errorf("artifact store is full: %w; wait for jobs to end or raise its size",
			&LimitError{Field: "bytes on disk", Limit: uint64(x.maxBytes), Got: uint64(x.bytes + n)})
	}
	if err := x.freeUp(n); err != nil {
		return nil, err
	}
	x.bytes += n
	x.promised += n
	return &reservation{x: x, n: n}, nil
}

// freeUp evicts until the disk has n bytes beyond what is promised. mu must be held.
func (x *index) freeUp(n int64) error {
	n += x.promised
	free, ok := x.free()
	if !ok || free >= n {
		return nil
	}
	for _, c := range x.idlePartials() {
		x.dropPartial(c)
	}
	for _, r := range x.idle() {
		if free, _ = x.free(); free >= n {
			return nil
		}
		x.release(r)
	}
	if free, _ = x.free(); free < n {
		return fmt.Errorf("artifact store: the disk has %d bytes left of %d: %w; free some, or move the data directory", free, n, syscall.ENOSPC)
	}
	return nil
}

// setPartial counts what a fetch that failed left on disk.
func (x *index) setPartial(c cid.Cid, n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bytes += n - x.partials[c]
	x.partials[c] = n
	x.shrink(0)
}

// takePartial hands the partial fetch over to the one that goes on with it.
func (x *index) takePartial(c cid.Cid) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bytes -= x.partials[c]
	delete(x.partials, c)
}

// shrink evicts until n more bytes fit and tells whether they do. Fetches that
// did not end go first, then roots by use. A sixteenth more than needed goes, so
// that a full store does not sort itself for every small file. mu must be held.
func (x *index) shrink(n int64) bool {
	if x.fits(n) {
		return true
	}
	want := min(n+x.maxBytes/16, x.maxBytes)
	for _, c := range x.idlePartials() {
		x.dropPartial(c)
	}
	for _, r := range x.idle() {
		if x.fits(want) {
			break
		}
		x.release(r)
	}
	return x.fits(n)
}

// idlePartials are the fetches that did not end and that nobody goes on with. mu must be
// held.
func (x *index) idlePartials() (list []cid.Cid) {
	for c := range x.partials {
		if x.pins[c] == 0 {
			list = append(list, c)
		}
	}
	return list
}

// idle are the roots that no job uses, the longest unused first. mu must be held.
func (x *index) idle() (list []*root) {
	for c, r := range x.roots {
		if x.pins[c] == 0 {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *root) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	return list
}

func (x *index) fits(n int64) bool { return x.bytes+n <= x.maxBytes && len(x.blocks) <= maxNodes }
