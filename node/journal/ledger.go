package journal

import (
	"context"

	"github.com/rerig/rerig/protocol"
)

// Books reads everything about channels at once, so that sums of parts can be held
// against it while jobs run.
func (j *Journal) Books(ctx context.Context) (b protocol.Books, err error) {
	err = j.view(ctx, func(r reader) (err error) {
		if b.Out, err = sideOf(r, protocol.RoleRequester, account.out); err != nil {
			return err
		}
		if b.In, err = sideOf(r, protocol.RoleRig, account.in); err != nil {
			return err
		}
		if b.PaidOut, err = payments(r, protocol.RoleRequester); err != nil {
			return err
		}
		b.PaidIn, err = payments(r, protocol.RoleRig)
		return err
	})
	return b, err
}

func sideOf[T any](r reader, role protocol.Role, view func(account, reader) (T, error)) (list []T, err error) {
	all, err := accounts(r, role, nil)
	for i := 0; i < len(all) && err == nil; i++ {
		var ch T
		ch, err = view(all[i], r)
		list = append(list, ch)
	}
	return list, err
}

func payments(r reader, role protocol.Role) (list []protocol.Payment, err error) {
	err = each(r, `SELECT r.job, r.channel, r.epoch, r.paid, coalesce(j.updated, 0) FROM reservations r
			LEFT JOIN jobs j ON j.id = r.job AND j.role = r.role WHERE r.role = ? ORDER BY 5, r.job`,
		[]any{string(role)}, func(scan func(...any) error) error {
			var p protocol.Payment
			err := scan(fixed(p.Job[:]), fixed(p.Channel[:]), &p.Epoch, money{&p.Paid}, word{&p.Updated})
			if !p.Paid.IsZero() {
				list = append(list, p)
			}
			return err
		})
	return list, err
}

// SentTxs are all transactions of a sender on a chain, by nonce.
func (j *Journal) SentTxs(ctx context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error) {
	return j.txs(ctx, "WHERE sender = ? AND chain = ? ORDER BY nonce, created", from[:], int64(chainID))
}
