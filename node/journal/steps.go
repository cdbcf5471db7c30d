package journal

import (
	"context"

	"github.com/rerig/rerig/protocol"
)

// The steps of a job that touch its record and a book of money at once. Each is
// one transaction: one fsync instead of two, and no crash between the halves.

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

// PutAndReserveIn is PutRecord and, where the channel is known in the record's
// epoch and has as much free, ReserveIn of the agreement's most. The record is
// durable in any case; reserved says whether the money is set aside.
func (j *Journal) PutAndReserveIn(ctx context.Context, rec protocol.Record) (reserved bool, err error) {
	put, err := putting(rec)
	if err != nil {
		return false, err
	}
	id := rec.Channel.ID()
	return result(ctx, j, func(t *tx) (bool, error) {
		a, err := oneAccount(t, protocol.RoleRig, id)
		if err == nil && a.state.Epoch == rec.Epoch {
			err = t.reserve(protocol.RoleRig, id, rec.Job.ID, rec.Agreement.MaxTotal)
		}
		if code(err) != 0 {
			return false, err
		}
		return err == nil && a.state.Epoch == rec.Epoch, put(t)
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
