package chain

import (
	"context"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/params"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

// unbondPeriod is that of the chain's escrow. Nothing a node does waits for it.
const unbondPeriod = 7 * 24 * time.Hour

// FaucetKey is the key that pays for everything on a test network unless another
// is configured. Everybody knows it; it must never hold real money.
func FaucetKey() *protocol.Key {
	seed := protocol.Keccak([]byte("rerig test network faucet"))
	key, err := protocol.KeyFromBytes(seed[:])
	if err != nil {
		panic(err) // a constant, checked by every start
	}
	return key
}

// faucetFunds is a billion native coins, in wei.
func faucetFunds() *big.Int {
	return new(big.Int).Mul(big.NewInt(1e9), big.NewInt(params.Ether))
}

// deploy puts the contracts where they are on every chain (SPEC §7.7).
func (c *Chain) deploy(ctx context.Context, cfg Config) error {
	deployer, err := settle.NewDeployer(settle.DeployerConfig{RPC: c.URL(), ChainID: c.id, Key: cfg.Faucet})
	if err != nil {
		return err
	}
	c.faucet = deployer
	if cfg.NoProxy {
		if err := deployer.InstallProxy(ctx); err != nil {
			return err
		}
	}
	escrow, err := deployer.DeployEscrow(ctx, cfg.CloseGrace, unbondPeriod)
	if err != nil {
		return err
	}
	token, err := deployer.DeployTestToken(ctx)
	if err != nil {
		return err
	}
	c.domain, c.token = protocol.Domain{ChainID: c.id, Escrow: escrow.Address}, token.Address
	c.deployed = []settle.Deployment{*escrow, *token}
	return nil
}

// Fund sends wei from the faucet to an address and waits until it has it.
func (c *Chain) Fund(ctx context.Context, to protocol.Address, wei protocol.Amount) error {
	_, err := c.faucet.SendNative(ctx, to, wei)
	return err
}

// Mint creates test dollars, in millionths, for an address and waits until it
// has them.
func (c *Chain) Mint(ctx context.Context, to protocol.Address, amount protocol.Amount) error {
	_, err := c.faucet.MintTestToken(ctx, c.token, to, amount)
	return err
}
