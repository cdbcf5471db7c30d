//go:build unix

package testnet_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

// memory is what anybody was told, which no kill may take back.
type memory struct {
	mu     sync.Mutex // guards what follows
	runs   map[protocol.Hash]node.RunStatus
	income protocol.Amount // as the rig said
	best   protocol.Amount // what the rig has had, in its account and by vouchers that pay more
	sold   map[protocol.Hash]protocol.Job
	bought map[protocol.Hash]protocol.Job
}

func newMemory() *memory {
	return &memory{runs: map[protocol.Hash]node.RunStatus{}, sold: map[protocol.Hash]protocol.Job{}, bought: map[protocol.Hash]protocol.Job{}}
}

func (m *memory) told(st *node.RunStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs[st.ID] = *st
}

func (m *memory) earned(sum protocol.Amount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.income = larger(m.income, sum)
}

func larger(a, b protocol.Amount) protocol.Amount {
	if a.Less(b) {
		return b
	}
	return a
}

// autopsy fails where something was lost.
func (c *chaos) autopsy() {
	c.t.Helper()
	rig, err := c.examine()
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.lastWords())
	}
	c.wake(rig)
}

// examine holds what the dead have left, opened as a restart would open it, against
// what they had said, against each other and against the chain. It looks at copies,
// so that the restart finds the originals.
func (c *chaos) examine() (rig *ledger, err error) {
	c.t.Helper()
	ledgers := map[protocol.Address]*ledger{}
	for _, m := range c.members {
		copied := *m
		copied.config.DataDir = filepath.Join(c.dir, "autopsy")
		c.must(os.RemoveAll(copied.config.DataDir))
		c.must(os.Mkdir(copied.config.DataDir, 0o700))
		for _, suffix := range []string{"", "-wal", "-shm"} {
			b, err := os.ReadFile(filepath.Join(m.config.DataDir, journal.FileName+suffix))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			c.must(err)
			c.must(os.WriteFile(filepath.Join(copied.config.DataDir, journal.FileName+suffix), b, 0o600))
		}
		l, err := readLedger(c.ctx, &copied)
		if err != nil {
			return nil, fmt.Errorf("journal of %s: %w", m.name, err)
		}
		l.of = m
		ledgers[m.key.Address()] = l
	}
	books, err := newBooks(c.net)
	c.must(err)
	rig = ledgers[c.rig.key.Address()]
	buyer := ledgers[c.buyer.key.Address()]
	held, err := c.held(rig)
	c.must(err)
	errs := []error{books.conserved(c.ctx, c.members), rig.jobsAgree(ledgers), buyer.jobsAgree(ledgers),
		nothingForgotten(rig, buyer, held), c.seen.kept(rig, buyer, held)}
	if !c.shaken {
		errs = append(errs, books.onlyFees(c.ctx, ledgers), rig.channelsAgree(c.ctx, books, ledgers), buyer.channelsAgree(c.ctx, books, ledgers))
	}
	return rig, errors.Join(errs...)
}

// held is what the rig has: what it has collected, and what its best voucher pays
// beyond. Where the chain was reorganised, which no channel is closed on, it is what
// the voucher pays in all.
func (c *chaos) held(rig *ledger) (sum protocol.Amount, err error) {
	var st protocol.ChannelState
	c.until("the channel stands still", func() (bool, error) { // what the dead have sent may be mined meanwhile
		st, sum = c.channel(c.buyer.member, c.rig.member), c.has(c.rig.member)
		return st == c.channel(c.buyer.member, c.rig.member), nil
	})
	if c.shaken {
		sum = protocol.Amount{}
	}
	for _, in := range rig.in {
		best := in.Best.Voucher.Cumulative
		switch {
		case c.shaken:
			sum = best
		case in.State.Epoch == st.Epoch:
			if sum, err = sum.Add(best.Minus(st.Claimed)); err != nil {
				return sum, err
			}
		}
	}
	return sum, nil
}

// nothingForgotten: what was paid for is in the rig's journal, what it has covers it,
// and what it told the requester is settled is so there.
func nothingForgotten(rig, buyer *ledger, held protocol.Amount) error {
	var sum protocol.Amount
	for id, b := range buyer.bought {
		s, ok := rig.sold[id]
		if !ok && !b.Job.Paid.IsZero() {
			return fmt.Errorf("job %s, paid %s, is not in the rig's journal", id, b.Job.Paid)
		}
		if b.Job.State == protocol.StateSettled && (s.Job.State != b.Job.State || s.Job.Paid != b.Job.Paid) {
			return fmt.Errorf("job %s is settled at %s, the rig told it so, and has it as %s, paid %s", id, b.Job.Paid, s.Job.State, s.Job.Paid)
		}
		var err error
		if sum, err = sum.Add(s.Job.Paid); err != nil {
			return err
		}
	}
	if held.Less(sum) {
		return fmt.Errorf("the rig was paid %s for its jobs and has %s", sum, held)
	}
	return nil
}

// kept: what was once in a journal is there, what the user was told is true.
func (m *memory) kept(rig, buyer *ledger, held protocol.Amount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := []error{sameJobs("rig", m.sold, rig.sold), sameJobs("requester", m.bought, buyer.bought)}
	for id, told := range m.runs {
		errs = append(errs, asTold(id, told, buyer.bought))
	}
	if held.Less(m.best) || held.Less(m.income) {
		errs = append(errs, fmt.Errorf("the rig has %s in its account and by vouchers, had %s and said it had earned %s", held, m.best, m.income))
	}
	m.best = held
	return errors.Join(errs...)
}

// sameJobs: a job that was journaled is there still, and once it has ended nothing
// changes. One that a kill cut off is told so by the next start, and was paid the same.
func sameJobs(who string, before map[protocol.Hash]protocol.Job, now map[protocol.Hash]protocol.Record) error {
	for id, b := range before {
		rec, ok := now[id]
		if !ok {
			return fmt.Errorf("the %s lost job %s", who, id)
		}
		if n := rec.Job; n.Paid != b.Paid || b.Ended && (n.State != b.State || n.Reason != b.Reason) {
			return fmt.Errorf("the %s's job %s was %s, paid %s, and is %s, paid %s", who, id, b.State, b.Paid, n.State, n.Paid)
		}
	}
	for id, rec := range now {
		before[id] = rec.Job
	}
	return nil
}

// asTold: a run that its user saw end has ended so, and what it was said to have cost
// is in the book.
func asTold(id protocol.Hash, told node.RunStatus, bought map[protocol.Hash]protocol.Record) error {
	var paid protocol.Amount
	var last protocol.Record
	for _, rec := range bought {
		if rec.Run != id {
			continue
		}
		var err error
		if paid, err = paid.Add(rec.Job.Paid); err != nil {
			return err
		}
		if rec.Attempt >= last.Attempt {
			last = rec
		}
	}
	if paid.Less(told.Spent) {
		return fmt.Errorf("run %s was said to cost %s, the journal has %s", id, told.Spent, paid)
	}
	if told.Ended && told.State == protocol.StateSettled && (last.Job.State != told.State || paid != told.Spent) {
		return fmt.Errorf("run %s was said to be settled at %s and is %s at %s", id, told.Spent, last.Job.State, paid)
	}
	return nil
}

// check looks at two that have just started: they have no job under way, no money
// set aside, and the requester has not funded twice.
func (c *chaos) check() {
	c.t.Helper()
	st := c.channel(c.buyer.member, c.rig.member)
	for _, m := range []*mortal{c.rig, c.buyer} {
		w, h, err := c.books(m)
		if err != nil { // it was killed meanwhile, and is gone at once
			c.until(fmt.Sprintf("%s shows its books (%v) or is dead", m.name, err), func() (bool, error) { return m.c.ended(), nil })
			return
		}
		for _, rec := range h.Jobs {
			if !rec.Job.Ended {
				c.t.Fatalf("job %s of %s is %s after a restart", rec.Job.ID, m.name, rec.Job.State)
			}
		}
		for _, ch := range w.Channels {
			if !ch.Reserved.IsZero() {
				c.t.Fatalf("%s has %s reserved and no job under way\n%s", m.name, ch.Reserved, c.lastWords())
			}
			// It funds four budgets when less than one is free beside those of other jobs.
			if idle := st.Funded.Minus(ch.Vouchers); !c.shaken && !ch.Incoming && ch.State.Epoch == st.Epoch && protocol.NewAmount((4+chaosWorkers)*chaosBudget).Less(idle) {
				c.t.Fatalf("funded %s, promised %s: funded twice\n%s", st.Funded, ch.Vouchers, c.lastWords())
			}
		}
	}
}

// books are a member's, as it shows them.
func (c *chaos) books(m *mortal) (*node.Wallet, *node.History, error) {
	api, err := dial(c.ctx, m)
	if err != nil {
		return nil, nil, err
	}
	defer api.Close()
	w, err := api.Wallet(c.ctx)
	if err != nil {
		return nil, nil, err
	}
	h, err := api.History(c.ctx)
	return w, h, err
}

// lastWords are the ends of the latest processes' logs.
func (c *chaos) lastWords() string {
	var b strings.Builder
	for _, p := range c.running[max(0, len(c.running)-6):] {
		fmt.Fprintf(&b, "-- %s, exit code %d\n%.6000s\n", p.member, p.code, p.log)
	}
	return b.String()
}

// balance is the end: the rig collects, and every token is where the journals of
// both say. What is left to compare, scene.end does.
func (c *chaos) balance() {
	c.t.Helper()
	c.net.Chain.ResumeMining()
	for _, m := range []*mortal{c.rig, c.buyer} {
		m.env = nil
		m.c = c.scene.start(m.member, m.line...)
	}
	if !c.bothUp() {
		c.t.Fatalf("not up for the balance\n%s", c.lastWords())
	}
	c.check()
	c.pending(c.rig.member, 0)
	c.pending(c.buyer.member, 0)
	if c.shaken {
		c.until("the channel is funded as it was", func() (bool, error) { // by what a reorganisation took out
			return !c.channel(c.buyer.member, c.rig.member).Funded.Less(c.seen.best), nil
		})
	}
	c.collect(c.rig.member, c.buyer.member)
	has := c.has(c.rig.member)
	c.same("collected", has, c.seen.best)
	var err error
	c.total.lost, err = c.total.lost.Add(c.seen.best.Minus(has))
	c.must(err)
	c.total.closes += int(c.channel(c.buyer.member, c.rig.member).Epoch)
	c.total.jobs += len(c.seen.sold)
	c.total.txs += c.txs(c.rig.member) + c.txs(c.buyer.member)
}
