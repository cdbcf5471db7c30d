package journal

import (
	"context"
	"time"

	"github.com/rerig/rerig/protocol"
)

// EarnedDays is what this rig's jobs were credited, in base units, by the day in UTC (seconds
// since 1970) on which their records were last updated, from the day of since on.
func (j *Journal) EarnedDays(ctx context.Context, since time.Time) (days map[int64]protocol.Amount, err error) {
	const query = `SELECT updated, paid FROM jobs JOIN reservations ON reservations.job = jobs.id AND reservations.role = jobs.role
		WHERE jobs.role = ? AND jobs.updated >= ?`
	const day = 24 * 3600 * 1000
	days = map[int64]protocol.Amount{}
	err = j.view(ctx, func(r reader) error {
		return each(r, query, []any{string(protocol.RoleRig), since.UnixMilli() / day * day}, func(scan func(...any) error) (err error) {
			var updated uint64
			var paid protocol.Amount
			if err := scan(word{&updated}, money{&paid}); err != nil || paid.IsZero() {
				return err
			}
			at := int64(updated) / day * (day / 1000)
			days[at], err = days[at].Add(paid)
			return err
		})
	})
	return days, err
}
