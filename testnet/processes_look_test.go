//go:build unix

package testnet_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// onMarket waits until the bootstrap node of the network has the rigs' offers, with
// the addresses of now.
func (s *scene) onMarket(rigs ...*member) {
	s.t.Helper()
	for _, rig := range rigs {
		s.listedAt(s.net.Bootstrap.Client, rig)
	}
}

// listed is the same for another node.
func (s *scene) listed(at, rig *member) {
	s.t.Helper()
	s.listedAt(s.api(at), rig)
}

func (s *scene) listedAt(market *client.Client, rig *member) {
	s.t.Helper()
	info, err := s.api(rig).Info(s.ctx)
	s.must(err)
	s.until(rig.name+" is on the market", func() (bool, error) {
		found, err := market.Market(s.ctx, protocol.Filter{})
		return err == nil && slices.ContainsFunc(found.Offers, func(o node.MarketOffer) bool {
			return o.Rig == info.Address && slices.ContainsFunc(o.Addrs, func(a string) bool {
				return strings.HasPrefix(info.Listen[0], a)
			})
		}), nil
	})
}

// sold is the newest job on a rig.
func (s *scene) sold(rig *member) (rec protocol.Record) {
	s.t.Helper()
	jobs, err := s.api(rig).Jobs(s.ctx)
	s.must(err)
	if len(jobs) == 0 {
		s.t.Fatalf("%s sold nothing", rig.name)
	}
	return jobs[0]
}

// ticks waits until a requester has paid so many for the run it follows.
func (s *scene) ticks(m *member, n uint64) (st node.RunStatus) {
	s.t.Helper()
	api := s.api(m)
	s.until(fmt.Sprintf("%s paid %d ticks", m.name, n), func() (bool, error) {
		runs, err := api.Runs(s.ctx)
		if err != nil || len(runs) == 0 {
			return false, err
		}
		if st = runs[0]; st.Ended {
			return false, fmt.Errorf("run ended meanwhile: %s %s %s", st.State, st.Reason, st.Detail)
		}
		return st.Units >= n*sceneTick, nil
	})
	return st
}

// channel is what the chain says of the channel from a requester to a rig.
func (s *scene) channel(from, to *member) protocol.ChannelState {
	s.t.Helper()
	b, err := newBooks(s.net)
	s.must(err)
	me, rig := from.key.Address(), to.key.Address()
	st, err := b.chain.Channel(s.ctx, protocol.Channel{Payer: me, Signer: me, Payee: rig, Operator: rig, Token: s.net.Chain.Token()})
	s.must(err)
	return st
}

// collect has a rig redeem its vouchers and returns what a requester's channel
// has paid it since the beginning.
func (s *scene) collect(rig, from *member) protocol.Amount {
	s.t.Helper()
	_, err := s.api(rig).Collect(s.ctx)
	s.must(err)
	return s.channel(from, rig).Claimed
}

// same fails when two amounts of base units differ.
func (s *scene) same(what string, got, want protocol.Amount) {
	s.t.Helper()
	if got != want {
		s.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// idle waits until a rig has no job.
func (s *scene) idle(rig *member) {
	s.t.Helper()
	api := s.api(rig)
	s.until(rig.name+" is idle", func() (bool, error) {
		info, err := api.Info(s.ctx)
		return err == nil && info.Rig.Active == 0 && info.Rig.FreeSlots == info.Rig.Slots, err
	})
}

// promised checks what `rerig ps` shows of the newest run of a requester that was
// killed: it is over, and it cost what its rig has, or up to a tick more.
func (s *scene) promised(m *member, sold protocol.Record) {
	s.t.Helper()
	var list struct{ Runs []node.RunStatus }
	s.ask(m, &list, "ps")
	if len(list.Runs) != 1 {
		s.t.Fatalf("%d runs", len(list.Runs))
	}
	st := list.Runs[0]
	if !st.Ended || st.State != protocol.StateFailed || st.Reason != protocol.ReasonRestart {
		s.t.Errorf("the run is %s, %s", st.State, st.Reason)
	}
	if st.Spent.Less(sold.Job.Paid) || protocol.NewAmount(tickPrice).Less(st.Spent.Minus(sold.Job.Paid)) {
		s.t.Errorf("the run cost %s, the rig has %s", st.Spent, sold.Job.Paid)
	}
	if owed := sold.Job.Due.Minus(sold.Job.Paid); protocol.NewAmount(tickPrice).Less(owed) {
		s.t.Errorf("the rig worked for %s without pay", owed)
	}
}

// nextNeedsNoFunds runs another job on the channel that is there.
func (s *scene) nextNeedsNoFunds(m, rig *member) {
	s.t.Helper()
	before, sent := s.channel(m, rig), s.txs(m)
	c := s.run(m, "--", "print", "again")
	c.exits(0)
	if c.out.String() != "again\n" {
		s.t.Errorf("output %q", c.out)
	}
	s.same("in the channel", s.channel(m, rig).Funded, before.Funded)
	if now := s.txs(m); now != sent {
		s.t.Errorf("%s sent %d transactions for it", m.name, now-sent)
	}
}

// txs is how many transactions a member has sent, by `rerig wallet history`.
func (s *scene) txs(m *member) int {
	s.t.Helper()
	var h node.History
	s.ask(m, &h, "wallet", "history")
	return len(h.Txs)
}

// ask runs a command of the member and reads its JSON.
func (s *scene) ask(m *member, into any, line ...string) {
	s.t.Helper()
	c := s.start(m, append(line, "-o", "json")...)
	c.exits(0)
	s.must(json.Unmarshal([]byte(c.out.String()), into))
}

// has is what a member has in its wallet and its account, by the chain.
func (s *scene) has(m *member) protocol.Amount {
	s.t.Helper()
	b, err := newBooks(s.net)
	s.must(err)
	a, err := b.has(s.ctx, m.key.Address())
	s.must(err)
	return a
}

// pending waits until so many of a member's transactions are under way.
func (s *scene) pending(m *member, n int) {
	s.t.Helper()
	api := s.api(m)
	s.until(fmt.Sprintf("%d transactions of %s are pending", n, m.name), func() (bool, error) {
		h, err := api.History(s.ctx)
		if err != nil {
			return false, err
		}
		got := 0
		for _, tx := range h.Txs {
			if tx.Status == protocol.TxPending {
				got++
			}
		}
		return got == n, nil
	})
}

// bought are a requester's attempts at its newest run, in order. Its node has ended.
func (s *scene) bought(m *member) (list []protocol.Record) {
	s.t.Helper()
	l, err := readLedger(s.ctx, m)
	s.must(err)
	for _, rec := range l.bought {
		if len(list) > 0 && list[0].Run != rec.Run {
			if rec.Created < list[0].Created {
				continue
			}
			list = nil
		}
		list = append(list, rec)
	}
	slices.SortFunc(list, func(a, b protocol.Record) int { return int(a.Attempt) - int(b.Attempt) })
	return list
}
