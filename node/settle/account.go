package settle

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/protocol"
)

// fundingGas is more than a deposit and a funding use together.
const fundingGas = 300_000

// view calls a contract's view at a block; nil is the newest.
func view[T any](ctx context.Context, c *Client, at protocol.Address, block *big.Int, data []byte, unpack func([]byte) (T, error)) (value T, err error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return value, err
	}
	to := common.Address(at)
	raw, err := client.CallContract(ctx, ethereum.CallMsg{To: &to, Data: data}, block)
	if err != nil {
		return value, c.remote.failure("read "+at.String(), err)
	}
	if value, err = unpack(raw); err != nil {
		return value, fmt.Errorf("decode what %s answered: %w; check that it is the right contract", at, err)
	}
	return value, nil
}

// CloseGrace is how long a payer's request to close must wait, and so how often a
// payee must look at the chain.
func (c *Client) CloseGrace(ctx context.Context) (time.Duration, error) {
	seconds, err := view(ctx, c, c.domain.Escrow, nil, escrowABI.PackCloseGrace(), escrowABI.UnpackCloseGrace)
	return time.Duration(seconds) * time.Second, err
}

// Balances is what owner has: wei, tokens of its own, and tokens in its account.
func (c *Client) Balances(ctx context.Context, owner protocol.Address) (protocol.Balances, error) {
	native, err := c.held(ctx, owner, protocol.Address{})
	if err != nil {
		return protocol.Balances{}, err
	}
	wallet, err := c.held(ctx, owner, c.token)
	if err != nil {
		return protocol.Balances{}, err
	}
	account, err := c.account(ctx, owner, c.token)
	return protocol.Balances{Native: native, Wallet: wallet, Account: account}, err
}

// held is what owner has outside the escrow. More than an amount can hold counts
// as the largest amount.
func (c *Client) held(ctx context.Context, owner, token protocol.Address) (protocol.Amount, error) {
	if !token.IsZero() {
		v, err := view(ctx, c, token, nil, tokenABI.PackBalanceOf(common.Address(owner)), tokenABI.UnpackBalanceOf)
		if err != nil {
			return protocol.Amount{}, err
		}
		return capped(v), nil
	}
	client, err := c.remote.ready(ctx)
	if err != nil {
		return protocol.Amount{}, err
	}
	v, err := client.BalanceAt(ctx, common.Address(owner), nil)
	if err != nil {
		return protocol.Amount{}, c.remote.failure("ask for the balance", err)
	}
	return capped(v), nil
}

// account is what owner has in the escrow, free to withdraw or to lock.
func (c *Client) account(ctx context.Context, owner, token protocol.Address) (protocol.Amount, error) {
	data := escrowABI.PackBalanceOf(common.Address(owner), common.Address(token))
	v, err := view(ctx, c, c.domain.Escrow, nil, data, escrowABI.UnpackBalanceOf)
	if err != nil {
		return protocol.Amount{}, err
	}
	return capped(v), nil
}

// Spendable is the most that Fund could put into a channel now: the account and the
// wallet together, less what the fees of doing so may come to where the token is
// the native coin.
func (c *Client) Spendable(ctx context.Context) (protocol.Amount, error) {
	wallet, err := c.held(ctx, c.Address(), c.token)
	if err != nil {
		return protocol.Amount{}, err
	}
	if c.token.IsZero() {
		client, err := c.remote.ready(ctx)
		if err != nil {
			return protocol.Amount{}, err
		}
		price, err := c.wallet.currentFee(ctx, client)
		if err != nil {
			return protocol.Amount{}, err
		}
		wallet = wallet.Minus(capped(new(big.Int).Mul(price.ceiling, big.NewInt(fundingGas))))
	}
	account, err := c.account(ctx, c.Address(), c.token)
	if err != nil {
		return protocol.Amount{}, err
	}
	return wallet.Add(account)
}

// Deposit moves amount from the wallet to the account. The escrow may take exactly
// that: by a permit or, of a token without, by an approval before, a transaction of
// its own. Its errors
// are FundsError, NoGasError, RevertError and those of reaching the chain.
func (c *Client) Deposit(ctx context.Context, amount protocol.Amount) (protocol.Tx, error) {
	if c.token.IsZero() {
		return c.DepositNative(ctx, amount)
	}
	return c.spend(ctx, func() (call, error) { return c.deposit(ctx, c.token, amount) })
}

// deposit prepares a deposit of an ERC-20. The caller is spending.
func (c *Client) deposit(ctx context.Context, token protocol.Address, amount protocol.Amount) (call, error) {
	p, err := c.allow(ctx, token, amount)
	if err != nil {
		return call{}, err
	}
	return c.escrowCall("deposit", fmt.Sprintf("%s of %s", amount, tokenName(token)), c.depositData(token, amount, p)), nil
}

// DepositNative moves wei from the wallet to the account's native balance.
func (c *Client) DepositNative(ctx context.Context, wei protocol.Amount) (protocol.Tx, error) {
	return c.spend(ctx, func() (call, error) { return c.depositNative(wei), nil })
}

func (c *Client) depositNative(wei protocol.Amount) call {
	deposit := c.escrowCall("deposit", wei.String()+" wei", escrowABI.PackDepositNative(common.Address(c.Address())))
	deposit.value = wei
	return deposit
}

// Withdraw sends amount from the account to an address. Its errors are those of
// Deposit.
func (c *Client) Withdraw(ctx context.Context, to protocol.Address, amount protocol.Amount) (protocol.Tx, error) {
	return c.spend(ctx, func() (call, error) {
		have, err := c.account(ctx, c.Address(), c.token)
		if err != nil {
			return call{}, err
		}
		if have.Less(amount) {
			return call{}, &FundsError{Address: c.Address(), Token: c.token, Need: amount, Have: have, InAccount: true}
		}
		return c.escrowCall("withdraw", fmt.Sprintf("%s of %s to %s", amount, tokenName(c.token), to),
			escrowABI.PackWithdraw(common.Address(c.token), common.Address(to), amount.Big())), nil
	})
}

// escrowCall is a call of the escrow that sends no native money.
func (c *Client) escrowCall(kind, detail string, data []byte) call {
	to := common.Address(c.domain.Escrow)
	return call{kind: kind, detail: detail, to: &to, data: data}
}
