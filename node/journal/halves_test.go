package journal

import (
	"context"

	"github.com/rerig/rerig/protocol"
)

// The halves of PutAndReserve, PutAndReserveIn and PutAndRelease, which a node never does alone, for
// tests that look at the books only.

func (j *Journal) Reserve(ctx context.Context, id, job protocol.Hash, budget protocol.Amount) error {
	return j.write(ctx, func(t *tx) error { return t.reserve(protocol.RoleRequester, id, job, budget) })
}

func (j *Journal) ReserveIn(ctx context.Context, id, job protocol.Hash, budget protocol.Amount) error {
	return j.write(ctx, func(t *tx) error { return t.reserve(protocol.RoleRig, id, job, budget) })
}

func (j *Journal) Release(ctx context.Context, job protocol.Hash) error {
	return j.write(ctx, func(t *tx) error { return t.release(protocol.RoleRequester, job) })
}

func (j *Journal) ReleaseIn(ctx context.Context, job protocol.Hash) error {
	return j.write(ctx, func(t *tx) error { return t.release(protocol.RoleRig, job) })
}
