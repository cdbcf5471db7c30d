package node

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

const (
	moneyDays  = 30
	maxPayouts = 50
	// dashLook is the least time between looks of the page at the chain, and dashPast between
	// those at the logs, which may be many.
	dashLook = 5 * time.Second
	dashPast = time.Minute
)

// DayMoney is what came of a day, in UTC.
type DayMoney struct {
	From  int64           `json:"from"`  // seconds since 1970
	Gross protocol.Amount `json:"gross"` // by vouchers, of jobs that did something last on it
	Power PowerUse        `json:"power"`
}

// Money is what the rig earned, and where that is. The four states are never mixed: each
// unit is in one of the first three, or was paid out.
type Money struct {
	Payee protocol.Address `json:"payee"`
	Days  []DayMoney       `json:"days"` // the oldest first, today last
	// Done is work that jobs under way did and have not paid for yet.
	Done protocol.Amount `json:"done"`
	// Promised is by vouchers that the rig holds.
	Promised protocol.Amount `json:"promised"`
	// Collected is in the payout address's account of the escrow; nil where the chain does not answer.
	Collected *protocol.Amount `json:"collected,omitempty"`
	// PaidOut is what was ever taken out of that account; nil where the logs were not read.
	PaidOut *protocol.Amount `json:"paid_out,omitempty"`
	Unpaid  protocol.Amount  `json:"unpaid"` // of jobs that ended in the days owing
	Earned  protocol.Amount  `json:"earned"` // by vouchers, ever
	Jobs    int              `json:"jobs"`   // that paid, ever
	Payouts []protocol.Tx    `json:"payouts"`
}

// money is answered from the books, and from the chain as it was some seconds ago.
func (d *dash) money(r *http.Request) (any, error) {
	ctx, n, now := r.Context(), d.n, d.n.cfg.Clock().UTC()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	m := Money{Payee: n.payee(), Payouts: []protocol.Tx{}}
	gross, err := n.journal.EarnedDays(ctx, today.AddDate(0, 0, 1-moneyDays))
	if err != nil {
		return nil, fmt.Errorf("read what was earned: %w", err)
	}
	_, power := n.rig.readings.power(now)
	for i := range moneyDays {
		day := DayMoney{From: today.AddDate(0, 0, i+1-moneyDays).Unix()}
		day.Gross = gross[day.From]
		if at := slices.IndexFunc(power, func(p PowerUse) bool { return p.From == day.From }); at >= 0 {
			day.Power = power[at]
		}
		m.Days = append(m.Days, day)
	}
	if err := d.owing(ctx, &m, today.AddDate(0, 0, 1-moneyDays)); err != nil {
		return nil, err
	}
	if m.Jobs, m.Earned, err = n.journal.Earned(ctx, 0); err != nil {
		return nil, err
	}
	if m.Promised, err = n.treasury.Owed(ctx); err != nil {
		return nil, err
	}
	m.Collected, m.PaidOut = d.chain.look(ctx, n)
	for _, from := range n.treasury.Addresses() {
		txs, err := n.journal.Txs(ctx, from, maxListed)
		if err != nil {
			return nil, err
		}
		for _, tx := range txs {
			if strings.HasPrefix(tx.Kind, "redeem") || strings.HasPrefix(tx.Kind, "withdraw") {
				m.Payouts = append(m.Payouts, tx)
			}
		}
	}
	slices.SortStableFunc(m.Payouts, func(a, b protocol.Tx) int { return cmp.Compare(b.Created, a.Created) })
	m.Payouts = m.Payouts[:min(len(m.Payouts), maxPayouts)]
	return m, nil
}

// owing sums what jobs did and did not pay for: those under way, and those that ended since.
func (d *dash) owing(ctx context.Context, m *Money, since time.Time) error {
	recs, err := d.n.journal.Records(ctx, journal.Query{Role: protocol.RoleRig, Limit: journal.MaxLimit})
	if err != nil {
		return err
	}
	for i := range recs {
		j := &recs[i].Job
		if !j.Paid.Less(j.Due) || recs[i].Updated < uint64(since.UnixMilli()) {
			continue
		}
		sum := &m.Done
		if j.Ended {
			sum = &m.Unpaid
		}
		if *sum, err = sum.Add(j.Due.Minus(j.Paid)); err != nil {
			return err
		}
	}
	return nil
}

// dashChain is the payout address's money as the page last saw it.
type dashChain struct {
	mu       sync.Mutex // guards what follows; held while one looks, so that others wait for it
	looked   time.Time
	read     time.Time
	has      *protocol.Amount
	was      *payout
	readWith protocol.Amount // the account when the logs were read
}

// look asks the chain, if that was not just done.
func (c *dashChain) look(ctx context.Context, n *Node) (account, paidOut *protocol.Amount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) >= dashLook {
		c.looked, c.has = now, nil
		if b, err := n.settle.Balances(ctx, n.payee()); err == nil {
			c.has = &b.Account
		}
	}
	if c.has != nil && (c.was == nil || c.readWith != *c.has) && now.Sub(c.read) >= dashPast {
		c.read = now
		if past := n.measured.past(ctx, c.was); past != nil && past != c.was {
			c.was, c.readWith = past, *c.has
		}
	}
	if c.was != nil {
		paidOut = &c.was.paidOut
	}
	return c.has, paidOut
}
