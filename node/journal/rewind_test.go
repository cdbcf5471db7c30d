package journal

import (
	"testing"

	"github.com/rerig/rerig/protocol"
)

// A collection that the chain takes back is owed again, and nothing is credited
// twice when it comes back.
func TestRewindOfACollection(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(60)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 30), amt(30))
	must(t, err)
	claimed := funded(100)
	for _, c := range []uint64{30, 45} { // the second with a voucher that is not known here
		claimed.Claimed = amt(c)
		must(t, j.SetInChannel(ctx, domain, ch, claimed))
	}
	wantIn(t, j, id, 30, 45, 30)
	for range 2 {
		must(t, j.Rewind(ctx, protocol.RoleRig, domain, ch, funded(100)))
		wantIn(t, j, id, 30, 30, 30)
		if got, err := j.InChannel(ctx, id); err != nil || !got.State.Claimed.IsZero() {
			t.Fatalf("claimed %s, %v", got.State.Claimed, err)
		}
	}
	claimed.Claimed = amt(30)
	must(t, j.SetInChannel(ctx, domain, ch, claimed))
	wantIn(t, j, id, 30, 30, 30)
}

// A close that the chain takes back brings back the epoch before it and its voucher;
// when the close comes again, so does what was booked after it.
func TestRewindOfAClose(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id, open := ch.ID(), funded(100)
	must(t, j.SetInChannel(ctx, domain, ch, open))
	must(t, j.ReserveIn(ctx, id, num(1), amt(60)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 30), amt(30))
	must(t, err)
	must(t, j.ReleaseIn(ctx, num(1)))
	next := funded(50)
	next.Epoch = 1
	must(t, j.SetInChannel(ctx, domain, ch, next))
	must(t, j.ReserveIn(ctx, id, num(2), amt(20)))
	_, err = j.Credit(ctx, id, num(2), voucher(ch, 1, 7), amt(7))
	must(t, err)
	wantIn(t, j, id, 7, 7, 13)

	must(t, j.Rewind(ctx, protocol.RoleRig, domain, ch, open))
	wantIn(t, j, id, 30, 30, 0)
	must(t, j.SetInChannel(ctx, domain, ch, next))
	wantIn(t, j, id, 7, 7, 13)
	wantAs[*EpochError](t, j.SetInChannel(ctx, domain, ch, open))
	wantIs(t, j.Rewind(ctx, protocol.RoleRig, protocol.Domain{ChainID: 9}, ch, open), ErrDomain)
	further := next
	further.Epoch = 2
	wantAs[*EpochError](t, j.Rewind(ctx, protocol.RoleRig, domain, ch, further))
}

// What was claimed in the epoch that comes back, with a voucher that is not known
// here, cannot be paid with once more.
func TestRewindOfACloseKeepsForeignClaims(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id, open := ch.ID(), funded(100)
	must(t, j.SetInChannel(ctx, domain, ch, open))
	must(t, j.ReserveIn(ctx, id, num(1), amt(60)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 30), amt(30))
	must(t, err)
	must(t, j.ReleaseIn(ctx, num(1)))
	open.Claimed = amt(45)
	must(t, j.SetInChannel(ctx, domain, ch, open))
	wantIn(t, j, id, 30, 45, 0)
	must(t, j.SetInChannel(ctx, domain, ch, protocol.ChannelState{Epoch: 1}))
	must(t, j.Rewind(ctx, protocol.RoleRig, domain, ch, open))
	got, err := j.InChannel(ctx, id)
	must(t, err)
	if got.Credited.Less(amt(45)) {
		t.Errorf("%s credited of 45 claimed", got.Credited)
	}
	must(t, j.Rewind(ctx, protocol.RoleRig, domain, ch, funded(100))) // the claims are gone too
	got, err = j.InChannel(ctx, id)
	must(t, err)
	if got.Credited.Less(amt(30)) {
		t.Errorf("%s credited of 30 that a job was paid", got.Credited)
	}
}

// The payer's book goes back as far, and never below what it promised.
func TestRewindOfAnOutgoingClose(t *testing.T) {
	t.Parallel()
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id, open := ch.ID(), funded(100)
	must(t, j.SetOutChannel(ctx, domain, ch, open))
	must(t, j.Reserve(ctx, id, num(1), amt(60)))
	_, err := j.Promise(ctx, id, num(1), amt(40))
	must(t, err)
	must(t, j.Release(ctx, num(1)))
	next := protocol.ChannelState{Epoch: 1}
	must(t, j.SetOutChannel(ctx, domain, ch, next))
	wantOut(t, j, id, 0, 0)
	must(t, j.Rewind(ctx, protocol.RoleRequester, domain, ch, open))
	wantOut(t, j, id, 40, 0)
	must(t, j.Reserve(ctx, id, num(2), amt(60)))
	v, err := j.Promise(ctx, id, num(2), amt(1))
	must(t, err)
	if v.Cumulative != amt(41) || v.Epoch != 0 {
		t.Fatalf("voucher %+v after the rewind", v)
	}
}
