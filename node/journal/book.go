package journal

import (
	"cmp"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// account is a channel in one of the two books. used is what was promised out of
// it (requester) or credited from it (rig) in this epoch, in base units; best is
// the rig's highest voucher and zero in a requester's book.
type account struct {
	role    protocol.Role
	id      protocol.Hash
	domain  protocol.Domain
	channel protocol.Channel
	state   protocol.ChannelState
	used    protocol.Amount
	best    protocol.SignedVoucher
}

// reservation is what a job may take from a channel in one epoch, and has taken.
type reservation struct {
	job, channel protocol.Hash
	epoch        uint32
	budget, paid protocol.Amount
	open         bool // the unspent rest is kept for the job
}

// unspent is what the reservation still withholds from other jobs.
func (r reservation) unspent() protocol.Amount {
	if !r.open {
		return protocol.Amount{}
	}
	return r.budget.Minus(r.paid)
}

// accounts are the book's channels, or the one with the ID, sorted by ID.
func accounts(r reader, role protocol.Role, id *protocol.Hash) (list []account, err error) {
	query, args := `SELECT id, chain, escrow, payer, signer, payee, operator, token, epoch, funded, claimed, closes_at, used, best, best_sig
		FROM channels WHERE role = ?`, []any{string(role)}
	if id != nil {
		query, args = query+" AND id = ?", append(args, id[:])
	} else {
		query += " ORDER BY id"
	}
	err = each(r, query, args, func(scan func(...any) error) error {
		a := account{role: role}
		c, v := &a.channel, &a.best.Voucher
		if err := scan(fixed(a.id[:]), word{&a.domain.ChainID}, fixed(a.domain.Escrow[:]), fixed(c.Payer[:]), fixed(c.Signer[:]),
			fixed(c.Payee[:]), fixed(c.Operator[:]), fixed(c.Token[:]), &a.state.Epoch, money{&a.state.Funded}, money{&a.state.Claimed},
			word{&a.state.ClosesAt}, money{&a.used}, money{&v.Cumulative}, fixed(a.best.Signature[:])); err != nil {
			return err
		}
		if a.best.Signature != (protocol.Signature{}) {
			v.Channel, v.Epoch = a.id, a.state.Epoch
		}
		list = append(list, a)
		return nil
	})
	return list, err
}

// oneAccount is the channel with the ID, or ErrNotFound.
func oneAccount(r reader, role protocol.Role, id protocol.Hash) (account, error) {
	list, err := accounts(r, role, &id)
	if err != nil {
		return account{}, err
	}
	if len(list) == 0 {
		return account{}, fmt.Errorf("channel %s: %w", id, ErrNotFound)
	}
	return list[0], nil
}

// reserved is the sum of the open, unspent reservations of the channel's present
// epoch, without those of one job.
func (a account) reserved(r reader, except protocol.Hash) (sum protocol.Amount, err error) {
	err = each(r, "SELECT budget, paid FROM reservations WHERE channel = ? AND role = ? AND epoch = ? AND open = 1 AND job <> ?",
		[]any{a.id[:], string(a.role), a.state.Epoch, except[:]}, func(scan func(...any) error) (err error) {
			res := reservation{open: true}
			if err := scan(money{&res.budget}, money{&res.paid}); err != nil {
				return err
			}
			sum, err = sum.Add(res.unspent())
			return err
		})
	return sum, err
}

// period is a channel in one of its epochs.
type period struct {
	channel protocol.Hash
	epoch   uint32
}

func (a account) period() period { return period{a.id, a.state.Epoch} }

// book is a whole book: its channels, sorted by ID, and what is withheld from each, in
// two queries however many there are.
func book(r reader, role protocol.Role) (all []account, withheld map[period]protocol.Amount, err error) {
	if all, err = accounts(r, role, nil); err != nil {
		return nil, nil, err
	}
	withheld = map[period]protocol.Amount{}
	err = each(r, "SELECT channel, epoch, budget, paid FROM reservations INDEXED BY reservations_open WHERE role = ? AND open = 1",
		[]any{string(role)}, func(scan func(...any) error) error {
			res := reservation{open: true}
			if err := scan(fixed(res.channel[:]), &res.epoch, money{&res.budget}, money{&res.paid}); err != nil {
				return err
			}
			at := period{res.channel, res.epoch}
			sum, err := withheld[at].Add(res.unspent())
			withheld[at] = sum
			return err
		})
	return all, withheld, err
}

// free is what neither used nor reserved by another job.
func (a account) free(r reader, except protocol.Hash) (protocol.Amount, error) {
	others, err := a.reserved(r, except)
	return a.state.Funded.Minus(a.used).Minus(others), err
}

func (a account) save(t *tx) error {
	c := a.channel
	return t.exec(`INSERT INTO channels (id, role, chain, escrow, payer, signer, payee, operator, token,
			epoch, funded, claimed, closes_at, used, best, best_sig) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id, role) DO UPDATE SET epoch = excluded.epoch, funded = excluded.funded, claimed = excluded.claimed,
			closes_at = excluded.closes_at, used = excluded.used, best = excluded.best, best_sig = excluded.best_sig`,
		a.id[:], string(a.role), int64(a.domain.ChainID), a.domain.Escrow[:], c.Payer[:], c.Signer[:], c.Payee[:], c.Operator[:], c.Token[:],
		a.state.Epoch, blob(a.state.Funded), blob(a.state.Claimed), int64(a.state.ClosesAt), blob(a.used),
		blob(a.best.Voucher.Cumulative), a.best.Signature[:])
}

// reservationOf is the job's reservation; the zero one when there is none.
func reservationOf(r reader, role protocol.Role, job protocol.Hash) (res reservation, found bool, err error) {
	res.job = job
	found, err = one(r, "SELECT channel, epoch, budget, paid, open FROM reservations WHERE job = ? AND role = ?",
		[]any{job[:], string(role)}, fixed(res.channel[:]), &res.epoch, money{&res.budget}, money{&res.paid}, &res.open)
	return res, found, err
}

func (res reservation) save(t *tx, role protocol.Role) error {
	return t.exec(`INSERT INTO reservations (job, role, channel, epoch, budget, paid, open) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (job, role) DO UPDATE SET channel = excluded.channel, epoch = excluded.epoch, budget = excluded.budget,
			paid = excluded.paid, open = excluded.open`,
		res.job[:], string(role), res.channel[:], res.epoch, blob(res.budget), blob(res.paid), res.open)
}

// belongs checks that what a job has paid was from this channel and epoch.
func (res reservation) belongs(a account) error {
	switch {
	case res.channel != a.id:
		return fmt.Errorf("job %s: %w", res.job, ErrOtherChannel)
	case res.epoch != a.state.Epoch:
		return fmt.Errorf("job %s: %w", res.job, &EpochError{Have: a.state.Epoch, Got: res.epoch})
	}
	return nil
}

// reserve keeps the budget for the job. Reserving again changes the budget, which
// cannot go below what the job has paid; a job that has paid nothing may also
// move to another channel or epoch. A job that has ended gets nothing: its money
// went with its end, and nobody would release it again.
func (t *tx) reserve(role protocol.Role, id, job protocol.Hash, budget protocol.Amount) error {
	a, err := oneAccount(t, role, id)
	if err != nil {
		return err
	}
	return a.reserve(t, job, budget)
}

func (a account) reserve(t *tx, job protocol.Hash, budget protocol.Amount) error {
	if a.state.ClosesAt != 0 {
		return fmt.Errorf("channel %s: %w", a.id, ErrClosing)
	}
	if over, err := one(t, "SELECT 1 FROM jobs WHERE id = ? AND role = ? AND ended = 1", []any{job[:], string(a.role)}, new(int)); over || err != nil {
		return cmp.Or(err, fmt.Errorf("job %s: %w", job, ErrEnded))
	}
	res, _, err := reservationOf(t, a.role, job)
	if err != nil {
		return err
	}
	if !res.paid.IsZero() {
		if err := res.belongs(a); err != nil {
			return err
		}
	}
	if budget.Less(res.paid) {
		return &OverBudgetError{Budget: budget, Total: res.paid}
	}
	free, err := a.free(t, job)
	if err != nil {
		return err
	}
	if need := budget.Minus(res.paid); free.Less(need) {
		return &InsufficientError{Free: free, Need: need}
	}
	return reservation{job, a.id, a.state.Epoch, budget, res.paid, true}.save(t, a.role)
}

// release frees what the job has not spent; without a reservation, or a second
// time, it does nothing.
func (t *tx) release(role protocol.Role, job protocol.Hash) error {
	res, found, err := reservationOf(t, role, job)
	if err != nil || !found || !res.open {
		return err
	}
	res.open = false
	return res.save(t, role)
}

// observe brings the channel to a state read from the chain and returns what was
// stored before, zero for a new channel. A newer epoch begins with nothing used; an older one is stale.
// Claimed never falls within an epoch; funded may, when the chain reorganises.
func (t *tx) observe(role protocol.Role, d protocol.Domain, c protocol.Channel, st protocol.ChannelState) (now, before account, err error) {
	id := c.ID()
	list, err := accounts(t, role, &id)
	if err != nil {
		return now, before, err
	}
	if len(list) == 0 {
		return account{role: role, id: id, domain: d, channel: c, state: st}, before, nil
	}
	before = list[0]
	now = before
	switch {
	case d != before.domain:
		return now, before, fmt.Errorf("channel %s: %w", id, ErrDomain)
	case st.Epoch < before.state.Epoch:
		return now, before, &EpochError{Have: before.state.Epoch, Got: st.Epoch}
	case st.Epoch > before.state.Epoch:
		now.used, now.best = protocol.Amount{}, protocol.SignedVoucher{}
	case st.Claimed.Less(before.state.Claimed):
		st.Claimed = before.state.Claimed
	}
	now.state = st
	return now, before, nil
}

func larger(a, b protocol.Amount) protocol.Amount {
	if a.Less(b) {
		return b
	}
	return a
}
