package contracts_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

func TestAnyoneRedeemsForThePayee(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.open(d, 1000)
		wallet := c.wallet(payee.addr, token)
		operator := c.wallet(rig.addr, token)
		c.must(stranger, d.redeem(c.voucher(d, 0, n(300)), false))
		c.wantAccount(payee.addr, token, 300)
		c.must(rig, d.redeem(c.voucher(d, 0, n(450)), true))
		c.wantAccount(payee.addr, token, 300)
		c.wantGain(payee.addr, token, wallet, 150)
		c.must(payee, escrowABI.PackWithdraw(token, payee.addr, n(300)))
		c.wantGain(payee.addr, token, wallet, 450)
		c.wantAccount(rig.addr, token, 0)
		c.wantGain(rig.addr, token, operator, 0)
		c.wantState(d, 0, 1000, 450, false)
	})
}

// The answer of a call is what the node shows before it spends gas.
func TestRedeemAnswersWhatItPays(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 1000)
	v := c.voucher(d, 0, n(300))
	if got := query(c, d.redeem(v, true), escrowABI.UnpackRedeem); got.Cmp(n(300)) != 0 {
		t.Errorf("redeem answers %v, want 300", got)
	}
	w := c.voucher(d, 0, n(400))
	if got := query(c, d.redeemMany(false, v, w, v), escrowABI.UnpackRedeemMany); got.Cmp(n(400)) != 0 {
		t.Errorf("redeemMany answers %v, want 400", got)
	}
}

func TestRedeemingNothingNewIsNoError(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.reopened(d, 1000)
		c.must(rig, d.redeem(c.voucher(d, 1, n(300)), false))
		for name, v := range map[string]bindings.Voucher{
			"the same again":      c.voucher(d, 1, n(300)),
			"a lower one":         c.voucher(d, 1, n(299)),
			"an earlier epoch's":  c.voucher(d, 0, n(900)),
			"a later epoch's":     c.voucher(d, 2, n(900)),
			"an unsigned nothing": unsigned(d, 1),
		} {
			if got := query(c, d.redeem(v, true), escrowABI.UnpackRedeem); got.Sign() != 0 {
				t.Errorf("%s paid %v", name, got)
			}
			if logs := c.must(stranger, d.redeem(v, true)).Logs; len(logs) != 0 {
				t.Errorf("%s left %d events", name, len(logs))
			}
		}
		c.wantState(d, 1, 1000, 300, false)
		c.wantAccount(payee.addr, token, 300)
	})
}

func TestRedeemingNeverOpenedChannelPaysNothing(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.must(rig, d.redeem(c.voucher(d, 0, n(300)), true))
	c.must(rig, d.redeemMany(true))
	c.wantAccount(payee.addr, c.usd, 0)
}

// A voucher above the deposit is paid as far as it goes, and the rest when the
// payer tops up: nobody can burn it by redeeming early.
func TestUnderfundedVoucherKeepsItsRest(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.open(d, 100)
		v := c.voucher(d, 0, n(250))
		c.must(stranger, d.redeem(v, false))
		c.wantState(d, 0, 100, 100, false)
		c.must(stranger, d.redeem(v, false))
		c.wantAccount(payee.addr, token, 100)
		c.open(d, 400)
		c.must(stranger, d.redeem(v, false))
		c.wantState(d, 0, 500, 250, false)
		c.wantAccount(payee.addr, token, 250)
	})
}

func TestRedeemWorksWhileClosing(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 100)
	c.must(payer, d.requestClose())
	c.must(rig, d.redeem(c.voucher(d, 0, n(40)), false))
	c.pass(2 * testGrace)
	// Even after the grace, until the payer has finalized.
	c.must(rig, d.redeem(c.voucher(d, 0, n(70)), false))
	c.wantState(d, 0, 100, 70, true)
	c.must(payer, d.finalizeClose(false))
	c.wantAccount(payee.addr, c.usd, 70)
	c.wantAccount(payer.addr, c.usd, 30)
	// And not afterwards.
	c.must(rig, d.redeem(c.voucher(d, 0, n(100)), false))
	c.wantAccount(payee.addr, c.usd, 70)
}

func TestRedeemManyPaysOneSum(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		one, two := lane(token), lane(token)
		two.payer, two.signer = rival, rival
		c.open(one, 1000)
		c.open(two, 1000)
		wallet := c.wallet(payee.addr, token)
		receipt := c.must(rig, one.redeemMany(true, c.voucher(one, 0, n(10)), c.voucher(two, 0, n(20)), c.voucher(one, 0, n(15))))
		c.wantGain(payee.addr, token, wallet, 35)
		c.must(rig, one.redeemMany(false, c.voucher(two, 0, n(21))))
		c.wantAccount(payee.addr, token, 1)
		var withdrawn int
		for _, entry := range receipt.Logs {
			if e, err := escrowABI.UnpackWithdrawnEvent(entry); err == nil {
				withdrawn++
				if e.Amount.Cmp(n(35)) != 0 || e.To != payee.addr {
					t.Errorf("withdrawn %+v", e)
				}
			}
		}
		if withdrawn != 1 {
			t.Errorf("%d payouts, want 1", withdrawn)
		}
	})
}

// A batch equals its vouchers redeemed one by one, in any order, with any
// duplicates.
func TestBatchEqualsSingles(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	batch, singles := lane(c.usd), lane(c.usd)
	batch.signer, singles.signer = session, stranger
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 8 {
		c.open(batch, 500)
		c.open(singles, 500)
		var vouchers, copies []bindings.Voucher
		for range 6 {
			amount, epoch := n(random.Int64N(5000)), uint32(random.IntN(2))
			vouchers = append(vouchers, c.voucher(batch, epoch, amount))
			copies = append(copies, c.voucher(singles, epoch, amount))
		}
		vouchers = append(vouchers, vouchers[random.IntN(6)])
		random.Shuffle(len(vouchers), func(i, j int) { vouchers[i], vouchers[j] = vouchers[j], vouchers[i] })
		c.must(rig, batch.redeemMany(false, vouchers...))
		for _, v := range copies {
			c.must(rig, singles.redeem(v, false))
		}
		if got, want := c.state(batch), c.state(singles); describe(got) != describe(want) {
			t.Fatalf("round %d: batch left %+v, singles %+v", round, got, want)
		}
	}
}

// One bad voucher fails the batch and says which, so that a node can drop it.
func TestBatchNamesTheBadVoucher(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(c.usd)
	c.open(d, 1000)
	for bad := range 4 {
		var vouchers []bindings.Voucher
		for i := range 4 {
			vouchers = append(vouchers, c.voucher(d, 0, n(int64(i+1)*10)))
		}
		vouchers[bad].Cumulative = new(big.Int).Add(vouchers[bad].Cumulative, n(1))
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			c.mustRevert(rig, d.redeemMany(false, vouchers...), &bindings.EscrowBadSignature{Index: n(int64(bad))})
		})
	}
}

// A payee that cannot receive is credited, and blocks nobody.
func TestPayoutToRefusingPayee(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	contract := c.deployTest("Caller")
	c.mustAt(contract, stranger, nil, callerABI(t).pack(t, "setRefusing", true))
	d := lane(native)
	d.payee = actor{addr: contract}
	c.open(d, 100)
	v := c.voucher(d, 0, n(60))
	c.mustRevert(rig, d.redeem(v, true), &bindings.EscrowNativeTransferFailed{To: contract, Amount: n(60)})
	c.must(rig, d.redeem(v, false))
	c.wantAccount(contract, native, 60)
	c.must(rig, d.closeByPayee(unsigned(d, 0), true))
	c.wantAccount(payer.addr, native, 40)
	// Its own contract can still send the money elsewhere.
	withdraw := escrowABI.PackWithdraw(native, stranger.addr, n(60))
	c.mustAt(contract, stranger, nil, callerABI(t).pack(t, "run", c.escrow, n(0), withdraw))
	c.wantAccount(contract, native, 0)
}
