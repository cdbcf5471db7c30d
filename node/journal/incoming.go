package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// OldVoucher is the best voucher of an epoch that ended before all of it was
// known to be claimed.
type OldVoucher struct {
	Best    protocol.SignedVoucher
	Funded  protocol.Amount // as last seen in that epoch
	Claimed protocol.Amount
}

// SetInChannel records an incoming channel as read from the chain. A newer epoch
// begins with nothing credited, voids the reservations of the old one, and moves
// the old one's voucher to the archive; an older one is refused (*EpochError), as
// is another chain or escrow (ErrDomain).
func (j *Journal) SetInChannel(ctx context.Context, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error {
	return j.write(ctx, func(t *tx) error { return t.setIn(d, c, st) })
}

func (t *tx) setIn(d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error {
	a, before, err := t.observe(protocol.RoleRig, d, c, st)
	if err != nil {
		return err
	}
	if before.state.Epoch != a.state.Epoch {
		if err := t.archive(before); err != nil {
			return err
		}
		if err := t.revive(&a); err != nil { // it may have been here before a Rewind
			return err
		}
		before.state.Claimed = protocol.Amount{}
	}
	if err := a.creditForeign(before.state.Claimed); err != nil {
		return err
	}
	return a.save(t)
}

// Follow is SetInChannel or SetOutChannel of a channel that the book has in state
// was. Where it has another by now, whoever wrote that has read the chain since:
// nothing is done, and kept is false.
func (j *Journal) Follow(ctx context.Context, role protocol.Role, d protocol.Domain, c protocol.Channel, was, st protocol.ChannelState) (kept bool, err error) {
	return result(ctx, j, func(t *tx) (bool, error) {
		a, err := oneAccount(t, role, c.ID())
		switch {
		case err != nil || a.state != was:
			return false, err
		case role == protocol.RoleRig:
			return true, t.setIn(d, c, st)
		}
		return true, t.setOut(d, c, st)
	})
}

// creditForeign counts what was claimed with vouchers that this journal does not
// have, because it was lost or restored, as credited to no job: a payer could
// otherwise pay a second time with what it has already paid.
func (a *account) creditForeign(claimedBefore protocol.Amount) (err error) {
	known := larger(claimedBefore, a.best.Voucher.Cumulative)
	a.used, err = a.used.Add(a.state.Claimed.Minus(known))
	return err
}

// InChannel is one incoming channel, or ErrNotFound.
func (j *Journal) InChannel(ctx context.Context, id protocol.Hash) (ch protocol.InChannel, err error) {
	err = j.view(ctx, func(r reader) error {
		a, err := oneAccount(r, protocol.RoleRig, id)
		if err == nil {
			ch, err = a.in(r)
		}
		return err
	})
	return ch, err
}

// InChannels are all incoming channels, sorted by ID.
func (j *Journal) InChannels(ctx context.Context) (list []protocol.InChannel, err error) {
	err = j.view(ctx, func(r reader) error {
		all, withheld, err := book(r, protocol.RoleRig)
		for _, a := range all {
			list = append(list, protocol.InChannel{Domain: a.domain, Channel: a.channel, State: a.state, Best: a.best, Credited: a.used, Reserved: withheld[a.period()]})
		}
		return err
	})
	return list, err
}

func (a account) in(r reader) (protocol.InChannel, error) {
	reserved, err := a.reserved(r, protocol.Hash{})
	return protocol.InChannel{Domain: a.domain, Channel: a.channel, State: a.state, Best: a.best, Credited: a.used, Reserved: reserved}, err
}

// Credit records a voucher, whose signature the caller has verified, together
// with what the payer says it pays for the job so far; both are fsynced before it
// returns what the job is credited now. jobPaid and the result are base units.
//
// Vouchers of several jobs may arrive out of order: one that is lower than the
// best is good as long as the credits of all jobs fit into the best (ErrUncovered)
// and into the channel (*InsufficientError). The same jobPaid again is no error;
// less is ErrLowerVoucher, more than the reservation *OverBudgetError, another
// epoch *EpochError. A released job may still be paid from what is free.
func (j *Journal) Credit(ctx context.Context, id, job protocol.Hash, v protocol.SignedVoucher, jobPaid protocol.Amount) (protocol.Amount, error) {
	return result(ctx, j, func(t *tx) (protocol.Amount, error) { return t.credit(id, job, v, jobPaid) })
}

func (t *tx) credit(id, job protocol.Hash, v protocol.SignedVoucher, jobPaid protocol.Amount) (none protocol.Amount, err error) {
	if v.Voucher.Channel != id {
		return none, &protocol.FieldError{Field: "voucher.channel", Limit: id.String(), Got: v.Voucher.Channel.String()}
	}
	a, err := oneAccount(t, protocol.RoleRig, id)
	if err != nil {
		return none, err
	}
	if v.Voucher.Epoch != a.state.Epoch {
		return none, &EpochError{Have: a.state.Epoch, Got: v.Voucher.Epoch}
	}
	res, found, err := reservationOf(t, protocol.RoleRig, job)
	if err != nil {
		return none, err
	}
	if !found {
		return none, fmt.Errorf("job %s: %w", job, ErrNoReservation)
	}
	if err := res.belongs(a); err != nil {
		return none, err
	}
	if jobPaid.Less(res.paid) {
		return none, fmt.Errorf("job %s, total %s after %s: %w", job, jobPaid, res.paid, ErrLowerVoucher)
	}
	if res.budget.Less(jobPaid) {
		return none, &OverBudgetError{Budget: res.budget, Total: jobPaid}
	}
	better := a.best.Voucher.Cumulative.Less(v.Voucher.Cumulative)
	if jobPaid == res.paid && !better {
		return jobPaid, nil
	}
	if better {
		a.best = v
	}
	before := res.paid
	if err := a.pay(t, &res, jobPaid); err != nil {
		return none, err
	}
	if more := jobPaid.Minus(before); !more.IsZero() {
		if err := t.addPaid(protocol.RoleRig, before.IsZero(), more); err != nil {
			return none, err
		}
	}
	if err := res.save(t, protocol.RoleRig); err != nil {
		return none, err
	}
	return jobPaid, a.save(t)
}

// pay credits the job up to jobPaid where the best voucher and the channel cover it.
func (a *account) pay(r reader, res *reservation, jobPaid protocol.Amount) error {
	delta := jobPaid.Minus(res.paid)
	if delta.IsZero() {
		return nil
	}
	sum, err := a.used.Add(delta)
	if err != nil {
		return err
	}
	if a.best.Voucher.Cumulative.Less(sum) {
		return fmt.Errorf("voucher %s for %s in all jobs: %w", a.best.Voucher.Cumulative, sum, ErrUncovered)
	}
	free := a.state.Funded.Minus(a.used)
	if !res.open {
		if free, err = a.free(r, res.job); err != nil {
			return err
		}
	}
	if free.Less(delta) {
		return &InsufficientError{Free: free, Need: delta}
	}
	a.used, res.paid = sum, jobPaid
	return nil
}

// SetClaimed records what the escrow has paid out of an epoch of an incoming
// channel, in base units; it never lowers it. For an ended epoch it takes the
// voucher out of the archive once all of it is claimed. An epoch that is newer
// than the journal's is an *EpochError: SetInChannel comes first.
func (j *Journal) SetClaimed(ctx context.Context, id protocol.Hash, epoch uint32, claimed protocol.Amount) error {
	return j.write(ctx, func(t *tx) error {
		a, err := oneAccount(t, protocol.RoleRig, id)
		switch {
		case err != nil:
			return err
		case epoch > a.state.Epoch:
			return &EpochError{Have: a.state.Epoch, Got: epoch}
		case epoch < a.state.Epoch:
			return t.claimOld(id, epoch, claimed)
		case !a.state.Claimed.Less(claimed):
			return nil
		}
		before := a.state.Claimed
		a.state.Claimed = claimed
		if err := a.creditForeign(before); err != nil {
			return err
		}
		return a.save(t)
	})
}
