package journal

import (
	"context"

	"github.com/rerig/rerig/protocol"
)

// Payment is what vouchers have paid for one job: Paid base units out of a channel's
// epoch.
type Payment struct {
	Job     protocol.Hash
	Channel protocol.Hash
	Epoch   uint32
	Paid    protocol.Amount
	Updated uint64 // unix milliseconds of the job's last record; 0 where there is none
}

// Payments are those of every job of a side that was paid anything, oldest first.
func (j *Journal) Payments(ctx context.Context, role protocol.Role) (list []Payment, err error) {
	err = j.view(ctx, func(r reader) error {
		return each(r, `SELECT r.job, r.channel, r.epoch, r.paid, coalesce(j.updated, 0) FROM reservations r
			LEFT JOIN jobs j ON j.id = r.job AND j.role = r.role WHERE r.role = ? ORDER BY 5, r.job`,
			[]any{string(role)}, func(scan func(...any) error) error {
				var p Payment
				err := scan(fixed(p.Job[:]), fixed(p.Channel[:]), &p.Epoch, money{&p.Paid}, word{&p.Updated})
				if !p.Paid.IsZero() {
					list = append(list, p)
				}
				return err
			})
	})
	return list, err
}

// SentTxs are all transactions of a sender on a chain, by nonce.
func (j *Journal) SentTxs(ctx context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error) {
	return j.txs(ctx, "WHERE sender = ? AND chain = ? ORDER BY nonce, created", from[:], int64(chainID))
}
