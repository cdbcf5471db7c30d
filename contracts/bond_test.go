package contracts_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
)

// pledge is what a bond is.
type pledge struct {
	owner, operator actor
	token           common.Address
	slasher         actor
}

// backing is the bond of most tests: payer backs rig, rival judges.
func backing(token common.Address) pledge { return pledge{payer, rig, token, rival} }

func (p pledge) id() [32]byte {
	var packed []byte
	for _, a := range []common.Address{p.owner.addr, p.operator.addr, p.token, p.slasher.addr} {
		packed = append(packed, common.LeftPadBytes(a[:], 32)...)
	}
	return crypto.Keccak256Hash(packed)
}

func (p pledge) bond(amount *big.Int) []byte {
	return escrowABI.PackBond(p.operator.addr, p.token, p.slasher.addr, amount)
}

func (p pledge) unbond(amount *big.Int) []byte {
	return escrowABI.PackUnbond(p.operator.addr, p.token, p.slasher.addr, amount)
}

func (p pledge) release() []byte {
	return escrowABI.PackReleaseBond(p.operator.addr, p.token, p.slasher.addr)
}

func (p pledge) slash(amount *big.Int, beneficiary common.Address) []byte {
	return escrowABI.PackSlash(p.owner.addr, p.operator.addr, p.token, amount, beneficiary, [32]byte{9})
}

func (c *chain) wantBond(p pledge, active, unbonding int64) {
	c.t.Helper()
	got := query(c, escrowABI.PackBondOf(p.id()), escrowABI.UnpackBondOf)
	if got.Active.Cmp(n(active)) != 0 || got.Unbonding.Cmp(n(unbonding)) != 0 || (got.ReleaseAt != 0) != (unbonding != 0) {
		c.t.Errorf("bond is %+v, want %d active and %d unbonding", got, active, unbonding)
	}
}

func TestBondReturnsAfterThePeriod(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		p := backing(token)
		c.deposit(payer, payer.addr, token, n(1000))
		c.must(payer, p.bond(n(600)))
		c.must(payer, p.bond(n(100)))
		c.wantBond(p, 700, 0)
		c.wantAccount(payer.addr, token, 300)
		c.mustRevert(payer, p.release(), &bindings.EscrowNothingBonded{BondId: p.id()})
		c.must(payer, p.unbond(n(200)))
		c.wantBond(p, 500, 200)
		c.pass(testUnbond - time.Second)
		at := query(c, escrowABI.PackBondOf(p.id()), escrowABI.UnpackBondOf).ReleaseAt
		c.mustRevert(payer, p.release(), &bindings.EscrowTooEarly{ReadyAt: at, Time: new(big.Int).SetUint64(at - 1)})
		// What unbonds later takes the earlier along.
		c.must(payer, p.unbond(n(50)))
		c.pass(time.Second)
		later := query(c, escrowABI.PackBondOf(p.id()), escrowABI.UnpackBondOf).ReleaseAt
		c.mustRevert(payer, p.release(), &bindings.EscrowTooEarly{ReadyAt: later, Time: new(big.Int).SetUint64(c.now())})
		c.pass(testUnbond)
		c.must(payer, p.release())
		c.wantBond(p, 450, 0)
		c.wantAccount(payer.addr, token, 550)
		c.mustRevert(payer, p.release(), &bindings.EscrowNothingBonded{BondId: p.id()})
	})
}

func TestBondRefusals(t *testing.T) {
	forEachToken(t, func(_ *testing.T, c *chain, token common.Address) {
		p := backing(token)
		c.deposit(payer, payer.addr, token, n(1000))
		c.mustRevert(payer, p.bond(n(0)), &bindings.EscrowZeroAmount{})
		c.mustRevert(payer, p.unbond(n(0)), &bindings.EscrowZeroAmount{})
		c.mustRevert(rival, p.slash(n(0), rival.addr), &bindings.EscrowZeroAmount{})
		c.mustRevert(rival, p.slash(n(1), native), &bindings.EscrowZeroAddress{Field: "beneficiary"})
		c.mustRevert(rival, p.slash(n(1), rival.addr), &bindings.EscrowNothingBonded{BondId: p.id()})
		c.mustRevert(payer, pledge{payer, actor{}, token, rival}.bond(n(1)), &bindings.EscrowZeroAddress{Field: "operator"})
		c.mustRevert(payer, pledge{payer, rig, token, actor{}}.bond(n(1)), &bindings.EscrowZeroAddress{Field: "slasher"})
		c.mustRevert(payer, p.bond(n(1001)), &bindings.EscrowInsufficientBalance{
			Owner: payer.addr, Token: token, Balance: n(1000), Needed: n(1001),
		})
		c.must(payer, p.bond(n(600)))
		c.mustRevert(payer, p.unbond(n(601)), &bindings.EscrowInsufficientBond{BondId: p.id(), Active: n(600), Needed: n(601)})
		c.must(payer, p.unbond(n(500)))
		c.mustRevert(payer, p.unbond(n(101)), &bindings.EscrowInsufficientBond{BondId: p.id(), Active: n(100), Needed: n(101)})
	})
}

// Both sums of a bond together stay below 2^96.
func TestBondCannotOverflow(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	most := new(big.Int).Sub(new(big.Int).Lsh(n(1), 96), n(1))
	c.mustAt(c.usd, payer, nil, usdABI.PackMint(payer.addr, most))
	c.deposit(payer, payer.addr, c.usd, most)
	c.deposit(payer, payer.addr, c.usd, n(10))
	p := backing(c.usd)
	c.must(payer, p.bond(most))
	c.must(payer, p.unbond(n(7)))
	c.mustRevert(payer, p.bond(n(1)), &bindings.EscrowTooMuch{Id: p.id(), Held: most, Amount: n(1)})
	c.must(payer, p.unbond(new(big.Int).Sub(most, n(7))))
	c.must(rival, p.slash(most, stranger.addr))
	if got := c.account(stranger.addr, c.usd); got.Cmp(most) != 0 {
		t.Errorf("slashed %v, want %v", got, most)
	}
}

// Only its owner unbonds and releases a bond, and only its slasher takes it: for
// anybody else the same call names another bond.
func TestBondIsItsOwnersAndItsSlashers(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	p := backing(c.usd)
	c.deposit(payer, payer.addr, c.usd, n(100))
	c.must(payer, p.bond(n(100)))
	c.must(payer, p.unbond(n(40)))
	c.pass(2 * testUnbond)
	for _, other := range []actor{rival, session, payee, rig, stranger} {
		theirs := p
		theirs.owner = other
		c.mustRevert(other, p.unbond(n(1)), &bindings.EscrowInsufficientBond{BondId: theirs.id(), Active: n(0), Needed: n(1)})
		c.mustRevert(other, p.release(), &bindings.EscrowNothingBonded{BondId: theirs.id()})
	}
	for _, other := range []actor{payer, session, payee, rig, stranger} {
		theirs := p
		theirs.slasher = other
		c.mustRevert(other, p.slash(n(1), other.addr), &bindings.EscrowNothingBonded{BondId: theirs.id()})
	}
	c.wantBond(p, 60, 40)
}

func TestSlashTakesWhatIsLeavingFirst(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		p := backing(token)
		c.deposit(payer, payer.addr, token, n(100))
		c.must(payer, p.bond(n(100)))
		c.must(payer, p.unbond(n(40)))
		c.must(rival, p.slash(n(15), stranger.addr))
		c.wantBond(p, 60, 25)
		// Also after the period, until the owner has taken it.
		c.pass(2 * testUnbond)
		receipt := c.must(rival, p.slash(n(30), payee.addr))
		c.wantBond(p, 55, 0)
		if e, err := escrowABI.UnpackSlashedEvent(receipt.Logs[0]); err != nil || e.Ref != [32]byte{9} || e.Beneficiary != payee.addr {
			t.Errorf("slashed %+v (%v)", e, err)
		}
		c.mustRevert(payer, p.release(), &bindings.EscrowNothingBonded{BondId: p.id()})
		// No more than there is, so that a verdict for more is not void.
		c.must(rival, p.slash(n(1000), stranger.addr))
		c.wantBond(p, 0, 0)
		c.wantAccount(stranger.addr, token, 70)
		c.wantAccount(payee.addr, token, 30)
		c.wantAccount(payer.addr, token, 0)
		c.mustRevert(rival, p.slash(n(1), stranger.addr), &bindings.EscrowNothingBonded{BondId: p.id()})
	})
}

func TestBondIDNamesEveryPart(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	seen := map[[32]byte]string{}
	for name, p := range map[string]pledge{
		"base":     backing(c.usd),
		"owner":    {rival, rig, c.usd, rival},
		"operator": {payer, payee, c.usd, rival},
		"token":    {payer, rig, native, rival},
		"slasher":  {payer, rig, c.usd, payer},
		"swapped":  {rig, payer, c.usd, rival},
	} {
		got := query(c, escrowABI.PackBondId(p.owner.addr, p.operator.addr, p.token, p.slasher.addr), escrowABI.UnpackBondId)
		if got != p.id() {
			t.Errorf("%s: contract says %x, Go says %x", name, got, p.id())
		}
		if other, clash := seen[got]; clash {
			t.Errorf("%s and %s have the same id", name, other)
		}
		seen[got] = name
	}
}

func TestConstructorBoundsTheUnbondPeriod(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	if got := query(c, escrowABI.PackUnbondPeriod(), escrowABI.UnpackUnbondPeriod); got != uint32(testUnbond.Seconds()) {
		t.Errorf("unbondPeriod is %d s", got)
	}
	const shortest, longest = 60, 90 * 24 * 60 * 60
	for period, ok := range map[uint32]bool{0: false, shortest - 1: false, shortest: true, longest: true, longest + 1: false, 1<<32 - 1: false} {
		got := c.attempt(stranger, nil, nil, append(common.FromHex(bindings.EscrowMetaData.Bin), escrowABI.PackConstructor(60, period)...))
		want := any(&bindings.EscrowBadUnbondPeriod{Period: period, Min: shortest, Max: longest})
		if ok {
			want = nil
		}
		if describe(got) != describe(want) {
			t.Errorf("a period of %d s: %s", period, describe(got))
		}
	}
}
