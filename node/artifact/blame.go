package artifact

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	blameFor   = time.Hour // how long a peer that sent wrong bytes is asked for nothing
	maxBlamed  = 1024      // peers remembered; the one to be forgiven next makes room
	liesToBear = 1         // stray blocks of one connection that an honest peer may send
)

// blame remembers the peers that sent other bytes than they were asked for. Nothing of
// it is kept over a restart: a disk that went bad may have been replaced by then.
type blame struct {
	mu    sync.Mutex // guards until; owner: blame
	until map[peer.ID]time.Time
}

// add blames a peer from now on.
func (b *blame) add(p peer.ID, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = map[peer.ID]time.Time{}
	}
	if _, known := b.until[p]; !known && len(b.until) >= maxBlamed {
		var first peer.ID
		for q, at := range b.until {
			if first == "" || at.Before(b.until[first]) {
				first = q
			}
		}
		delete(b.until, first)
	}
	b.until[p] = now.Add(blameFor)
}

// has tells whether the peer is blamed still.
func (b *blame) has(p peer.ID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.until[p]
	if ok && !now.Before(at) {
		delete(b.until, p)
		return false
	}
	return ok
}
