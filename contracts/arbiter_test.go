package contracts_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/contracts/bindings"
)

// A committee is an arbiter with its members, in the order of their addresses.
type committee struct {
	*chain
	at      common.Address
	members []actor
}

func addresses(actors []actor) []common.Address {
	var list []common.Address
	for _, a := range actors {
		list = append(list, a.addr)
	}
	return list
}

func byAddress(a, b actor) int { return a.addr.Cmp(b.addr) }

// newCommittee deploys an arbiter of five members of which three decide.
func newCommittee(c *chain) committee {
	c.t.Helper()
	var members []actor
	for i := range 5 {
		members = append(members, keyOf(fmt.Sprintf("member %d", i)))
	}
	slices.SortFunc(members, byAddress)
	args := committeeABI.PackConstructor(c.escrow, addresses(members), n(3))
	return committee{c, c.deploy(bindings.CommitteeArbiterMetaData.Bin, args), members}
}

// backed is a bond of 100 that the committee judges.
func (c committee) backed(token common.Address) pledge {
	c.t.Helper()
	p := backing(token)
	p.slasher = actor{addr: c.at}
	c.deposit(payer, payer.addr, token, n(100))
	c.must(payer, p.bond(n(100)))
	return p
}

func (c committee) verdict(p pledge, amount int64) bindings.Verdict {
	return bindings.Verdict{
		CaseId: [32]byte{5}, Owner: p.owner.addr, Operator: p.operator.addr, Token: p.token,
		Amount: n(amount), Beneficiary: stranger.addr, Deadline: c.now() + 3600,
	}
}

func (c committee) domain() apitypes.TypedDataDomain {
	return apitypes.TypedDataDomain{
		Name: "Rerig Arbiter", Version: "1", ChainId: (*math.HexOrDecimal256)(chainID), VerifyingContract: c.at.Hex(),
	}
}

func (c committee) signed(domain apitypes.TypedDataDomain, v bindings.Verdict, by ...actor) []bindings.Signature {
	c.t.Helper()
	signatures := []bindings.Signature{}
	for _, a := range by {
		r, vs := a.signTyped(c.t, domain, "Verdict", []apitypes.Type{
			{Name: "caseId", Type: "bytes32"}, {Name: "owner", Type: "address"}, {Name: "operator", Type: "address"},
			{Name: "token", Type: "address"}, {Name: "amount", Type: "uint96"}, {Name: "beneficiary", Type: "address"},
			{Name: "deadline", Type: "uint64"},
		}, apitypes.TypedDataMessage{
			"caseId": v.CaseId[:], "owner": v.Owner.Hex(), "operator": v.Operator.Hex(), "token": v.Token.Hex(),
			"amount": v.Amount, "beneficiary": v.Beneficiary.Hex(), "deadline": new(big.Int).SetUint64(v.Deadline),
		})
		signatures = append(signatures, bindings.Signature{R: r, Vs: vs})
	}
	return signatures
}

func (c committee) refuse(v bindings.Verdict, signatures []bindings.Signature, want any) {
	c.t.Helper()
	c.mustRevertAt(c.at, stranger, nil, committeeABI.PackExecute(v, signatures), want)
}

func TestVerdictSlashesOnce(t *testing.T) {
	forEachToken(t, func(t *testing.T, base *chain, token common.Address) {
		c := newCommittee(base)
		p := c.backed(token)
		v := c.verdict(p, 60)
		m := c.members
		receipt := c.mustAt(c.at, stranger, nil, committeeABI.PackExecute(v, c.signed(c.domain(), v, m[0], m[2], m[4])))
		c.wantBond(p, 40, 0)
		c.wantAccount(stranger.addr, token, 60)
		if e, err := escrowABI.UnpackSlashedEvent(receipt.Logs[0]); err != nil || e.Ref != v.CaseId {
			t.Errorf("slashed %+v (%v), want the case as reference", e, err)
		}
		if e, err := committeeABI.UnpackDecidedEvent(receipt.Logs[1]); err != nil || e.CaseId != v.CaseId || e.Slashed.Cmp(n(60)) != 0 {
			t.Errorf("decided %+v (%v)", e, err)
		}
		// Not by other members either, nor with another content.
		decided := &bindings.CommitteeArbiterAlreadyDecided{CaseId: v.CaseId}
		c.refuse(v, c.signed(c.domain(), v, m[1], m[2], m[3]), decided)
		v.Amount = n(1)
		c.refuse(v, c.signed(c.domain(), v, m[1], m[2], m[3]), decided)
		v.CaseId[0]++
		c.mustAt(c.at, stranger, nil, committeeABI.PackExecute(v, c.signed(c.domain(), v, m[1], m[2], m[3])))
		c.wantBond(p, 39, 0)
	})
}

func TestVerdictSignatureCoversEverything(t *testing.T) {
	t.Parallel()
	c := newCommittee(newChain(t, osaka))
	v := c.verdict(c.backed(c.usd), 60)
	m := c.members[1:4]
	for name, change := range map[string]func(*bindings.Verdict){
		"case":        func(v *bindings.Verdict) { v.CaseId[31]++ },
		"owner":       func(v *bindings.Verdict) { v.Owner = rival.addr },
		"operator":    func(v *bindings.Verdict) { v.Operator = rival.addr },
		"token":       func(v *bindings.Verdict) { v.Token = native },
		"amount":      func(v *bindings.Verdict) { v.Amount = n(61) },
		"beneficiary": func(v *bindings.Verdict) { v.Beneficiary = rival.addr },
		"deadline":    func(v *bindings.Verdict) { v.Deadline++ },
	} {
		other := v
		change(&other)
		got := c.attempt(stranger, &c.at, nil, committeeABI.PackExecute(other, c.signed(c.domain(), v, m...)))
		if describe(got) != describe(&bindings.CommitteeArbiterBadSigner{Index: n(0)}) {
			t.Errorf("another %s: %s", name, describe(got))
		}
	}
	for name, change := range map[string]func(*apitypes.TypedDataDomain){
		"chain":    func(d *apitypes.TypedDataDomain) { d.ChainId = math.NewHexOrDecimal256(1) },
		"contract": func(d *apitypes.TypedDataDomain) { d.VerifyingContract = c.escrow.Hex() },
		"protocol": func(d *apitypes.TypedDataDomain) { d.Name = "Rerig" },
		"version":  func(d *apitypes.TypedDataDomain) { d.Version = "2" },
	} {
		domain := c.domain()
		change(&domain)
		got := c.attempt(stranger, &c.at, nil, committeeABI.PackExecute(v, c.signed(domain, v, m...)))
		if describe(got) != describe(&bindings.CommitteeArbiterBadSigner{Index: n(0)}) {
			t.Errorf("another %s: %s", name, describe(got))
		}
	}
	for name, mangle := range mangled() {
		signatures := c.signed(c.domain(), v, m...)
		mangle(&signatures[1].R, &signatures[1].Vs)
		got := c.attempt(stranger, &c.at, nil, committeeABI.PackExecute(v, signatures))
		if describe(got) != describe(&bindings.CommitteeArbiterBadSigner{Index: n(1)}) {
			t.Errorf("%s: %s", name, describe(got))
		}
	}
}

func TestVerdictNeedsDistinctMembers(t *testing.T) {
	t.Parallel()
	c := newCommittee(newChain(t, osaka))
	v := c.verdict(c.backed(c.usd), 60)
	m := c.members
	outsider := keyOf("outsider")
	for outsider.addr.Cmp(m[1].addr) < 0 {
		outsider = keyOf("outsider" + outsider.addr.Hex())
	}
	sign := func(by ...actor) []bindings.Signature { return c.signed(c.domain(), v, by...) }
	c.refuse(v, sign(), &bindings.CommitteeArbiterBadCount{Given: n(0), Threshold: n(3)})
	c.refuse(v, sign(m[0], m[1]), &bindings.CommitteeArbiterBadCount{Given: n(2), Threshold: n(3)})
	c.refuse(v, sign(m[:4]...), &bindings.CommitteeArbiterBadCount{Given: n(4), Threshold: n(3)})
	c.refuse(v, sign(m[0], m[0], m[1]), &bindings.CommitteeArbiterBadSigner{Index: n(1)})
	c.refuse(v, sign(m[0], m[1], m[1]), &bindings.CommitteeArbiterBadSigner{Index: n(2)})
	c.refuse(v, sign(m[1], m[0], m[2]), &bindings.CommitteeArbiterBadSigner{Index: n(1)})
	c.refuse(v, sign(m[0], m[1], outsider), &bindings.CommitteeArbiterBadSigner{Index: n(2)})
	c.refuse(v, sign(payer, rig, session), &bindings.CommitteeArbiterBadSigner{Index: n(0)})
	c.refuse(v, sign(m[2:]...), nil)
}

// A verdict that cannot be executed leaves its case open.
func TestVerdictThatFailsDecidesNothing(t *testing.T) {
	t.Parallel()
	c := newCommittee(newChain(t, osaka))
	p := c.backed(c.usd)
	elsewhere := c.verdict(p, 60)
	elsewhere.Operator = stranger.addr
	none := pledge{payer, stranger, c.usd, p.slasher}
	c.refuse(elsewhere, c.signed(c.domain(), elsewhere, c.members[:3]...), &bindings.EscrowNothingBonded{BondId: none.id()})
	v := c.verdict(p, 60)
	c.pass(3600 * 1e9)
	c.refuse(v, c.signed(c.domain(), v, c.members[:3]...), nil) // at the deadline itself
	c.pass(1e9)
	c.refuse(v, c.signed(c.domain(), v, c.members[:3]...), &bindings.CommitteeArbiterExpired{
		Deadline: v.Deadline, Time: new(big.Int).SetUint64(v.Deadline + 1),
	})
	if queryAt(c.chain, c.at, committeeABI.PackIsDecided(v.CaseId), committeeABI.UnpackIsDecided) {
		t.Error("the case is decided")
	}
}

func TestCommitteeIsFixed(t *testing.T) {
	t.Parallel()
	c := newCommittee(newChain(t, osaka))
	for _, m := range c.members {
		if !queryAt(c.chain, c.at, committeeABI.PackIsMember(m.addr), committeeABI.UnpackIsMember) {
			t.Errorf("%v is no member", m.addr)
		}
	}
	for what, got := range map[string]any{
		"escrow":    queryAt(c.chain, c.at, committeeABI.PackEscrow(), committeeABI.UnpackEscrow) == c.escrow,
		"threshold": queryAt(c.chain, c.at, committeeABI.PackThreshold(), committeeABI.UnpackThreshold).Int64() == 3,
		"members":   queryAt(c.chain, c.at, committeeABI.PackMemberCount(), committeeABI.UnpackMemberCount).Int64() == 5,
		"stranger":  !queryAt(c.chain, c.at, committeeABI.PackIsMember(stranger.addr), committeeABI.UnpackIsMember),
	} {
		if got != true {
			t.Errorf("%s is not what was deployed", what)
		}
	}
	contract := committeeABI.GetABI()
	for name, method := range contract.Methods {
		if !method.IsConstant() && name != "execute" {
			t.Errorf("%s changes something", name)
		}
	}
	create := func(escrow common.Address, members []common.Address, threshold int64) []byte {
		return append(common.FromHex(bindings.CommitteeArbiterMetaData.Bin), committeeABI.PackConstructor(escrow, members, n(threshold))...)
	}
	var many []common.Address
	for i := range 65 {
		many = append(many, common.BigToAddress(n(int64(i+1))))
	}
	for name, tc := range map[string]struct {
		data []byte
		want any
	}{
		"an escrow without code": {create(stranger.addr, many[:3], 2), &bindings.CommitteeArbiterBadEscrow{Escrow: stranger.addr}},
		"nobody decides":         {create(c.escrow, many[:3], 0), &bindings.CommitteeArbiterBadThreshold{Threshold: n(0), Members: n(3)}},
		"more than there are":    {create(c.escrow, many[:3], 4), &bindings.CommitteeArbiterBadThreshold{Threshold: n(4), Members: n(3)}},
		"no members":             {create(c.escrow, []common.Address{}, 1), &bindings.CommitteeArbiterBadThreshold{Threshold: n(1), Members: n(0)}},
		"too many":               {create(c.escrow, many, 2), &bindings.CommitteeArbiterBadThreshold{Threshold: n(2), Members: n(65)}},
		"the zero address":       {create(c.escrow, []common.Address{{}, many[1]}, 1), &bindings.CommitteeArbiterBadMember{Index: n(0)}},
		"one twice":              {create(c.escrow, []common.Address{many[1], many[1]}, 1), &bindings.CommitteeArbiterBadMember{Index: n(1)}},
		"unsorted":               {create(c.escrow, []common.Address{many[1], many[0]}, 1), &bindings.CommitteeArbiterBadMember{Index: n(1)}},
		"one of one":             {create(c.escrow, many[:1], 1), nil},
		"all of 64":              {create(c.escrow, many[:64], 64), nil},
	} {
		if got := c.attempt(stranger, nil, nil, tc.data); describe(got) != describe(tc.want) {
			t.Errorf("%s: %s", name, describe(got))
		}
	}
}
