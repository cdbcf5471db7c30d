package chain

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/beacon/engine"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/consensus/beacon"
	"github.com/ethereum/go-ethereum/consensus/ethash"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/txpool/legacypool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/gasprice"
	"github.com/ethereum/go-ethereum/miner"
	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/node/settle"
)

// Sizes of caches, for a chain of a few thousand blocks in memory.
const (
	trieCleanMiB = 8
	trieDirtyMiB = 16
)

// epochBlocks is how often a block is final at once, as in go-ethereum's own
// development chain; the blocks between are when the next of them is made.
const epochBlocks = 32

// ledger is the chain without its endpoint and without its clock: go-ethereum's
// block chain over a database in memory, its transaction pool and its block
// builder. Reads are safe for concurrent use; one caller at a time makes blocks.
type ledger struct {
	blocks  *core.BlockChain
	pending *txpool.TxPool
	builder *miner.Miner
	fees    *gasprice.Oracle
	branch  uint64 // reorganisations so far; owned by who makes blocks
}

// BlockChain is for the builder.
func (l *ledger) BlockChain() *core.BlockChain { return l.blocks }

// TxPool is for the builder.
func (l *ledger) TxPool() *txpool.TxPool { return l.pending }

// newLedger has the genesis block only; close ends what it starts.
func newLedger(cfg Config) (*ledger, error) {
	rules := *params.AllDevChainProtocolChanges
	rules.ChainID = new(big.Int).SetUint64(cfg.ID)
	// The development schedule already has Bogota, whose gas prices (Amsterdam's)
	// no public chain charges yet: a redemption would seem to cost 2.6 times as much.
	rules.AmsterdamTime, rules.BogotaTime = nil, nil

	alloc := core.SystemContractAllocs()
	alloc[common.Address(cfg.Faucet.Address())] = types.Account{Balance: faucetFunds()}
	if !cfg.NoProxy {
		alloc[common.Address(settle.DeployProxy)] = types.Account{Code: settle.ProxyCode, Nonce: 1, Balance: new(big.Int)}
	}
	genesis := &core.Genesis{Config: &rules, GasLimit: miner.DefaultConfig.GasCeil, Alloc: alloc}

	conf := core.DefaultConfig()
	conf.TrieCleanLimit, conf.TrieDirtyLimit, conf.SnapshotLimit = trieCleanMiB, trieDirtyMiB, 0
	conf.SlowBlockThreshold = -1
	// Proof of work is never asked for: the merge is the genesis block.
	proof := beacon.New(ethash.NewFaker())
	blocks, err := core.NewBlockChain(rawdb.NewMemoryDatabase(), genesis, proof, conf)
	if err != nil {
		return nil, err
	}
	l := &ledger{blocks: blocks}
	poolConf := legacypool.DefaultConfig
	// Refuse at once what the builder would leave in the pool for ever.
	poolConf.PriceLimit = miner.DefaultConfig.GasPrice.Uint64()
	l.pending, err = txpool.New(poolConf.PriceLimit, blocks, []txpool.SubPool{legacypool.New(poolConf, blocks)})
	if err != nil {
		blocks.Stop()
		return nil, err
	}
	l.builder = miner.New(l, miner.DefaultConfig, proof)
	l.fees = gasprice.NewOracle(feeSource{l}, feeConfig, miner.DefaultConfig.GasPrice)
	return l, nil
}

func (l *ledger) close() error {
	err := l.pending.Close()
	l.blocks.Stop()
	return err
}

// grow makes a block with the transactions that wait, or an empty one, and makes
// it the newest. Its time is the later of at and a second after its parent's.
func (l *ledger) grow(at time.Time, empty bool) error {
	// The pool follows the chain on its own goroutine: without this, a block made
	// right after another might lack what the former one made executable.
	if err := l.pending.Sync(); err != nil {
		return fmt.Errorf("wait for the transaction pool: %w", err)
	}
	parent := l.blocks.CurrentBlock()
	args := &miner.BuildPayloadArgs{
		Parent:      parent.Hash(),
		Timestamp:   max(parent.Time+1, uint64(max(0, at.Unix()))),
		Withdrawals: types.Withdrawals{},
		BeaconRoot:  &common.Hash{},
		Random:      l.salt(),
		Version:     engine.PayloadV3,
	}
	// Despite its name this is the builder without rounds in the background.
	block, _, err := l.builder.BuildTestingPayload(args, nil, empty, nil)
	if err != nil {
		return fmt.Errorf("build block %d: %w", parent.Number.Uint64()+1, err)
	}
	if _, err := l.blocks.InsertBlockWithoutSetHead(context.Background(), block, false); err != nil {
		return fmt.Errorf("check block %d: %w", block.NumberU64(), err)
	}
	if _, err := l.blocks.SetCanonical(block); err != nil {
		return fmt.Errorf("append block %d: %w", block.NumberU64(), err)
	}
	l.blocks.SetSafe(block.Header())
	if block.NumberU64()%epochBlocks == 0 {
		l.blocks.SetFinalized(block.Header())
	}
	return l.pending.Sync() // so that the next nonce it tells is the right one
}
