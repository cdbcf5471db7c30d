package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/rerig/rerig/contracts/bindings"
)

// account is what owner holds in token, by the escrow's view.
func (c *chain) account(owner, token common.Address) *big.Int {
	c.t.Helper()
	return query(c, escrowABI.PackBalanceOf(owner, token), escrowABI.UnpackBalanceOf)
}

// state is a channel, by the escrow's view.
func (c *chain) state(d descriptor) bindings.Channel {
	c.t.Helper()
	return query(c, escrowABI.PackChannel(d.id()), escrowABI.UnpackChannel)
}

// wallet is what owner holds outside the escrow, as if gas were free.
func (c *chain) wallet(owner, token common.Address) *big.Int {
	c.t.Helper()
	if token != native {
		return queryAt(c, token, usdABI.PackBalanceOf(owner), usdABI.UnpackBalanceOf)
	}
	balance, err := c.client.BalanceAt(c.ctx(), owner, nil)
	if err != nil {
		c.t.Fatalf("read a balance: %v", err)
	}
	return balance.Add(balance, orZero(c.fees[owner]))
}

// A ledger is what the escrow's events alone say about who has what.
type ledger struct {
	accounts map[holding]*big.Int
	channels map[[32]byte]*booked
	bonds    map[[32]byte]*bonded
	held     map[common.Address]*big.Int // by token
}

type holding struct{ owner, token common.Address }

// bonded is a bond by the events; unbonding money is in active no more.
type bonded struct {
	bindings.EscrowBonded
	unbonding *big.Int
	releaseAt uint64
}

type booked struct {
	bindings.EscrowChannelFunded
	claimed  *big.Int
	closesAt uint32
}

// audit replays every event and compares the result with the contract's state
// and with the tokens it holds: no money appears, disappears, or moves without
// an event.
func (c *chain) audit() {
	c.t.Helper()
	books := ledger{map[holding]*big.Int{}, map[[32]byte]*booked{}, map[[32]byte]*bonded{}, map[common.Address]*big.Int{}}
	for _, entry := range c.logs() {
		books.book(c.t, &entry)
	}
	for who, want := range books.accounts {
		if got := c.account(who.owner, who.token); got.Cmp(want) != 0 {
			c.t.Errorf("account %v: contract says %v, events say %v", who, got, want)
		}
		books.add(who.token, want)
	}
	for id, want := range books.channels {
		got := query(c, escrowABI.PackChannel(id), escrowABI.UnpackChannel)
		if got.Funded.Cmp(want.Funded) != 0 || got.Claimed.Cmp(want.claimed) != 0 ||
			got.Epoch != want.Epoch || got.ClosesAt != want.closesAt {
			c.t.Errorf("channel %x: contract says %+v, events say %+v", id, got, want)
		}
		if got.Claimed.Cmp(got.Funded) > 0 {
			c.t.Errorf("channel %x paid %v out of %v", id, got.Claimed, got.Funded)
		}
		books.add(want.Token, new(big.Int).Sub(want.Funded, want.claimed))
	}
	for id, want := range books.bonds {
		got := query(c, escrowABI.PackBondOf(id), escrowABI.UnpackBondOf)
		if got.Active.Cmp(want.Active) != 0 || got.Unbonding.Cmp(want.unbonding) != 0 || got.ReleaseAt != want.releaseAt {
			c.t.Errorf("bond %x: contract says %+v, events say %+v", id, got, want)
		}
		books.add(want.Token, new(big.Int).Add(want.Active, want.unbonding))
	}
	books.add(c.usd, n(0))
	books.add(native, n(0))
	for token, want := range books.held {
		want = new(big.Int).Add(want, orZero(c.strays[token]))
		if got := c.wallet(c.escrow, token); got.Cmp(want) != 0 {
			c.t.Errorf("token %v: the escrow holds %v and owes %v", token, got, want)
		}
	}
}

func (c *chain) logs() []types.Log {
	c.t.Helper()
	logs, err := c.client.FilterLogs(c.ctx(), ethereum.FilterQuery{
		FromBlock: n(0), Addresses: []common.Address{c.escrow},
	})
	if err != nil {
		c.t.Fatalf("read the events: %v", err)
	}
	return logs
}

func (l *ledger) add(token common.Address, amount *big.Int) {
	l.held[token] = new(big.Int).Add(orZero(l.held[token]), amount)
}

func (l *ledger) credit(owner, token common.Address, amount *big.Int) {
	who := holding{owner, token}
	l.accounts[who] = new(big.Int).Add(orZero(l.accounts[who]), amount)
}

func (l *ledger) debit(owner, token common.Address, amount *big.Int) {
	l.credit(owner, token, new(big.Int).Neg(amount))
}

func (l *ledger) book(t *testing.T, entry *types.Log) {
	t.Helper()
	if e, err := escrowABI.UnpackDepositedEvent(entry); err == nil {
		l.credit(e.Owner, e.Token, e.Amount)
	} else if e, err := escrowABI.UnpackWithdrawnEvent(entry); err == nil {
		l.debit(e.Owner, e.Token, e.Amount)
	} else if e, err := escrowABI.UnpackChannelFundedEvent(entry); err == nil {
		l.debit(e.Payer, e.Token, e.Amount)
		old := l.channels[e.ChannelId]
		now := &booked{EscrowChannelFunded: *e, claimed: new(big.Int)}
		if old != nil {
			now.claimed = old.claimed
			if sum := new(big.Int).Add(old.Funded, e.Amount); sum.Cmp(e.Funded) != 0 || old.Epoch != e.Epoch {
				t.Errorf("ChannelFunded says %v in epoch %d, want %v in %d", e.Funded, e.Epoch, sum, old.Epoch)
			}
		}
		l.channels[e.ChannelId] = now
	} else if e, err := escrowABI.UnpackRedeemedEvent(entry); err == nil {
		ch := l.channels[e.ChannelId]
		if e.Claimed.Cmp(ch.claimed) <= 0 {
			t.Errorf("Redeemed went from %v to %v", ch.claimed, e.Claimed)
		}
		l.credit(ch.Payee, ch.Token, new(big.Int).Sub(e.Claimed, ch.claimed))
		ch.claimed = e.Claimed
	} else if e, err := escrowABI.UnpackCloseRequestedEvent(entry); err == nil {
		l.channels[e.ChannelId].closesAt = e.ClosesAt
	} else if e, err := escrowABI.UnpackChannelClosedEvent(entry); err == nil {
		ch := l.channels[e.ChannelId]
		if e.Epoch != ch.Epoch || e.Claimed.Cmp(ch.claimed) != 0 {
			t.Errorf("ChannelClosed says %+v, want epoch %d and %v claimed", e, ch.Epoch, ch.claimed)
		}
		l.credit(ch.Payer, ch.Token, e.Refunded)
		ch.Epoch, ch.Funded, ch.claimed, ch.closesAt = ch.Epoch+1, new(big.Int), new(big.Int), 0
	} else if !l.bookBond(t, entry) {
		t.Errorf("unknown event %v", entry.Topics)
	}
}

func (l *ledger) bookBond(t *testing.T, entry *types.Log) bool {
	t.Helper()
	if e, err := escrowABI.UnpackBondedEvent(entry); err == nil {
		l.debit(e.Owner, e.Token, e.Amount)
		now := &bonded{EscrowBonded: *e, unbonding: new(big.Int)}
		if old := l.bonds[e.BondId]; old != nil {
			now.unbonding, now.releaseAt = old.unbonding, old.releaseAt
			if sum := new(big.Int).Add(old.Active, e.Amount); sum.Cmp(e.Active) != 0 {
				t.Errorf("Bonded says %v, want %v", e.Active, sum)
			}
		}
		l.bonds[e.BondId] = now
	} else if e, err := escrowABI.UnpackUnbondingEvent(entry); err == nil {
		b := l.bonds[e.BondId]
		b.Active = new(big.Int).Sub(b.Active, e.Amount)
		b.unbonding = new(big.Int).Add(b.unbonding, e.Amount)
		b.releaseAt = e.ReleaseAt
		if b.unbonding.Cmp(e.Unbonding) != 0 {
			t.Errorf("Unbonding says %v, want %v", e.Unbonding, b.unbonding)
		}
	} else if e, err := escrowABI.UnpackBondReleasedEvent(entry); err == nil {
		b := l.bonds[e.BondId]
		if e.Amount.Cmp(b.unbonding) != 0 {
			t.Errorf("BondReleased says %v, want %v", e.Amount, b.unbonding)
		}
		l.credit(b.Owner, b.Token, e.Amount)
		b.unbonding, b.releaseAt = new(big.Int), 0
	} else if e, err := escrowABI.UnpackSlashedEvent(entry); err == nil {
		b := l.bonds[e.BondId]
		l.credit(e.Beneficiary, b.Token, e.Amount)
		b.unbonding = new(big.Int).Sub(b.unbonding, e.Amount)
		if b.unbonding.Sign() <= 0 { // the rest was still active
			b.Active = new(big.Int).Add(b.Active, b.unbonding)
			b.unbonding, b.releaseAt = new(big.Int), 0
		}
	} else {
		return false
	}
	return true
}
