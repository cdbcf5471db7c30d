package image

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// layerRecord is what the disk knows of a layer.
type layerRecord struct {
	Bytes int64  // on disk
	Boot  string // the system's run that it was written in
}

// record is what the disk knows of a root.
type record struct {
	Layers  []string // diff IDs, the lowest first
	Bytes   int64    // on disk, without the layers' files
	Program Program
	Boot    string // the system's run that it was written in
}

type layer struct {
	bytes int64
	roots int // that are laid out from it
	pins  int // unpacks under way
	used  uint64
}

type root struct {
	id string
	record
	program Program
	pins    int
	used    uint64
}

// index is what a store has, in memory: how much of it there is and what may go.
type index struct {
	maxBytes int64
	drop     func(dir, id string) (trash string) // takes off the disk but for its bytes
	remove   func(trash string)                  // deletes those

	mu     sync.Mutex        // guards what follows, every layer and every root
	layers map[string]*layer // by diff ID; one with pins may have no bytes yet
	roots  map[string]*root
	bytes  int64 // layers, roots and reservations
	clock  uint64
	trash  []string // dropped, and still to be deleted
}

// unlock lets the others go on and deletes what was dropped: a big image takes seconds.
// The caller's bytes have their room when it returns.
func (x *index) unlock() {
	trash := x.trash
	x.trash = nil
	x.mu.Unlock()
	for _, t := range trash {
		x.remove(t)
	}
}

func (x *index) used() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bytes
}

// tick counts uses. mu must be held.
func (x *index) tick() uint64 {
	x.clock++
	return x.clock
}

// pinRoot finds a root and keeps it.
func (x *index) pinRoot(id string) (*root, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.roots[id]
	if r == nil {
		return nil, false
	}
	r.pins++
	r.used = x.tick()
	return r, true
}

func (x *index) unpinRoot(r *root) {
	x.mu.Lock()
	defer x.unlock()
	r.pins--
	x.shrink(0)
}

// pinLayers keeps layers, present or still to come, until the returned function is called.
func (x *index) pinLayers(ids []string) func() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		l := x.layers[id]
		if l == nil {
			l = &layer{}
			x.layers[id] = l
		}
		l.pins++
		l.used = x.tick()
	}
	return func() {
		x.mu.Lock()
		defer x.unlock()
		for _, id := range ids {
			l := x.layers[id]
			if l.pins--; l.pins == 0 && l.bytes == 0 {
				delete(x.layers, id)
			}
		}
		x.shrink(0)
	}
}

func (x *index) hasLayer(id string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	l := x.layers[id]
	return l != nil && l.bytes > 0
}

// reservation is room for what is being written; it grows as that does.
type reservation struct {
	x *index
	n int64 // guarded by x.mu
}

// take makes room for n more bytes, evicting what it must.
func (r *reservation) take(n int64) error {
	r.x.mu.Lock()
	defer r.x.unlock()
	if !r.x.shrink(n) {
		return fmt.Errorf("%w: %d of its %d bytes are in use; wait for jobs to end or give it more disk", ErrFull, r.x.bytes, r.x.maxBytes)
	}
	r.x.bytes += n
	r.n += n
	return nil
}

func (r *reservation) taken() int64 {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	return r.n
}

func (r *reservation) release() {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	r.x.bytes -= r.n
	r.n = 0
}

// becomeLayer makes the reserved bytes those of a pinned layer.
func (r *reservation) becomeLayer(id string) {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	r.x.layers[id].bytes = r.n
	r.n = 0
}

// becomeRoot makes the reserved bytes those of a root, which it pins.
func (r *reservation) becomeRoot(root *root) {
	r.x.mu.Lock()
	defer r.x.mu.Unlock()
	root.pins++
	r.x.addRoot(root)
	r.n = 0
}

// addRoot takes a root in whose layers are there. mu must be held.
func (x *index) addRoot(r *root) {
	r.program = r.Program
	r.used = x.tick()
	x.roots[r.id] = r
	for _, id := range r.Layers {
		x.layers[id].roots++
	}
}

// shrink evicts until n more bytes fit and tells whether they do: first layers that no
// root uses, then the root whose last use is the longest ago, and so on. mu must be held.
func (x *index) shrink(n int64) bool {
	for x.bytes+n > x.maxBytes {
		if !x.dropLayer() && !x.dropRoot() {
			return false
		}
	}
	return true
}

func (x *index) dropLayer() bool {
	var oldest string
	for id, l := range x.layers {
		if l.roots == 0 && l.pins == 0 && (oldest == "" || l.used < x.layers[oldest].used) {
			oldest = id
		}
	}
	if oldest == "" {
		return false
	}
	x.bytes -= x.layers[oldest].bytes
	delete(x.layers, oldest)
	x.trash = append(x.trash, x.drop(layersDir, oldest))
	return true
}

func (x *index) dropRoot() bool {
	idle := make([]*root, 0, len(x.roots))
	for _, r := range x.roots {
		if r.pins == 0 {
			idle = append(idle, r)
		}
	}
	if len(idle) == 0 {
		return false
	}
	x.forget(slices.MinFunc(idle, func(a, b *root) int { return cmp.Compare(a.used, b.used) }))
	return true
}

// forget drops a root. mu must be held.
func (x *index) forget(r *root) {
	x.bytes -= r.Bytes
	delete(x.roots, r.id)
	for _, id := range r.Layers {
		l := x.layers[id]
		l.roots--
		l.used = max(l.used, r.used)
	}
	x.trash = append(x.trash, x.drop(rootsDir, r.id))
}

// keyLocks hold one lock for each key that somebody works on.
type keyLocks struct {
	mu   sync.Mutex // guards held
	held map[string]chan struct{}
}

// lock waits for the key. The returned function must be called; it closes the channel
// that the others wait on.
func (k *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		wait, busy := k.held[key]
		if !busy {
			done := make(chan struct{})
			if k.held == nil {
				k.held = map[string]chan struct{}{}
			}
			k.held[key] = done
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				defer k.mu.Unlock()
				delete(k.held, key)
				close(done)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hexOf is the hexadecimal part of a sha256 digest.
func hexOf(digest string) (string, bool) {
	id, ok := strings.CutPrefix(digest, "sha256:")
	b, err := hex.DecodeString(id)
	return id, ok && err == nil && len(b) == 32 && hex.EncodeToString(b) == id
}
