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
		case role == protocol.RoleRig:
			// What was counted as claimed with unknown vouchers was not.
			a.used = a.used.Minus(a.state.Claimed.Minus(larger(a.best.Voucher.Cumulative, st.Claimed)))
		}
		a.state = st
		if role == protocol.RoleRequester {
			a.used = larger(a.used, st.Claimed)
		}
		return a.save(t)
	})
}

// revive gives an account the voucher that the archive has of its epoch, and counts
// as used what the jobs of that epoch were paid.
func (t *tx) revive(a *account) error {
	a.used, a.best = protocol.Amount{}, protocol.SignedVoucher{}
	err := each(t, "SELECT paid FROM reservations WHERE channel = ? AND role = ? AND epoch = ?",
		[]any{a.id[:], string(a.role), a.state.Epoch}, func(scan func(...any) error) (err error) {
			var paid protocol.Amount
			if err := scan(money{&paid}); err != nil {
				return err
			}
			a.used, err = a.used.Add(paid)
			return err
		})
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
