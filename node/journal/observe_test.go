package journal

import (
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// A job that has read its channel from the chain goes by that, whatever a look at the
// chain from before writes into the book meanwhile: it would fund it again.
func TestOlderStatesCannotHideAFunding(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(50)))
	stop := make(chan struct{})
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for {
				if err := j.SetOutChannel(ctx, domain, ch, funded(50)); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 50 {
		rec := step(protocol.RoleRequester, ch, protocol.StateFunded, false)
		rec.Agreement.Domain = domain
		if _, short, err := j.ObserveAndReserve(ctx, rec, funded(100)); short != nil || err != nil {
			t.Errorf("60 of 100: %v, %v", short, err)
		}
	}
	close(stop)
	others.Wait()
}

// What was read is kept where the channel has too little, or takes no job.
func TestObserveAndReserveKeepsTheState(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	rec := step(protocol.RoleRequester, ch, protocol.StateFunded, false)
	rec.Agreement.Domain = domain
	closing := funded(100)
	closing.ClosesAt = 7
	for _, st := range []protocol.ChannelState{funded(20), closing} {
		_, short, err := j.ObserveAndReserve(ctx, rec, st)
		must(t, err)
		if st == closing {
			wantIs(t, short, ErrClosing)
		} else if e := wantAs[*InsufficientError](t, short); e.Free != amt(20) {
			t.Errorf("free %s", e.Free)
		}
		if got, err := j.OutChannel(ctx, ch.ID()); err != nil || got.State != st || !got.Reserved.IsZero() {
			t.Errorf("book has %+v, %v", got, err)
		}
		_, err = j.Record(ctx, protocol.RoleRequester, rec.Job.ID)
		wantIs(t, err, ErrNotFound)
	}
}

// A look at the chain that took its time does not undo what was read after it.
func TestFollowYieldsToALaterLook(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(50)))
	must(t, j.SetInChannel(ctx, domain, ch, funded(50)))
	for _, role := range []protocol.Role{protocol.RoleRequester, protocol.RoleRig} {
		for i, was := range []uint64{50, 50, 70} {
			kept, err := j.Follow(ctx, role, domain, ch, funded(was), funded(70+uint64(i)))
			must(t, err)
			if kept != (i != 1) {
				t.Errorf("%s: from %d on: kept is %v", role, was, kept)
			}
		}
		_, err := j.Follow(ctx, role, domain, channel(2), funded(0), funded(1))
		wantIs(t, err, ErrNotFound)
	}
	out, err := j.OutChannel(ctx, ch.ID())
	must(t, err)
	in, err := j.InChannel(ctx, ch.ID())
	must(t, err)
	if out.State != funded(72) || in.State != funded(72) {
		t.Errorf("books have %+v and %+v", out.State, in.State)
	}
}
