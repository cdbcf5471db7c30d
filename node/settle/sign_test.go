package settle_test

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

// outside is an account whose key is elsewhere: what it signs goes through change.
type outside struct {
	*protocol.Key
	signs  *protocol.Key
	change func(*types.DynamicFeeTx) error
}

func (o outside) SignTx(_ context.Context, tx *types.Transaction) (*types.Transaction, error) {
	body := &types.DynamicFeeTx{ChainID: tx.ChainId(), Nonce: tx.Nonce(), To: tx.To(), Value: tx.Value(), Data: tx.Data(),
		Gas: tx.Gas(), GasTipCap: tx.GasTipCap(), GasFeeCap: tx.GasFeeCap()}
	if o.change != nil {
		if err := o.change(body); err != nil {
			return nil, err
		}
	}
	priv, err := crypto.ToECDSA(o.signs.Bytes())
	if err != nil {
		return nil, err
	}
	return types.SignNewTx(priv, types.LatestSignerForChainID(tx.ChainId()), body)
}

func (o outside) SignTyped(_ context.Context, data apitypes.TypedData) (protocol.Signature, error) {
	digest, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return protocol.Signature{}, err
	}
	return o.signs.Sign(protocol.Hash(digest))
}

// TestSignerThatChangesIsRefused: nothing is journaled or sent that was not asked
// for, whatever the program that has the key made of it (SPEC §2.4).
func TestSignerThatChangesIsRefused(t *testing.T) {
	c := startChain(t)
	key := newKey(t)
	enrich(t, c, key.Address(), 100)
	for name, o := range map[string]struct {
		change func(*types.DynamicFeeTx) error
		signs  *protocol.Key
		want   string
	}{
		"value":   {func(b *types.DynamicFeeTx) error { b.Value = big.NewInt(1); return nil }, key, "the signer changed it"},
		"nonce":   {func(b *types.DynamicFeeTx) error { b.Nonce++; return nil }, key, "the signer changed it"},
		"fee":     {func(b *types.DynamicFeeTx) error { b.GasFeeCap = big.NewInt(1e18); return nil }, key, "the signer changed it"},
		"data":    {func(b *types.DynamicFeeTx) error { b.Data = nil; return nil }, key, "the signer changed it"},
		"key":     {nil, newKey(t), "permit.signature: signed by " + key.Address().String()},
		"refusal": {func(*types.DynamicFeeTx) error { return errors.New("request denied") }, key, "sign the transaction: request denied"},
	} {
		cfg := config(c, key, newBook())
		cfg.Account = outside{key, o.signs, o.change}
		n := join(t, cfg)
		if _, err := n.Deposit(t.Context(), amount(40)); err == nil || !strings.Contains(err.Error(), o.want) {
			t.Errorf("%s: got %v, want %s", name, err, o.want)
		}
		if txs := n.book.all(); len(txs) != 0 {
			t.Errorf("%s: journaled%s", name, describe(txs))
		}
	}
	cfg := config(c, key, newBook())
	cfg.Account, cfg.Key = outside{key, key, nil}, key
	n := join(t, cfg)
	if _, err := n.Deposit(t.Context(), amount(40)); err != nil {
		t.Fatal(err)
	}
	n.balances(t, 60, 40)
}

// Whoever has the key may think about one signature: the chain goes on meanwhile.
func TestSignerThatThinksHoldsUpNothing(t *testing.T) {
	t.Parallel()
	c := startChain(t)
	key := newKey(t)
	enrich(t, c, key.Address(), 100)
	asked, answer := make(chan struct{}), make(chan struct{})
	cfg := config(c, key, newBook())
	cfg.Account = outside{key, key, func(*types.DynamicFeeTx) error { close(asked); <-answer; return nil }}
	n := join(t, cfg)
	eventually(t, "the chain is found", n.Online)
	done := background(func() error { _, err := n.DepositNative(t.Context(), amount(5)); return err })
	<-asked
	c.Mine(3)
	eventually(t, "the new blocks are seen", func() bool { return n.Status().Head == c.Height() })
	close(answer)
	if err := await(t, "the deposit is confirmed", done); err != nil {
		t.Error(err)
	}
}

var _ settle.Account = outside{}
