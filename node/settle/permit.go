package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/protocol"
)

// permitLife is how long a permit is good: longer than a stuck transaction takes.
const permitLife = 24 * time.Hour

// permitType is the structure of EIP-2612.
var permitType = []apitypes.Type{{Name: "owner", Type: "address"}, {Name: "spender", Type: "address"},
	{Name: "value", Type: "uint256"}, {Name: "nonce", Type: "uint256"}, {Name: "deadline", Type: "uint256"}}

// domainType is the domain of the tokens that have permits.
var domainType = []apitypes.Type{{Name: "name", Type: "string"}, {Name: "version", Type: "string"},
	{Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"}}

// permit lets the escrow take one amount, once. The zero permit is one that is not
// needed.
type permit struct {
	deadline *big.Int // unix seconds
	sig      protocol.Signature
}

// allow makes sure that the wallet has amount and that the escrow may take exactly
// that: by a permit to be sent along or, where the token has none, by an approval of
// its own, which is in a block on return. The caller is spending.
func (c *Client) allow(ctx context.Context, token protocol.Address, amount protocol.Amount) (p permit, err error) {
	have, err := c.held(ctx, c.Address(), token)
	if err != nil {
		return p, err
	}
	if have.Less(amount) {
		return p, &FundsError{Address: c.Address(), Token: token, Need: amount, Have: have}
	}
	owner, spender := common.Address(c.Address()), common.Address(c.domain.Escrow)
	allowed, err := view(ctx, c, token, nil, tokenABI.PackAllowance(owner, spender), tokenABI.UnpackAllowance)
	if err != nil || allowed.Cmp(amount.Big()) >= 0 {
		return p, err
	}
	domain, err := c.permitDomain(ctx, token)
	if err != nil {
		return p, err
	}
	if domain != nil {
		return c.permit(ctx, token, amount, *domain)
	}
	return p, c.approve(ctx, token, amount, allowed.Sign() > 0)
}

// permit signs one. It replaces an approval that is there.
func (c *Client) permit(ctx context.Context, token protocol.Address, amount protocol.Amount, domain apitypes.TypedDataDomain) (p permit, err error) {
	nonce, err := view(ctx, c, token, nil, tokenABI.PackNonces(common.Address(c.Address())), tokenABI.UnpackNonces)
	if err != nil {
		return p, err
	}
	p.deadline = big.NewInt(c.wallet.now().Add(permitLife).Unix())
	data := apitypes.TypedData{
		Types: apitypes.Types{"EIP712Domain": domainType, "Permit": permitType}, PrimaryType: "Permit", Domain: domain,
		Message: apitypes.TypedDataMessage{
			"owner": c.Address().String(), "spender": c.domain.Escrow.String(), "value": amount.Big().String(),
			"nonce": nonce.String(), "deadline": p.deadline.String(),
		},
	}
	digest, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return permit{}, fmt.Errorf("write the permit of %s: %w", tokenName(token), err)
	}
	if p.sig, err = c.wallet.account.SignTyped(ctx, data); err != nil {
		return permit{}, fmt.Errorf("sign the permit of %s: %w", tokenName(token), err)
	}
	_, err = protocol.CheckSignature("permit.signature", protocol.Hash(digest), p.sig, c.Address())
	return p, err
}

// permitDomain is the EIP-712 domain of a token with permits as EIP-2612 has them,
// and nil of any other. Tokens do not say their version, so the separator that they
// do say must be that of version 1 or 2.
func (c *Client) permitDomain(ctx context.Context, token protocol.Address) (*apitypes.TypedDataDomain, error) {
	separator, err := view(ctx, c, token, nil, tokenABI.PackDOMAINSEPARATOR(), tokenABI.UnpackDOMAINSEPARATOR)
	if err != nil {
		return nil, whileOffline(ctx, err)
	}
	name, err := view(ctx, c, token, nil, tokenABI.PackName(), tokenABI.UnpackName)
	if err != nil {
		return nil, whileOffline(ctx, err)
	}
	// The first tokens with permits had others, and told so.
	kind := protocol.Keccak([]byte("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"))
	selector := protocol.Keccak([]byte("PERMIT_TYPEHASH()"))
	said, err := view(ctx, c, token, nil, selector[:4], func(raw []byte) (protocol.Hash, error) {
		if len(raw) != len(kind) {
			return kind, nil
		}
		return protocol.Hash(raw), nil
	})
	if err = whileOffline(ctx, err); err != nil || said != kind && said != (protocol.Hash{}) {
		return nil, err
	}
	for version := range 2 {
		d := apitypes.TypedDataDomain{Name: name, Version: strconv.Itoa(version + 1), VerifyingContract: token.String(),
			ChainId: (*math.HexOrDecimal256)(new(big.Int).SetUint64(c.domain.ChainID))}
		data := apitypes.TypedData{Types: apitypes.Types{"EIP712Domain": domainType}, Domain: d}
		hash, err := data.HashStruct("EIP712Domain", d.Map())
		if err == nil && common.BytesToHash(hash) == common.Hash(separator) {
			return &d, nil
		}
	}
	return nil, nil
}

// whileOffline keeps the errors of an endpoint that is away; any other says that the
// token has no such function.
func whileOffline(ctx context.Context, err error) error {
	var offline *OfflineError
	if errors.As(err, &offline) || ctx.Err() != nil {
		return err
	}
	return nil
}

// approve lets the escrow take amount by a transaction. The caller is spending.
func (c *Client) approve(ctx context.Context, token protocol.Address, amount protocol.Amount, reset bool) error {
	at, spender := common.Address(token), common.Address(c.domain.Escrow)
	allow := func(v *big.Int) error {
		f, err := c.wallet.send(ctx, call{
			kind: "approve", detail: fmt.Sprintf("%s of %s for the escrow", v, tokenName(token)),
			to: &at, data: tokenABI.PackApprove(spender, v),
		})
		if err != nil {
			return err
		}
		return c.wallet.waitIncluded(ctx, f)
	}
	if reset {
		// Some tokens, the oldest dollar among them, refuse to change an approval
		// that is not zero.
		if err := allow(new(big.Int)); err != nil {
			return err
		}
	}
	return allow(amount.Big())
}

// depositData is the call that takes amount, with its permit where it has one.
func (c *Client) depositData(token protocol.Address, amount protocol.Amount, p permit) []byte {
	if p.deadline == nil {
		return escrowABI.PackDeposit(common.Address(token), common.Address(c.Address()), amount.Big())
	}
	r, vs := halves(p.sig)
	return escrowABI.PackDepositWithPermit(common.Address(token), common.Address(c.Address()), amount.Big(), p.deadline, r, vs)
}
