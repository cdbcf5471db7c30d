package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"text/tabwriter"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
	"github.com/rerig/rerig/testnet/chain"
)

// ledger reads balances from the chain, before and after.
type ledger struct {
	chain   *settle.Client
	parties []party
}

// party is an address and what it had at first.
type party struct {
	name   string
	addr   protocol.Address
	member *testnet.Member // nil for the escrow
	before protocol.Balances
}

// settlement is the outcome of a demo. Amounts are base units; wei where said.
type settlement struct {
	Parties []partyResult `json:"parties"`
	Txs     []partyTx     `json:"transactions"`
	Spent   total         `json:"spent"`  // by vouchers, as the requester booked them
	Earned  total         `json:"earned"` // by the rigs, as the chain has it
	Locked  total         `json:"locked"` // left in the requester's channels
}

// total is a sum that JSON has as text, like every amount.
type total struct{ *big.Int }

// MarshalJSON implements json.Marshaler.
func (t total) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

func zero() total { return total{new(big.Int)} }

func (t total) add(v *big.Int) { t.Add(t.Int, v) }

// partyResult is one party's balances.
type partyResult struct {
	Name    string            `json:"name"`
	Address protocol.Address  `json:"address"`
	Before  protocol.Balances `json:"before"`
	After   protocol.Balances `json:"after"`
	Fees    total             `json:"fees"` // wei, of its transactions
	escrow  bool
}

// wallet is by how much its own tokens grew, account those in its escrow account.
func (r *partyResult) wallet() *big.Int  { return grown(r.Before.Wallet, r.After.Wallet) }
func (r *partyResult) account() *big.Int { return grown(r.Before.Account, r.After.Account) }
func (r *partyResult) native() *big.Int  { return grown(r.Before.Native, r.After.Native) }
func (r *partyResult) tokens() *big.Int  { return new(big.Int).Add(r.wallet(), r.account()) }

func grown(before, after protocol.Amount) *big.Int {
	return new(big.Int).Sub(after.Big(), before.Big())
}

// partyTx is a transaction of one party.
type partyTx struct {
	Name string `json:"name"`
	protocol.Tx
}

// reading is the journal of a client that only reads.
type reading struct{}

// PutTx refuses: nothing is to be sent.
func (reading) PutTx(context.Context, protocol.Tx) error { return errors.New("this client only reads") }

// MinedTxs has none.
func (reading) MinedTxs(context.Context, protocol.Address, uint64, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

// PendingTxs is always empty.
func (reading) PendingTxs(context.Context, protocol.Address, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

// openLedger notes what everybody has before the jobs.
func openLedger(ctx context.Context, d *demo) (*ledger, error) {
	p := d.net.Profile
	client, err := settle.New(settle.Config{RPC: p.RPC, Domain: d.net.Chain.Domain(), Token: d.net.Chain.Token(),
		Key: chain.FaucetKey(), Book: reading{}})
	if err != nil {
		return nil, err
	}
	l := &ledger{chain: client, parties: []party{{name: "requester", addr: d.buyer.Node.Address(), member: d.buyer}}}
	for _, rig := range d.rigs {
		l.parties = append(l.parties, party{name: rig.Name, addr: rig.Node.Address(), member: rig})
	}
	l.parties = append(l.parties, party{name: "escrow", addr: d.net.Chain.Domain().Escrow})
	for i := range l.parties {
		if l.parties[i].before, err = client.Balances(ctx, l.parties[i].addr); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// settle reads everything again and gathers the transactions in between.
func (l *ledger) settle(ctx context.Context, d *demo) (*settlement, error) {
	s := &settlement{Spent: zero(), Earned: zero(), Locked: zero()}
	for _, p := range l.parties {
		after, err := l.chain.Balances(ctx, p.addr)
		if err != nil {
			return nil, err
		}
		r := partyResult{Name: p.name, Address: p.addr, Before: p.before, After: after, Fees: zero(), escrow: p.member == nil}
		if p.member != nil {
			if err := s.addTxs(ctx, &r, p.member); err != nil {
				return nil, err
			}
			if p.member != d.buyer {
				s.Earned.add(r.tokens())
			}
		}
		s.Parties = append(s.Parties, r)
	}
	runs, err := d.buyer.Runs(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		s.Spent.add(run.Spent.Big())
	}
	w, err := d.buyer.Wallet(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range w.Channels {
		st, err := l.chain.Channel(ctx, c.Channel)
		if err != nil {
			return nil, err
		}
		s.Locked.add(st.Funded.Minus(st.Claimed).Big())
	}
	return s, nil
}

func (s *settlement) addTxs(ctx context.Context, r *partyResult, m *testnet.Member) error {
	h, err := m.History(ctx)
	if err != nil {
		return err
	}
	for i := len(h.Txs) - 1; i >= 0; i-- { // oldest first
		s.Txs = append(s.Txs, partyTx{r.Name, h.Txs[i]})
		r.Fees.add(h.Txs[i].Fee.Big())
	}
	return nil
}

// check holds the sums against each other, to the base unit and to the wei.
func (s *settlement) check() error {
	var wrong []error
	equal := func(what string, a, b *big.Int) {
		if a.Cmp(b) != 0 {
			wrong = append(wrong, fmt.Errorf("%s: %s and %s", what, a, b))
		}
	}
	outside, owed := new(big.Int), new(big.Int).Set(s.Locked.Int)
	for i := range s.Parties {
		r := &s.Parties[i]
		outside.Add(outside, r.wallet()) // the escrow's tokens among them
		owed.Add(owed, r.account())
		if !r.escrow {
			equal(r.Name+"'s native coins changed by its fees alone", r.native(), new(big.Int).Neg(r.Fees.Int))
		}
	}
	requester, escrow := &s.Parties[0], &s.Parties[len(s.Parties)-1]
	equal("all tokens together are as many as before", outside, new(big.Int))
	equal("the escrow holds what it owes to accounts and channels", escrow.wallet(), owed)
	equal("the rigs earned what the requester spent", s.Earned.Int, s.Spent.Int)
	gone := new(big.Int).Neg(requester.tokens())
	equal("the requester lost what it spent and what its channels hold", gone, new(big.Int).Add(s.Spent.Int, s.Locked.Int))
	if s.Spent.Sign() == 0 {
		wrong = append(wrong, errors.New("nothing was spent"))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the settlement does not add up: %w", errors.Join(wrong...))
	}
	return nil
}

func (s *settlement) write(w io.Writer, m money) error {
	fmt.Fprintf(w, "\nSettlement, read from the chain (%s; ETH pays for gas)\n", m.Symbol)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\twallet before\tafter\tescrow account\tchange\tETH before\tafter\tfees\t")
	coin := func(a protocol.Amount) string { return fixed(a.Big(), m.Decimals, m.Decimals) }
	for i := range s.Parties {
		r := &s.Parties[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Name, coin(r.Before.Wallet), coin(r.After.Wallet), coin(r.After.Account),
			fixed(r.tokens(), m.Decimals, m.Decimals), fixed(r.Before.Native.Big(), 18, 9), fixed(r.After.Native.Big(), 18, 9), fixed(r.Fees.Int, 18, 9))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the settlement: %w", err)
	}
	fmt.Fprintln(w, "\nTransactions")
	t = tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "  by\tcall\tgas used\tfee in ETH\tblock\ttransaction")
	for i := range s.Txs {
		tx := &s.Txs[i]
		fmt.Fprintf(t, "  %s\t%s\t%d\t%s\t%d\t%s…\n", tx.Name, tx.Kind, tx.GasUsed, fixed(tx.Fee.Big(), 18, 9), tx.Block, tx.Hash.String()[:14])
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the settlement: %w", err)
	}
	sum := "✓ the sums match to the base unit and to the wei"
	if err := s.check(); err != nil {
		sum = "✗ " + err.Error()
	}
	_, err := fmt.Fprintf(w, "\nSpent %s = earned %s %s; %s stays in the requester's channels for its next jobs.\n%s\n",
		fixed(s.Spent.Int, m.Decimals, m.Decimals), fixed(s.Earned.Int, m.Decimals, m.Decimals), m.Symbol, fixed(s.Locked.Int, m.Decimals, m.Decimals), sum)
	return err
}

// fixed writes base units as whole ones with so many digits after the point, of
// which the last are cut off; it keeps the sign.
func fixed(v *big.Int, decimals, digits int) string {
	sign := ""
	if v.Sign() < 0 {
		sign = "-"
	}
	text := new(big.Int).Abs(v).String()
	for len(text) <= decimals {
		text = "0" + text
	}
	point := len(text) - decimals
	return sign + text[:point] + "." + text[point:point+digits]
}
