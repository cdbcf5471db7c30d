package node

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

func (c *control) wallet(r *http.Request) (any, error) {
	n, ctx := c.n, r.Context()
	w := Wallet{Address: n.payer.Address(), Channels: []WalletChannel{}}
	out, err := n.journal.OutChannels(ctx)
	if err != nil {
		return nil, err
	}
	for _, ch := range out {
		w.Channels = append(w.Channels, WalletChannel{ch.Channel.ID(), false, ch.Channel, ch.State, ch.Promised, ch.Reserved})
		if w.Locked, err = w.Locked.Add(ch.State.Funded.Minus(ch.Promised)); err != nil {
			return nil, err
		}
		if w.Promised, err = w.Promised.Add(ch.Promised.Minus(ch.State.Claimed)); err != nil {
			return nil, err
		}
	}
	in, err := n.journal.InChannels(ctx)
	if err != nil {
		return nil, err
	}
	for _, ch := range in {
		w.Channels = append(w.Channels, WalletChannel{ch.Channel.ID(), true, ch.Channel, ch.State, ch.Best.Voucher.Cumulative, ch.Reserved})
	}
	if w.Owed, err = n.treasury.Owed(ctx); err != nil {
		return nil, err
	}
	if w.Balances, err = n.payer.Balances(ctx, w.Address); err != nil {
		return nil, fmt.Errorf("read balances: %w", err)
	}
	if n.payer != n.settle {
		own, err := n.settle.Balances(ctx, n.key.Address())
		if err != nil {
			return nil, fmt.Errorf("read balances of the node's own key: %w", err)
		}
		w.Node = &OwnKey{n.key.Address(), own}
	}
	return w, nil
}

func (c *control) deposit(r *http.Request) (any, error) {
	var t Transfer
	if err := decode(r, &t); err != nil {
		return nil, err
	}
	if t.Amount.IsZero() {
		return nil, errors.New("deposit: amount is zero")
	}
	tx, err := c.n.payer.Deposit(r.Context(), t.Amount)
	return TxReply{[]protocol.Tx{tx}}, err
}

// withdraw moves money from the escrow account to a wallet.
func (c *control) withdraw(r *http.Request) (any, error) {
	var t Transfer
	if err := decode(r, &t); err != nil {
		return nil, err
	}
	if t.To.IsZero() {
		t.To = c.n.payer.Address()
	}
	if t.Amount.IsZero() { // all there is
		b, err := c.n.payer.Balances(r.Context(), c.n.payer.Address())
		if err != nil {
			return nil, err
		}
		if b.Account.IsZero() {
			return TxReply{[]protocol.Tx{}}, nil
		}
		t.Amount = b.Account
	}
	tx, err := c.n.payer.Withdraw(r.Context(), t.To, t.Amount)
	return TxReply{[]protocol.Tx{tx}}, err
}

func (c *control) collectNow(r *http.Request) (any, error) {
	txs, err := c.n.treasury.Collect(r.Context())
	if txs == nil {
		txs = []protocol.Tx{}
	}
	return TxReply{txs}, err
}

// closeChannel begins the way back of money locked in outgoing channels.
func (c *control) closeChannel(r *http.Request) (any, error) {
	var req CloseRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	txs, err := c.n.treasury.CloseChannels(r.Context(), req.Channel)
	if txs == nil {
		txs = []protocol.Tx{}
	}
	return TxReply{txs}, err
}

func (c *control) history(r *http.Request) (any, error) {
	h := History{Txs: []protocol.Tx{}, Jobs: []protocol.Record{}}
	for _, from := range c.n.treasury.Addresses() {
		txs, err := c.n.journal.Txs(r.Context(), from, maxListed)
		if err != nil {
			return nil, err
		}
		h.Txs = append(h.Txs, txs...)
	}
	slices.SortStableFunc(h.Txs, func(a, b protocol.Tx) int { return cmp.Compare(b.Created, a.Created) })
	for _, role := range []protocol.Role{protocol.RoleRig, protocol.RoleRequester} {
		recs, err := c.n.journal.Records(r.Context(), journal.Query{Role: role, Limit: maxListed})
		if err != nil {
			return nil, err
		}
		h.Jobs = append(h.Jobs, recs...)
	}
	return h, nil
}

func (c *control) statement(r *http.Request) (any, error) {
	return c.n.treasury.Statement(r.Context())
}

func (c *control) audit(r *http.Request) (any, error) { return c.n.treasury.Audit(r.Context()) }

func (c *control) recoverAll(r *http.Request) (any, error) {
	var t Transfer
	if err := decode(r, &t); err != nil {
		return nil, err
	}
	if !t.Amount.IsZero() {
		return nil, errors.New("recover: takes no amount, it is all")
	}
	return c.n.treasury.Recover(r.Context(), t.To)
}
