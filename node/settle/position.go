package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/rerig/rerig/protocol"
)

// PositionAt reads an address as of a block, which full nodes have for the last 128.
func (c *Client) PositionAt(ctx context.Context, owner protocol.Address, block uint64) (p protocol.Position, err error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return p, err
	}
	at, who := new(big.Int).SetUint64(block), common.Address(owner)
	wei, err := client.BalanceAt(ctx, who, at)
	if err != nil {
		return p, c.remote.failure("ask for the balance", err)
	}
	p.Native = capped(wei)
	if p.Nonce, err = client.NonceAt(ctx, who, at); err != nil {
		return p, c.remote.failure("ask for the nonce", err)
	}
	if !c.token.IsZero() {
		v, err := view(ctx, c, c.token, at, tokenABI.PackBalanceOf(who), tokenABI.UnpackBalanceOf)
		if err != nil {
			return p, err
		}
		p.Wallet = capped(v)
	}
	v, err := view(ctx, c, c.domain.Escrow, at, escrowABI.PackBalanceOf(who, common.Address(c.token)), escrowABI.UnpackBalanceOf)
	if err == nil {
		p.Account = capped(v)
	}
	return p, err
}

// ChannelAt is a channel's state as of a block, whatever its depth.
func (c *Client) ChannelAt(ctx context.Context, ch protocol.Channel, block uint64) (protocol.ChannelState, error) {
	return c.channelAt(ctx, ch, new(big.Int).SetUint64(block))
}

// Mined is what the chain says of a transaction: the status, gas, fee and block of
// its receipt. Without one the status is TxPending.
func (c *Client) Mined(ctx context.Context, hash protocol.Hash) (tx protocol.Tx, err error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return tx, err
	}
	tx = protocol.Tx{Hash: hash, Status: protocol.TxPending}
	receipt, err := receiptOf(ctx, client, common.Hash(hash))
	if errors.Is(err, ethereum.NotFound) {
		return tx, nil
	}
	if err != nil {
		return tx, c.remote.failure("ask for a receipt", err)
	}
	if tx.Status = protocol.TxConfirmed; receipt.Status != types.ReceiptStatusSuccessful {
		tx.Status = protocol.TxFailed
	}
	tx.GasUsed, tx.Block = receipt.GasUsed, receipt.BlockNumber.Uint64()
	tx.Fee = capped(new(big.Int).Mul(receipt.EffectiveGasPrice, new(big.Int).SetUint64(receipt.GasUsed)))
	return tx, nil
}

// ValueOf is the wei that a signed transaction moves besides its fee.
func ValueOf(raw []byte) (protocol.Amount, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return protocol.Amount{}, err
	}
	return protocol.AmountFromBig(tx.Value())
}

// Quiet waits until none of this key's transactions of the given kinds is on its
// way into a block, those of an earlier process included.
func (c *Client) Quiet(ctx context.Context, kinds ...string) error {
	flights, err := c.wallet.underWay(ctx)
	if err != nil {
		return err
	}
	for _, f := range flights {
		if !slices.Contains(kinds, f.first.Kind) {
			continue
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
		}
	}
	return nil
}
