package contracts_test

import (
	"crypto/ecdsa"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/contracts/bindings"
)

// actor is somebody with a key.
type actor struct {
	key  *ecdsa.PrivateKey
	addr common.Address
}

var (
	payer    = keyOf("payer")    // locks money
	rival    = keyOf("rival")    // another payer
	session  = keyOf("session")  // signs vouchers for payers
	payee    = keyOf("payee")    // receives
	rig      = keyOf("rig")      // operates
	stranger = keyOf("stranger") // none of the above
)

// descriptor is what a channel is.
type descriptor struct {
	payer, signer, payee, operator actor
	token                          common.Address
}

// lane is the channel of most tests.
func lane(token common.Address) descriptor {
	return descriptor{payer: payer, signer: session, payee: payee, operator: rig, token: token}
}

// id recomputes in Go what the contract computes.
func (d descriptor) id() [32]byte {
	var packed []byte
	for _, a := range []common.Address{d.payer.addr, d.signer.addr, d.payee.addr, d.operator.addr, d.token} {
		packed = append(packed, common.LeftPadBytes(a[:], 32)...)
	}
	return crypto.Keccak256Hash(packed)
}

// domain is the escrow's EIP-712 domain, computed by an implementation that is
// not ours.
func (c *chain) domain() apitypes.TypedDataDomain {
	return apitypes.TypedDataDomain{
		Name: "Rerig", Version: "1",
		ChainId:           (*math.HexOrDecimal256)(chainID),
		VerifyingContract: c.escrow.Hex(),
	}
}

// A message is the typed data of a voucher or of a close.
type message struct {
	domain     apitypes.TypedDataDomain
	name       string // "Voucher" or "Close"
	amount     string // the name of its third field
	channel    [32]byte
	epoch      uint32
	cumulative *big.Int
}

func (c *chain) voucherMessage(d descriptor, epoch uint32, cumulative *big.Int) message {
	return message{c.domain(), "Voucher", "cumulative", d.id(), epoch, cumulative}
}

func (c *chain) closeMessage(d descriptor, epoch uint32, final *big.Int) message {
	return message{c.domain(), "Close", "finalCumulative", d.id(), epoch, final}
}

func (m message) digest(t *testing.T) [32]byte {
	t.Helper()
	digest, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {
				{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
				{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"},
			},
			m.name: {
				{Name: "channelId", Type: "bytes32"}, {Name: "epoch", Type: "uint32"}, {Name: m.amount, Type: "uint96"},
			},
		},
		PrimaryType: m.name,
		Domain:      m.domain,
		Message: apitypes.TypedDataMessage{
			"channelId": m.channel[:], "epoch": new(big.Int).SetUint64(uint64(m.epoch)), m.amount: m.cumulative,
		},
	})
	if err != nil {
		t.Fatalf("hash the typed data: %v", err)
	}
	return [32]byte(digest)
}

// sign makes an EIP-2098 signature.
func (a actor) sign(t *testing.T, m message) (r, vs [32]byte) {
	t.Helper()
	digest := m.digest(t)
	return a.signDigest(t, digest[:])
}

func (a actor) signDigest(t *testing.T, digest []byte) (r, vs [32]byte) {
	t.Helper()
	signature, err := crypto.Sign(digest, a.key)
	if err != nil {
		t.Fatalf("sign: %v", err)
	}
	copy(r[:], signature[:32])
	copy(vs[:], signature[32:64])
	vs[0] |= signature[64] << 7
	return r, vs
}

// voucher is a valid one.
func (c *chain) voucher(d descriptor, epoch uint32, cumulative *big.Int) bindings.Voucher {
	c.t.Helper()
	r, vs := d.signer.sign(c.t, c.voucherMessage(d, epoch, cumulative))
	return bindings.Voucher{
		Payer: d.payer.addr, Signer: d.signer.addr, Epoch: epoch, Cumulative: cumulative, R: r, Vs: vs,
	}
}

// unsigned grants nothing, and so is accepted wherever nothing is owed.
func unsigned(d descriptor, epoch uint32) bindings.Voucher {
	return bindings.Voucher{Payer: d.payer.addr, Signer: d.signer.addr, Epoch: epoch, Cumulative: n(0)}
}

// The calls of a channel, packed.

func (d descriptor) fund(amount *big.Int) []byte {
	return escrowABI.PackFund(d.payee.addr, d.operator.addr, d.signer.addr, d.token, amount)
}

func (d descriptor) depositAndFund(amount *big.Int) []byte {
	return escrowABI.PackDepositAndFund(d.payee.addr, d.operator.addr, d.signer.addr, d.token, amount)
}

func (d descriptor) redeem(v bindings.Voucher, payout bool) []byte {
	return escrowABI.PackRedeem(d.payee.addr, d.operator.addr, d.token, v, payout)
}

func (d descriptor) redeemMany(payout bool, vs ...bindings.Voucher) []byte {
	return escrowABI.PackRedeemMany(d.payee.addr, d.operator.addr, d.token, vs, payout)
}

func (d descriptor) requestClose() []byte {
	return escrowABI.PackRequestClose(d.payee.addr, d.operator.addr, d.signer.addr, d.token)
}

func (d descriptor) finalizeClose(payout bool) []byte {
	return escrowABI.PackFinalizeClose(d.payee.addr, d.operator.addr, d.signer.addr, d.token, payout)
}

func (d descriptor) closeByPayer(final *big.Int, r, vs [32]byte, payout bool) []byte {
	return escrowABI.PackCloseByPayer(d.payee.addr, d.operator.addr, d.signer.addr, d.token, final, r, vs, payout)
}

func (d descriptor) closeByPayee(v bindings.Voucher, payout bool) []byte {
	return escrowABI.PackCloseByPayee(d.payee.addr, d.operator.addr, d.token, v, payout)
}
