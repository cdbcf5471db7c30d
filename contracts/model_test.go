package contracts_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// model is the escrow as IEscrow.sol describes it, in the plainest Go: two
// payers, two tokens, one payee and one rig.
type model struct {
	accounts map[holding]int64
	channels map[descriptor]*modelChannel
}

type modelChannel struct {
	funded, claimed int64
	epoch           uint32
	closesAt        uint64
}

func newModel() *model {
	return &model{accounts: map[holding]int64{}, channels: map[descriptor]*modelChannel{}}
}

func (m *model) channel(d descriptor) *modelChannel {
	if m.channels[d] == nil {
		m.channels[d] = &modelChannel{}
	}
	return m.channels[d]
}

func (m *model) fund(d descriptor, amount int64) {
	ch := m.channel(d)
	ch.funded += amount
	ch.closesAt = 0
}

func (m *model) redeem(d descriptor, epoch uint32, cumulative int64) {
	ch := m.channel(d)
	if due := min(cumulative, ch.funded) - ch.claimed; epoch == ch.epoch && due > 0 {
		ch.claimed += due
		m.accounts[holding{d.payee.addr, d.token}] += due
	}
}

func (m *model) end(d descriptor) {
	ch := m.channel(d)
	m.accounts[holding{d.payer.addr, d.token}] += ch.funded - ch.claimed
	*ch = modelChannel{epoch: ch.epoch + 1}
}

// An op is one random call: whether the model allows it, and what it then does.
type op struct {
	name    string
	from    actor
	data    []byte
	allowed bool
	apply   func()
}

// randomOp draws a call with arguments that are often, not always, acceptable.
func (m *model) randomOp(c *chain, random *rand.Rand) op {
	d := lane([]common.Address{c.usd, native}[random.IntN(2)])
	d.payer = []actor{payer, rival}[random.IntN(2)]
	ch := m.channel(d)
	own := holding{d.payer.addr, d.token}
	amount := random.Int64N(200)
	epoch := ch.epoch - min(ch.epoch, uint32(random.IntN(5)/4))
	switch random.IntN(9) {
	case 0, 1:
		return op{"fund", d.payer, d.fund(n(amount)), amount > 0 && m.accounts[own] >= amount,
			func() { m.accounts[own] -= amount; m.fund(d, amount) }}
	case 2:
		return op{"withdraw", d.payer, escrowABI.PackWithdraw(d.token, d.payer.addr, n(amount)),
			amount > 0 && m.accounts[own] >= amount, func() { m.accounts[own] -= amount }}
	case 3, 4:
		cumulative := max(0, ch.claimed+random.Int64N(150)-30)
		return op{"redeem", stranger, d.redeem(c.voucher(d, epoch, n(cumulative)), false), true,
			func() { m.redeem(d, epoch, cumulative) }}
	case 5:
		return op{"requestClose", d.payer, d.requestClose(), ch.funded > 0 && ch.closesAt == 0,
			func() { ch.closesAt = c.now() + uint64(testGrace.Seconds()) }}
	case 6:
		return op{"finalizeClose", d.payer, d.finalizeClose(false), ch.closesAt != 0 && c.now() >= ch.closesAt,
			func() { m.end(d) }}
	case 7:
		final := max(0, ch.claimed+random.Int64N(120)-10)
		r, vs := rig.sign(c.t, c.closeMessage(d, epoch, n(final)))
		return op{"closeByPayer", d.payer, d.closeByPayer(n(final), r, vs, false),
			ch.funded > 0 && epoch == ch.epoch && final >= ch.claimed && final <= ch.funded,
			func() { m.redeem(d, epoch, final); m.end(d) }}
	default:
		cumulative := random.Int64N(150)
		return op{"closeByPayee", rig, d.closeByPayee(c.voucher(d, epoch, n(cumulative)), false),
			ch.funded > 0 && epoch == ch.epoch, func() { m.redeem(d, epoch, cumulative); m.end(d) }}
	}
}

// After any sequence of calls the contract and the model agree on what was
// allowed, on every balance and on every channel.
func TestContractFollowsModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			follow(t, seed, 150)
		})
	}
}

func follow(t *testing.T, seed uint64, steps int) {
	c, m, random := newChain(t, osaka), newModel(), rand.New(rand.NewPCG(seed, 0))
	for _, a := range []actor{payer, rival} {
		for _, token := range []common.Address{c.usd, native} {
			c.deposit(a, a.addr, token, n(2000))
			m.accounts[holding{a.addr, token}] = 2000
		}
	}
	var history []string
	done := map[string]int{}
	for range steps {
		if random.IntN(6) == 0 {
			c.pass(testGrace / 2)
			history = append(history, "half the grace passes")
			continue
		}
		o := m.randomOp(c, random)
		got := c.attempt(o.from, &c.escrow, nil, o.data)
		history = append(history, fmt.Sprintf("%s: %s", o.name, describe(got)))
		if (got == nil) != o.allowed {
			t.Fatalf("%s: %s, the model says allowed %v, after\n%s", o.name, describe(got), o.allowed, strings.Join(history, "\n"))
		}
		if !o.allowed {
			continue
		}
		done[o.name]++
		c.must(o.from, o.data)
		o.apply()
		m.compare(c, strings.Join(history, "\n"))
	}
	for _, name := range []string{"fund", "withdraw", "redeem", "requestClose", "closeByPayee"} {
		if done[name] == 0 {
			t.Errorf("%s never succeeded: the sequence tests too little", name)
		}
	}
}

func (m *model) compare(c *chain, history string) {
	c.t.Helper()
	for who, want := range m.accounts {
		if got := c.account(who.owner, who.token); got.Cmp(n(want)) != 0 {
			c.t.Fatalf("account %v holds %v, the model says %d, after\n%s", who, got, want, history)
		}
	}
	for d, want := range m.channels {
		got := c.state(d)
		if got.Funded.Cmp(n(want.funded)) != 0 || got.Claimed.Cmp(n(want.claimed)) != 0 ||
			got.Epoch != want.epoch || uint64(got.ClosesAt) != want.closesAt {
			c.t.Fatalf("channel is %+v, the model says %+v, after\n%s", got, *want, history)
		}
	}
}
