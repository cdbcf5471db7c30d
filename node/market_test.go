package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/protocol"
)

// A node asked right after its start, before it knows anybody, does not call the
// market empty: it says so only once somebody has, or once it is no longer new.
func TestMarketIsNotEmptyWhileTheNodeJoins(t *testing.T) {
	t.Parallel()
	nobody, empty := discovery.Found{}, discovery.Found{Asked: 1}
	full := discovery.Found{Asked: 1, Offers: []*protocol.VerifiedOffer{{}}}
	own := discovery.Found{Offers: full.Offers}
	for name, c := range map[string]struct {
		age            time.Duration // of the node
		first, later   discovery.Found
		known          time.Duration // until it knows somebody
		took           time.Duration
		asked, offered int
	}{
		"joins a full market":         {first: nobody, later: full, known: 3 * time.Second, took: 3 * time.Second, asked: 1, offered: 1},
		"joins an empty market":       {first: nobody, later: empty, known: time.Second, took: time.Second, asked: 1},
		"has joined":                  {first: empty, later: full},
		"knows its own rig":           {first: own, later: full, offered: 1},
		"nobody is there":             {first: nobody, later: nobody, known: time.Hour, took: joining},
		"nobody is there, in between": {age: joining - time.Second, first: nobody, later: nobody, known: time.Hour, took: time.Second},
		"nobody is there, later":      {age: time.Hour, first: nobody, later: full},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				found, err := whileJoining(t.Context(), begun.Add(-c.age), c.first, func() (discovery.Found, error) {
					if time.Since(begun) < c.known {
						return nobody, nil
					}
					return c.later, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != c.took {
					t.Errorf("answered after %v, want %v", took, c.took)
				}
				if want := max(c.asked, c.first.Asked); found.Asked != want || len(found.Offers) != c.offered {
					t.Errorf("%d index nodes and %d offers, want %d and %d", found.Asked, len(found.Offers), want, c.offered)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := whileJoining(ctx, time.Now(), nobody, func() (discovery.Found, error) { return nobody, nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller that has gone got %v", err)
		}
		broken := errors.New("broken")
		if _, err := whileJoining(t.Context(), time.Now(), nobody, func() (discovery.Found, error) { return nobody, broken }); !errors.Is(err, broken) {
			t.Errorf("a search that failed got %v", err)
		}
	})
}
