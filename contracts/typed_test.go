package contracts_test

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/contracts/bindings"
)

// signTyped signs any EIP-712 message, hashed by an implementation that is not
// ours; every integer of it is a big one.
func (a actor) signTyped(t *testing.T, domain apitypes.TypedDataDomain, name string, fields []apitypes.Type, values apitypes.TypedDataMessage) (r, vs [32]byte) {
	t.Helper()
	digest, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {
				{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
				{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"},
			},
			name: fields,
		},
		PrimaryType: name, Domain: domain, Message: values,
	})
	if err != nil {
		t.Fatalf("hash the typed data: %v", err)
	}
	return a.signDigest(t, digest)
}

// tokenDomain is the domain in which a test dollar's holders sign.
func tokenDomain(token common.Address) apitypes.TypedDataDomain {
	return apitypes.TypedDataDomain{
		Name: "Rerig test dollar (worthless)", Version: "1",
		ChainId: (*math.HexOrDecimal256)(chainID), VerifyingContract: token.Hex(),
	}
}

// permit signs an ERC-2612 permit for the escrow, with the owner's next nonce.
func (c *chain) permit(owner actor, token common.Address, value, deadline *big.Int) (r, vs [32]byte) {
	c.t.Helper()
	nonce := queryAt(c, token, usdABI.PackNonces(owner.addr), usdABI.UnpackNonces)
	return owner.signTyped(c.t, tokenDomain(token), "Permit", []apitypes.Type{
		{Name: "owner", Type: "address"}, {Name: "spender", Type: "address"}, {Name: "value", Type: "uint256"},
		{Name: "nonce", Type: "uint256"}, {Name: "deadline", Type: "uint256"},
	}, apitypes.TypedDataMessage{
		"owner": owner.addr.Hex(), "spender": c.escrow.Hex(), "value": value, "nonce": nonce, "deadline": deadline,
	})
}

// ever is a time that no test reaches. It is the same in every run, and so is what
// a signature with it costs.
const ever = 1 << 40

// authorize signs an ERC-3009 authorisation for the escrow, with that nonce.
func (c *chain) authorize(from actor, token common.Address, value, before *big.Int, nonce, salt [32]byte) bindings.Authorization {
	c.t.Helper()
	after := n(1)
	r, vs := from.signTyped(c.t, tokenDomain(token), "ReceiveWithAuthorization", []apitypes.Type{
		{Name: "from", Type: "address"}, {Name: "to", Type: "address"}, {Name: "value", Type: "uint256"},
		{Name: "validAfter", Type: "uint256"}, {Name: "validBefore", Type: "uint256"}, {Name: "nonce", Type: "bytes32"},
	}, apitypes.TypedDataMessage{
		"from": from.addr.Hex(), "to": c.escrow.Hex(), "value": value,
		"validAfter": after, "validBefore": before, "nonce": nonce[:],
	})
	return bindings.Authorization{ValidAfter: after, ValidBefore: before, Salt: salt, R: r, Vs: vs}
}

// depositNonce and openNonce are SPEC §7.5 in Go.
func depositNonce(owner common.Address, salt [32]byte) [32]byte {
	tag := crypto.Keccak256Hash([]byte("Rerig deposit"))
	return crypto.Keccak256Hash(tag[:], common.LeftPadBytes(owner[:], 32), salt[:])
}

func openNonce(id, salt [32]byte) [32]byte { return crypto.Keccak256Hash(id[:], salt[:]) }

// authorizeDeposit signs a deposit into owner's account.
func (c *chain) authorizeDeposit(from actor, owner, token common.Address, value *big.Int, salt [32]byte) bindings.Authorization {
	c.t.Helper()
	return c.authorize(from, token, value, n(ever), depositNonce(owner, salt), salt)
}

// authorizeOpen signs the funding of d by its payer.
func (c *chain) authorizeOpen(d descriptor, value *big.Int, salt [32]byte) bindings.Authorization {
	c.t.Helper()
	return c.authorize(d.payer, d.token, value, n(ever), openNonce(d.id(), salt), salt)
}

func (d descriptor) openAuthorized(amount *big.Int, auth bindings.Authorization) []byte {
	return escrowABI.PackDepositAndFundWithAuthorization(
		d.payer.addr, d.payee.addr, d.operator.addr, d.signer.addr, d.token, amount, auth)
}

// allow is the token's approval of the escrow.
func (c *chain) allow(owner actor, token common.Address, amount *big.Int) {
	c.t.Helper()
	c.mustAt(token, owner, nil, usdABI.PackApprove(c.escrow, amount))
}

func (c *chain) allowance(owner actor, token common.Address) *big.Int {
	c.t.Helper()
	return queryAt(c, token, usdABI.PackAllowance(owner.addr, c.escrow), usdABI.UnpackAllowance)
}
