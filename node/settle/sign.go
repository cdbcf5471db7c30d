package settle

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/protocol"
)

// Account signs for the one address whose money is moved. Its key may be out of
// this process and a person may be asked, so that signing takes its time.
type Account interface {
	Address() protocol.Address
	// SignTx returns the transaction, of which only the signature is missing, signed.
	SignTx(ctx context.Context, tx *types.Transaction) (*types.Transaction, error)
	// SignTyped signs EIP-712 data of a token.
	SignTyped(ctx context.Context, data apitypes.TypedData) (protocol.Signature, error)
}

// keyAccount is the account of a key in this process.
type keyAccount struct{ protocol.Signer }

func (k keyAccount) SignTx(_ context.Context, tx *types.Transaction) (*types.Transaction, error) {
	signer := types.LatestSignerForChainID(tx.ChainId())
	sig, err := k.Sign(protocol.Hash(signer.Hash(tx)))
	if err != nil {
		return nil, err
	}
	full := append(sig[:], sig[32]>>7) // r ‖ s ‖ v from EIP-2098's r ‖ vs
	full[32] &= 0x7f
	return tx.WithSignature(signer, full)
}

func (k keyAccount) SignTyped(_ context.Context, data apitypes.TypedData) (protocol.Signature, error) {
	digest, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return protocol.Signature{}, err
	}
	return k.Sign(protocol.Hash(digest))
}

// sign has a transaction signed and holds the answer against what was asked for:
// a signer that changes a fee or an amount is not this wallet's.
func (w *wallet) sign(ctx context.Context, kind, detail string, body *types.DynamicFeeTx) (attempt, error) {
	fail := func(err error) (attempt, error) {
		return attempt{}, fmt.Errorf("%s: sign the transaction: %w", kind, err)
	}
	tx := types.NewTx(body)
	signed, err := w.account.SignTx(ctx, tx)
	if err != nil {
		return fail(err)
	}
	if w.signer.Hash(signed) != w.signer.Hash(tx) {
		return fail(errors.New("the signer changed it; let it sign what it is given, or refuse"))
	}
	if from, err := types.Sender(w.signer, signed); err != nil || from != common.Address(w.address()) {
		return fail(fmt.Errorf("the signature is not of %s", w.address()))
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		return fail(err)
	}
	return attempt{tx: signed, entry: protocol.Tx{
		Hash: protocol.Hash(signed.Hash()), From: w.address(), ChainID: w.chainID, Nonce: body.Nonce,
		Kind: kind, Detail: detail, Raw: raw, Status: protocol.TxPending, Created: uint64(w.now().UnixMilli()),
	}}, nil
}
