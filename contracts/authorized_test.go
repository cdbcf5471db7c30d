package contracts_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

// poor is a chain where payer holds test dollars and has approved nothing.
func poor(t *testing.T) *chain {
	t.Helper()
	c := newChain(t, osaka)
	c.allow(payer, c.usd, n(0))
	return c
}

func TestDepositWithPermit(t *testing.T) {
	t.Parallel()
	c := poor(t)
	deadline := new(big.Int).SetUint64(c.now() + 3600)
	wallet := c.wallet(payer.addr, c.usd)
	r, vs := c.permit(payer, c.usd, n(700), deadline)
	c.must(payer, escrowABI.PackDepositWithPermit(c.usd, stranger.addr, n(700), deadline, r, vs))
	c.wantAccount(stranger.addr, c.usd, 700)
	c.wantAccount(payer.addr, c.usd, 0)
	c.wantGain(payer.addr, c.usd, wallet, -700)
	if got := c.allowance(payer, c.usd); got.Sign() != 0 {
		t.Errorf("the escrow may still take %v", got)
	}
}

// Whoever sees a permit on its way can send it first; the deposit must not fail
// for that.
func TestPermitSentFirstByAnotherIsNoHarm(t *testing.T) {
	t.Parallel()
	c := poor(t)
	deadline := new(big.Int).SetUint64(c.now() + 3600)
	r, vs := c.permit(payer, c.usd, n(700), deadline)
	v, s := 27+vs[0]>>7, vs
	s[0] &= 0x7f
	c.mustAt(c.usd, stranger, nil, usdABI.PackPermit(payer.addr, c.escrow, n(700), deadline, v, r, s))
	c.must(payer, escrowABI.PackDepositWithPermit(c.usd, payer.addr, n(700), deadline, r, vs))
	c.wantAccount(payer.addr, c.usd, 700)
}

// A permit moves its sender's money or none: not somebody else's.
func TestPermitIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	c := poor(t)
	deadline := new(big.Int).SetUint64(c.now() + 3600)
	r, vs := c.permit(payer, c.usd, n(700), deadline)
	take := escrowABI.PackDepositWithPermit(c.usd, stranger.addr, n(700), deadline, r, vs)
	missing := &bindings.TestUSDERC20InsufficientAllowance{Spender: c.escrow, Allowance: n(0), Needed: n(700)}
	c.mustRevert(stranger, take, missing)
	// A permit for less, of another time, or that is none leaves no approval behind.
	r2, vs2 := c.permit(payer, c.usd, n(699), deadline)
	c.mustRevert(payer, escrowABI.PackDepositWithPermit(c.usd, payer.addr, n(700), deadline, r2, vs2), missing)
	c.mustRevert(payer, escrowABI.PackDepositWithPermit(c.usd, payer.addr, n(700), n(1), r, vs), missing)
	c.mustRevert(payer, escrowABI.PackDepositWithPermit(c.usd, payer.addr, n(700), deadline, [32]byte{}, [32]byte{}), missing)
	// Even when the payer has approved, nobody else spends it.
	c.allow(payer, c.usd, n(5000))
	c.mustRevert(stranger, take, missing)
}

func TestPermitRefusals(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	none := [32]byte{}
	pack := func(token, owner common.Address, amount int64) []byte {
		return escrowABI.PackDepositWithPermit(token, owner, n(amount), n(0), none, none)
	}
	c.mustRevert(payer, pack(c.usd, payer.addr, 0), &bindings.EscrowZeroAmount{})
	c.mustRevert(payer, pack(c.usd, native, 1), &bindings.EscrowZeroAddress{Field: "owner"})
	c.mustRevert(payer, pack(native, payer.addr, 1), &bindings.EscrowZeroAddress{Field: "token"})
	c.mustRevert(payer, pack(stranger.addr, payer.addr, 1), "execution reverted")
	// A token without permits works as far as it is approved.
	mute := c.deployTest("MuteToken")
	c.supply(mute, payer)
	c.must(payer, pack(mute, payer.addr, 50))
	c.wantAccount(payer.addr, mute, 50)
	fee := c.deployTest("FeeToken")
	c.supply(fee, payer)
	c.mustRevert(payer, pack(fee, payer.addr, 1000), &bindings.EscrowInexactTransfer{Token: fee, Expected: n(1000), Received: n(990)})
}

func TestDepositWithAuthorization(t *testing.T) {
	t.Parallel()
	c := poor(t)
	salt := [32]byte{7}
	wallet := c.wallet(payer.addr, c.usd)
	auth := c.authorizeDeposit(payer, rival.addr, c.usd, n(700), salt)
	call := escrowABI.PackDepositWithAuthorization(c.usd, payer.addr, rival.addr, n(700), auth)
	c.must(stranger, call)
	c.wantAccount(rival.addr, c.usd, 700)
	c.wantGain(payer.addr, c.usd, wallet, -700)
	c.mustRevert(stranger, call, &bindings.TestUSDERC3009UsedAuthorization{Authorizer: payer.addr, Nonce: depositNonce(rival.addr, salt)})
	// The next one needs another salt only.
	again := c.authorizeDeposit(payer, rival.addr, c.usd, n(1), [32]byte{8})
	c.must(stranger, escrowABI.PackDepositWithAuthorization(c.usd, payer.addr, rival.addr, n(1), again))
	c.wantAccount(rival.addr, c.usd, 701)
}

// Nothing that the signer decided can be changed by who relays it.
func TestAuthorizedDepositCannotBeRedirected(t *testing.T) {
	t.Parallel()
	c := poor(t)
	other := c.deploy(bindings.TestUSDMetaData.Bin, nil)
	c.mustAt(other, stranger, nil, usdABI.PackMint(payer.addr, n(1e6)))
	good := c.authorizeDeposit(payer, payer.addr, c.usd, n(700), [32]byte{1})
	type args struct {
		token, from, owner common.Address
		amount             int64
		auth               bindings.Authorization
	}
	pack := func(a args) []byte {
		return escrowABI.PackDepositWithAuthorization(a.token, a.from, a.owner, n(a.amount), a.auth)
	}
	for name, change := range map[string]func(*args){
		"another account": func(a *args) { a.owner = stranger.addr },
		"another wallet":  func(a *args) { a.from = rival.addr },
		"another token":   func(a *args) { a.token = other },
		"less":            func(a *args) { a.amount-- },
		"more":            func(a *args) { a.amount++ },
		"another salt":    func(a *args) { a.auth.Salt[0]++ },
		"an earlier time": func(a *args) { a.auth.ValidAfter = n(0) },
		"a later time":    func(a *args) { a.auth.ValidBefore = new(big.Int).Add(a.auth.ValidBefore, n(1)) },
		"r changed":       func(a *args) { a.auth.R[31] ^= 1 },
		"s changed":       func(a *args) { a.auth.Vs[31] ^= 1 },
	} {
		a := args{c.usd, payer.addr, payer.addr, 700, good}
		change(&a)
		got := c.attempt(stranger, &c.escrow, nil, pack(a))
		switch got.(type) {
		case *bindings.TestUSDERC3009InvalidSignature, *bindings.TestUSDECDSAInvalidSignature:
		default:
			t.Errorf("%s: %s", name, describe(got))
		}
	}
	// It opens no channel either, not even the signer's own, and the token takes it from nobody else.
	d := lane(c.usd)
	c.mustRevert(stranger, d.openAuthorized(n(700), good), &bindings.TestUSDERC3009InvalidSignature{})
	s := good.Vs
	s[0] &= 0x7f
	c.mustRevertAt(c.usd, stranger, nil, usdABI.PackReceiveWithAuthorization(payer.addr, c.escrow, n(700), good.ValidAfter,
		good.ValidBefore, depositNonce(payer.addr, good.Salt), 27+good.Vs[0]>>7, good.R, s),
		&bindings.TestUSDERC20InvalidReceiver{Receiver: c.escrow})
	c.must(stranger, pack(args{c.usd, payer.addr, payer.addr, 700, good}))
}

func TestAuthorizedDepositRefusals(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	none := bindings.Authorization{ValidAfter: n(0), ValidBefore: n(0)}
	pack := func(token, owner common.Address, amount int64) []byte {
		return escrowABI.PackDepositWithAuthorization(token, payer.addr, owner, n(amount), none)
	}
	c.mustRevert(payer, pack(c.usd, payer.addr, 0), &bindings.EscrowZeroAmount{})
	c.mustRevert(payer, pack(c.usd, native, 1), &bindings.EscrowZeroAddress{Field: "owner"})
	c.mustRevert(payer, pack(native, payer.addr, 1), &bindings.EscrowZeroAddress{Field: "token"})
	c.mustRevert(payer, pack(stranger.addr, payer.addr, 1), "execution reverted")
	mute := c.deployTest("MuteToken")
	c.mustRevert(payer, pack(mute, payer.addr, 1), "execution reverted")
	soon := new(big.Int).SetUint64(c.now() + 3600)
	auth := c.authorize(payer, c.usd, n(5), soon, depositNonce(payer.addr, [32]byte{}), [32]byte{})
	c.pass(time.Hour)
	c.mustRevert(payer, escrowABI.PackDepositWithAuthorization(c.usd, payer.addr, payer.addr, n(5), auth),
		&bindings.TestUSDERC3009InvalidAuthorizationTime{ValidAfter: auth.ValidAfter, ValidBefore: auth.ValidBefore})
	// What arrives is what counts, here too.
	fee := c.deployTest("FeeToken")
	c.supply(fee, payer)
	want := &bindings.EscrowInexactTransfer{Token: fee, Expected: n(1000), Received: n(990)}
	auth = c.authorizeDeposit(payer, payer.addr, fee, n(1000), [32]byte{})
	c.mustRevert(stranger, escrowABI.PackDepositWithAuthorization(fee, payer.addr, payer.addr, n(1000), auth), want)
	d := lane(fee)
	c.mustRevert(stranger, d.openAuthorized(n(1000), c.authorizeOpen(d, n(1000), [32]byte{})), want)
}

func TestOpenWithAuthorization(t *testing.T) {
	t.Parallel()
	c := poor(t)
	d := lane(c.usd)
	wallet := c.wallet(payer.addr, c.usd)
	c.must(stranger, d.openAuthorized(n(600), c.authorizeOpen(d, n(600), [32]byte{1})))
	c.wantState(d, 0, 600, 0, false)
	c.must(payer, d.requestClose())
	c.must(stranger, d.openAuthorized(n(5), c.authorizeOpen(d, n(5), [32]byte{2})))
	c.wantState(d, 0, 605, 0, false) // which cancels the close, as any funding by the payer
	c.wantGain(payer.addr, c.usd, wallet, -605)
	c.wantAccount(payer.addr, c.usd, 0)
	c.must(rig, d.redeem(c.voucher(d, 0, n(40)), false))
	c.wantAccount(payee.addr, c.usd, 40)
}

func TestAuthorizedOpenCannotBeRedirected(t *testing.T) {
	t.Parallel()
	c := poor(t)
	d := lane(c.usd)
	auth := c.authorizeOpen(d, n(600), [32]byte{1})
	invalid := &bindings.TestUSDERC3009InvalidSignature{}
	for name, change := range map[string]func(*descriptor){
		"payer":    func(d *descriptor) { d.payer = rival },
		"payee":    func(d *descriptor) { d.payee = stranger },
		"operator": func(d *descriptor) { d.operator = stranger },
		"signer":   func(d *descriptor) { d.signer = stranger },
	} {
		other := d
		change(&other)
		if got := c.attempt(stranger, &c.escrow, nil, other.openAuthorized(n(600), auth)); describe(got) != describe(invalid) {
			t.Errorf("another %s: %s", name, describe(got))
		}
	}
	for _, amount := range []int64{599, 601} {
		c.mustRevert(stranger, d.openAuthorized(n(amount), auth), invalid)
	}
	resalted := auth
	resalted.Salt[0]++
	c.mustRevert(stranger, d.openAuthorized(n(600), resalted), invalid)
	c.mustRevert(stranger, escrowABI.PackDepositWithAuthorization(c.usd, payer.addr, payer.addr, n(600), auth), invalid)

	coin := lane(native)
	c.mustRevert(stranger, coin.openAuthorized(n(600), auth), &bindings.EscrowZeroAddress{Field: "token"})
	c.mustRevert(stranger, d.openAuthorized(n(0), auth), &bindings.EscrowZeroAmount{})
	for field, blank := range map[string]func(*descriptor){
		"payee":    func(d *descriptor) { d.payee = actor{} },
		"operator": func(d *descriptor) { d.operator = actor{} },
		"signer":   func(d *descriptor) { d.signer = actor{} },
	} {
		bad := d
		blank(&bad)
		c.mustRevert(stranger, bad.openAuthorized(n(600), auth), &bindings.EscrowZeroAddress{Field: field})
	}
	c.must(stranger, d.openAuthorized(n(600), auth))
	c.mustRevert(stranger, d.openAuthorized(n(600), auth), &bindings.TestUSDERC3009UsedAuthorization{Authorizer: payer.addr, Nonce: openNonce(d.id(), auth.Salt)})
}
