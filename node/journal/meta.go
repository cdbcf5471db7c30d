package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// PutMeta stores a small value such as a chain cursor, durable on return.
func (j *Journal) PutMeta(ctx context.Context, key string, val []byte) error {
	return j.write(ctx, func(t *tx) error {
		return t.exec("INSERT INTO meta (key, value) VALUES (?, coalesce(?, x'')) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, val)
	})
}

// Meta is the value stored under the key, or ErrNotFound.
func (j *Journal) Meta(ctx context.Context, key string) (val []byte, err error) {
	err = j.view(ctx, func(r reader) error {
		found, err := one(r, "SELECT value FROM meta WHERE key = ?", []any{key}, &val)
		if err == nil && !found {
			err = fmt.Errorf("key %q: %w", key, ErrNotFound)
		}
		return err
	})
	return val, err
}

// Earned is how many jobs of this rig, with a record updated at or after since
// (unix milliseconds), were paid, and what they were credited in all, in base
// units of whatever token they were paid in.
func (j *Journal) Earned(ctx context.Context, since uint64) (jobs int, amount protocol.Amount, err error) {
	return j.paid(ctx, protocol.RoleRig, since)
}

// Spent is how many jobs of this requester, with a record updated at or after
// since (unix milliseconds), were paid for, and what was promised for them in
// all, in base units of whatever token they were paid in.
func (j *Journal) Spent(ctx context.Context, since uint64) (jobs int, amount protocol.Amount, err error) {
	return j.paid(ctx, protocol.RoleRequester, since)
}

func (j *Journal) paid(ctx context.Context, role protocol.Role, since uint64) (jobs int, amount protocol.Amount, err error) {
	if since == 0 {
		err = j.view(ctx, func(r reader) error {
			jobs, amount, err = totalOf(r, role)
			return err
		})
		return jobs, amount, err
	}
	const query = `SELECT paid FROM jobs JOIN reservations ON reservations.job = jobs.id AND reservations.role = jobs.role
		WHERE jobs.role = ? AND jobs.updated >= ?`
	err = j.view(ctx, func(r reader) error {
		return each(r, query, []any{string(role), int64(since)}, func(scan func(...any) error) (err error) {
			var paid protocol.Amount
			if err := scan(money{&paid}); err != nil || paid.IsZero() {
				return err
			}
			jobs++
			amount, err = amount.Add(paid)
			return err
		})
	})
	return jobs, amount, err
}
