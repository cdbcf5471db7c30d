// Package settle is the node's hand on the escrow of SPEC §7: it reads accounts
// and channels and sends the transactions that move money between them, over any
// JSON-RPC endpoint. The contract's own promises are in IEscrow.sol. Start with
// [New], run [Client.Run], then call.
//
// Every transaction is journaled, signed, before it is sent, so that a restart
// sends the same one again instead of paying twice. Amounts are the token's base
// units, or wei where that is said; the zero token is the native coin.
package settle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rerig/rerig/protocol"
)

// TxBook is where transactions are journaled.
type TxBook interface {
	// PutTx stores a transaction durably, in place of the one with its hash.
	PutTx(ctx context.Context, tx protocol.Tx) error
	// PendingTxs returns what an address sent to a chain and is still TxPending,
	// with its signed bytes.
	PendingTxs(ctx context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error)
	// MinedTxs returns what an address sent to a chain and is in block since or a
	// later one, with its signed bytes.
	MinedTxs(ctx context.Context, from protocol.Address, chainID, since uint64) ([]protocol.Tx, error)
}

// Config says which escrow to use, as whom.
type Config struct {
	// RPC is the http or https URLs of one to eight JSON-RPC endpoints, the best
	// first. They may hold API keys: nothing beyond their hosts is ever printed.
	RPC []string
	// Domain names the chain and the escrow. An endpoint of another chain, or
	// without that escrow, is refused.
	Domain protocol.Domain
	// Token is what Balances, Deposit and Withdraw are about.
	Token protocol.Address
	// Key signs transactions and owns the account, unless Account does.
	Key protocol.Signer
	// Account signs in place of Key; nil means Key.
	Account Account
	// Book journals transactions.
	Book TxBook
	// Confirmations is how many blocks, its own included, a transaction must have
	// to count, and a channel's money to be believed; 0 means 1, at most 64.
	Confirmations uint64
	// Poll is the longest time between looks at the chain while a transaction is on
	// its way; 0 means a second.
	Poll time.Duration
	// StuckAfter is how long a transaction may wait for a block before it is sent
	// again, a quarter dearer; 0 means 90 seconds.
	StuckAfter time.Duration
	// Patience is how long one endpoint may take to answer while there is another
	// to ask, and to show the receipt of a transaction whose nonce it shows as used;
	// 0 means 8 seconds.
	Patience time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger may be nil.
	Logger *slog.Logger
}

// Full nodes keep the state of the last 128 blocks.
const maxConfirmations = 64

func (cfg *Config) validate() error {
	switch {
	case cfg.Domain.ChainID == 0:
		return errors.New("settle: chain ID is 0: name the chain")
	case cfg.Key == nil && cfg.Account == nil || cfg.Book == nil:
		return errors.New("settle: a key and a journal are needed")
	case cfg.Confirmations > maxConfirmations:
		return fmt.Errorf("settle: confirmations: at most %d, got %d", maxConfirmations, cfg.Confirmations)
	case cfg.Poll < 0 || cfg.StuckAfter < 0 || cfg.Patience < 0:
		return errors.New("settle: durations must not be negative")
	}
	cfg.Confirmations = max(cfg.Confirmations, 1)
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.StuckAfter == 0 {
		cfg.StuckAfter = 90 * time.Second
	}
	if cfg.Patience == 0 {
		cfg.Patience = 8 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func (cfg *Config) account() Account {
	if cfg.Account != nil {
		return cfg.Account
	}
	return keyAccount{cfg.Key}
}

// Client calls the escrow as one key. Its methods are safe for concurrent use.
// Those that send a transaction need Run to be running: they return when it is
// confirmed, or when their context ends; then it stays in the journal, and Run
// still follows it.
type Client struct {
	domain        protocol.Domain
	token         protocol.Address
	confirmations uint64
	remote        *remote
	wallet        *wallet

	// spending, of capacity 1, is full while somebody decides by a balance or an
	// allowance and until that decision is in a block.
	spending chan struct{}
	// redeeming, of capacity 1, is full while somebody redeems.
	redeeming chan struct{}
}

// New makes a client. It does not contact the chain: a node starts without one.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Domain.Escrow.IsZero() {
		return nil, errors.New("settle: the escrow's address is zero: name the contract")
	}
	r, err := newRemote(&cfg)
	if err != nil {
		return nil, fmt.Errorf("settle: %w", err)
	}
	return &Client{
		domain: cfg.Domain, token: cfg.Token, confirmations: cfg.Confirmations,
		remote: r, wallet: newWallet(cfg, r), spending: make(chan struct{}, 1), redeeming: make(chan struct{}, 1),
	}, nil
}

// Run watches the chain and follows transactions, those of the journal first. It
// returns nil when ctx ends, and ChainIDError or NotEscrowError when the endpoint,
// at first contact, proves to be the wrong one; an endpoint that is away is
// contacted again and again.
func (c *Client) Run(ctx context.Context) error {
	defer c.remote.close()
	return c.wallet.run(ctx)
}

// Online reports whether the right chain answered at the last look.
func (c *Client) Online() bool { return c.remote.last().Online }

// Status is what the last look at the chain found.
func (c *Client) Status() Status { return c.remote.last() }

// News has an element after a look that found a new block, a reorganisation or the
// way back to the chain. It is for one receiver and is never closed.
func (c *Client) News() <-chan struct{} { return c.remote.news }

// Address is the key's, whose account and wallet this is.
func (c *Client) Address() protocol.Address { return c.wallet.address() }

// Domain is the EIP-712 domain of the escrow.
func (c *Client) Domain() protocol.Domain { return c.domain }

// spend sends what build makes of the state it reads, and lets no other spending
// read that state before the outcome is in a block. Then it waits for confirmation.
func (c *Client) spend(ctx context.Context, build func() (call, error)) (protocol.Tx, error) {
	f, err := c.spendIncluded(ctx, build)
	if err != nil {
		return protocol.Tx{}, err
	}
	return c.wallet.wait(ctx, f)
}

func (c *Client) spendIncluded(ctx context.Context, build func() (call, error)) (*flight, error) {
	select {
	case c.spending <- struct{}{}:
		defer func() { <-c.spending }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another payment: %w", ctx.Err())
	}
	what, err := build()
	if err != nil {
		return nil, err
	}
	f, err := c.wallet.send(ctx, what)
	if err != nil {
		return nil, err
	}
	return f, c.wallet.waitIncluded(ctx, f)
}
