package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/contracts/bindings"
)

// The contract, go-ethereum's typed-data code and IEscrow.sol agree on every
// byte that is signed.
func TestDigestsAreEIP712(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	most := new(big.Int).Sub(new(big.Int).Lsh(n(1), 96), n(1))
	for _, amount := range []*big.Int{n(0), n(1), most} {
		for _, epoch := range []uint32{0, 7, 1<<32 - 1} {
			d := lane(c.usd)
			voucher := query(c, escrowABI.PackVoucherDigest(d.id(), epoch, amount), escrowABI.UnpackVoucherDigest)
			if want := c.voucherMessage(d, epoch, amount).digest(t); voucher != want {
				t.Errorf("voucher digest %x, want %x", voucher, want)
			}
			closing := query(c, escrowABI.PackCloseDigest(d.id(), epoch, amount), escrowABI.UnpackCloseDigest)
			if want := c.closeMessage(d, epoch, amount).digest(t); closing != want {
				t.Errorf("close digest %x, want %x", closing, want)
			}
		}
	}
	domain := query(c, escrowABI.PackEip712Domain(), escrowABI.UnpackEip712Domain)
	if domain.Name != "Rerig" || domain.Version != "1" || domain.ChainId.Cmp(chainID) != 0 || domain.VerifyingContract != c.escrow {
		t.Errorf("domain %+v", domain)
	}
	separator := crypto.Keccak256Hash(
		crypto.Keccak256([]byte("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")),
		crypto.Keccak256([]byte("Rerig")), crypto.Keccak256([]byte("1")),
		math.U256Bytes(new(big.Int).Set(chainID)), common.LeftPadBytes(c.escrow[:], 32),
	)
	if got := query(c, escrowABI.PackDomainSeparator(), escrowABI.UnpackDomainSeparator); got != separator {
		t.Errorf("domain separator %x, want %x", got, separator)
	}
}

// tampered lists every way in which what was signed differs from what is shown.
func tampered(d descriptor) map[string]func(*message) {
	moved := func(change func(*descriptor)) func(*message) {
		other := d
		change(&other)
		return func(m *message) { m.channel = other.id() }
	}
	return map[string]func(*message){
		"another chain":            func(m *message) { m.domain.ChainId = math.NewHexOrDecimal256(1) },
		"another contract":         func(m *message) { m.domain.VerifyingContract = stranger.addr.Hex() },
		"another protocol":         func(m *message) { m.domain.Name = "Regir" },
		"another version":          func(m *message) { m.domain.Version = "2" },
		"an earlier epoch":         func(m *message) { m.epoch-- },
		"a later epoch":            func(m *message) { m.epoch++ },
		"a lower total":            func(m *message) { m.cumulative = new(big.Int).Sub(m.cumulative, n(1)) },
		"a higher total":           func(m *message) { m.cumulative = new(big.Int).Add(m.cumulative, n(1)) },
		"another payer's channel":  moved(func(o *descriptor) { o.payer = rival }),
		"another signer's channel": moved(func(o *descriptor) { o.signer = rival }),
		"another payee's channel":  moved(func(o *descriptor) { o.payee = stranger }),
		"another rig's channel":    moved(func(o *descriptor) { o.operator = stranger }),
		"another token's channel":  moved(func(o *descriptor) { o.token = stranger.addr }),
		"the other type": func(m *message) {
			if m.name == "Voucher" {
				m.name, m.amount = "Close", "finalCumulative"
			} else {
				m.name, m.amount = "Voucher", "cumulative"
			}
		},
	}
}

// A mangling changes the signature itself.
type mangling func(r, vs *[32]byte)

func mangled() map[string]mangling {
	order := crypto.S256().Params().N
	return map[string]mangling{
		"r changed":            func(r, _ *[32]byte) { r[31] ^= 1 },
		"s changed":            func(_, vs *[32]byte) { vs[31] ^= 1 },
		"recovery bit flipped": func(_, vs *[32]byte) { vs[0] ^= 0x80 },
		"no signature":         func(r, vs *[32]byte) { *r, *vs = [32]byte{}, [32]byte{} },
		"s mirrored": func(_, vs *[32]byte) { // the other s that plain ECDSA accepts
			s := new(big.Int).SetBytes(vs[:])
			s.SetBit(s, 255, 0)
			s.Sub(order, s).FillBytes(vs[:])
		},
		"s above half the order": func(_, vs *[32]byte) {
			half := new(big.Int).Rsh(order, 1)
			half.Add(half, n(1)).FillBytes(vs[:])
		},
		"r above the order": func(r, _ *[32]byte) { order.FillBytes(r[:]) },
	}
}

func TestVoucherSignatureCoversEverything(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.reopened(d, 1000)
		signed := func(by actor, change func(*message), mangle mangling) bindings.Voucher {
			m := c.voucherMessage(d, 1, n(600))
			change(&m)
			r, vs := by.sign(t, m)
			mangle(&r, &vs)
			return bindings.Voucher{Payer: payer.addr, Signer: session.addr, Epoch: 1, Cumulative: n(600), R: r, Vs: vs}
		}
		same, intact := func(*message) {}, func(_, _ *[32]byte) {}
		refuse := func(name string, v bindings.Voucher) {
			t.Helper()
			for what, got := range map[string]any{
				"redeem":       c.attempt(stranger, &c.escrow, nil, d.redeem(v, false)),
				"redeemMany":   c.attempt(stranger, &c.escrow, nil, d.redeemMany(false, v)),
				"closeByPayee": c.attempt(rig, &c.escrow, nil, d.closeByPayee(v, false)),
			} {
				if _, ok := got.(*bindings.EscrowBadSignature); !ok {
					t.Errorf("%s, signed for %s: %s", what, name, describe(got))
				}
			}
		}
		for name, change := range tampered(d) {
			refuse(name, signed(session, change, intact))
		}
		for name, mangle := range mangled() {
			refuse(name, signed(session, same, mangle))
		}
		for _, other := range []actor{payer, rival, payee, rig, stranger} {
			refuse("by another key", signed(other, same, intact))
		}
		c.must(stranger, d.redeem(signed(session, same, intact), false))
		c.wantAccount(payee.addr, token, 600)
	})
}

func TestConsentSignatureCoversEverything(t *testing.T) {
	forEachToken(t, func(t *testing.T, c *chain, token common.Address) {
		d := lane(token)
		c.reopened(d, 1000)
		signed := func(by actor, change func(*message), mangle mangling) []byte {
			m := c.closeMessage(d, 1, n(600))
			change(&m)
			r, vs := by.sign(t, m)
			mangle(&r, &vs)
			return d.closeByPayer(n(600), r, vs, false)
		}
		same, intact := func(*message) {}, func(_, _ *[32]byte) {}
		refuse := func(name string, data []byte) {
			t.Helper()
			if got := c.attempt(payer, &c.escrow, nil, data); describe(got) != describe(&bindings.EscrowBadConsent{}) {
				t.Errorf("signed for %s: %s", name, describe(got))
			}
		}
		for name, change := range tampered(d) {
			refuse(name, signed(rig, change, intact))
		}
		for name, mangle := range mangled() {
			refuse(name, signed(rig, same, mangle))
		}
		// Not even the payee's key: what the operator agreed to is what its machine counts on.
		for _, other := range []actor{payer, rival, session, payee, stranger} {
			refuse("by another key", signed(other, same, intact))
		}
		c.must(payer, signed(rig, same, intact))
		c.wantAccount(payee.addr, token, 600)
	})
}

// The same money, channel and keys on two deployments: a voucher of one is
// worthless on the other.
func TestVoucherIsForOneDeployment(t *testing.T) {
	t.Parallel()
	c := newChain(t, osaka)
	d := lane(native)
	c.open(d, 100)
	v := c.voucher(d, 0, n(60))

	second := c.deploy(bindings.EscrowMetaData.Bin, escrowABI.PackConstructor(60, 60))
	c.mustAt(second, payer, n(100), d.depositAndFund(n(100)))
	c.mustRevertAt(second, stranger, nil, d.redeem(v, false), &bindings.EscrowBadSignature{Index: n(0)})
}
