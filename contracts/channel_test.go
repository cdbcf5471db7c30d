package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

// wantState checks a channel; closing is whether a close is under way.
func (c *chain) wantState(d descriptor, epoch uint32, funded, claimed int64, closing bool) {
	c.t.Helper()
	got := c.state(d)
	if got.Epoch != epoch || got.Funded.Cmp(n(funded)) != 0 || got.Claimed.Cmp(n(claimed)) != 0 || (got.ClosesAt != 0) != closing {
		c.t.Errorf("channel is %+v, want epoch %d, funded %d, claimed %d, closing %v", got, epoch, funded, claimed, closing)
	}
}

// open funds a channel straight from its payer's wallet.
func (c *chain) open(d descriptor, amount int64) {
	c.t.Helper()
	value := new(big.Int)
	if d.token == native {
		value = n(amount)
	}
	c.mustAt(c.escrow, d.payer, value, d.depositAndFund(n(amount)))
}

// reopened returns a channel in epoch 1 with amount in it.
func (c *chain) reopened(d descriptor, amount int64) {
	c.t.Helper()
	c.open(d, 1)
	c.must(d.operator, d.closeByPayee(unsigned(d, 0), false))
	c.open(d, amount)
}

func TestFundOpensAndTopsUpFromAccount(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.wantState(d, 0, 0, 0, false)
		c.deposit(payer, payer.addr, token, n(1000))
		c.must(payer, d.fund(n(600)))
		c.wantState(d, 0, 600, 0, false)
		c.must(payer, d.fund(n(150)))
		c.wantState(d, 0, 750, 0, false)
		c.wantAccount(payer.addr, token, 250)
		c.mustRevert(payer, d.fund(n(251)), &bindings.EscrowInsufficientBalance{
			Owner: payer.addr, Token: token, Balance: n(250), Needed: n(251),
		})
	})
}

func TestDepositAndFundTakesFromWallet(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		before := c.wallet(payer.addr, token)
		c.open(d, 600)
		c.open(d, 150)
		c.wantState(d, 0, 750, 0, false)
		c.wantAccount(payer.addr, token, 0)
		c.wantGain(payer.addr, token, before, -750)
	})
}

func TestDepositAndFundChecksValue(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	erc20, coin := lane(c.usd), lane(native)
	c.mustRevertAt(c.escrow, payer, n(5), erc20.depositAndFund(n(5)), &bindings.EscrowBadValue{Expected: n(0), Sent: n(5)})
	c.mustRevertAt(c.escrow, payer, n(4), coin.depositAndFund(n(5)), &bindings.EscrowBadValue{Expected: n(5), Sent: n(4)})
	c.mustRevertAt(c.escrow, payer, n(6), coin.depositAndFund(n(5)), &bindings.EscrowBadValue{Expected: n(5), Sent: n(6)})
	c.mustRevertAt(c.escrow, payer, n(1), erc20.fund(n(1)), "execution reverted")
	c.mustRevert(stranger, descriptor{payer: stranger, signer: session, payee: payee, operator: rig, token: c.usd}.depositAndFund(n(5)),
		&bindings.TestUSDERC20InsufficientAllowance{Spender: c.escrow, Allowance: n(0), Needed: n(5)})
}

func TestFundRefusals(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		c.deposit(payer, payer.addr, token, n(10))
		value := new(big.Int)
		if token == native {
			value = n(1)
		}
		c.mustRevert(payer, lane(token).fund(n(0)), &bindings.EscrowZeroAmount{})
		c.mustRevert(payer, lane(token).depositAndFund(n(0)), &bindings.EscrowZeroAmount{})
		for field, blank := range map[string]func(*descriptor){
			"payee":    func(d *descriptor) { d.payee = actor{} },
			"operator": func(d *descriptor) { d.operator = actor{} },
			"signer":   func(d *descriptor) { d.signer = actor{} },
		} {
			d := lane(token)
			blank(&d)
			c.mustRevert(payer, d.fund(n(1)), &bindings.EscrowZeroAddress{Field: field})
			c.mustRevertAt(c.escrow, payer, value, d.depositAndFund(n(1)), &bindings.EscrowZeroAddress{Field: field})
		}
	})
}

// One epoch holds at most 2^96 - 1 units: 79 billion of a token with 18 decimals.
func TestFundCannotOverflow(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	most := new(big.Int).Sub(new(big.Int).Lsh(n(1), 96), n(1))
	c.mustAt(c.usd, payer, nil, usdABI.PackMint(payer.addr, most))
	d := lane(c.usd)
	c.must(payer, d.depositAndFund(most))
	c.mustRevert(payer, d.depositAndFund(n(1)), &bindings.EscrowTooMuch{Id: d.id(), Held: most, Amount: n(1)})
	if got := c.state(d).Funded; got.Cmp(most) != 0 {
		t.Errorf("funded %v, want %v", got, most)
	}
	// An account is wider, so that a credit beyond it never blocks a payee.
	c.must(stranger, d.redeem(c.voucher(d, 0, most), false))
	c.must(payer, escrowABI.PackDeposit(c.usd, payee.addr, n(1)))
	if got, want := c.account(payee.addr, c.usd), new(big.Int).Add(most, n(1)); got.Cmp(want) != 0 {
		t.Errorf("account %v, want %v", got, want)
	}
}

func TestChannelIDNamesEveryPart(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	base := lane(c.usd)
	seen := map[[32]byte]string{}
	for name, change := range map[string]func(*descriptor){
		"base":     func(*descriptor) {},
		"payer":    func(d *descriptor) { d.payer = rival },
		"signer":   func(d *descriptor) { d.signer = payer },
		"payee":    func(d *descriptor) { d.payee = stranger },
		"operator": func(d *descriptor) { d.operator = stranger },
		"token":    func(d *descriptor) { d.token = native },
		"swapped":  func(d *descriptor) { d.payee, d.operator = d.operator, d.payee },
	} {
		d := base
		change(&d)
		got := query(c, escrowABI.PackChannelId(d.payer.addr, d.signer.addr, d.payee.addr, d.operator.addr, d.token), escrowABI.UnpackChannelId)
		if got != d.id() {
			t.Errorf("%s: contract says %x, Go says %x", name, got, d.id())
		}
		if other, clash := seen[got]; clash {
			t.Errorf("%s and %s have the same id", name, other)
		}
		seen[got] = name
	}
}

func TestFundingWhileClosingReopens(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.open(d, 100)
		c.must(payer, d.requestClose())
		c.wantState(d, 0, 100, 0, true)
		c.open(d, 1)
		c.wantState(d, 0, 101, 0, false)
		c.pass(2 * testGrace)
		c.mustRevert(payer, d.finalizeClose(false), &bindings.EscrowNotClosing{ChannelId: d.id()})
	})
}

// Nobody but the payer can cancel its close with a speck of dust: the same
// call by another opens that other's channel.
func TestOthersCannotReopen(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	c.must(payer, d.requestClose())
	c.must(rival, d.depositAndFund(n(1)))
	c.wantState(d, 0, 100, 0, true)
	theirs := d
	theirs.payer = rival
	c.wantState(theirs, 0, 1, 0, false)
}
