package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"slices"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// Version is set by the build; "dev" otherwise.
var Version = "dev"

// BuildVersion is Version, or the module's when it was installed by `go install`.
func BuildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && Version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return Version
}

func (c *control) info(r *http.Request) (any, error) { return c.n.Info(r.Context()) }

// Info says what the node is and how it does.
func (n *Node) Info(ctx context.Context) (*Info, error) {
	p, st := n.cfg.Profile, n.settle.Status()
	h := n.net.Host()
	info := &Info{Version: BuildVersion(), Address: n.key.Address(), Payer: n.payer.Address(), Peer: h.ID().String(), Network: p.Name,
		Token: n.token(), Peers: len(h.Network().Peers()),
		Chain: ChainInfo{ID: p.ChainID, Escrow: p.Market().Domain.Escrow, Online: st.Online, Head: st.Head, Reason: st.Reason,
			Endpoints: []Endpoint{}, Alarms: n.watcher.alarms.list()},
		Caps: Caps{n.cfg.Exposure, n.cfg.Deposit, n.cfg.Ceiling}, DataDir: n.cfg.DataDir, PID: os.Getpid()}
	for _, e := range st.Endpoints {
		info.Chain.Endpoints = append(info.Chain.Endpoints, Endpoint(e))
	}
	for _, a := range h.Addrs() {
		info.Listen = append(info.Listen, a.String()+"/p2p/"+h.ID().String())
	}
	if n.rig == nil {
		return info, nil
	}
	o := n.rig.provider.Offer(protocol.Offer{}, false)
	info.Rig = &RigInfo{Payee: o.Payee, Price: o.Prices[0], Hardware: o.Hardware, Slots: int(o.Slots),
		FreeSlots: int(o.FreeSlots), Active: n.rig.provider.Active(), Offering: n.rig.offering.Load()}
	var err error
	if info.Rig.Jobs, info.Rig.Earned, err = n.journal.Earned(ctx, 0); err != nil {
		return nil, err
	}
	info.Rig.Promised, err = n.owed(ctx)
	return info, err
}

func (n *Node) token() Token {
	p := n.cfg.Profile
	return Token{p.Market().Token, p.TokenSymbol, p.TokenDecimals}
}

// owed is what vouchers promise beyond what was claimed.
func (n *Node) owed(ctx context.Context) (sum protocol.Amount, err error) {
	chans, err := n.journal.InChannels(ctx)
	for _, ch := range chans {
		pays := ch.Best.Voucher.Cumulative
		if ch.State.Funded.Less(pays) { // a voucher may promise more than there is
			pays = ch.State.Funded
		}
		if sum, err = sum.Add(pays.Minus(ch.State.Claimed)); err != nil {
			return sum, err
		}
	}
	return sum, err
}

// addresses are those whose transactions this node sends: its key's and, where
// another one pays, the payer's.
func (n *Node) addresses() []protocol.Address {
	if n.payer == n.settle {
		return []protocol.Address{n.key.Address()}
	}
	return []protocol.Address{n.payer.Address(), n.key.Address()}
}

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
	if w.Owed, err = n.owed(ctx); err != nil {
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
	txs, err := c.n.collect(r.Context())
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
	txs, err := c.n.closeChannels(r.Context(), req.Channel)
	if txs == nil {
		txs = []protocol.Tx{}
	}
	return TxReply{txs}, err
}

func (c *control) history(r *http.Request) (any, error) {
	h := History{Txs: []protocol.Tx{}, Jobs: []protocol.Record{}}
	for _, from := range c.n.addresses() {
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
