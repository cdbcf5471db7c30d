package contracts_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
)

// An op is one random call: whether the model allows it, and what it then does.
type op struct {
	name    string
	from    actor
	value   int64 // wei
	data    []byte
	allowed bool
	apply   func()
}

// A walk is a random sequence of calls to the contract and to the model. Payers
// are payer and rival, the payee and the operator always the same; bonds are of
// payer, judged by rival.
type walk struct {
	*chain
	*rand.Rand
	m       *model
	start   map[holding]*big.Int // wallets
	history []string
	done    map[string]int
}

// After any sequence of calls the contract and the model agree on what was
// allowed, on every balance, channel and bond. A failure names its seed.
func TestContractFollowsModel(t *testing.T) {
	const steps = 600 // of each seed; one in six lets time pass
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			newWalk(t, seed).walk(steps)
		})
	}
}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{
		chain: newChain(t, osaka), Rand: rand.New(rand.NewPCG(seed, 0)), m: newModel(),
		start: map[holding]*big.Int{}, done: map[string]int{},
	}
	for _, token := range []common.Address{w.usd, native} {
		for _, a := range []actor{payer, rival} {
			w.deposit(a, a.addr, token, n(4000))
			w.m.accounts[holding{a.addr, token}] = 4000
		}
		for _, a := range []actor{payer, rival, payee} {
			w.start[holding{a.addr, token}] = w.wallet(a.addr, token)
		}
	}
	return w
}

func (w *walk) walk(steps int) {
	for step := range steps {
		if w.IntN(6) == 0 {
			w.pass(testGrace)
			w.history = append(w.history, "the grace passes")
			continue
		}
		o := []func() op{w.accountOp, w.channelOp, w.channelOp, w.closeOp, w.bondOp}[w.IntN(5)]()
		got := w.attempt(o.from, &w.escrow, n(o.value), o.data)
		w.history = append(w.history, fmt.Sprintf("%s: %s", o.name, describe(got)))
		if (got == nil) != o.allowed {
			w.fail("%s: %s, the model says allowed %v", o.name, describe(got), o.allowed)
		}
		if o.allowed {
			w.mustAt(w.escrow, o.from, n(o.value), o.data)
			o.apply()
			w.done[o.name]++
		}
		if step%25 == 0 {
			w.compare()
		}
	}
	w.compare()
	contract := escrowABI.GetABI()
	for name, method := range contract.Methods {
		// Signatures of tokens have tests of their own.
		if !method.IsConstant() && w.done[name] == 0 && !strings.Contains(name, "With") {
			w.t.Errorf("%s never succeeded: the walk tests too little", name)
		}
	}
}

func (w *walk) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s, after\n%s", fmt.Sprintf(format, args...), strings.Join(w.history, "\n"))
}

// lane draws a channel.
func (w *walk) lane() descriptor {
	d := lane([]common.Address{w.usd, native}[w.IntN(2)])
	d.payer = []actor{payer, rival}[w.IntN(2)]
	d.signer = []actor{session, stranger}[w.IntN(2)]
	return d
}

// epochOf is mostly the channel's own epoch, else the one before.
func (w *walk) epochOf(d descriptor) uint32 {
	epoch := w.m.channel(d).epoch
	return epoch - min(epoch, uint32(w.IntN(5)/4))
}

// promise draws a voucher around what the channel has paid and holds.
func (w *walk) promise(d descriptor) promise {
	return promise{d, w.epochOf(d), max(0, w.m.channel(d).claimed+w.Int64N(150)-30)}
}

func (w *walk) sign(promises ...promise) (vouchers []bindings.Voucher) {
	for _, p := range promises {
		vouchers = append(vouchers, w.voucher(p.d, p.epoch, n(p.cumulative)))
	}
	return vouchers
}

// wei is what a call with amount of token carries along.
func wei(token common.Address, amount int64) int64 {
	if token == native {
		return amount
	}
	return 0
}

func (w *walk) accountOp() op {
	d, amount, m := w.lane(), w.Int64N(200), w.m
	own := holding{d.payer.addr, d.token}
	switch w.IntN(5) {
	case 0:
		return op{"deposit", d.payer, 0, escrowABI.PackDeposit(d.token, payee.addr, n(amount)), amount > 0 && d.token != native,
			func() { m.wallets[own] -= amount; m.accounts[holding{payee.addr, d.token}] += amount }}
	case 1:
		own.token = native
		return op{"depositNative", d.payer, amount, escrowABI.PackDepositNative(d.payer.addr), amount > 0,
			func() { m.wallets[own] -= amount; m.accounts[own] += amount }}
	case 2:
		return op{"withdraw", d.payer, 0, escrowABI.PackWithdraw(d.token, rival.addr, n(amount)), amount > 0 && m.accounts[own] >= amount,
			func() { m.accounts[own] -= amount; m.wallets[holding{rival.addr, d.token}] += amount }}
	case 3:
		return op{"depositAndFund", d.payer, wei(d.token, amount), d.depositAndFund(n(amount)), amount > 0,
			func() { m.wallets[own] -= amount; m.fund(d, amount) }}
	default:
		calls := [][]byte{d.fund(n(amount)), d.requestClose()}
		return op{"multicall", d.payer, 0, escrowABI.PackMulticall(calls), amount > 0 && m.accounts[own] >= amount,
			func() { m.accounts[own] -= amount; m.fund(d, amount); w.closing(d) }}
	}
}

func (w *walk) closing(d descriptor) { w.m.channel(d).closesAt = w.now() + uint64(testGrace.Seconds()) }

func (w *walk) channelOp() op {
	d, other, amount, payout, m := w.lane(), w.lane(), w.Int64N(200), w.IntN(2) == 0, w.m
	own, more := holding{d.payer.addr, d.token}, w.Int64N(200)
	other.token = d.token
	promises := []promise{w.promise(d), w.promise(other), w.promise(d)}[:1+w.IntN(3)]
	all := func() { m.redeem(payout, promises...) }
	switch w.IntN(6) {
	case 0, 1:
		return op{"fund", d.payer, 0, d.fund(n(amount)), amount > 0 && m.accounts[own] >= amount,
			func() { m.accounts[own] -= amount; m.fund(d, amount) }}
	case 2:
		other.payer = d.payer
		fundings := []bindings.Funding{d.funding(n(amount)), other.funding(n(more))}
		return op{"fundMany", d.payer, 0, escrowABI.PackFundMany(d.token, fundings),
			positive(amount, more) && m.accounts[own] >= amount+more,
			func() { m.accounts[own] -= amount + more; m.fund(d, amount); m.fund(other, more) }}
	case 3:
		return op{"redeem", stranger, 0, d.redeem(w.sign(promises[0])[0], payout), true, func() { m.redeem(payout, promises[0]) }}
	case 4:
		return op{"redeemMany", stranger, 0, d.redeemMany(payout, w.sign(promises...)...), true, all}
	default:
		return op{"redeemPacked", stranger, 0, d.redeemPacked(payout, packRecords(w.sign(promises...)...)), true, all}
	}
}

func (w *walk) closeOp() op {
	d, payout, m := w.lane(), w.IntN(2) == 0, w.m
	ch, epoch := m.channel(d), w.epochOf(d)
	current := ch.funded > 0 && epoch == ch.epoch
	switch w.IntN(6) {
	case 0, 1:
		return op{"requestClose", d.payer, 0, d.requestClose(), ch.funded > 0 && ch.closesAt == 0, func() { w.closing(d) }}
	case 2, 3:
		return op{"finalizeClose", d.payer, 0, d.finalizeClose(payout), ch.closesAt != 0 && w.now() >= ch.closesAt,
			func() { m.end(d, payout) }}
	case 4:
		final := max(0, ch.claimed+w.Int64N(120)-10)
		r, vs := rig.sign(w.t, w.closeMessage(d, epoch, n(final)))
		return op{"closeByPayer", d.payer, 0, d.closeByPayer(n(final), r, vs, payout),
			current && final >= ch.claimed && final <= ch.funded,
			func() { m.redeem(false, promise{d, epoch, final}); m.end(d, payout) }}
	default:
		last := promise{d, epoch, w.Int64N(150)}
		return op{"closeByPayee", rig, 0, d.closeByPayee(w.sign(last)[0], payout), current,
			func() { m.redeem(payout, last); m.end(d, false) }}
	}
}

func (w *walk) bondOp() op {
	p, amount, m := backing([]common.Address{w.usd, native}[w.IntN(2)]), w.Int64N(200), w.m
	p.operator = []actor{rig, stranger}[w.IntN(2)]
	b, own := m.bond(p), holding{payer.addr, p.token}
	switch w.IntN(6) {
	case 0, 1:
		return op{"bond", payer, 0, p.bond(n(amount)), amount > 0 && m.accounts[own] >= amount,
			func() { m.accounts[own] -= amount; b.active += amount }}
	case 2, 3:
		return op{"unbond", payer, 0, p.unbond(n(amount)), amount > 0 && b.active >= amount, func() {
			b.active, b.unbonding, b.releaseAt = b.active-amount, b.unbonding+amount, w.now()+uint64(testUnbond.Seconds())
		}}
	case 4:
		return op{"releaseBond", payer, 0, p.release(), b.unbonding > 0 && w.now() >= b.releaseAt,
			func() { m.accounts[own] += b.unbonding; b.unbonding, b.releaseAt = 0, 0 }}
	default:
		return op{"slash", rival, 0, p.slash(n(amount), payee.addr), amount > 0 && b.active+b.unbonding > 0,
			func() { m.slash(p, amount, holding{payee.addr, p.token}) }}
	}
}

func (w *walk) compare() {
	w.t.Helper()
	for who, want := range w.m.accounts {
		if got := w.account(who.owner, who.token); got.Cmp(n(want)) != 0 {
			w.fail("account %v holds %v, the model says %d", who, got, want)
		}
	}
	for who, start := range w.start {
		if got := new(big.Int).Sub(w.wallet(who.owner, who.token), start); got.Cmp(n(w.m.wallets[who])) != 0 {
			w.fail("wallet %v gained %v, the model says %d", who, got, w.m.wallets[who])
		}
	}
	for d, want := range w.m.channels {
		got := w.state(d)
		if got.Funded.Cmp(n(want.funded)) != 0 || got.Claimed.Cmp(n(want.claimed)) != 0 ||
			got.Epoch != want.epoch || uint64(got.ClosesAt) != want.closesAt {
			w.fail("channel is %+v, the model says %+v", got, *want)
		}
	}
	for p, want := range w.m.bonds {
		got := query(w.chain, escrowABI.PackBondOf(p.id()), escrowABI.UnpackBondOf)
		if got.Active.Cmp(n(want.active)) != 0 || got.Unbonding.Cmp(n(want.unbonding)) != 0 || got.ReleaseAt != want.releaseAt {
			w.fail("bond is %+v, the model says %+v", got, *want)
		}
	}
}
