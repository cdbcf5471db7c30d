package journal

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// A node's first jobs all look at their channel at once, when no query is parsed yet.
func TestFirstReadsTogether(t *testing.T) {
	t.Parallel()
	j := start(t, t.TempDir(), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all, begun sync.WaitGroup
	begun.Add(maxViews)
	for range maxViews {
		all.Go(func() {
			err := j.view(ctx, func(r reader) error {
				begun.Done()
				begun.Wait()
				_, err := oneAccount(r, protocol.RoleRequester, num(1))
				return err
			})
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("read of no channel: %v", err)
			}
		})
	}
	all.Wait()
	for range 4 * maxViews { // more than there are places for
		all.Go(func() {
			if _, err := j.Record(ctx, protocol.RoleRig, num(1)); !errors.Is(err, ErrNotFound) {
				t.Errorf("read of no record: %v", err)
			}
		})
	}
	all.Wait()
}
