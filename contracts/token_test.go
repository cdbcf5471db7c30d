package contracts_test

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
)

// testABI packs calls to a contract of test/sol.
type testABI struct{ abi.ABI }

func loadABI(t *testing.T, name string) testABI {
	t.Helper()
	parsed, err := abi.JSON(bytes.NewReader(testArtifact(t, name).ABI))
	if err != nil {
		t.Fatalf("parse the ABI of %s: %v", name, err)
	}
	return testABI{parsed}
}

func callerABI(t *testing.T) testABI { return loadABI(t, "Caller") }

func (a testABI) pack(t *testing.T, method string, args ...any) []byte {
	t.Helper()
	data, err := a.Pack(method, args...)
	if err != nil {
		t.Fatalf("pack %s: %v", method, err)
	}
	return data
}

// read calls a view without arguments and returns its one answer.
func (a testABI) read(c *chain, at common.Address, method string) any {
	c.t.Helper()
	return queryAt(c, at, a.pack(c.t, method), func(raw []byte) (any, error) {
		out, err := a.Unpack(method, raw)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	})
}

func TestFeeTakingTokenIsRefused(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	token := c.deployTest("FeeToken")
	c.supply(token, payer)
	want := &bindings.EscrowInexactTransfer{Token: token, Expected: n(1000), Received: n(990)}
	c.mustRevert(payer, escrowABI.PackDeposit(token, payer.addr, n(1000)), want)
	c.mustRevert(payer, lane(token).depositAndFund(n(1000)), want)
	// Too small for its fee to be charged: this one is exact.
	c.must(payer, escrowABI.PackDeposit(token, payer.addr, n(99)))
}

// A blacklisted party keeps its claim and blocks nobody else's.
func TestBlacklistedPartyBlocksNobody(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	token := c.deployTest("BlockingToken")
	tokenABI := loadABI(t, "BlockingToken")
	c.supply(token, payer)
	c.supply(token, rival)
	one, two := lane(token), lane(token)
	two.payer = rival
	c.open(one, 100)
	c.open(two, 100)
	block := func(a actor, on bool) { c.mustAt(token, stranger, nil, tokenABI.pack(t, "setBlocked", a.addr, on)) }
	refused := "0x" + common.Bytes2Hex(append(crypto.Keccak256([]byte("Blocked(address)"))[:4], common.LeftPadBytes(payee.addr[:], 32)...))

	block(payee, true)
	c.mustRevert(rig, one.redeem(c.voucher(one, 0, n(60)), true), refused)
	c.must(rig, one.redeem(c.voucher(one, 0, n(60)), false))
	r, vs := rig.sign(t, c.closeMessage(one, 0, n(80)))
	c.must(payer, one.closeByPayer(n(80), r, vs, true))
	c.wantAccount(payee.addr, token, 80)

	block(payee, false)
	block(rival, true)
	c.must(rig, two.closeByPayee(c.voucher(two, 0, n(70)), true))
	c.wantAccount(rival.addr, token, 30)
	c.must(payee, escrowABI.PackWithdraw(token, payee.addr, n(80)))
	c.must(rival, escrowABI.PackWithdraw(token, stranger.addr, n(30)))
}

// Tokens whose transfers return nothing work; one that answers false without
// moving money is refused.
func TestMuteToken(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	token := c.deployTest("MuteToken")
	tokenABI := loadABI(t, "MuteToken")
	c.supply(token, payer)
	d := lane(token)
	c.open(d, 100)
	c.must(rig, d.redeem(c.voucher(d, 0, n(60)), true))
	if got := c.wallet(payee.addr, token); got.Cmp(n(60)) != 0 {
		t.Errorf("payee has %v, want 60", got)
	}
	c.mustAt(token, stranger, nil, tokenABI.pack(t, "setFailing", true))
	failed := &bindings.EscrowSafeERC20FailedOperation{Token: token}
	c.mustRevert(payer, d.depositAndFund(n(1)), failed)
	c.mustRevert(payer, escrowABI.PackDeposit(token, payer.addr, n(1)), failed)
	c.mustRevert(rig, d.redeem(c.voucher(d, 0, n(70)), true), failed)
}
