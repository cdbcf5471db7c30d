package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// books reads a network's chain.
type books struct {
	net   *testnet.Net
	chain *settle.Client
}

// unused is the journal of a client that sends nothing.
type unused struct{}

func (unused) PutTx(context.Context, protocol.Tx) error {
	return errors.New("the auditor sends nothing")
}

func (unused) MinedTxs(context.Context, protocol.Address, uint64, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

func (unused) PendingTxs(context.Context, protocol.Address, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

func newBooks(n *testnet.Net) (*books, error) {
	c, err := settle.New(settle.Config{RPC: []string{n.Chain.URL()}, Domain: n.Chain.Domain(), Token: n.Chain.Token(),
		Key: keyOf("auditor"), Book: unused{}})
	return &books{n, c}, err
}

// has is what an address could take home now: wallet and escrow account.
func (b *books) has(ctx context.Context, who protocol.Address) (protocol.Amount, error) {
	bal, err := b.chain.Balances(ctx, who)
	if err != nil {
		return protocol.Amount{}, err
	}
	return bal.Wallet.Add(bal.Account)
}

// locked is what all channels between members hold.
func (b *books) locked(ctx context.Context, members []*member) (sum protocol.Amount, err error) {
	for _, payer := range members {
		for _, rig := range members {
			if payer.net != b.net || rig.net != b.net || rig.config.Rig == nil {
				continue
			}
			me := payer.key.Address()
			st, err := b.chain.Channel(ctx, protocol.Channel{Payer: me, Signer: me, Payee: rig.key.Address(),
				Operator: rig.key.Address(), Token: b.net.Chain.Token()})
			if err != nil {
				return sum, err
			}
			if sum, err = sum.Add(st.Funded.Minus(st.Claimed)); err != nil {
				return sum, err
			}
		}
	}
	return sum, nil
}

// ledger is what one member's journal says.
type ledger struct {
	of      *member
	bought  map[protocol.Hash]protocol.Record
	sold    map[protocol.Hash]protocol.Record
	out     []protocol.OutChannel
	in      []protocol.InChannel
	fees    protocol.Amount
	pending bool
}

func readLedger(ctx context.Context, m *member) (l *ledger, err error) {
	j, err := journal.Open(m.config.DataDir, journal.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	l = &ledger{of: m, bought: map[protocol.Hash]protocol.Record{}, sold: map[protocol.Hash]protocol.Record{}}
	for role, into := range map[protocol.Role]map[protocol.Hash]protocol.Record{
		protocol.RoleRequester: l.bought, protocol.RoleRig: l.sold} {
		recs, err := j.Records(ctx, journal.Query{Role: role, Limit: journal.MaxLimit})
		if err != nil {
			return nil, err
		}
		for _, rec := range recs {
			if !rec.Job.Ended { // killed: its record is behind the vouchers
				if rec.Job.Paid, err = j.Paid(ctx, role, rec.Job.ID); err != nil {
					return nil, err
				}
			}
			into[rec.Job.ID] = rec
		}
	}
	if l.out, err = j.OutChannels(ctx); err != nil {
		return nil, err
	}
	if l.in, err = j.InChannels(ctx); err != nil {
		return nil, err
	}
	txs, err := j.Txs(ctx, m.key.Address(), journal.MaxLimit)
	for _, tx := range txs {
		l.pending = l.pending || tx.Status == protocol.TxPending
		if l.fees, err = l.fees.Add(tx.Fee); err != nil {
			return nil, err
		}
	}
	return l, err
}

// conserve ends all members and holds their books against each other and against
// the chain. It runs after every script.
func (w *world) conserve(ctx context.Context) error {
	var errs []error
	for _, m := range w.members {
		if err := m.stop(); err != nil {
			return fmt.Errorf("end of %s: %w", m.name, err)
		}
	}
	for _, n := range w.nets {
		n.Chain.ResumeMining()
		if err := n.Chain.Resume(); err != nil {
			return err
		}
		ledgers := map[protocol.Address]*ledger{}
		for _, m := range w.members {
			if m.net != n {
				continue
			}
			l, err := readLedger(ctx, m)
			if err != nil {
				return fmt.Errorf("journal of %s: %w", m.name, err)
			}
			ledgers[m.key.Address()] = l
			errs = append(errs, m.leftovers())
		}
		b, err := newBooks(n)
		if err != nil {
			return err
		}
		errs = append(errs, b.conserved(ctx, w.members), b.onlyFees(ctx, ledgers))
		for _, l := range ledgers {
			errs = append(errs, l.jobsAgree(ledgers), l.channelsAgree(ctx, b, ledgers))
		}
	}
	return errors.Join(errs...)
}

// leftovers: a rig that ended in good order has no job's scratch.
func (m *member) leftovers() error {
	if m.own {
		return nil
	}
	for _, dir := range []string{"jobs", "sandbox/jobs"} {
		entries, err := os.ReadDir(filepath.Join(m.config.DataDir, dir))
		if err == nil && len(entries) > 0 {
			return fmt.Errorf("%s left %d entries in %s", m.name, len(entries), dir)
		}
	}
	return nil
}

// conserved: every token that was made is in a wallet, an account or a channel.
func (b *books) conserved(ctx context.Context, members []*member) error {
	sum, err := b.locked(ctx, members)
	if err != nil {
		return err
	}
	var made, accounts protocol.Amount
	for _, m := range members {
		if m.net != b.net {
			continue
		}
		bal, err := b.chain.Balances(ctx, m.key.Address())
		if err != nil {
			return err
		}
		if made, err = made.Add(m.wealth); err != nil {
			return err
		}
		for _, part := range []protocol.Amount{bal.Wallet, bal.Account} {
			if sum, err = sum.Add(part); err != nil {
				return err
			}
		}
		if accounts, err = accounts.Add(bal.Account); err != nil {
			return err
		}
	}
	if sum != made {
		return fmt.Errorf("%s tokens were made, %s are there", made, sum)
	}
	locked, err := b.locked(ctx, members)
	if err != nil {
		return err
	}
	escrow, err := b.chain.Balances(ctx, b.net.Chain.Domain().Escrow)
	if err != nil {
		return err
	}
	if owes, err := locked.Add(accounts); err != nil || owes != escrow.Wallet {
		return errors.Join(err, fmt.Errorf("escrow owes %s and has %s", owes, escrow.Wallet))
	}
	return nil
}

// onlyFees: native money went for nothing but the fees in the journals.
func (b *books) onlyFees(ctx context.Context, ledgers map[protocol.Address]*ledger) error {
	for who, l := range ledgers {
		bal, err := b.chain.Balances(ctx, who)
		if err != nil {
			return err
		}
		if spent := testnet.StartNative.Minus(bal.Native); spent != l.fees && !l.pending {
			return fmt.Errorf("%s paid %s wei, its journal has fees of %s", l.of.name, spent, l.fees)
		}
	}
	return nil
}

// jobsAgree holds each job a rig sold against its buyer's record: the rig has no
// more than was promised, and neither side is out by more than one tick.
func (l *ledger) jobsAgree(ledgers map[protocol.Address]*ledger) error {
	for id, sold := range l.sold {
		buyer := ledgers[sold.Agreement.Requester]
		bought, ok := buyer.bought[id]
		if !ok {
			return fmt.Errorf("job %s of %s is not in %s's journal", id.Short(), l.of.name, buyer.of.name)
		}
		if err := agree(sold.Job, bought.Job); err != nil {
			return fmt.Errorf("job %s of %s for %s: %w", id.Short(), l.of.name, buyer.of.name, err)
		}
	}
	for id, bought := range l.bought {
		if !bought.Job.Ended || bought.Job.Reason == protocol.ReasonRestart {
			continue // killed: its record does not have the last receipts
		}
		cost, err := bought.Job.Price.Cost(bought.Job.Units)
		if err != nil {
			return err
		}
		if cost.Less(bought.Job.Paid) || bought.Job.MaxTotal.Less(bought.Job.Paid) {
			return fmt.Errorf("%s paid %s for job %s, receipted %s, budget %s", l.of.name, bought.Job.Paid, id.Short(), cost, bought.Job.MaxTotal)
		}
	}
	return nil
}

func agree(sold, bought protocol.Job) error {
	tick, err := sold.Price.Cost(sold.TickUnits)
	if err != nil {
		return err
	}
	tick, err = tick.Add(protocol.NewAmount(1)) // the rounding of the whole cost
	if err != nil {
		return err
	}
	switch {
	case bought.Paid.Less(sold.Paid):
		return fmt.Errorf("rig has %s, requester promised %s", sold.Paid, bought.Paid)
	case tick.Less(bought.Paid.Minus(sold.Paid)):
		return fmt.Errorf("requester promised %s, rig has %s: over a tick of %s", bought.Paid, sold.Paid, tick)
	case tick.Less(sold.Due.Minus(sold.Paid)):
		return fmt.Errorf("rig is due %s and has %s: over a tick of %s", sold.Due, sold.Paid, tick)
	case sold.State == protocol.StateSettled && bought.State == protocol.StateSettled && sold.Paid != bought.Paid:
		return fmt.Errorf("settled at %s and %s", sold.Paid, bought.Paid)
	}
	return nil
}

// channelsAgree holds the rig's channels against the chain and the payer's book.
func (l *ledger) channelsAgree(ctx context.Context, b *books, ledgers map[protocol.Address]*ledger) error {
	for _, in := range l.in {
		if !in.Reserved.IsZero() && !l.of.own {
			return fmt.Errorf("%s has %s reserved after its end", l.of.name, in.Reserved)
		}
		st, err := b.chain.Channel(ctx, in.Channel)
		if err != nil {
			return err
		}
		if st.Epoch != in.State.Epoch {
			continue // closed; the script shows who got what
		}
		held := in.Best.Voucher.Cumulative
		if held.Less(st.Claimed) || st.Funded.Less(held) {
			return fmt.Errorf("%s holds vouchers of %s, claimed %s of %s", l.of.name, held, st.Claimed, st.Funded)
		}
		for _, out := range ledgers[in.Channel.Payer].out {
			if out.Channel == in.Channel && out.State.Epoch == st.Epoch && out.Promised.Less(held) {
				return fmt.Errorf("%s holds vouchers of %s, promised were %s", l.of.name, held, out.Promised)
			}
		}
		if st.Epoch == 0 && len(l.out) == 0 && len(l.in) == 1 {
			has, err := b.has(ctx, l.of.key.Address())
			if err != nil {
				return err
			}
			if gain := has.Minus(l.of.wealth); gain != st.Claimed {
				return fmt.Errorf("%s gained %s, the channel paid %s", l.of.name, gain, st.Claimed)
			}
		}
	}
	for _, out := range l.out {
		var sum protocol.Amount
		for _, rec := range l.bought {
			if rec.Channel == out.Channel && rec.Epoch == out.State.Epoch {
				var err error
				if sum, err = sum.Add(rec.Job.Paid); err != nil {
					return err
				}
			}
		}
		if !l.of.own && sum != out.Promised {
			return fmt.Errorf("%s promised %s on a channel, its jobs say %s", l.of.name, out.Promised, sum)
		}
	}
	return nil
}
