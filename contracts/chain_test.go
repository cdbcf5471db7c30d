// Package contracts_test runs the compiled escrow on go-ethereum's EVM, at the
// fork schedule of public chains, and checks IEscrow.sol's promises.
package contracts_test

import (
	"context"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/contracts/bindings"
)

const (
	testGrace  = time.Hour     // closeGrace of the deployed escrow
	testUnbond = 3 * time.Hour // its unbondPeriod
	mintedUSD  = 1_000_000e6   // to each payer, in millionths
)

var (
	escrowABI = bindings.NewEscrow()
	usdABI    = bindings.NewTestUSD()
	native    common.Address
	chainID   = params.AllDevChainProtocolChanges.ChainID
)

// A fork is a set of EVM rules and gas prices.
type fork string

const (
	osaka     fork = "osaka"     // public chains today
	amsterdam fork = "amsterdam" // the repricing that development chains already charge
)

// gas is the limit of every transaction: below the cap of EIP-7825 today, which
// will not count what pays for new state.
func (f fork) gas() uint64 {
	if f == amsterdam {
		return 50_000_000
	}
	return 8_000_000
}

func (f fork) config() *params.ChainConfig {
	config := *params.AllDevChainProtocolChanges
	config.BogotaTime = nil
	if f == amsterdam {
		config.AmsterdamTime = new(uint64)
	}
	return &config
}

// chain is an EVM with the escrow and a test dollar on it. When its test ends,
// the escrow's money is audited.
type chain struct {
	t       *testing.T
	rules   fork
	backend *simulated.Backend
	client  simulated.Client
	escrow  common.Address
	usd     common.Address
	fees    map[common.Address]*big.Int // gas paid so far, so that wallet can leave it out
	strays  map[common.Address]*big.Int // money the escrow holds for nobody, by token
}

// newChain starts a chain where payer and rival hold test dollars and have
// approved the escrow.
func newChain(t *testing.T, rules fork) *chain {
	t.Helper()
	alloc := types.GenesisAlloc{}
	for _, a := range []actor{payer, rival, session, payee, rig, stranger} {
		alloc[a.addr] = types.Account{Balance: ether(1_000_000)}
	}
	backend := simulated.NewBackend(alloc, func(_ *node.Config, eth *ethconfig.Config) {
		eth.Genesis.Config = rules.config()
	})
	c := &chain{
		t: t, rules: rules, backend: backend, client: backend.Client(),
		fees: map[common.Address]*big.Int{}, strays: map[common.Address]*big.Int{},
	}
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Errorf("close the chain: %v", err)
		}
	})
	c.escrow = c.deploy(bindings.EscrowMetaData.Bin, escrowABI.PackConstructor(uint32(testGrace.Seconds()), uint32(testUnbond.Seconds())))
	c.usd = c.deploy(bindings.TestUSDMetaData.Bin, nil)
	for _, a := range []actor{payer, rival} {
		c.supply(c.usd, a)
	}
	t.Cleanup(c.audit)
	return c
}

// supply mints test dollars, of any token of that shape, to a and approves the escrow.
func (c *chain) supply(token common.Address, a actor) {
	c.t.Helper()
	c.mustAt(token, a, nil, usdABI.PackMint(a.addr, n(mintedUSD)))
	c.mustAt(token, a, nil, usdABI.PackApprove(c.escrow, abi.MaxUint256))
}

// deploy creates a contract from hex bytecode and packed constructor arguments.
func (c *chain) deploy(bytecode string, args []byte) common.Address {
	c.t.Helper()
	return c.transact(stranger, nil, nil, append(common.FromHex(bytecode), args...)).ContractAddress
}

// deployTest creates a contract of test/sol, none of which takes arguments.
func (c *chain) deployTest(name string) common.Address {
	c.t.Helper()
	return c.deploy(testArtifact(c.t, name).Bytecode, nil)
}

type artifact struct {
	ABI      json.RawMessage `json:"abi"`
	Bytecode string          `json:"bytecode"`
}

func testArtifact(t *testing.T, name string) artifact {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("test", "artifacts", name+".json"))
	if err != nil {
		t.Fatalf("read the artifact of %s: %v", name, err)
	}
	var a artifact
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("decode the artifact of %s: %v", name, err)
	}
	return a
}

// ctx outlives the test's own context, which ends before the audit in Cleanup.
func (c *chain) ctx() context.Context { return context.WithoutCancel(c.t.Context()) }

// must calls the escrow and requires success.
func (c *chain) must(from actor, data []byte) *types.Receipt {
	c.t.Helper()
	return c.mustAt(c.escrow, from, nil, data)
}

// mustAt calls any contract, with value in wei, and requires success.
func (c *chain) mustAt(to common.Address, from actor, value *big.Int, data []byte) *types.Receipt {
	c.t.Helper()
	return c.transact(from, &to, value, data)
}

// transact mines one transaction in a block of its own and requires success.
func (c *chain) transact(from actor, to *common.Address, value *big.Int, data []byte) *types.Receipt {
	c.t.Helper()
	ctx := c.ctx()
	nonce, err := c.client.PendingNonceAt(ctx, from.addr)
	if err != nil {
		c.t.Fatalf("read the nonce: %v", err)
	}
	tx, err := types.SignNewTx(from.key, types.LatestSignerForChainID(chainID), &types.DynamicFeeTx{
		ChainID: chainID, Nonce: nonce, To: to, Value: value, Data: data,
		Gas: c.rules.gas(), GasTipCap: n(params.GWei), GasFeeCap: n(10 * params.GWei),
	})
	if err != nil {
		c.t.Fatalf("sign: %v", err)
	}
	if err := c.client.SendTransaction(ctx, tx); err != nil {
		c.t.Fatalf("send: %v", err)
	}
	c.backend.Commit()
	receipt := c.receipt(tx.Hash())
	if receipt.Status != types.ReceiptStatusSuccessful {
		c.t.Fatalf("transaction reverted: %s", describe(c.attempt(from, to, value, data)))
	}
	fee := new(big.Int).Mul(receipt.EffectiveGasPrice, new(big.Int).SetUint64(receipt.GasUsed))
	c.fees[from.addr] = fee.Add(fee, orZero(c.fees[from.addr]))
	return receipt
}

// receipt polls, since the node indexes transactions after it has mined them.
func (c *chain) receipt(hash common.Hash) (receipt *types.Receipt) {
	c.t.Helper()
	c.eventually("read the receipt", func() (err error) {
		receipt, err = c.client.TransactionReceipt(c.ctx(), hash)
		return err
	})
	return receipt
}

// query reads a view of the escrow.
func query[T any](c *chain, data []byte, unpack func([]byte) (T, error)) T {
	c.t.Helper()
	return queryAt(c, c.escrow, data, unpack)
}

func queryAt[T any](c *chain, to common.Address, data []byte, unpack func([]byte) (T, error)) T {
	c.t.Helper()
	raw, err := c.client.CallContract(c.ctx(), ethereum.CallMsg{To: &to, Data: data}, nil)
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	value, err := unpack(raw)
	if err != nil {
		c.t.Fatalf("decode what was read: %v", err)
	}
	return value
}

// now is the time of the newest block, in which queries and attempts execute.
func (c *chain) now() uint64 {
	c.t.Helper()
	head, err := c.client.HeaderByNumber(c.ctx(), nil)
	if err != nil {
		c.t.Fatalf("read the head: %v", err)
	}
	return head.Time
}

// pass moves the chain's clock forward. The pool may take a moment to drop what
// was just mined, and the clock moves only when it is empty.
func (c *chain) pass(d time.Duration) {
	c.t.Helper()
	c.eventually("move the clock", func() error { return c.backend.AdjustTime(d) })
}

// eventually repeats what may fail while the node catches up with itself.
func (c *chain) eventually(what string, try func() error) {
	c.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			c.t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

func n(v int64) *big.Int { return big.NewInt(v) }

func ether(v int64) *big.Int { return new(big.Int).Mul(n(v), n(params.Ether)) }

func orZero(v *big.Int) *big.Int {
	if v == nil {
		return new(big.Int)
	}
	return v
}

func keyOf(name string) actor {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("rerig test key: " + name)))
	if err != nil {
		panic(err)
	}
	return actor{key: key, addr: crypto.PubkeyToAddress(key.PublicKey)}
}
