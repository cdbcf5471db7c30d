package contracts_test

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

func packRecords(vs ...bindings.Voucher) []byte {
	records := []byte{}
	for _, v := range vs {
		records = append(records, packRecord(v)...)
	}
	return records
}

func (d descriptor) redeemPacked(payout bool, records []byte) []byte {
	return escrowABI.PackRedeemPacked(d.payee.addr, d.operator.addr, d.token, records, payout)
}

// Packed vouchers equal the same as structs, and one by one, in any order and
// with any duplicates.
func TestPackedEqualsTyped(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		packed, typed := lane(token), lane(token)
		packed.payer, typed.payer = payer, rival
		random := rand.New(rand.NewPCG(3, 4))
		for round := range 6 {
			c.open(packed, 500)
			c.open(typed, 500)
			var vouchers, copies []bindings.Voucher
			for range 6 {
				amount, epoch := n(random.Int64N(4000)), uint32(random.IntN(2))
				vouchers = append(vouchers, c.voucher(packed, epoch, amount))
				copies = append(copies, c.voucher(typed, epoch, amount))
			}
			vouchers = append(vouchers, vouchers[random.IntN(6)])
			random.Shuffle(len(vouchers), func(i, j int) { vouchers[i], vouchers[j] = vouchers[j], vouchers[i] })
			call := packed.redeemPacked(false, packRecords(vouchers...))
			wantPaid := query(c, packed.redeemMany(false, vouchers...), escrowABI.UnpackRedeemMany)
			if got := query(c, call, escrowABI.UnpackRedeemPacked); got.Cmp(wantPaid) != 0 {
				t.Fatalf("round %d: packed pays %v, typed %v", round, got, wantPaid)
			}
			c.must(rig, call)
			c.must(rig, typed.redeemMany(false, copies...))
			if got, want := c.state(packed), c.state(typed); describe(got) != describe(want) {
				t.Fatalf("round %d: packed left %+v, typed %+v", round, got, want)
			}
		}
	})
}

func TestPackedPaysOneSum(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	one, two := lane(c.usd), lane(c.usd)
	two.payer, two.signer = rival, rival
	c.open(one, 1000)
	c.open(two, 1000)
	wallet := c.wallet(payee.addr, c.usd)
	c.must(stranger, one.redeemPacked(true, packRecords(c.voucher(one, 0, n(10)), c.voucher(two, 0, n(20)), c.voucher(one, 0, n(15)))))
	c.wantGain(payee.addr, c.usd, wallet, 35)
	c.wantState(one, 0, 1000, 15, false)
	c.wantState(two, 0, 1000, 20, false)
	c.must(stranger, one.redeemPacked(true, []byte{}))
}

func TestPackedLengthMustFit(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 1000)
	two := packRecords(c.voucher(d, 0, n(10)), c.voucher(d, 0, n(20)))
	for _, length := range []int{1, 119, 121, 239} {
		c.mustRevert(rig, d.redeemPacked(false, two[:length]), &bindings.EscrowBadLength{Length: n(int64(length))})
	}
	c.mustRevert(rig, d.redeemPacked(false, append(two, 0)), &bindings.EscrowBadLength{Length: n(241)})
}

// Every bit of a record counts: with any of them changed, the voucher pays nothing.
func TestPackedRecordCountsInEveryBit(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.reopened(d, 1000)
	good := packRecords(c.voucher(d, 1, n(500)))
	other := packRecords(c.voucher(d, 1, n(400)))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		got := c.attempt(stranger, &c.escrow, nil, d.redeemPacked(false, append(bytes.Clone(other), bad...)))
		paid := query(c, d.redeem(c.voucher(d, 1, n(400)), false), escrowABI.UnpackRedeem)
		if got == nil { // of another channel or epoch, or of less: the first voucher alone counted
			paid = query(c, d.redeemPacked(false, append(bytes.Clone(other), bad...)), escrowABI.UnpackRedeemPacked)
		} else if _, ok := got.(*bindings.EscrowBadSignature); !ok || got.(*bindings.EscrowBadSignature).Index.Cmp(n(1)) != 0 {
			t.Errorf("byte %d: %s", i, describe(got))
		}
		if paid.Cmp(n(400)) != 0 {
			t.Errorf("byte %d changed, and %v paid", i, paid)
		}
	}
	c.must(stranger, d.redeemPacked(false, good))
	c.wantAccount(payee.addr, c.usd, 500)
}

func TestMulticallActsAsItsCaller(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	v := c.voucher(d, 0, n(40))
	c.must(payer, escrowABI.PackMulticall([][]byte{
		escrowABI.PackDeposit(c.usd, payer.addr, n(1000)), d.fund(n(600)), d.redeem(v, false),
		backing(c.usd).bond(n(100)), escrowABI.PackMulticall([][]byte{d.requestClose()}),
	}))
	c.wantState(d, 0, 600, 40, true)
	c.wantAccount(payer.addr, c.usd, 300)
	c.wantAccount(payee.addr, c.usd, 40)
	c.wantBond(backing(c.usd), 100, 0)
	results := query(c, escrowABI.PackMulticall([][]byte{
		escrowABI.PackBalanceOf(payer.addr, c.usd), d.redeem(c.voucher(d, 0, n(50)), true),
	}), escrowABI.UnpackMulticall)
	if len(results) != 2 || new(big.Int).SetBytes(results[0]).Cmp(n(300)) != 0 || new(big.Int).SetBytes(results[1]).Cmp(n(10)) != 0 {
		t.Errorf("results %x", results)
	}
}

// All of it or none, and never native money that one transfer would pay for twice.
func TestMulticallIsAllOrNothing(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d, coin := lane(c.usd), lane(native)
	c.deposit(payer, payer.addr, c.usd, n(100))
	c.mustRevert(payer, escrowABI.PackMulticall([][]byte{d.fund(n(60)), d.fund(n(60))}),
		&bindings.EscrowInsufficientBalance{Owner: payer.addr, Token: c.usd, Balance: n(40), Needed: n(60)})
	twice := escrowABI.PackMulticall([][]byte{escrowABI.PackDepositNative(payer.addr), escrowABI.PackDepositNative(payer.addr)})
	c.mustRevertAt(c.escrow, payer, n(5), twice, "execution reverted")
	c.mustRevert(payer, twice, &bindings.EscrowZeroAmount{})
	c.mustRevert(payer, escrowABI.PackMulticall([][]byte{coin.depositAndFund(n(5))}), &bindings.EscrowBadValue{Expected: n(5), Sent: n(0)})
	c.mustRevert(payer, escrowABI.PackMulticall([][]byte{{}}), &bindings.EscrowFailedCall{})
	c.mustRevert(payer, escrowABI.PackMulticall([][]byte{{1, 2, 3, 4}}), &bindings.EscrowFailedCall{})
	c.must(payer, escrowABI.PackMulticall([][]byte{}))
}

func (d descriptor) funding(amount *big.Int) bindings.Funding {
	return bindings.Funding{Payee: d.payee.addr, Operator: d.operator.addr, Signer: d.signer.addr, Amount: amount}
}

func TestFundManyEqualsFund(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		one, two := lane(token), lane(token)
		two.payee = stranger
		c.deposit(payer, payer.addr, token, n(1000))
		c.must(payer, escrowABI.PackFundMany(token, []bindings.Funding{one.funding(n(300)), two.funding(n(200)), one.funding(n(50))}))
		c.wantState(one, 0, 350, 0, false)
		c.wantState(two, 0, 200, 0, false)
		c.wantAccount(payer.addr, token, 450)
		c.must(payer, escrowABI.PackFundMany(token, []bindings.Funding{}))
		c.mustRevert(payer, escrowABI.PackFundMany(token, []bindings.Funding{one.funding(n(450)), two.funding(n(1))}),
			&bindings.EscrowInsufficientBalance{Owner: payer.addr, Token: token, Balance: n(450), Needed: n(451)})
		c.mustRevert(payer, escrowABI.PackFundMany(token, []bindings.Funding{one.funding(n(1)), two.funding(n(0))}), &bindings.EscrowZeroAmount{})
		blank := two
		blank.operator = actor{}
		c.mustRevert(payer, escrowABI.PackFundMany(token, []bindings.Funding{one.funding(n(1)), blank.funding(n(1))}),
			&bindings.EscrowZeroAddress{Field: "operator"})
	})
}
