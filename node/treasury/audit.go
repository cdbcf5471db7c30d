package treasury

import (
	"context"
	"fmt"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// Audit is what comparing the journal with the chain, and the chain's state with its
// events, found.
type Audit struct {
	Block       uint64       `json:"block"`
	Checks      int          `json:"checks"`
	Differences []Difference `json:"differences"`
}

// Difference is one thing that is not as it should be.
type Difference struct {
	Subject string `json:"subject"` // a channel, an address or a transaction
	What    string `json:"what"`
	Want    string `json:"want"` // by the chain, or by the sum of the parts
	Got     string `json:"got"`
}

// Audit recomputes every balance. It changes nothing. The chain and the journal are
// not read at one moment, so what differs is looked at again: only what differs still
// is told.
func (t *Treasury) Audit(ctx context.Context) (*Audit, error) {
	a, err := t.auditOnce(ctx)
	if err != nil || len(a.Differences) == 0 {
		return a, err
	}
	return t.auditOnce(ctx)
}

func (t *Treasury) auditOnce(ctx context.Context) (*Audit, error) {
	past, err := t.past(ctx)
	if err != nil {
		return nil, err
	}
	s, err := t.statement(ctx, past)
	if err != nil {
		return nil, err
	}
	books, err := t.cfg.Book.Books(ctx)
	if err != nil {
		return nil, err
	}
	a := &auditor{t: t, past: past, known: map[protocol.Hash]bool{}, out: Audit{Block: past.Block, Differences: []Difference{}}}
	a.sums(s)
	a.outgoing(&books)
	a.incoming(&books)
	a.unknown()
	if err := a.chainStates(ctx); err != nil {
		return nil, err
	}
	return &a.out, a.transactions(ctx)
}

// auditor collects what differs.
type auditor struct {
	t     *Treasury
	past  *protocol.Past
	out   Audit
	known map[protocol.Hash]bool // channels of the journal
}

func (a *auditor) same(subject, what string, want, got any) {
	a.out.Checks++
	if w, g := fmt.Sprint(want), fmt.Sprint(got); w != g {
		a.out.Differences = append(a.out.Differences, Difference{subject, what, w, g})
	}
}

func (a *auditor) holds(subject, what string, ok bool, want, got any) {
	a.out.Checks++
	if !ok {
		a.out.Differences = append(a.out.Differences, Difference{subject, what, fmt.Sprint(want), fmt.Sprint(got)})
	}
}

// sums holds the sums of the events against the balances of the state.
func (a *auditor) sums(s *Statement) {
	who := fmt.Sprint(s.Addresses)
	a.same(who, "tokens in the wallet: sum of transfers", s.Chain.Wallet, s.Total.Wallet)
	a.same(who, "tokens in the account: sum of events", s.Chain.Account, s.Total.Account)
	a.same(who, "tokens in channels: sum of events", s.Chain.Locked, s.Total.Locked)
	received := Delta{}
	if len(s.Lines) > 0 && s.Lines[0].Kind == "native_received" {
		received = s.Lines[0].Native
	}
	a.holds(who, "native coins: fees in the journal against the balance", received.v.Sign() >= 0, "no more than was received", received)
}

// chainStates holds each channel's events against its state.
func (a *auditor) chainStates(ctx context.Context) error {
	for id, ch := range a.past.Channels {
		st, err := a.t.cfg.Payer.ChannelAt(ctx, ch, a.past.Block)
		if err != nil {
			return fmt.Errorf("read channel %s: %w", id.Short(), err)
		}
		a.same("channel "+id.String(), "state by its events", st, a.past.States[id])
	}
	return nil
}

// had reports whether a channel ever was as the journal last saw it. With several
// confirmations funding is seen later than the rest.
func (a *auditor) had(id protocol.Hash, st protocol.ChannelState) bool {
	if st == (protocol.ChannelState{}) {
		return true
	}
	rest, funded := false, st.Funded == st.Claimed
	for i := range a.past.Events {
		e := &a.past.Events[i]
		if e.ID != id || e.State.Epoch != st.Epoch {
			continue
		}
		rest = rest || e.State.Claimed == st.Claimed && e.State.ClosesAt == st.ClosesAt
		funded = funded || e.State.Funded == st.Funded
	}
	return rest && funded
}

// epochSums is what the jobs of each channel and epoch were paid.
func epochSums(list []protocol.Payment) map[protocol.Hash]map[uint32]*Delta {
	sums := map[protocol.Hash]map[uint32]*Delta{}
	for _, p := range list {
		if sums[p.Channel] == nil {
			sums[p.Channel] = map[uint32]*Delta{}
		}
		if sums[p.Channel][p.Epoch] == nil {
			sums[p.Channel][p.Epoch] = &Delta{}
		}
		sums[p.Channel][p.Epoch].up(p.Paid)
	}
	return sums
}

// journaled makes the checks that channels of both directions share.
func (a *auditor) journaled(id protocol.Hash, ch protocol.Channel, st protocol.ChannelState, used protocol.Amount, sums map[protocol.Hash]map[uint32]*Delta) {
	name := "channel " + id.String()
	a.known[id] = true
	a.same(name, "ID of the parties in the journal", ch.ID(), id)
	now := a.past.States[id]
	a.holds(name, "state that the journal last saw", a.had(id, st), fmt.Sprintf("one it had, as now %+v", now), fmt.Sprintf("%+v", st))
	sum := Delta{}
	if s := sums[id][st.Epoch]; s != nil {
		sum = *s
	}
	a.same(name, "vouchers of this epoch: sum of its jobs", sum, used)
	if now.Epoch == st.Epoch {
		a.holds(name, "claimed on the chain, against vouchers in the journal", !used.Less(now.Claimed), "at most "+used.String(), now.Claimed)
	}
}

func (a *auditor) outgoing(b *protocol.Books) {
	sums := epochSums(b.PaidOut)
	for _, c := range b.Out {
		id := c.Channel.ID()
		a.journaled(id, c.Channel, c.State, c.Promised, sums)
		a.holds("channel "+id.String(), "vouchers given, against what was funded", !c.State.Funded.Less(c.Promised), "at most "+c.State.Funded.String(), c.Promised)
	}
}

func (a *auditor) incoming(b *protocol.Books) {
	sums := epochSums(b.PaidIn)
	for _, c := range b.In {
		id, best := c.Channel.ID(), c.Best.Voucher.Cumulative
		a.journaled(id, c.Channel, c.State, c.Credited, sums)
		a.holds("channel "+id.String(), "credited to jobs, against the best voucher", !larger(best, c.State.Claimed).Less(c.Credited), "at most "+best.String(), c.Credited)
		if !best.IsZero() {
			err := c.Best.Verify(c.Domain, c.Channel, c.State.Epoch)
			a.holds("channel "+id.String(), "signature of the best voucher", err == nil, "of "+c.Channel.Signer.String(), err)
		}
	}
}

func larger(x, y protocol.Amount) protocol.Amount {
	if x.Less(y) {
		return y
	}
	return x
}

// unknown looks for channels that concern this node and are not in its journal.
func (a *auditor) unknown() {
	me, mine := a.t.cfg.Own.Address(), a.t.Addresses()
	for id, ch := range a.past.Channels {
		pays := slices.Contains(mine, ch.Payer) && slices.Contains(mine, ch.Signer)
		if !pays && ch.Operator != me {
			continue
		}
		a.holds("channel "+id.String(), "on the chain, paid by or to this node", a.known[id], "in the journal", "not there")
	}
}

// transactions holds the journal's against their receipts, and their number against
// the nonces.
func (a *auditor) transactions(ctx context.Context) error {
	for _, from := range a.t.Addresses() {
		txs, err := a.t.cfg.Book.SentTxs(ctx, from, a.t.cfg.Market.Domain.ChainID)
		if err != nil {
			return err
		}
		mined := uint64(0)
		for _, tx := range txs {
			if tx.Status == protocol.TxReplaced {
				continue
			}
			got, err := a.t.cfg.Payer.Mined(ctx, tx.Hash)
			if err != nil {
				return err
			}
			if got.Status != protocol.TxPending && got.Block <= a.past.Block {
				mined++
			}
			if tx.Status == protocol.TxPending { // its outcome is not journaled yet
				continue
			}
			receipt := func(t protocol.Tx) string {
				return fmt.Sprintf("%s in block %d, %d gas, %s wei", t.Status, t.Block, t.GasUsed, t.Fee)
			}
			a.same("transaction "+tx.Hash.String(), tx.Kind+": receipt", receipt(got), receipt(tx))
		}
		p, err := a.t.cfg.Payer.PositionAt(ctx, from, a.past.Block)
		if err != nil {
			return err
		}
		a.same("address "+from.String(), "transactions sent", p.Nonce, mined)
	}
	return nil
}
