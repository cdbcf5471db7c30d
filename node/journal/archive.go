package journal

import (
	"context"

	"github.com/rerig/rerig/protocol"
)

// complete reports whether the escrow has paid all that the voucher could bring.
func (o OldVoucher) complete() bool {
	due := o.Best.Voucher.Cumulative
	if o.Funded.Less(due) {
		due = o.Funded
	}
	return !o.Claimed.Less(due)
}

// archive keeps the best voucher of the account's epoch, which has ended.
func (t *tx) archive(a account) error {
	o := OldVoucher{Best: a.best, Funded: a.state.Funded, Claimed: a.state.Claimed}
	if o.complete() {
		return nil
	}
	return t.exec(`INSERT INTO old_vouchers (channel, epoch, funded, claimed, best, best_sig) VALUES (?,?,?,?,?,?)
		ON CONFLICT DO NOTHING`, a.id[:], a.state.Epoch, blob(o.Funded), blob(o.Claimed),
		blob(o.Best.Voucher.Cumulative), o.Best.Signature[:])
}

// OldVouchers are the vouchers of ended epochs that are not known to be claimed
// in full, by channel and epoch: what was not collected before a channel closed.
func (j *Journal) OldVouchers(ctx context.Context) (list []OldVoucher, err error) {
	err = j.view(ctx, func(r reader) error {
		list, err = oldVouchers(r, "ORDER BY channel, epoch")
		return err
	})
	return list, err
}

func oldVouchers(r reader, where string, args ...any) (list []OldVoucher, err error) {
	err = each(r, "SELECT channel, epoch, funded, claimed, best, best_sig FROM old_vouchers "+where, args,
		func(scan func(...any) error) error {
			var o OldVoucher
			v := &o.Best.Voucher
			err := scan(fixed(v.Channel[:]), &v.Epoch, money{&o.Funded}, money{&o.Claimed}, money{&v.Cumulative}, fixed(o.Best.Signature[:]))
			list = append(list, o)
			return err
		})
	return list, err
}

// claimOld records what was paid out of an ended epoch.
func (t *tx) claimOld(id protocol.Hash, epoch uint32, claimed protocol.Amount) error {
	list, err := oldVouchers(t, "WHERE channel = ? AND epoch = ?", id[:], epoch)
	if err != nil || len(list) == 0 || !list[0].Claimed.Less(claimed) {
		return err
	}
	o := list[0]
	if o.Claimed = claimed; o.complete() {
		return t.exec("DELETE FROM old_vouchers WHERE channel = ? AND epoch = ?", id[:], epoch)
	}
	return t.exec("UPDATE old_vouchers SET claimed = ? WHERE channel = ? AND epoch = ?", blob(claimed), id[:], epoch)
}
