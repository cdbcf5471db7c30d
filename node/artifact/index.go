package artifact

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Kinds of root.
const (
	kindFile = "file"
	kindDir  = "dir"
)

// rootInfo is what the disk knows of a root.
type rootInfo struct {
	cid    cid.Cid
	kind   string
	size   uint64 // bytes of content
	public bool
}

// root is one thing kept as a whole. Guarded by index.mu but for used.
type root struct {
	rootInfo
	peers   map[peer.ID]int // how often it was shared with each
	objects []string        // names on disk it holds
	blocks  []string        // multihashes it is made of
	used    atomic.Int64

	advertised time.Time // when the network was last told of it
}

// object is a file of the directory that one or more roots hold.
type object struct {
	bytes   int64 // as onDisk counts
	size    int64
	holders int
	checked bool // its bytes were compared with its CID by this process
}

// where says where the bytes of a block lie, on behalf of one root.
type where struct {
	root *root
	name string // of an object
	off  int64
}

type block struct {
	size  int
	wares []where // one for each root that has it
}

// part is one block of new content.
type part struct {
	cid  cid.Cid
	size int
	name string
	off  int64
}

// index is the whole store in memory: what is kept, where each block lies, who
// may read it, what to evict. It never touches the disk but through drop.
type index struct {
	maxBytes int64
	clock    atomic.Int64         // order of use
	drop     func(name string)    // deletes an object or record
	free     func() (int64, bool) // bytes that the disk has left, where it says

	mu       sync.RWMutex // guards what follows and every root, object and block
	roots    map[cid.Cid]*root
	objects  map[string]*object
	blocks   map[string]*block // by multihash: bitswap does not care for codecs
	pins     map[cid.Cid]int
	partials map[cid.Cid]int64 // bytes kept for fetches that did not end
	bytes    int64             // objects, partials and reservations
	promised int64             // reservations
}

func newIndex(maxBytes int64) *index {
	return &index{
		maxBytes: maxBytes,
		drop:     func(string) {},
		free:     func() (int64, bool) { return 0, false },
		roots:    map[cid.Cid]*root{},
		objects:  map[string]*object{},
		blocks:   map[string]*block{},
		pins:     map[cid.Cid]int{},
		partials: map[cid.Cid]int64{},
	}
}

// lookup returns a root and marks it used.
func (x *index) lookup(c cid.Cid) (rootInfo, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	r := x.roots[c]
	if r == nil {
		return rootInfo{}, false
	}
	r.used.Store(x.clock.Add(1))
	return r.rootInfo, true
}

// object returns the size of a kept file and whether this process checked it.
func (x *index) object(name string) (size int64, checked, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.objects[name]
	if o == nil {
		return 0, false, false
	}
	return o.size, o.checked, true
}

func (x *index) markChecked(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o := x.objects[name]; o != nil {
		o.checked = true
	}
}

// find returns where a block lies.
func (x *index) find(c cid.Cid) (name string, off int64, size int, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b := x.blocks[string(c.Hash())]
	if b == nil {
		return "", 0, 0, false
	}
	return b.wares[0].name, b.wares[0].off, b.size, true
}

// mayRead is bitswap's filter: whether p may know that the block is here.
func (x *index) mayRead(p peer.ID, c cid.Cid) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b := x.blocks[string(c.Hash())]
	if b == nil {
		return false
	}
	for _, w := range b.wares {
		if _, shared := w.root.peers[p]; shared || w.root.public {
			return true
		}
	}
	return false
}

// content is a root and all it is made of.
type content struct {
	rootInfo
	sizes   map[string]int64 // bytes of each object, by name
	parts   []part
	checked bool // the bytes were hashed by this process
}

// install takes new content into the index and settles its reservation. place
// is called under the lock for each object that is not there yet and must bring
// it to its name.
func (x *index) install(c *content, room *reservation, place func(name string) error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if room != nil {
		defer x.shrink(0)
		defer room.settle()
	}
	if x.roots[c.cid] != nil {
		return nil
	}
	r := &root{rootInfo: c.rootInfo, peers: map[peer.ID]int{}}
	r.used.Store(x.clock.Add(1))
	for name, size := range c.sizes {
		o := x.objects[name]
		if o == nil {
			if err := place(name); err != nil {
				x.release(r)
				return err
			}
			o = &object{bytes: onDisk(uint64(size)), size: size, checked: c.checked}
			x.objects[name] = o
			x.bytes += o.bytes
		}
		o.holders++
		r.objects = append(r.objects, name)
	}
	for _, p := range c.parts {
		key := string(p.cid.Hash())
		b := x.blocks[key]
		if b == nil {
			b = &block{size: p.size}
			x.blocks[key] = b
		}
		if n := len(b.wares); n > 0 && b.wares[n-1].root == r {
			continue // the same bytes twice in one file
		}
		b.wares = append(b.wares, where{root: r, name: p.name, off: p.off})
		r.blocks = append(r.blocks, key)
	}
	x.roots[c.cid] = r
	return nil
}

// release drops what a root holds. mu must be held.
func (x *index) release(r *root) {
	for _, key := range r.blocks {
		b := x.blocks[key]
		b.wares = slices.DeleteFunc(b.wares, func(w where) bool { return w.root == r })
		if len(b.wares) == 0 {
			delete(x.blocks, key)
		}
	}
	for _, name := range r.objects {
		o := x.objects[name]
		if o.holders--; o.holders == 0 {
			delete(x.objects, name)
			x.bytes -= o.bytes
			x.drop(name)
		}
	}
	if x.roots[r.cid] == r {
		delete(x.roots, r.cid)
		x.drop(rootName(r.cid))
	}
}

func (x *index) remove(c cid.Cid) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pins[c] > 0 {
		return fmt.Errorf("remove %s: %w by %d jobs; wait for them to end", c, ErrPinned, x.pins[c])
	}
	x.forget(c)
	return nil
}

// discard drops a root whose bytes have gone bad, pinned or not.
func (x *index) discard(c cid.Cid) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget(c)
}

// forget drops a root and a partial fetch of it. mu must be held.
func (x *index) forget(c cid.Cid) {
	if r := x.roots[c]; r != nil {
		x.release(r)
	}
	x.dropPartial(c)
}

// dropPartial deletes what a failed fetch left. mu must be held.
func (x *index) dropPartial(c cid.Cid) {
	if n, ok := x.partials[c]; ok {
		delete(x.partials, c)
		x.bytes -= n
		x.drop(partialDir + "/" + c.String())
	}
}

func (x *index) share(c cid.Cid, to peer.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.roots[c]
	if r == nil {
		return fmt.Errorf("share %s: %w; add it first", c, ErrNotFound)
	}
	if _, ok := r.peers[to]; !ok && len(r.peers) >= maxSharedWith {
		return fmt.Errorf("share %s: %w; unshare or publish it", c, &LimitError{Field: "peers", Limit: maxSharedWith, Got: uint64(len(r.peers) + 1)})
	}
	r.peers[to]++
	return nil
}

func (x *index) unshare(c cid.Cid, to peer.ID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.roots[c]
	if r == nil {
		return
	}
	if r.peers[to]--; r.peers[to] <= 0 {
		delete(r.peers, to)
	}
}

func (x *index) publish(c cid.Cid) (rootInfo, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.roots[c]
	if r == nil {
		return rootInfo{}, fmt.Errorf("publish %s: %w; add it first", c, ErrNotFound)
	}
	r.public = true
	return r.rootInfo, nil
}

// byUse lists the roots, the longest unused first.
func (x *index) byUse() []cid.Cid {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := make([]*root, 0, len(x.roots))
	for _, r := range x.roots {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *root) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	ids := make([]cid.Cid, len(all))
	for i, r := range all {
		ids[i] = r.cid
	}
	return ids
}
