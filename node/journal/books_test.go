package journal

import (
	"testing"

	"github.com/rerig/rerig/protocol"
)

func wantOut(t *testing.T, j *Journal, id protocol.Hash, promised, reserved uint64) {
	t.Helper()
	ch, err := j.OutChannel(t.Context(), id)
	must(t, err)
	if ch.Promised != amt(promised) || ch.Reserved != amt(reserved) {
		t.Fatalf("promised %s reserved %s, want %d and %d", ch.Promised, ch.Reserved, promised, reserved)
	}
}

func wantIn(t *testing.T, j *Journal, id protocol.Hash, best, credited, reserved uint64) {
	t.Helper()
	ch, err := j.InChannel(t.Context(), id)
	must(t, err)
	if ch.Best.Voucher.Cumulative != amt(best) || ch.Credited != amt(credited) || ch.Reserved != amt(reserved) {
		t.Fatalf("best %s credited %s reserved %s, want %d, %d and %d", ch.Best.Voucher.Cumulative, ch.Credited, ch.Reserved, best, credited, reserved)
	}
}

func TestPromiseStaysWithinReservationAndChannel(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id, a, b := ch.ID(), num(1), num(2)
	wantIs(t, j.Reserve(ctx, id, a, amt(1)), ErrNotFound)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	_, err := j.Promise(ctx, id, a, amt(1))
	wantIs(t, err, ErrNoReservation)

	must(t, j.Reserve(ctx, id, a, amt(60)))
	short := wantAs[*InsufficientError](t, j.Reserve(ctx, id, b, amt(41)))
	if *short != (InsufficientError{Free: amt(40), Need: amt(41)}) {
		t.Fatalf("got %+v", short)
	}
	must(t, j.Reserve(ctx, id, b, amt(40)))
	wantOut(t, j, id, 0, 100)

	for _, step := range []struct {
		job               protocol.Hash
		total, cumulative uint64
	}{{a, 10, 10}, {b, 5, 15}, {a, 10, 15}, {a, 60, 65}, {b, 40, 105 - 5}} {
		v, err := j.Promise(ctx, id, step.job, amt(step.total))
		must(t, err)
		if want := (protocol.Voucher{Channel: id, Cumulative: amt(step.cumulative)}); v != want {
			t.Fatalf("voucher %+v, want %+v", v, want)
		}
	}
	_, err = j.Promise(ctx, id, a, amt(59))
	wantIs(t, err, ErrLowerTotal)
	_, err = j.Promise(ctx, id, a, amt(61))
	if over := wantAs[*OverBudgetError](t, err); *over != (OverBudgetError{Budget: amt(60), Total: amt(61)}) {
		t.Fatalf("got %+v", over)
	}
	wantOut(t, j, id, 100, 0)
}

func TestReleaseFreesWhatWasNotPromised(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.Reserve(ctx, id, num(1), amt(100)))
	_, err := j.Promise(ctx, id, num(1), amt(30))
	must(t, err)
	wantOut(t, j, id, 30, 70)
	for range 2 {
		must(t, j.Release(ctx, num(1)))
		wantOut(t, j, id, 30, 0)
	}
	must(t, j.Release(ctx, num(99)))
	_, err = j.Promise(ctx, id, num(1), amt(31))
	wantIs(t, err, ErrNoReservation)
	v, err := j.Promise(ctx, id, num(1), amt(30))
	must(t, err)
	if v.Cumulative != amt(30) {
		t.Fatalf("replayed voucher grants %s, want 30", v.Cumulative)
	}
	must(t, j.Reserve(ctx, id, num(2), amt(70)))
	wantAs[*InsufficientError](t, j.Reserve(ctx, id, num(3), amt(1)))
}

func TestReserveAgainChangesTheBudget(t *testing.T) {
	j, ctx, one, two := start(t, t.TempDir(), Options{}), t.Context(), channel(1), channel(2)
	must(t, j.SetOutChannel(ctx, domain, one, funded(100)))
	must(t, j.SetOutChannel(ctx, domain, two, funded(100)))
	must(t, j.Reserve(ctx, one.ID(), num(1), amt(80)))
	must(t, j.Reserve(ctx, one.ID(), num(1), amt(100)))
	wantOut(t, j, one.ID(), 0, 100)
	must(t, j.Reserve(ctx, two.ID(), num(1), amt(50)))
	wantOut(t, j, one.ID(), 0, 0)
	_, err := j.Promise(ctx, two.ID(), num(1), amt(20))
	must(t, err)
	wantIs(t, j.Reserve(ctx, one.ID(), num(1), amt(80)), ErrOtherChannel)
	_, err = j.Promise(ctx, one.ID(), num(1), amt(30))
	wantIs(t, err, ErrOtherChannel)
	wantAs[*OverBudgetError](t, j.Reserve(ctx, two.ID(), num(1), amt(19)))
	must(t, j.Reserve(ctx, two.ID(), num(1), amt(100)))
	wantOut(t, j, two.ID(), 20, 80)
}

func TestNewEpochStartsOver(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.Reserve(ctx, id, num(1), amt(100)))
	_, err := j.Promise(ctx, id, num(1), amt(40))
	must(t, err)

	must(t, j.SetOutChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(120), ClosesAt: 5}))
	wantOut(t, j, id, 40, 60)
	wantIs(t, j.Reserve(ctx, id, num(2), amt(1)), ErrClosing)
	_, err = j.Promise(ctx, id, num(1), amt(50)) // work done is paid while the channel closes
	must(t, err)

	must(t, j.SetOutChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(70), Epoch: 1}))
	wantOut(t, j, id, 0, 0)
	_, err = j.Promise(ctx, id, num(1), amt(60))
	if e := wantAs[*EpochError](t, err); *e != (EpochError{Have: 1, Got: 0}) {
		t.Fatalf("got %+v", e)
	}
	wantAs[*EpochError](t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.Reserve(ctx, id, num(2), amt(70)))
	v, err := j.Promise(ctx, id, num(2), amt(7))
	must(t, err)
	if v != (protocol.Voucher{Channel: id, Epoch: 1, Cumulative: amt(7)}) {
		t.Fatalf("got %+v", v)
	}
	other := domain
	other.ChainID++
	wantIs(t, j.SetOutChannel(ctx, other, ch, funded(1)), ErrDomain)
}

func TestLostJournalPromisesAboveTheChain(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(100), Claimed: amt(30)}))
	must(t, j.Reserve(ctx, ch.ID(), num(1), amt(70)))
	v, err := j.Promise(ctx, ch.ID(), num(1), amt(1))
	must(t, err)
	if v.Cumulative != amt(31) {
		t.Fatalf("voucher grants %s, want 31", v.Cumulative)
	}
}

func TestReorganisedFundingStopsPromises(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	must(t, j.SetOutChannel(ctx, domain, ch, funded(100)))
	must(t, j.Reserve(ctx, ch.ID(), num(1), amt(100)))
	must(t, j.SetOutChannel(ctx, domain, ch, funded(10)))
	_, err := j.Promise(ctx, ch.ID(), num(1), amt(11))
	wantAs[*InsufficientError](t, err)
	_, err = j.Promise(ctx, ch.ID(), num(1), amt(10))
	must(t, err)
}

func TestCreditTakesVouchersOutOfOrder(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id, a, b := ch.ID(), num(1), num(2)
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, a, amt(60)))
	must(t, j.ReserveIn(ctx, id, b, amt(40)))
	wantAs[*InsufficientError](t, j.ReserveIn(ctx, id, num(3), amt(1)))

	credit := func(job protocol.Hash, cumulative, paid uint64) error {
		t.Helper()
		total, err := j.Credit(ctx, id, job, voucher(ch, 0, cumulative), amt(paid))
		if err == nil && total != amt(paid) {
			t.Fatalf("credited %s, want %d", total, paid)
		}
		return err
	}
	wantIs(t, credit(a, 9, 10), ErrUncovered)
	wantIn(t, j, id, 0, 0, 100) // a refused voucher leaves nothing behind
	must(t, credit(b, 30, 20))  // made after a's, arrives before it
	must(t, credit(a, 10, 10))
	wantIn(t, j, id, 30, 30, 70)
	must(t, credit(a, 10, 10))
	must(t, credit(a, 35, 10)) // a higher voucher is kept even where it pays nothing new
	wantIn(t, j, id, 35, 30, 70)
	wantIs(t, credit(a, 40, 9), ErrLowerVoucher)
	wantIs(t, credit(a, 35, 16), ErrUncovered)
	wantAs[*OverBudgetError](t, credit(a, 100, 61))
	wantIs(t, credit(num(3), 100, 1), ErrNoReservation)
	_, err := j.Credit(ctx, id, a, voucher(ch, 1, 100), amt(11))
	wantAs[*EpochError](t, err)
	_, err = j.Credit(ctx, id, a, voucher(channel(2), 0, 100), amt(11))
	wantAs[*protocol.FieldError](t, err)
	wantIn(t, j, id, 35, 30, 70)

	must(t, j.SetInChannel(ctx, domain, ch, funded(50)))
	wantAs[*InsufficientError](t, credit(a, 100, 31)) // the chain cannot pay 51
	must(t, credit(a, 100, 30))
}

func TestReleasedJobIsPaidFromWhatIsFree(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(50)))
	must(t, j.ReleaseIn(ctx, num(1)))
	must(t, j.ReserveIn(ctx, id, num(2), amt(95)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 6), amt(6))
	wantAs[*InsufficientError](t, err)
	_, err = j.Credit(ctx, id, num(1), voucher(ch, 0, 5), amt(5))
	must(t, err)
	wantIn(t, j, id, 5, 5, 95)
}

func TestEndedEpochsVoucherIsKeptUntilClaimed(t *testing.T) {
	dir, ctx, ch := t.TempDir(), t.Context(), channel(1)
	j := start(t, dir, Options{})
	id := ch.ID()
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(50)))
	best := voucher(ch, 0, 40)
	_, err := j.Credit(ctx, id, num(1), best, amt(40))
	must(t, err)
	must(t, j.SetClaimed(ctx, id, 0, amt(10)))
	must(t, j.SetClaimed(ctx, id, 0, amt(5)))
	wantAs[*EpochError](t, j.SetClaimed(ctx, id, 1, amt(10)))
	state, err := j.InChannel(ctx, id)
	must(t, err)
	if state.State.Claimed != amt(10) || state.Best != best {
		t.Fatalf("got %+v", state)
	}

	must(t, j.SetInChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(20), Claimed: amt(5), Epoch: 1}))
	wantIn(t, j, id, 0, 5, 0) // claimed with a voucher that the journal never had
	_, err = j.Credit(ctx, id, num(1), best, amt(41))
	wantAs[*EpochError](t, err)
	old, err := j.OldVouchers(ctx)
	must(t, err)
	if len(old) != 1 || old[0] != (OldVoucher{Best: best, Funded: amt(100), Claimed: amt(10)}) {
		t.Fatalf("archive holds %+v", old)
	}
	must(t, j.SetClaimed(ctx, id, 0, amt(39)))
	must(t, j.SetClaimed(ctx, id, 0, amt(40)))
	if old, err = j.OldVouchers(ctx); err != nil || len(old) != 0 {
		t.Fatalf("archive holds %+v, %v", old, err)
	}
	wantAs[*EpochError](t, j.SetInChannel(ctx, domain, ch, funded(100)))
}

func TestGenerousVoucherIsClaimedOnceTheChannelIsEmpty(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(50)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 1000), amt(40)) // promises more than there is
	must(t, err)
	must(t, j.SetClaimed(ctx, id, 0, amt(100)))
	must(t, j.SetInChannel(ctx, domain, ch, protocol.ChannelState{Epoch: 1}))
	if old, err := j.OldVouchers(ctx); err != nil || len(old) != 0 {
		t.Fatalf("archive holds %+v, %v", old, err)
	}
}

func TestClaimBeforeTheLastVouchersArrive(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	must(t, j.SetInChannel(ctx, domain, ch, funded(100)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(50)))
	must(t, j.ReserveIn(ctx, id, num(2), amt(50)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 60), amt(20))
	must(t, err)
	must(t, j.SetClaimed(ctx, id, 0, amt(60))) // our own voucher, collected
	_, err = j.Credit(ctx, id, num(2), voucher(ch, 0, 40), amt(40))
	must(t, err)
	wantIn(t, j, id, 60, 60, 40)
}

func TestLostJournalIsNotPaidTwice(t *testing.T) {
	j, ctx, ch := start(t, t.TempDir(), Options{}), t.Context(), channel(1)
	id := ch.ID()
	for range 2 {
		must(t, j.SetInChannel(ctx, domain, ch, protocol.ChannelState{Funded: amt(100), Claimed: amt(30)}))
	}
	wantAs[*InsufficientError](t, j.ReserveIn(ctx, id, num(1), amt(71)))
	must(t, j.ReserveIn(ctx, id, num(1), amt(70)))
	_, err := j.Credit(ctx, id, num(1), voucher(ch, 0, 30), amt(10)) // already paid out once
	wantIs(t, err, ErrUncovered)
	_, err = j.Credit(ctx, id, num(1), voucher(ch, 0, 40), amt(10))
	must(t, err)
	must(t, j.SetClaimed(ctx, id, 0, amt(45)))
	wantIn(t, j, id, 40, 45, 60)
}
