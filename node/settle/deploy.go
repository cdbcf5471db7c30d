package settle

import (
	"context"
	"fmt"
	"sync"

	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/protocol"
)

// DeployerConfig says where to deploy, as whom.
type DeployerConfig struct {
	RPC     string // one URL, as in Config.RPC
	ChainID uint64
	Key     protocol.Signer // pays for the transactions, unless Account does
	Account Account         // as Config.Account
}

// Deployer puts the contracts on a chain and hands out test money. Its transactions
// are not journaled. Its methods are safe for concurrent use until Close.
type Deployer struct {
	remote *remote
	wallet *wallet
	stop   context.CancelFunc
	ended  sync.WaitGroup // the goroutine that runs wallet, ended by Close
}

// NewDeployer makes a deployer, without contacting the chain.
func NewDeployer(cfg DeployerConfig) (*Deployer, error) {
	full := Config{RPC: []string{cfg.RPC}, Domain: protocol.Domain{ChainID: cfg.ChainID}, Key: cfg.Key, Account: cfg.Account, Book: unjournaled{}}
	if err := full.validate(); err != nil {
		return nil, err
	}
	r, err := newRemote(&full)
	if err != nil {
		return nil, fmt.Errorf("settle: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Deployer{remote: r, wallet: newWallet(full, r), stop: stop}
	d.ended.Go(func() {
		// An endpoint of the wrong chain fails each call with the same error.
		_ = d.wallet.run(ctx)
	})
	return d, nil
}

// Close ends the deployer. A transaction on its way is left to the chain.
func (d *Deployer) Close() {
	d.stop()
	d.ended.Wait()
	d.remote.close()
}

// unjournaled is the journal of a deployer.
type unjournaled struct{}

func (unjournaled) PutTx(context.Context, protocol.Tx) error { return nil }

func (unjournaled) MinedTxs(context.Context, protocol.Address, uint64, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

func (unjournaled) PendingTxs(context.Context, protocol.Address, uint64) ([]protocol.Tx, error) {
	return nil, nil
}

// MintTestToken creates base units of a test token for an address.
func (d *Deployer) MintTestToken(ctx context.Context, token, to protocol.Address, amount protocol.Amount) (protocol.Tx, error) {
	at := common.Address(token)
	return d.wallet.do(ctx, call{
		kind: "mint", detail: fmt.Sprintf("%s of %s for %s", amount, tokenName(token), to),
		to: &at, data: tokenABI.PackMint(common.Address(to), amount.Big()),
	})
}

// SendNative sends wei to an address.
func (d *Deployer) SendNative(ctx context.Context, to protocol.Address, wei protocol.Amount) (protocol.Tx, error) {
	at := common.Address(to)
	return d.wallet.do(ctx, call{kind: "send", detail: fmt.Sprintf("%s wei to %s", wei, to), to: &at, value: wei})
}
