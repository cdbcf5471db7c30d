package contracts_test

import "slices"

// model is the escrow as IEscrow.sol describes it, in the plainest Go. Its caller
// asks whether a call is allowed, and then applies it.
type model struct {
	accounts map[holding]int64
	wallets  map[holding]int64 // what each gained since the start
	channels map[descriptor]*modelChannel
	bonds    map[pledge]*modelBond
}

type modelChannel struct {
	funded, claimed int64
	epoch           uint32
	closesAt        uint64
}

type modelBond struct {
	active, unbonding int64
	releaseAt         uint64
}

// A promise is a voucher to the model.
type promise struct {
	d          descriptor
	epoch      uint32
	cumulative int64
}

func newModel() *model {
	return &model{map[holding]int64{}, map[holding]int64{}, map[descriptor]*modelChannel{}, map[pledge]*modelBond{}}
}

func (m *model) channel(d descriptor) *modelChannel {
	if m.channels[d] == nil {
		m.channels[d] = &modelChannel{}
	}
	return m.channels[d]
}

func (m *model) bond(p pledge) *modelBond {
	if m.bonds[p] == nil {
		m.bonds[p] = &modelBond{}
	}
	return m.bonds[p]
}

func (m *model) give(to holding, amount int64, payout bool) {
	if payout {
		m.wallets[to] += amount
	} else {
		m.accounts[to] += amount
	}
}

func (m *model) fund(d descriptor, amount int64) {
	ch := m.channel(d)
	ch.funded += amount
	ch.closesAt = 0
}

func (m *model) redeem(payout bool, promises ...promise) {
	for _, p := range promises {
		ch := m.channel(p.d)
		if due := min(p.cumulative, ch.funded) - ch.claimed; p.epoch == ch.epoch && due > 0 {
			ch.claimed += due
			m.give(holding{p.d.payee.addr, p.d.token}, due, payout)
		}
	}
}

func (m *model) end(d descriptor, payout bool) {
	ch := m.channel(d)
	m.give(holding{d.payer.addr, d.token}, ch.funded-ch.claimed, payout)
	*ch = modelChannel{epoch: ch.epoch + 1}
}

func (m *model) slash(p pledge, amount int64, to holding) {
	b := m.bond(p)
	leaving := min(amount, b.unbonding)
	staying := min(amount-leaving, b.active)
	b.unbonding -= leaving
	b.active -= staying
	m.accounts[to] += leaving + staying
	if b.unbonding == 0 {
		b.releaseAt = 0
	}
}

func positive(amounts ...int64) bool {
	return !slices.ContainsFunc(amounts, func(a int64) bool { return a <= 0 })
}
