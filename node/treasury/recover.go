package treasury

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// closeKinds are the transactions that a recovery must not send twice.
var closeKinds = []string{"request_close", "finalize_close", "withdraw"}

// Recovery is what taking everything back did, and what it must wait for.
type Recovery struct {
	Txs       []protocol.Tx   `json:"txs"`
	Withdrawn protocol.Amount `json:"withdrawn"` // base units, in this call
	Waiting   []Waiting       `json:"waiting"`   // soonest first
	Failed    []string        `json:"failed"`    // what could not be done, and why
}

// Waiting is money that is not free yet. Rigs may still collect what they hold
// vouchers for; Sure is the rest.
type Waiting struct {
	Channel  protocol.Hash    `json:"channel"`
	Operator protocol.Address `json:"operator"`
	Amount   protocol.Amount  `json:"amount"`
	Sure     protocol.Amount  `json:"sure"`
	FreeAt   uint64           `json:"free_at,omitempty"` // unix seconds; 0 while a job holds it
	Why      string           `json:"why"`
}

// Recover closes every channel, ends the closes whose grace is over, collects what
// is owed and withdraws all accounts to an address (zero is each one's own). It needs
// no rig to answer, and may be called again at any time: what is done stays done.
func (t *Treasury) Recover(ctx context.Context, to protocol.Address) (*Recovery, error) {
	r := &Recovery{Txs: []protocol.Tx{}, Waiting: []Waiting{}, Failed: []string{}}
	past, err := t.past(ctx)
	if err != nil { // the journal's channels are not left waiting for an endpoint that keeps no logs
		r.did("look for channels that the journal does not have", err)
		past = &protocol.Past{}
	}
	collected, err := t.Collect(ctx)
	r.did("collect", err, collected...)
	for _, owner := range t.clients() {
		if err := owner.Quiet(ctx, closeKinds...); err != nil {
			return nil, err
		}
		chans, err := t.channelsOf(ctx, owner.Address(), past)
		if err != nil {
			return nil, err
		}
		for _, o := range chans {
			if err := t.takeBack(ctx, owner, o, r); err != nil {
				r.did("channel "+o.Channel.ID().String(), err)
			}
		}
		if err := r.withdraw(ctx, owner, to); err != nil {
			r.did("withdraw", err)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	slices.SortFunc(r.Waiting, func(a, b Waiting) int { return cmp.Compare(a.FreeAt, b.FreeAt) })
	return r, nil
}

func (r *Recovery) did(what string, err error, txs ...protocol.Tx) {
	r.Txs = append(r.Txs, txs...)
	if err != nil {
		r.Failed = append(r.Failed, what+": "+err.Error())
	}
}

// outgoing is a channel that one of the addresses pays, with what the journal knows.
type outgoing struct {
	protocol.Channel
	promised, reserved protocol.Amount
	journaled          bool
}

// channelsOf are the channels of a payer that the journal or the chain knows: a
// journal that was lost hides none.
func (t *Treasury) channelsOf(ctx context.Context, payer protocol.Address, past *protocol.Past) (list []outgoing, err error) {
	known, err := t.cfg.Book.OutChannels(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[protocol.Hash]bool{}
	for _, c := range known {
		if c.Channel.Payer == payer {
			seen[c.Channel.ID()] = true
			list = append(list, outgoing{c.Channel, c.Promised, c.Reserved, true})
		}
	}
	for id, ch := range past.Channels {
		if ch.Payer == payer && !seen[id] {
			list = append(list, outgoing{Channel: ch})
		}
	}
	slices.SortFunc(list, func(a, b outgoing) int { x, y := a.ID(), b.ID(); return slices.Compare(x[:], y[:]) })
	return list, nil
}

// takeBack moves one channel a step towards its end.
func (t *Treasury) takeBack(ctx context.Context, owner Chain, o outgoing, r *Recovery) error {
	st, err := owner.Channel(ctx, o.Channel)
	if err != nil || st.Funded.IsZero() {
		return err
	}
	if !o.reserved.IsZero() {
		r.wait(o, st, "a job under way holds it; `rerig stop` ends it")
		return nil
	}
	if st.ClosesAt == 0 {
		if st, err = r.step(ctx, owner, o, st, owner.RequestClose); err != nil {
			return err
		}
	}
	if st.ClosesAt != 0 && uint64(owner.Head().Time.Unix()) >= st.ClosesAt {
		if st, err = r.step(ctx, owner, o, st, owner.FinalizeClose); err != nil {
			return err
		}
	}
	if !st.Funded.IsZero() {
		r.wait(o, st, "the grace of its close")
	}
	if !o.journaled {
		return nil
	}
	return t.cfg.Book.SetOutChannel(ctx, t.cfg.Market.Domain, o.Channel, st)
}

// step sends a transaction that takes a channel on, and returns its state then. The
// node closes channels by itself too: what it did meanwhile is no failure.
func (r *Recovery) step(ctx context.Context, owner Chain, o outgoing, st protocol.ChannelState,
	send func(context.Context, protocol.Channel) (protocol.Tx, error)) (protocol.ChannelState, error) {
	tx, failed := send(ctx, o.Channel)
	if failed == nil {
		r.did("", nil, tx)
	}
	now, err := owner.Channel(ctx, o.Channel)
	if failed != nil && (err != nil || now.Epoch == st.Epoch && now.ClosesAt == st.ClosesAt) {
		return now, failed
	}
	return now, err
}

func (r *Recovery) wait(o outgoing, st protocol.ChannelState, why string) {
	given := larger(o.promised, st.Claimed)
	r.Waiting = append(r.Waiting, Waiting{Channel: o.ID(), Operator: o.Operator, Amount: st.Funded.Minus(st.Claimed),
		Sure: st.Funded.Minus(given), FreeAt: st.ClosesAt, Why: why})
}

// withdraw empties one account.
func (r *Recovery) withdraw(ctx context.Context, owner Chain, to protocol.Address) error {
	b, err := owner.Balances(ctx, owner.Address())
	if err != nil || b.Account.IsZero() {
		return err
	}
	if to.IsZero() {
		to = owner.Address()
	}
	tx, err := owner.Withdraw(ctx, to, b.Account)
	if err != nil {
		return err
	}
	r.did("", nil, tx)
	if r.Withdrawn, err = r.Withdrawn.Add(b.Account); err != nil {
		return fmt.Errorf("sum of what was withdrawn: %w", err)
	}
	return nil
}
