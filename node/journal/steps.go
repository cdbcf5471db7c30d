package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// The steps of a job that touch its record and a book of money at once. Each is
// one transaction: one fsync instead of two, and no crash between the halves.

// PutAndReserve keeps the agreement's most of an outgoing channel for the job and is
// PutRecord, in the channel's present epoch, which it returns: money is set aside
// exactly as long as the journal says that the job has not ended. What is funded and
// neither promised nor reserved by other jobs must cover it, else
// *InsufficientError. A closing channel takes no job (ErrClosing), an ended job gets
// no money (ErrEnded). Where it is refused nothing is put.
func (j *Journal) PutAndReserve(ctx context.Context, rec protocol.Record) (epoch uint32, err error) {
	return result(ctx, j, func(t *tx) (uint32, error) { return t.putAndReserve(rec) })
}

// ObserveAndReserve is SetOutChannel, and PutAndReserve from the state that was just
// read: what somebody else reads before and writes after it cannot come between, and
// have the channel funded a second time. The state is kept in any case; short is why
// nothing is reserved, *InsufficientError or ErrClosing.
func (j *Journal) ObserveAndReserve(ctx context.Context, rec protocol.Record, st protocol.ChannelState) (epoch uint32, short, err error) {
	type answer struct {
		epoch uint32
		short error
	}
	a, err := result(ctx, j, func(t *tx) (a answer, err error) {
		if err := t.setOut(rec.Agreement.Domain, rec.Channel, st); err != nil {
			return a, err
		}
		a.epoch, err = t.putAndReserve(rec)
		if errors.As(err, new(*InsufficientError)) || errors.Is(err, ErrClosing) {
			a.short, err = err, nil
		}
		return a, err
	})
	return a.epoch, a.short, err
}

func (t *tx) putAndReserve(rec protocol.Record) (epoch uint32, err error) {
	a, err := oneAccount(t, protocol.RoleRequester, rec.Channel.ID())
	if err != nil {
		return 0, err
	}
	rec.Epoch = a.state.Epoch
	put, err := putting(rec)
	if err != nil {
		return 0, err
	}
	if err := a.reserve(t, rec.Job.ID, rec.Agreement.MaxTotal); err != nil {
		return 0, err
	}
	return a.state.Epoch, put(t)
}

// PutAndPromise is PutRecord and Promise. Where the promise is refused the record
// stays as it was.
func (j *Journal) PutAndPromise(ctx context.Context, rec protocol.Record, total protocol.Amount) (protocol.Voucher, error) {
	put, err := putting(rec)
	if err != nil {
		return protocol.Voucher{}, err
	}
	return result(ctx, j, func(t *tx) (protocol.Voucher, error) {
		v, err := t.promise(rec.Channel.ID(), rec.Job.ID, total)
		if err != nil {
			return v, err
		}
		return v, put(t)
	})
}

// PutAndReserveIn is PutAndReserve for an incoming channel, which has to be in the
// record's epoch (*EpochError): two jobs never count on the same money.
func (j *Journal) PutAndReserveIn(ctx context.Context, rec protocol.Record) error {
	put, err := putting(rec)
	if err != nil {
		return err
	}
	id := rec.Channel.ID()
	return j.write(ctx, func(t *tx) error {
		a, err := oneAccount(t, protocol.RoleRig, id)
		if err != nil {
			return err
		}
		if a.state.Epoch != rec.Epoch {
			return fmt.Errorf("channel %s: %w", id, &EpochError{Have: a.state.Epoch, Got: rec.Epoch})
		}
		if err := a.reserve(t, rec.Job.ID, rec.Agreement.MaxTotal); err != nil {
			return err
		}
		return put(t)
	})
}

// PutAndCredit is Credit of a voucher that ends the job, and PutAndRelease of the
// record as it is then. Where the voucher is refused the record stays as it was.
func (j *Journal) PutAndCredit(ctx context.Context, rec protocol.Record, v protocol.SignedVoucher, jobPaid protocol.Amount) error {
	put, err := putting(rec)
	if err != nil {
		return err
	}
	id := rec.Channel.ID()
	return j.write(ctx, func(t *tx) error {
		if _, err := t.credit(id, rec.Job.ID, v, jobPaid); err != nil {
			return err
		}
		if err := t.release(protocol.RoleRig, rec.Job.ID); err != nil {
			return err
		}
		return put(t)
	})
}

// PutAndRelease is PutRecord of a job that has ended and the release of what it
// had reserved.
func (j *Journal) PutAndRelease(ctx context.Context, rec protocol.Record) error {
	put, err := putting(rec)
	if err != nil {
		return err
	}
	return j.write(ctx, func(t *tx) error {
		if err := t.release(rec.Job.Role, rec.Job.ID); err != nil {
			return err
		}
		return put(t)
	})
}
