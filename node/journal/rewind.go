package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// Rewind records what a reorganisation of the chain made of a channel: what was
// claimed is claimed no more, and a close that is gone brings back the epoch before
// it, with what was promised or credited in it and its best voucher. The state must
// be of the journal's epoch or an earlier one (else *EpochError).
func (j *Journal) Rewind(ctx context.Context, role protocol.Role, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) error {
	return j.write(ctx, func(t *tx) error {
		a, err := oneAccount(t, role, c.ID())
		switch {
		case err != nil:
			return err
		case d != a.domain:
			return fmt.Errorf("channel %s: %w", a.id, ErrDomain)
		case st.Epoch > a.state.Epoch:
			return &EpochError{Have: a.state.Epoch, Got: st.Epoch}
		case st.Epoch < a.state.Epoch:
			later := a
			later.state.Claimed = protocol.Amount{} // it is not known to be claimed any more
			if err := t.archive(later); err != nil {
				return err
			}
			a.state = st
			if err := t.revive(&a); err != nil {
				return err
			}
			a.used = larger(a.used, st.Claimed) // with vouchers that are not known, too
		case role == protocol.RoleRig:
			// What was counted as claimed with unknown vouchers was not.
			a.used = a.used.Minus(a.state.Claimed.Minus(larger(a.best.Voucher.Cumulative, st.Claimed)))
			paid, err := a.paid(t) // the best voucher may be gone with an earlier close
			if err != nil {
				return err
			}
			a.used = larger(a.used, paid)
		default:
			a.used = larger(a.used, st.Claimed)
		}
		a.state = st
		return a.save(t)
	})
}

// paid is what the jobs of the account's epoch were paid.
func (a account) paid(r reader) (sum protocol.Amount, err error) {
	err = each(r, "SELECT paid FROM reservations WHERE channel = ? AND role = ? AND epoch = ?",
		[]any{a.id[:], string(a.role), a.state.Epoch}, func(scan func(...any) error) (err error) {
			var paid protocol.Amount
			if err := scan(money{&paid}); err != nil {
				return err
			}
			sum, err = sum.Add(paid)
			return err
		})
	return sum, err
}

// revive gives an account the voucher that the archive has of its epoch, and counts
// as used what the jobs of that epoch were paid.
func (t *tx) revive(a *account) (err error) {
	a.best = protocol.SignedVoucher{}
	a.used, err = a.paid(t)
	if err != nil || a.role != protocol.RoleRig {
		return err
	}
	list, err := oldVouchers(t, "WHERE channel = ? AND epoch = ?", a.id[:], a.state.Epoch)
	if err != nil || len(list) == 0 {
		return err
	}
	a.best = list[0].Best
	return t.exec("DELETE FROM old_vouchers WHERE channel = ? AND epoch = ?", a.id[:], a.state.Epoch)
}
