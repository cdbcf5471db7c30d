package treasury

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// Delta is a signed change of an amount, as decimal text.
type Delta struct{ v big.Int }

// IsZero reports no change.
func (d Delta) IsZero() bool { return d.v.Sign() == 0 }

// String is the decimal number, with a minus where it is less.
func (d Delta) String() string { return d.v.String() }

// Big is a copy.
func (d Delta) Big() *big.Int { return new(big.Int).Set(&d.v) }

// MarshalText is String.
func (d Delta) MarshalText() ([]byte, error) { return []byte(d.v.String()), nil }

// UnmarshalText reads String's form.
func (d *Delta) UnmarshalText(b []byte) error {
	if _, ok := d.v.SetString(string(b), 10); !ok {
		return fmt.Errorf("delta: not a decimal number: %q", b)
	}
	return nil
}

func (d *Delta) up(a protocol.Amount)   { d.v.Add(&d.v, a.Big()) }
func (d *Delta) down(a protocol.Amount) { d.v.Sub(&d.v, a.Big()) }

// Line is one change of what the node's addresses have. Amounts are base units of
// the token, Native wei.
type Line struct {
	Time    uint64           `json:"time"` // unix seconds
	Kind    string           `json:"kind"` // protocol.EventKind, "gas", "voucher_given", "voucher_held"
	Address protocol.Address `json:"address"`
	With    protocol.Address `json:"with,omitzero"` // the other side
	Block   uint64           `json:"block,omitempty"`
	Tx      protocol.Hash    `json:"tx,omitzero"`
	Channel protocol.Hash    `json:"channel,omitzero"`
	Job     protocol.Hash    `json:"job,omitzero"`
	Detail  string           `json:"detail,omitempty"`
	Columns
}

// Columns are what changes. The first four are on the chain, and their sums are what
// the chain says there is.
type Columns struct {
	Wallet   Delta `json:"wallet,omitzero"`   // tokens outside the escrow
	Account  Delta `json:"account,omitzero"`  // tokens in the escrow's account
	Locked   Delta `json:"locked,omitzero"`   // tokens in channels the addresses pay, and in their bonds
	Native   Delta `json:"native,omitzero"`   // wei: fees, and what the wallet was given
	Payout   Delta `json:"payout,omitzero"`   // tokens collected for a payee that is none of the addresses
	Vouchers Delta `json:"vouchers,omitzero"` // tokens promised to rigs (less) or by requesters (more), off the chain
}

func (c *Columns) add(o *Columns) {
	for _, p := range [][2]*Delta{{&c.Wallet, &o.Wallet}, {&c.Account, &o.Account}, {&c.Locked, &o.Locked},
		{&c.Native, &o.Native}, {&c.Payout, &o.Payout}, {&c.Vouchers, &o.Vouchers}} {
		p[0].v.Add(&p[0].v, &p[1].v)
	}
}

// Statement is every change up to a block, and what came of them. Balanced says that
// Total and Chain agree to the last unit in what is on the chain.
type Statement struct {
	Addresses []protocol.Address `json:"addresses"`
	Block     uint64             `json:"block"`
	Lines     []Line             `json:"lines"` // oldest first
	Total     Columns            `json:"total"`
	Chain     Columns            `json:"chain"` // Wallet, Account, Locked and Native as the chain's state has them
	Balanced  bool               `json:"balanced"`
}

// Statement reads the past and tells it.
func (t *Treasury) Statement(ctx context.Context) (*Statement, error) {
	past, err := t.past(ctx)
	if err != nil {
		return nil, err
	}
	return t.statement(ctx, past)
}

// past reads the logs of the node's addresses and of the payees it earns for.
func (t *Treasury) past(ctx context.Context) (*protocol.Past, error) {
	owners := t.Addresses()
	in, err := t.cfg.Book.InChannels(ctx)
	if err != nil {
		return nil, err
	}
	for _, ch := range in {
		if !slices.Contains(owners, ch.Channel.Payee) {
			owners = append(owners, ch.Channel.Payee)
		}
	}
	return t.cfg.Payer.Past(ctx, owners, t.cfg.EscrowBlock)
}

// statement puts the chain's events, the fees and the vouchers in one list.
func (t *Treasury) statement(ctx context.Context, past *protocol.Past) (*Statement, error) {
	s := &Statement{Addresses: t.Addresses(), Block: past.Block, Lines: []Line{}}
	for i := range past.Events {
		if l, ok := s.line(&past.Events[i], t.cfg.Own.Address()); ok {
			s.Lines = append(s.Lines, l)
		}
	}
	if err := errors.Join(t.gasLines(ctx, s), t.voucherLines(ctx, s, past)); err != nil {
		return nil, err
	}
	if err := t.chainColumns(ctx, s, past); err != nil {
		return nil, err
	}
	slices.SortStableFunc(s.Lines, func(a, b Line) int { return cmp.Compare(a.Time, b.Time) })
	for i := range s.Lines {
		s.Total.add(&s.Lines[i].Columns)
	}
	s.receivedNative()
	s.Balanced = s.Total.Wallet.String() == s.Chain.Wallet.String() && s.Total.Account.String() == s.Chain.Account.String() &&
		s.Total.Locked.String() == s.Chain.Locked.String() && s.Total.Native.String() == s.Chain.Native.String()
	return s, nil
}

func (s *Statement) mine(a protocol.Address) bool { return slices.Contains(s.Addresses, a) }

// line is what an event changed for the addresses; false is nothing.
func (s *Statement) line(e *protocol.EscrowEvent, node protocol.Address) (l Line, ok bool) {
	l = Line{Time: e.Time, Kind: string(e.Kind), Block: e.Block, Tx: e.Tx, Channel: e.ID, Address: e.To, With: e.From}
	from, to := s.mine(e.From), s.mine(e.To)
	if from {
		l.Address, l.With = e.From, e.To
	}
	payer := s.mine(e.Channel.Payer)
	switch e.Kind {
	case protocol.EventReceived, protocol.EventSent:
		if from {
			l.Wallet.down(e.Amount)
		}
		if to {
			l.Wallet.up(e.Amount)
		}
	case protocol.EventDeposited:
		l.Account.up(e.Amount)
	case protocol.EventWithdrawn:
		l.Account.down(e.Amount)
	case protocol.EventFunded, protocol.EventBonded:
		l.With = e.Channel.Payee
		l.Account.down(e.Amount)
		l.Locked.up(e.Amount)
	case protocol.EventRedeemed:
		l.With = e.Channel.Payer
		if payer {
			l.Address, l.With = e.Channel.Payer, e.Channel.Payee
			l.Locked.down(e.Amount)
		}
		switch {
		case to:
			l.Account.up(e.Amount)
		case e.Channel.Operator == node:
			l.Payout.up(e.Amount)
		}
		return l, payer || to || e.Channel.Operator == node
	case protocol.EventCloseRequest:
		l.Address, l.With = e.Channel.Payer, e.Channel.Payee
		return l, payer
	case protocol.EventClosed, protocol.EventReleased:
		l.With = e.Channel.Payee
		l.Account.up(e.Amount)
		l.Locked.down(e.Amount)
		return l, to
	case protocol.EventSlashed:
		if from {
			l.Locked.down(e.Amount)
		}
		if to {
			l.Account.up(e.Amount)
		}
		return l, from || to
	}
	return l, from || to && (e.Kind == protocol.EventReceived || e.Kind == protocol.EventDeposited)
}

// gasLines are the fees, and what transactions moved of the native coin.
func (t *Treasury) gasLines(ctx context.Context, s *Statement) error {
	for _, from := range s.Addresses {
		txs, err := t.cfg.Book.SentTxs(ctx, from, t.cfg.Market.Domain.ChainID)
		if err != nil {
			return err
		}
		for _, tx := range txs {
			if tx.Status != protocol.TxConfirmed && tx.Status != protocol.TxFailed || tx.Block > s.Block {
				continue
			}
			l := Line{Time: tx.Created / 1000, Kind: "gas", Address: from, Block: tx.Block, Tx: tx.Hash, Detail: tx.Kind}
			l.Native.down(tx.Fee)
			if tx.Status == protocol.TxConfirmed {
				value, err := t.cfg.Payer.ValueOf(tx.Raw)
				if err != nil {
					return fmt.Errorf("transaction %s in the journal: %w", tx.Hash, err)
				}
				l.Native.down(value)
			}
			s.Lines = append(s.Lines, l)
		}
	}
	return nil
}

// voucherLines are what jobs were paid, both ways.
func (t *Treasury) voucherLines(ctx context.Context, s *Statement, past *protocol.Past) error {
	books, err := t.cfg.Book.Books(ctx)
	if err != nil {
		return err
	}
	for _, p := range books.PaidOut {
		l := Line{Time: p.Updated / 1000, Kind: "voucher_given", Address: t.cfg.Payer.Address(), With: past.Channels[p.Channel].Payee, Channel: p.Channel, Job: p.Job}
		l.Vouchers.down(p.Paid)
		s.Lines = append(s.Lines, l)
	}
	for _, p := range books.PaidIn {
		l := Line{Time: p.Updated / 1000, Kind: "voucher_held", Address: t.cfg.Own.Address(), With: past.Channels[p.Channel].Payer, Channel: p.Channel, Job: p.Job}
		l.Vouchers.up(p.Paid)
		s.Lines = append(s.Lines, l)
	}
	return nil
}

// chainColumns are the balances as the chain's state has them at the same block.
func (t *Treasury) chainColumns(ctx context.Context, s *Statement, past *protocol.Past) error {
	for _, a := range s.Addresses {
		p, err := t.cfg.Payer.PositionAt(ctx, a, past.Block)
		if err != nil {
			return err
		}
		s.Chain.Wallet.up(p.Wallet)
		s.Chain.Account.up(p.Account)
		s.Chain.Native.up(p.Native)
	}
	for id, ch := range past.Channels {
		if !s.mine(ch.Payer) || ch.Token != t.cfg.Market.Token {
			continue
		}
		st, err := t.cfg.Payer.ChannelAt(ctx, ch, past.Block)
		if err != nil {
			return fmt.Errorf("read channel %s: %w", id.Short(), err)
		}
		s.Chain.Locked.up(st.Funded)
		s.Chain.Locked.down(st.Claimed)
	}
	return nil
}

// receivedNative adds what the native coin's transfers brought, of which the chain
// keeps no logs: what there is and what fees took. It is the first line.
func (s *Statement) receivedNative() {
	l := Line{Kind: "native_received", Detail: "from outside, in all", Block: s.Block}
	l.Native.v.Sub(&s.Chain.Native.v, &s.Total.Native.v)
	if len(s.Addresses) > 0 {
		l.Address = s.Addresses[0]
	}
	if l.Native.IsZero() {
		return
	}
	s.Lines = append([]Line{l}, s.Lines...)
	s.Total.add(&l.Columns)
}
