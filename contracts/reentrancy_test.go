package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

// entryPoints is one call of every function that changes state.
func entryPoints(c *chain, d descriptor) map[string][]byte {
	v := c.voucher(d, 0, n(90))
	r, vs := d.operator.sign(c.t, c.closeMessage(d, 0, n(0)))
	auth := bindings.Authorization{ValidAfter: n(0), ValidBefore: n(1)}
	return map[string][]byte{
		"depositWithPermit":               escrowABI.PackDepositWithPermit(c.usd, payer.addr, n(1), n(1), [32]byte{}, [32]byte{}),
		"depositWithAuthorization":        escrowABI.PackDepositWithAuthorization(c.usd, payer.addr, payer.addr, n(1), auth),
		"depositAndFundWithAuthorization": escrowABI.PackDepositAndFundWithAuthorization(payer.addr, payee.addr, rig.addr, session.addr, c.usd, n(1), auth),
		"multicall":                       escrowABI.PackMulticall([][]byte{d.fund(n(1))}),
		"fundMany":                        escrowABI.PackFundMany(d.token, []bindings.Funding{{Payee: payee.addr, Operator: rig.addr, Signer: session.addr, Amount: n(1)}}),
		"redeemPacked":                    escrowABI.PackRedeemPacked(payee.addr, rig.addr, d.token, []byte{}, true),
		"bond":                            escrowABI.PackBond(rig.addr, d.token, stranger.addr, n(1)),
		"unbond":                          escrowABI.PackUnbond(rig.addr, d.token, stranger.addr, n(1)),
		"releaseBond":                     escrowABI.PackReleaseBond(rig.addr, d.token, stranger.addr),
		"slash":                           escrowABI.PackSlash(payer.addr, rig.addr, d.token, n(1), payee.addr, [32]byte{}),

		"deposit":        escrowABI.PackDeposit(c.usd, payer.addr, n(1)),
		"depositNative":  escrowABI.PackDepositNative(payer.addr),
		"withdraw":       escrowABI.PackWithdraw(d.token, stranger.addr, n(1)),
		"fund":           d.fund(n(1)),
		"depositAndFund": d.depositAndFund(n(1)),
		"redeem":         d.redeem(v, true),
		"redeemMany":     d.redeemMany(true, v),
		"requestClose":   d.requestClose(),
		"finalizeClose":  d.finalizeClose(true),
		"closeByPayer":   d.closeByPayer(n(0), r, vs, true),
		"closeByPayee":   d.closeByPayee(v, true),
	}
}

// The list above is complete: what is added to the contract has to be added to
// it.
func TestEntryPointsAreAll(t *testing.T) {
	t.Parallel()
	known := entryPoints(newChain(t, osaka), lane(native))
	contract := escrowABI.GetABI()
	for name, method := range contract.Methods {
		if _, ok := known[name]; ok == method.IsConstant() {
			t.Errorf("%s: constant %v, but tried for reentrancy %v", name, method.IsConstant(), ok)
		}
	}
}

// A trap is a contract that has an account and a channel of its own, and is
// called in the middle of what the escrow does.
type trap struct {
	*chain
	at  common.Address
	abi testABI
	d   descriptor // paid by and to the trap
}

func setTrap(t *testing.T, c *chain, token common.Address) trap {
	t.Helper()
	tr := trap{chain: c, at: c.deployTest("Caller"), abi: callerABI(t)}
	self := actor{addr: tr.at}
	tr.d = descriptor{payer: self, signer: session, payee: self, operator: rig, token: token}
	if token == native {
		c.mustAt(c.escrow, payer, n(100), escrowABI.PackDepositNative(tr.at))
	} else {
		c.mustAt(token, stranger, nil, usdABI.PackMint(tr.at, n(1000)))
		tr.run(token, usdABI.PackApprove(c.escrow, abi.MaxUint256))
		tr.run(c.escrow, escrowABI.PackDeposit(token, tr.at, n(100)))
	}
	tr.run(c.escrow, tr.d.fund(n(50)))
	return tr
}

// run makes the trap call something.
func (tr trap) run(to common.Address, data []byte) {
	tr.t.Helper()
	tr.mustAt(tr.at, stranger, nil, tr.abi.pack(tr.t, "run", to, n(0), data))
}

// spring arms the trap with a call, makes the escrow meet it, and requires that
// the call was tried and refused.
func (tr trap) spring(name string, call []byte, meet func()) {
	tr.t.Helper()
	before := tr.abi.read(tr.chain, tr.at, "attempts").(*big.Int)
	tr.mustAt(tr.at, stranger, nil, tr.abi.pack(tr.t, "arm", tr.escrow, call))
	meet()
	guard := bindings.EscrowReentrancyGuardReentrantCallErrorID()
	if after := tr.abi.read(tr.chain, tr.at, "attempts").(*big.Int); after.Cmp(before) <= 0 {
		tr.t.Errorf("%s: the trap was not met", name)
	}
	if tr.abi.read(tr.chain, tr.at, "reentered").(bool) {
		tr.t.Errorf("%s: re-entered", name)
	}
	if reason := tr.abi.read(tr.chain, tr.at, "reason").([4]byte); reason != [4]byte(guard[:4]) {
		tr.t.Errorf("%s: refused with %x, want the guard", name, reason)
	}
	tr.mustAt(tr.at, stranger, nil, tr.abi.pack(tr.t, "arm", common.Address{}, []byte{}))
}

func TestPayoutsCannotReenter(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	for name, call := range entryPoints(c, lane(native)) {
		tr := setTrap(t, c, native)
		tr.spring("withdraw → "+name, call, func() { tr.run(c.escrow, escrowABI.PackWithdraw(native, tr.at, n(10))) })
		tr.spring("redeem → "+name, call, func() { c.must(rig, tr.d.redeem(c.voucher(tr.d, 0, n(10)), true)) })
		tr.spring("redeemMany → "+name, call, func() { c.must(rig, tr.d.redeemMany(true, c.voucher(tr.d, 0, n(20)))) })
		tr.spring("closeByPayee → "+name, call, func() { c.must(rig, tr.d.closeByPayee(c.voucher(tr.d, 0, n(30)), true)) })
		tr.run(c.escrow, tr.d.fund(n(10)))
		r, vs := rig.sign(t, c.closeMessage(tr.d, 1, n(0)))
		tr.spring("closeByPayer → "+name, call, func() { tr.run(c.escrow, tr.d.closeByPayer(n(0), r, vs, true)) })
		tr.run(c.escrow, tr.d.fund(n(10)))
		tr.run(c.escrow, tr.d.requestClose())
		c.pass(2 * testGrace)
		tr.spring("finalizeClose → "+name, call, func() { tr.run(c.escrow, tr.d.finalizeClose(true)) })
	}
}

func TestTokenHooksCannotReenter(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	token := c.deployTest("HookToken")
	for name, call := range entryPoints(c, lane(token)) {
		tr := setTrap(t, c, token)
		tr.spring("deposit → "+name, call, func() { tr.run(c.escrow, escrowABI.PackDeposit(token, tr.at, n(10))) })
		tr.spring("depositAndFund → "+name, call, func() { tr.run(c.escrow, tr.d.depositAndFund(n(10))) })
		tr.spring("withdraw → "+name, call, func() { tr.run(c.escrow, escrowABI.PackWithdraw(token, tr.at, n(10))) })
		tr.spring("redeem → "+name, call, func() { c.must(rig, tr.d.redeem(c.voucher(tr.d, 0, n(10)), true)) })
	}
}

// A token that attacks on its own gets in no further, whichever function calls it.
// That every call is refused is tested above.
func TestHostileTokenCannotReenter(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	token := c.deployTest("HookToken")
	c.supply(token, payer)
	d := lane(token)
	tr := setTrap(t, c, token)
	hook := loadABI(t, "HookToken")
	salts, calls := byte(0), entryPoints(c, tr.d)
	for _, name := range []string{"withdraw", "redeem", "multicall", "releaseBond"} {
		salts++
		call := calls[name]
		c.mustAt(token, stranger, nil, hook.pack(t, "setWatcher", tr.at))
		tr.spring("depositWithPermit → "+name, call, func() {
			r, vs := c.permit(payer, token, n(10), n(ever))
			c.must(payer, escrowABI.PackDepositWithPermit(token, payer.addr, n(10), n(ever), r, vs))
		})
		tr.spring("depositWithAuthorization → "+name, call, func() {
			auth := c.authorizeDeposit(payer, payer.addr, token, n(10), [32]byte{salts})
			c.must(stranger, escrowABI.PackDepositWithAuthorization(token, payer.addr, payer.addr, n(10), auth))
		})
		tr.spring("depositAndFundWithAuthorization → "+name, call, func() {
			c.must(stranger, d.openAuthorized(n(10), c.authorizeOpen(d, n(10), [32]byte{salts})))
		})
		tr.spring("redeemPacked → "+name, call, func() {
			c.must(rig, d.redeemPacked(true, packRecords(c.voucher(d, 0, n(int64(salts))))))
		})
		c.allow(payer, token, n(10))
		tr.spring("multicall → "+name, call, func() {
			c.must(payer, escrowABI.PackMulticall([][]byte{escrowABI.PackDeposit(token, payer.addr, n(10)), d.fund(n(1))}))
		})
	}
}
