package chain_test

import (
	"context"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet/chain"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// go-ethereum's pool of signature workers, one for the whole process.
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
	)
}

func start(t *testing.T, cfg chain.Config) *chain.Chain {
	t.Helper()
	c, err := chain.Start(t.Context(), cfg)
	if err != nil {
		t.Fatalf("start the chain: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close the chain: %v", err)
		}
	})
	return c
}

func dial(t *testing.T, c *chain.Chain) *ethclient.Client {
	t.Helper()
	client, err := ethclient.Dial(c.URL())
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestStartsTheSameEveryTime(t *testing.T) {
	a, b := start(t, chain.Config{}), start(t, chain.Config{})
	if a.Domain() != b.Domain() || a.Token() != b.Token() {
		t.Errorf("contracts at %v and %v, then at %v and %v", a.Domain(), a.Token(), b.Domain(), b.Token())
	}
	if a.URL() == b.URL() {
		t.Errorf("two chains share the endpoint %s", a.URL())
	}
	id, err := dial(t, a).ChainID(t.Context())
	if err != nil || id.Uint64() != chain.DefaultID {
		t.Errorf("chain ID over HTTP: %v, %v", id, err)
	}
}

func TestFaucetGivesMoney(t *testing.T) {
	c := start(t, chain.Config{ID: 424242})
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	wei := protocol.NewAmount(12345)
	if err := c.Fund(t.Context(), key.Address(), wei); err != nil {
		t.Fatalf("fund: %v", err)
	}
	if err := c.Mint(t.Context(), key.Address(), wei); err != nil {
		t.Fatalf("mint: %v", err)
	}
	balance, err := dial(t, c).BalanceAt(t.Context(), common.Address(key.Address()), nil)
	if err != nil || balance.Cmp(wei.Big()) != 0 {
		t.Errorf("balance %v, %v; want %s", balance, err, wei)
	}
}

// send sends a transfer from the faucet's key, past the faucet.
func send(t *testing.T, client *ethclient.Client) common.Hash {
	t.Helper()
	key, err := crypto.ToECDSA(chain.FaucetKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := client.PendingNonceAt(t.Context(), crypto.PubkeyToAddress(key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(chain.DefaultID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(chain.DefaultID), Nonce: nonce, To: &common.Address{1}, Value: big.NewInt(1),
		Gas: 21000, GasTipCap: big.NewInt(1e9), GasFeeCap: big.NewInt(1e10),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx.Hash()
}

// mined waits for a receipt.
func mined(t *testing.T, client *ethclient.Client, hash common.Hash) *types.Receipt {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if receipt, err := client.TransactionReceipt(ctx, hash); err == nil {
			return receipt
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("transaction %s is not mined", hash)
		}
	}
}

func TestTransactionsAreMinedWithoutAsking(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	for range 3 {
		if receipt := mined(t, client, send(t, client)); receipt.GasUsed != 21000 {
			t.Errorf("a transfer took %d gas, on public chains it takes 21000", receipt.GasUsed)
		}
	}
}

func TestPausedMiningLeavesTransactionsWaiting(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	c.PauseMining()
	before := c.Height()
	hash := send(t, client)
	if c.Height() != before {
		t.Errorf("a block was made while mining is paused")
	}
	c.Mine(2)
	mined(t, client, hash)
	if got := c.Height(); got != before+2 {
		t.Errorf("height %d after two blocks on %d", got, before)
	}
	second := send(t, client)
	c.ResumeMining()
	mined(t, client, second)
}

func TestClockMovesForward(t *testing.T) {
	c := start(t, chain.Config{})
	before := c.Now()
	if err := c.AdjustTime(48 * time.Hour); err != nil {
		t.Fatalf("adjust the time: %v", err)
	}
	if got := c.Now().Sub(before); got < 48*time.Hour {
		t.Errorf("the clock moved by %v", got)
	}
	client := dial(t, c)
	mined(t, client, send(t, client))
	if got := c.Now().Sub(before); got < 48*time.Hour {
		t.Errorf("the next block's clock is only %v later", got)
	}
}

func TestQuietChainGrowsByTheInterval(t *testing.T) {
	c := start(t, chain.Config{Interval: 10 * time.Millisecond})
	target := c.Height() + 3
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); c.Height() < target; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("height %d, want %d", c.Height(), target)
		}
	}
}

func TestOutage(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	c.Pause()
	if _, err := client.BlockNumber(t.Context()); err == nil {
		t.Error("the endpoint answers while it is paused")
	}
	c.Pause() // again changes nothing
	if err := c.Resume(); err != nil {
		t.Fatalf("resume: %v", err)
	}
	mined(t, client, send(t, client))
}

func TestListensOnLoopbackOnly(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "example.org:80", "8545"} {
		if c, err := chain.Start(t.Context(), chain.Config{Listen: listen}); err == nil {
			t.Errorf("started on %q", listen)
			c.Close()
		}
	}
}

func TestAdministrationIsNotServed(t *testing.T) {
	c := start(t, chain.Config{})
	client := dial(t, c)
	for _, method := range []string{"admin_nodeInfo", "debug_setHead", "miner_setGasPrice"} {
		if err := client.Client().CallContext(t.Context(), nil, method); err == nil {
			t.Errorf("%s is served", method)
		}
	}
}
