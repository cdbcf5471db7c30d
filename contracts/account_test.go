package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
)

// forEachToken runs a test with an ERC-20 and with native money.
func forEachToken(t *testing.T, test func(t *testing.T, c *chain, token common.Address)) {
	t.Run("erc20", func(t *testing.T) {
		t.Parallel()
		c := newChain(t, osaka)
		test(t, c, c.usd)
	})
	t.Run("native", func(t *testing.T) {
		t.Parallel()
		test(t, newChain(t, osaka), native)
	})
}

// deposit puts amount of either kind into owner's account.
func (c *chain) deposit(from actor, owner, token common.Address, amount *big.Int) {
	c.t.Helper()
	if token == native {
		c.mustAt(c.escrow, from, amount, escrowABI.PackDepositNative(owner))
		return
	}
	c.must(from, escrowABI.PackDeposit(token, owner, amount))
}

func (c *chain) wantAccount(owner, token common.Address, want int64) {
	c.t.Helper()
	if got := c.account(owner, token); got.Cmp(n(want)) != 0 {
		c.t.Errorf("account holds %v, want %d", got, want)
	}
}

// wantGain checks how a wallet has changed, gas aside.
func (c *chain) wantGain(owner, token common.Address, before *big.Int, want int64) {
	c.t.Helper()
	if got := new(big.Int).Sub(c.wallet(owner, token), before); got.Cmp(n(want)) != 0 {
		c.t.Errorf("wallet gained %v, want %d", got, want)
	}
}

func TestDepositCreditsOwner(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		before := c.wallet(payer.addr, token)
		c.deposit(payer, payer.addr, token, n(700))
		c.deposit(payer, stranger.addr, token, n(50))
		c.deposit(payer, payer.addr, token, n(1))
		c.wantAccount(payer.addr, token, 701)
		c.wantAccount(stranger.addr, token, 50)
		c.wantGain(payer.addr, token, before, -751)
	})
}

func TestWithdrawSendsToAnyone(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		c.deposit(payer, payer.addr, token, n(700))
		own, other := c.wallet(payer.addr, token), c.wallet(stranger.addr, token)
		c.must(payer, escrowABI.PackWithdraw(token, payer.addr, n(100)))
		c.must(payer, escrowABI.PackWithdraw(token, stranger.addr, n(600)))
		c.wantAccount(payer.addr, token, 0)
		c.wantGain(payer.addr, token, own, 100)
		c.wantGain(stranger.addr, token, other, 600)
	})
}

func TestWithdrawRefusals(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		c.deposit(payer, payer.addr, token, n(700))
		c.mustRevert(payer, escrowABI.PackWithdraw(token, payer.addr, n(0)), &bindings.EscrowZeroAmount{})
		c.mustRevert(payer, escrowABI.PackWithdraw(token, native, n(1)), &bindings.EscrowBadRecipient{})
		c.mustRevert(payer, escrowABI.PackWithdraw(token, c.escrow, n(1)), &bindings.EscrowBadRecipient{To: c.escrow})
		c.mustRevert(payer, escrowABI.PackWithdraw(token, payer.addr, n(701)), &bindings.EscrowInsufficientBalance{
			Owner: payer.addr, Token: token, Balance: n(700), Needed: n(701),
		})
		c.mustRevert(stranger, escrowABI.PackWithdraw(token, payer.addr, n(1)), &bindings.EscrowInsufficientBalance{
			Owner: stranger.addr, Token: token, Balance: n(0), Needed: n(1),
		})
	})
}

func TestDepositRefusals(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	c.mustRevert(payer, escrowABI.PackDeposit(c.usd, payer.addr, n(0)), &bindings.EscrowZeroAmount{})
	c.mustRevert(payer, escrowABI.PackDeposit(c.usd, native, n(1)), &bindings.EscrowZeroAddress{Field: "owner"})
	c.mustRevert(payer, escrowABI.PackDeposit(native, payer.addr, n(1)), &bindings.EscrowZeroAddress{Field: "token"})
	c.mustRevert(payer, escrowABI.PackDepositNative(payer.addr), &bindings.EscrowZeroAmount{})
	c.mustRevertAt(c.escrow, payer, n(1), escrowABI.PackDepositNative(native), &bindings.EscrowZeroAddress{Field: "owner"})
	// Not approved, not a contract, and native money sent to a function that takes none.
	c.mustRevert(stranger, escrowABI.PackDeposit(c.usd, payer.addr, n(1)), &bindings.TestUSDERC20InsufficientAllowance{
		Spender: c.escrow, Allowance: n(0), Needed: n(1),
	})
	c.mustRevert(payer, escrowABI.PackDeposit(stranger.addr, payer.addr, n(1)), "execution reverted")
	c.mustRevertAt(c.escrow, payer, n(1), escrowABI.PackDeposit(c.usd, payer.addr, n(1)), "execution reverted")
}

func TestPlainTransferIsRefused(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	c.mustRevertAt(c.escrow, payer, n(1), nil, "execution reverted")
}

// Tokens sent past the functions belong to nobody and disturb nothing.
func TestStrayTokensStay(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	c.mustAt(c.usd, rival, nil, usdABI.PackTransfer(c.escrow, n(9)))
	c.strays[c.usd] = n(9)
	c.deposit(payer, payer.addr, c.usd, n(5))
	c.must(payer, escrowABI.PackWithdraw(c.usd, payer.addr, n(5)))
	c.mustRevert(rival, escrowABI.PackWithdraw(c.usd, rival.addr, n(9)), &bindings.EscrowInsufficientBalance{
		Owner: rival.addr, Token: c.usd, Balance: n(0), Needed: n(9),
	})
}

func TestConstructorBoundsTheGrace(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	if got := query(c, escrowABI.PackCloseGrace(), escrowABI.UnpackCloseGrace); got != uint32(testGrace.Seconds()) {
		t.Errorf("closeGrace is %d s", got)
	}
	const shortest, longest = 60, 30 * 24 * 60 * 60
	create := func(grace uint32) []byte {
		return append(common.FromHex(bindings.EscrowMetaData.Bin), escrowABI.PackConstructor(grace, 60)...)
	}
	for _, grace := range []uint32{shortest, longest} {
		if got := c.attempt(stranger, nil, nil, create(grace)); got != nil {
			t.Errorf("a grace of %d s: %s", grace, describe(got))
		}
	}
	for _, grace := range []uint32{0, shortest - 1, longest + 1} {
		got := c.attempt(stranger, nil, nil, create(grace))
		if bad, ok := got.(*bindings.EscrowBadGrace); !ok || bad.Grace != grace || bad.Min != shortest || bad.Max != longest {
			t.Errorf("a grace of %d s: %s", grace, describe(got))
		}
	}
}

func TestTestUSDIsPlayMoney(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	if got := queryAt(c, c.usd, usdABI.PackDecimals(), usdABI.UnpackDecimals); got != 6 {
		t.Errorf("decimals %d, want 6", got)
	}
	if got := queryAt(c, c.usd, usdABI.PackSymbol(), usdABI.UnpackSymbol); got != "tUSDC" {
		t.Errorf("symbol %q, want tUSDC", got)
	}
	anyone := crypto.CreateAddress(c.usd, 7)
	c.mustAt(c.usd, stranger, nil, usdABI.PackMint(anyone, n(3)))
	if got := c.wallet(anyone, c.usd); got.Cmp(n(3)) != 0 {
		t.Errorf("minted %v, want 3", got)
	}
}
