package artifact

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ipfs/go-cid"
	"golang.org/x/time/rate"
)

const (
	advertiseLook  = time.Minute      // between two looks for records that are due
	advertiseAgain = 50 * time.Minute // age at which a record is renewed; nodes keep it for two hours
	advertisePause = time.Second      // least mean time between two records
	advertiseBurst = 8                // records that need not wait
	advertiseTime  = time.Minute      // for one record
	maxAdvertised  = 1024             // roots, those used last; more could not be renewed in time
)

// advertise tells the network of what is public here until ctx ends. Private roots are
// never named: whoever may fetch them has been told by us.
func (s *Store) advertise(ctx context.Context) {
	pace := rate.NewLimiter(rate.Every(advertisePause), advertiseBurst)
	look := time.NewTicker(advertiseLook)
	defer look.Stop()
	for {
		for _, c := range s.index.unadvertised(time.Now().Add(-advertiseAgain), maxAdvertised) {
			if pace.Wait(ctx) != nil {
				return
			}
			if err := s.tellOf(ctx, c); err != nil {
				s.cfg.Logger.Debug("public content not advertised; it is tried again in a minute", "cid", c.String(), "err", err)
				break
			}
			s.index.advertised(c, time.Now())
		}
		select {
		case <-s.published:
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) tellOf(ctx context.Context, c cid.Cid) error {
	ctx, cancel := context.WithTimeout(ctx, advertiseTime)
	defer cancel()
	return s.cfg.Routing.Provide(ctx, c, true)
}

// unadvertised lists the public roots that were not advertised since, out of those used
// last.
func (x *index) unadvertised(since time.Time, most int) []cid.Cid {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var public []*root
	for _, r := range x.roots {
		if r.public {
			public = append(public, r)
		}
	}
	slices.SortFunc(public, func(a, b *root) int { return cmp.Compare(b.used.Load(), a.used.Load()) })
	var due []cid.Cid
	for _, r := range public[:min(len(public), most)] {
		if r.advertised.Before(since) {
			due = append(due, r.cid)
		}
	}
	return due
}

// advertised notes when the network was told of a root.
func (x *index) advertised(c cid.Cid, at time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r := x.roots[c]; r != nil {
		r.advertised = at
	}
}
