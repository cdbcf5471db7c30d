// Package chain runs an EVM chain in this process, for test networks and tests:
// go-ethereum's block chain, transaction pool and block builder without a node
// around them, at the fork schedule of public chains, behind a JSON-RPC endpoint
// on the loopback interface. It carries the escrow
// and the test dollar of SPEC §7. Start with [Start].
//
// It lives in memory: when it is closed, the money on it is gone. Its keys and
// contract addresses are the same at every start.
package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/core"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

// DefaultID is the chain ID of a test network unless configured otherwise.
const DefaultID = 31337

// Config says how a chain starts. The zero value is useful.
type Config struct {
	// ID is the chain ID; 0 means DefaultID.
	ID uint64
	// Listen is the loopback address of the JSON-RPC endpoint, "127.0.0.1:8545"
	// for example; empty takes a free port.
	Listen string
	// Interval seals a block each time so long has passed, even an empty one, so
	// that the chain's clock and confirmations move on; 0 seals only blocks with
	// transactions. A pending transaction never waits for it.
	Interval time.Duration
	// CloseGrace is the escrow's close grace; 0 means an hour.
	CloseGrace time.Duration
	// NoProxy begins without the deterministic deployment proxy, which is then put
	// there by its transaction, as on a chain that never had it.
	NoProxy bool
	// Faucet pays for the contracts and gives money away; nil means FaucetKey().
	Faucet *protocol.Key
}

// Chain is a running chain. All methods are safe for concurrent use until Close.
type Chain struct {
	id       uint64
	ledger   *ledger
	endpoint *endpoint
	faucet   *settle.Deployer
	domain   protocol.Domain
	token    protocol.Address
	deployed []settle.Deployment

	sealing struct {
		sync.Mutex               // held while a block is made
		paused     bool          // no automatic blocks
		ahead      time.Duration // of the machine's clock, by AdjustTime
		failed     error         // of the first block that could not be made
	}
	wake  chan struct{} // capacity 1; seals a block; never closed
	stop  context.CancelFunc
	ended sync.WaitGroup // listen and seal, which stop ends
}

// Start starts a chain with the contracts deployed and returns once its endpoint
// answers. ctx bounds starting only; Close ends the chain.
func Start(ctx context.Context, cfg Config) (*Chain, error) {
	if cfg.ID == 0 {
		cfg.ID = DefaultID
	}
	if cfg.CloseGrace == 0 {
		cfg.CloseGrace = time.Hour
	}
	if cfg.Faucet == nil {
		cfg.Faucet = FaucetKey()
	}
	c := &Chain{id: cfg.ID, wake: make(chan struct{}, 1)}
	var err error
	if c.ledger, err = newLedger(cfg); err != nil {
		return nil, fmt.Errorf("start the chain: %w", err)
	}
	running, stop := context.WithCancel(context.Background())
	c.stop = stop
	// Before the endpoint is there, so that no transaction arrives unheard.
	arrived := make(chan core.NewTxsEvent, 16)
	sub := c.ledger.pending.SubscribeTransactions(arrived, true)
	c.ended.Go(func() { c.listen(running, arrived, sub) })
	c.ended.Go(func() { c.seal(running, cfg.Interval) })
	if c.endpoint, err = newEndpoint(cfg.Listen, c.id, c.ledger); err != nil {
		return nil, errors.Join(fmt.Errorf("start the chain's endpoint: %w", err), c.Close())
	}
	if err := c.deploy(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("deploy the contracts: %w", err), c.Close())
	}
	return c, nil
}

// Close ends the chain and everything it started. Its error is also that of the
// first block that could not be made.
func (c *Chain) Close() error {
	if c.faucet != nil {
		c.faucet.Close()
	}
	if c.endpoint != nil {
		c.endpoint.close()
	}
	c.stop()
	c.ended.Wait()
	return errors.Join(c.sealing.failed, c.ledger.close())
}

// ID is the chain ID.
func (c *Chain) ID() uint64 { return c.id }

// URL is the JSON-RPC endpoint's address; it stays the same over Pause and Resume.
func (c *Chain) URL() string { return c.endpoint.url() }

// Domain is the EIP-712 domain of the escrow on this chain.
func (c *Chain) Domain() protocol.Domain { return c.domain }

// Deployments are what verifies the escrow and the test dollar.
func (c *Chain) Deployments() []settle.Deployment { return c.deployed }

// Token is the test dollar, a token of six decimals that anyone can mint.
func (c *Chain) Token() protocol.Address { return c.token }
