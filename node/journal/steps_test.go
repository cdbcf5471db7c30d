package journal

import (
	"errors"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// step is a record of one job over a channel, in a state.
func step(role protocol.Role, ch protocol.Channel, state protocol.State, ended bool) protocol.Record {
	rec := record(role, 1, 1)
	rec.Channel, rec.Epoch, rec.Agreement.MaxTotal = ch, 0, amt(60)
	rec.Job.State, rec.Job.Ended = state, ended
	return rec
}

func wantState(t *testing.T, j *Journal, rec protocol.Record, want protocol.State) {
	t.Helper()
	got, err := j.Record(t.Context(), rec.Job.Role, rec.Job.ID)
	must(t, err)
	if got.Job.State != want {
		t.Fatalf("journaled in state %s, want %s", got.Job.State, want)
	}
}

func TestPutAndPromiseIsBothOrNone(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	rec := step(protocol.RoleRequester, ch, protocol.StateFinished, false)
	must(t, j.Reserve(ctx, ch.ID(), rec.Job.ID, amt(60)))
	must(t, j.PutRecord(ctx, rec))

	rec.Job.State = protocol.StateVerified
	_, err := j.PutAndPromise(ctx, rec, amt(61))
	wantAs[*OverBudgetError](t, err)
	wantState(t, j, rec, protocol.StateFinished)
	wantOut(t, j, ch.ID(), 0, 60)

	v, err := j.PutAndPromise(ctx, rec, amt(20))
	must(t, err)
	if v.Cumulative != amt(20) {
		t.Fatalf("voucher of %s, want 20", v.Cumulative)
	}
	wantState(t, j, rec, protocol.StateVerified)
	wantOut(t, j, ch.ID(), 20, 40)

	rec = step(protocol.RoleRequester, ch, protocol.StateSettled, true)
	must(t, j.PutAndRelease(ctx, rec))
	wantState(t, j, rec, protocol.StateSettled)
	wantOut(t, j, ch.ID(), 20, 0)
}

func TestPutAndReserveIsBothOrNone(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	rec := step(protocol.RoleRequester, ch, protocol.StateFunded, false)
	none := func(st protocol.ChannelState) {
		t.Helper()
		_, err := j.Record(ctx, rec.Job.Role, rec.Job.ID)
		wantIs(t, err, ErrNotFound)
		must(t, j.SetOutChannel(ctx, domain, ch, st))
		wantOut(t, j, ch.ID(), 0, 0)
	}
	refused := func() (err error) {
		_, err = j.PutAndReserve(ctx, rec)
		return err
	}
	wantIs(t, refused(), ErrNotFound)
	none(funded(59))
	wantAs[*InsufficientError](t, refused())
	none(protocol.ChannelState{Funded: amt(60), ClosesAt: 1})
	wantIs(t, refused(), ErrClosing)
	none(protocol.ChannelState{Funded: amt(60), Epoch: 1})

	epoch, err := j.PutAndReserve(ctx, rec)
	must(t, err)
	wantState(t, j, rec, protocol.StateFunded)
	if got, err := j.Record(ctx, rec.Job.Role, rec.Job.ID); epoch != 1 || err != nil || got.Epoch != 1 {
		t.Errorf("reserved in epoch %d, journaled in %d, %v", epoch, got.Epoch, err)
	}
	wantOut(t, j, ch.ID(), 0, 60)
}

// TestNothingIsReservedForAnEndedJob: a stop may come while the channel is being
// funded, and what is reserved after the end would never be released.
func TestNothingIsReservedForAnEndedJob(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	out, in := step(protocol.RoleRequester, ch, protocol.StateCancelled, true), step(protocol.RoleRig, ch, protocol.StateCancelled, true)
	must(t, j.PutAndRelease(ctx, out))
	must(t, j.PutAndRelease(ctx, in))

	_, err := j.PutAndReserve(ctx, step(protocol.RoleRequester, ch, protocol.StateFunded, false))
	wantIs(t, err, ErrEnded)
	wantIs(t, j.PutAndReserveIn(ctx, step(protocol.RoleRig, ch, protocol.StateAgreed, false)), ErrEnded)
	wantIs(t, j.ReserveIn(ctx, ch.ID(), in.Job.ID, amt(60)), ErrEnded)
	wantState(t, j, out, protocol.StateCancelled)
	wantState(t, j, in, protocol.StateCancelled)
	wantOut(t, j, ch.ID(), 0, 0)
	wantIn(t, j, ch.ID(), 0, 0, 0)
}

func TestPutAndCreditIsBothOrNone(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	rec := step(protocol.RoleRig, ch, protocol.StateFinished, false)
	must(t, j.PutAndReserveIn(ctx, rec))
	voucher := func(cumulative uint64) protocol.SignedVoucher {
		return protocol.SignedVoucher{Voucher: protocol.Voucher{Channel: ch.ID(), Cumulative: amt(cumulative)}, Signature: protocol.Signature{1}}
	}
	rec.Job.State, rec.Job.Ended = protocol.StateSettled, true
	wantIs(t, j.PutAndCredit(ctx, rec, voucher(19), amt(20)), ErrUncovered)
	wantState(t, j, rec, protocol.StateFinished)
	wantIn(t, j, ch.ID(), 0, 0, 60)

	must(t, j.PutAndCredit(ctx, rec, voucher(20), amt(20)))
	wantState(t, j, rec, protocol.StateSettled)
	wantIn(t, j, ch.ID(), 20, 20, 0)
}

func TestPutAndReserveInIsBothOrNone(t *testing.T) {
	for name, c := range map[string]struct {
		st    protocol.ChannelState
		known bool
		good  bool
	}{
		"enough":          {protocol.ChannelState{Funded: amt(60)}, true, true},
		"too little":      {protocol.ChannelState{Funded: amt(59)}, true, false},
		"another epoch":   {protocol.ChannelState{Funded: amt(60), Epoch: 1}, true, false},
		"closing":         {protocol.ChannelState{Funded: amt(60), ClosesAt: 1}, true, false},
		"unknown channel": {},
	} {
		t.Run(name, func(t *testing.T) {
			j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
			if c.known {
				must(t, j.SetInChannel(ctx, domain, ch, c.st))
			}
			rec := step(protocol.RoleRig, ch, protocol.StateAgreed, false)
			if err := j.PutAndReserveIn(ctx, rec); (err == nil) != c.good {
				t.Fatalf("got %v", err)
			}
			if c.good {
				wantState(t, j, rec, protocol.StateAgreed)
				wantIn(t, j, ch.ID(), 0, 0, 60)
				must(t, j.PutAndRelease(ctx, step(protocol.RoleRig, ch, protocol.StateCancelled, true)))
				wantState(t, j, rec, protocol.StateCancelled)
			} else if _, err := j.Record(ctx, protocol.RoleRig, rec.Job.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("the record is kept: %v", err)
			}
			if c.known {
				wantIn(t, j, ch.ID(), 0, 0, 0)
			}
		})
	}
}
