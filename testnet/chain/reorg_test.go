package chain_test

import (
	"errors"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

func TestReorgTakesATransactionOut(t *testing.T) {
	t.Parallel()
	c := start(t, chain.Config{})
	client := dial(t, c)
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	from, to := crypto.PubkeyToAddress(key.PublicKey), common.Address{1, 2, 3}
	wei, err := protocol.ParseUnits("1", 18)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Fund(t.Context(), protocol.Address(from), wei); err != nil {
		t.Fatal(err)
	}
	c.Mine(2)
	id := new(big.Int).SetUint64(c.ID())
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{ChainID: id, To: &to,
		Value: big.NewInt(7), Gas: 21000, GasTipCap: big.NewInt(1e6), GasFeeCap: big.NewInt(1e10)})
	if err != nil {
		t.Fatal(err)
	}
	c.PauseMining()
	mine := func() *types.Receipt {
		t.Helper()
		if err := client.SendTransaction(t.Context(), tx); err != nil {
			t.Fatalf("send: %v", err)
		}
		c.Mine(1)
		receipt, err := client.TransactionReceipt(t.Context(), tx.Hash())
		if err != nil {
			t.Fatalf("receipt: %v", err)
		}
		return receipt
	}
	before := mine()
	c.Mine(1)
	height := c.Height()
	if err := c.Reorg(2); err != nil {
		t.Fatal(err)
	}
	if got := c.Height(); got != height+1 {
		t.Errorf("height %d after %d", got, height)
	}
	if _, err := client.TransactionReceipt(t.Context(), tx.Hash()); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("receipt after the reorganisation: %v", err)
	}
	if _, _, err := client.TransactionByHash(t.Context(), tx.Hash()); !errors.Is(err, ethereum.NotFound) {
		t.Errorf("the pool has it again: %v", err)
	}
	if b, err := client.BalanceAt(t.Context(), to, nil); err != nil || b.Sign() != 0 {
		t.Errorf("recipient has %v, %v", b, err)
	}
	header, err := client.HeaderByNumber(t.Context(), before.BlockNumber)
	if err != nil || header.Hash() == before.BlockHash {
		t.Errorf("block %d is the same: %v", before.BlockNumber, err)
	}
	if n, err := client.PendingNonceAt(t.Context(), from); err != nil || n != 0 {
		t.Errorf("next nonce %d, %v", n, err)
	}
	mine() // it is good again, for whoever still has it
	if b, err := client.BalanceAt(t.Context(), to, nil); err != nil || b.Int64() != 7 {
		t.Errorf("recipient has %v, %v", b, err)
	}
}

func TestReorgKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	c := start(t, chain.Config{})
	for _, depth := range []uint64{0, c.Height(), 1000} {
		if err := c.Reorg(depth); err == nil {
			t.Errorf("%d blocks are taken out", depth)
		}
	}
}

// The pool outlives deep and repeated reorganisations.
func TestReorgAgainAndAgain(t *testing.T) {
	t.Parallel()
	c := start(t, chain.Config{})
	c.Mine(90)
	for _, depth := range []uint64{1, 80, 3} {
		if err := c.Reorg(depth); err != nil {
			t.Fatalf("%d blocks: %v", depth, err)
		}
	}
	wei := protocol.NewAmount(5)
	if err := c.Fund(t.Context(), protocol.Address{9}, wei); err != nil {
		t.Errorf("fund: %v", err)
	}
}
