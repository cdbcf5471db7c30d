package discovery

import (
	"math"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"
)

const maxLimited = 1024 // peers whose rate is counted

// limiter counts requests per peer. It is safe for concurrent use.
type limiter struct {
	limits Limits

	mu    sync.Mutex // guards peers
	peers map[peer.ID]*rate.Limiter
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, peers: make(map[peer.ID]*rate.Limiter)}
}

func (l *limiter) allow(p peer.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.peers[p]
	if r == nil {
		if len(l.peers) >= maxLimited {
			l.dropLocked()
		}
		r = rate.NewLimiter(rate.Limit(l.limits.PeerRate), l.limits.PeerBurst)
		l.peers[p] = r
	}
	return r.Allow()
}

// dropLocked forgets the peer with the most left to spend: it loses nothing, and
// a busy one cannot have its count reset by a crowd of newcomers.
func (l *limiter) dropLocked() {
	var idle peer.ID
	most := math.Inf(-1)
	for p, r := range l.peers {
		if t := r.Tokens(); t > most {
			idle, most = p, t
		}
	}
	delete(l.peers, idle)
}
