package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// SetOutChannel records an outgoing channel as read from the chain. A newer epoch
// resets what is promised and voids the reservations of the old one; an older one
// is refused (*EpochError), as is another chain or escrow (ErrDomain). Promised
// is never below what the chain has paid, so that a node that lost its journal
// goes on above its old vouchers.
func (j *Journal) SetOutChannel(ctx context.Context, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error {
	return j.write(ctx, func(t *tx) error { return t.setOut(d, c, st) })
}

func (t *tx) setOut(d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error {
	a, _, err := t.observe(protocol.RoleRequester, d, c, st)
	if err != nil {
		return err
	}
	a.used = larger(a.used, a.state.Claimed)
	return a.save(t)
}

// OutChannel is one outgoing channel, or ErrNotFound.
func (j *Journal) OutChannel(ctx context.Context, id protocol.Hash) (ch protocol.OutChannel, err error) {
	err = j.view(ctx, func(r reader) error {
		a, err := oneAccount(r, protocol.RoleRequester, id)
		if err == nil {
			ch, err = a.out(r)
		}
		return err
	})
	return ch, err
}

// OutChannels are all outgoing channels, sorted by ID.
func (j *Journal) OutChannels(ctx context.Context) (list []protocol.OutChannel, err error) {
	err = j.view(ctx, func(r reader) error {
		all, withheld, err := book(r, protocol.RoleRequester)
		for _, a := range all {
			list = append(list, protocol.OutChannel{Domain: a.domain, Channel: a.channel, State: a.state, Promised: a.used, Reserved: withheld[a.period()]})
		}
		return err
	})
	return list, err
}

func (a account) out(r reader) (protocol.OutChannel, error) {
	reserved, err := a.reserved(r, protocol.Hash{})
	return protocol.OutChannel{Domain: a.domain, Channel: a.channel, State: a.state, Promised: a.used, Reserved: reserved}, err
}

// Promise raises what is promised for the job to total base units and returns the
// voucher to sign for it, durable before it returns. The same total again gives
// the channel's present voucher and promises nothing more; a lower one is
// ErrLowerTotal, one above the reservation *OverBudgetError.
func (j *Journal) Promise(ctx context.Context, id, job protocol.Hash, total protocol.Amount) (protocol.Voucher, error) {
	return result(ctx, j, func(t *tx) (protocol.Voucher, error) { return t.promise(id, job, total) })
}

func (t *tx) promise(id, job protocol.Hash, total protocol.Amount) (v protocol.Voucher, err error) {
	a, err := oneAccount(t, protocol.RoleRequester, id)
	if err != nil {
		return v, err
	}
	res, found, err := reservationOf(t, protocol.RoleRequester, job)
	if err != nil {
		return v, err
	}
	if !found {
		return v, fmt.Errorf("job %s: %w", job, ErrNoReservation)
	}
	if err := res.belongs(a); err != nil {
		return v, err
	}
	if total.Less(res.paid) {
		return v, fmt.Errorf("job %s, total %s after %s: %w", job, total, res.paid, ErrLowerTotal)
	}
	if total == res.paid {
		return protocol.Voucher{Channel: id, Epoch: a.state.Epoch, Cumulative: a.used}, nil
	}
	if !res.open {
		return v, fmt.Errorf("job %s: %w", job, ErrNoReservation)
	}
	if res.budget.Less(total) {
		return v, &OverBudgetError{Budget: res.budget, Total: total}
	}
	delta := total.Minus(res.paid)
	if left := a.state.Funded.Minus(a.used); left.Less(delta) {
		return v, &InsufficientError{Free: left, Need: delta}
	}
	if a.used, err = a.used.Add(delta); err != nil {
		return v, err
	}
	if err := t.addPaid(protocol.RoleRequester, res.paid.IsZero(), delta); err != nil {
		return v, err
	}
	res.paid = total
	if err := res.save(t, protocol.RoleRequester); err != nil {
		return v, err
	}
	return protocol.Voucher{Channel: id, Epoch: a.state.Epoch, Cumulative: a.used}, a.save(t)
}
