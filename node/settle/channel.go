package settle

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

// Channel is a channel's state as of the newest block, except that money counts as
// funded only once it is as many blocks deep as Config.Confirmations says, and
// every endpoint that is believed has seen it.
func (c *Client) Channel(ctx context.Context, ch protocol.Channel) (protocol.ChannelState, error) {
	newest, err := c.channelAt(ctx, ch, nil)
	if err != nil || newest.Funded.IsZero() {
		return newest, err
	}
	c.witness(ctx, ch, &newest)
	if c.confirmations <= 1 {
		return newest, nil
	}
	client, err := c.remote.ready(ctx)
	if err != nil {
		return protocol.ChannelState{}, err
	}
	head, err := client.BlockNumber(ctx)
	if err != nil {
		return protocol.ChannelState{}, c.remote.failure("ask for the newest block", err)
	}
	deep := protocol.ChannelState{}
	if depth := c.confirmations - 1; head >= depth {
		if deep, err = c.channelAt(ctx, ch, new(big.Int).SetUint64(head-depth)); err != nil {
			return protocol.ChannelState{}, err
		}
	}
	return settledFunding(newest, deep), nil
}

// witness lowers what counts as funded to what the endpoint shows that has seen
// least: work is not done for money that one of them invents. One that is away is
// no reason to stop.
func (c *Client) witness(ctx context.Context, ch protocol.Channel, newest *protocol.ChannelState) {
	list := c.remote.usable()
	if len(list) < 2 {
		return
	}
	for _, e := range list {
		raw, err := e.client.CallContract(ctx, c.channelCall(ch), nil)
		if err != nil {
			continue
		}
		st, err := unpackChannel(raw)
		switch {
		case err != nil:
		case st.Epoch != newest.Epoch:
			newest.Funded = newest.Claimed // nothing of this epoch is seen there
		case st.Funded.Less(newest.Funded):
			newest.Funded = st.Funded
		}
	}
}

// channelAt reads a channel at a block, nil being the newest. The address may not
// have been a contract that early.
func (c *Client) channelAt(ctx context.Context, ch protocol.Channel, block *big.Int) (protocol.ChannelState, error) {
	return view(ctx, c, c.domain.Escrow, block, escrowABI.PackChannel(ch.ID()), func(raw []byte) (protocol.ChannelState, error) {
		if len(raw) == 0 && block != nil {
			return protocol.ChannelState{}, nil
		}
		return unpackChannel(raw)
	})
}

func (c *Client) channelCall(ch protocol.Channel) ethereum.CallMsg {
	to := common.Address(c.domain.Escrow)
	return ethereum.CallMsg{To: &to, Data: escrowABI.PackChannel(ch.ID())}
}

// unpackChannel decodes what the escrow answered.
func unpackChannel(raw []byte) (protocol.ChannelState, error) {
	state, err := escrowABI.UnpackChannel(raw)
	if err != nil {
		return protocol.ChannelState{}, err
	}
	return channelState(state)
}

func channelState(s bindings.Channel) (protocol.ChannelState, error) {
	funded, err := protocol.AmountFromBig(s.Funded)
	if err != nil {
		return protocol.ChannelState{}, err
	}
	claimed, err := protocol.AmountFromBig(s.Claimed)
	return protocol.ChannelState{Funded: funded, Claimed: claimed, Epoch: s.Epoch, ClosesAt: uint64(s.ClosesAt)}, err
}

// Fund opens a channel of this key, or adds to it, and cancels a close under way.
// The money comes from the account; when that is short, all of it from the wallet;
// when both are, what the account lacks is deposited first. It returns the last
// transaction and the channel's newest state. Its errors are those of Deposit.
func (c *Client) Fund(ctx context.Context, ch protocol.Channel, amount protocol.Amount) (protocol.Tx, protocol.ChannelState, error) {
	if err := c.mine(ch); err != nil {
		return protocol.Tx{}, protocol.ChannelState{}, err
	}
	tx, err := c.spend(ctx, func() (call, error) { return c.fund(ctx, ch, amount) })
	if err != nil {
		return tx, protocol.ChannelState{}, err
	}
	state, err := c.channelAt(ctx, ch, nil)
	return tx, state, err
}

// fund prepares the last transaction of a funding and sends those before it. The
// caller is spending.
func (c *Client) fund(ctx context.Context, ch protocol.Channel, amount protocol.Amount) (call, error) {
	state, err := c.channelAt(ctx, ch, nil)
	if err != nil {
		return call{}, err
	}
	kind := "open"
	if !state.Funded.IsZero() {
		kind = "fund"
	}
	account, err := c.account(ctx, c.Address(), ch.Token)
	if err != nil {
		return call{}, err
	}
	detail := fmt.Sprintf("%s of %s for payee %s", amount, tokenName(ch.Token), ch.Payee)
	fromAccount := c.escrowCall(kind, detail, escrowABI.PackFund(common.Address(ch.Payee),
		common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token), amount.Big()))
	if !account.Less(amount) {
		return fromAccount, nil
	}
	wallet, err := c.held(ctx, c.Address(), ch.Token)
	if err != nil {
		return call{}, err
	}
	missing := amount.Minus(account)
	switch {
	case wallet.Less(missing):
		return call{}, &FundsError{Address: c.Address(), Token: ch.Token, Need: missing, Have: wallet}
	case wallet.Less(amount):
		return fromAccount, c.topUp(ctx, ch.Token, missing)
	}
	fromWallet := c.escrowCall(kind, detail, escrowABI.PackDepositAndFund(common.Address(ch.Payee),
		common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token), amount.Big()))
	if ch.Token.IsZero() {
		fromWallet.value = amount
		return fromWallet, nil
	}
	p, err := c.allow(ctx, ch.Token, amount)
	if err != nil || p.deadline == nil {
		return fromWallet, err
	}
	return c.escrowCall(kind, detail, escrowABI.PackMulticall([][]byte{c.depositData(ch.Token, amount, p), fromAccount.data})), nil
}

// topUp deposits and waits until that is in a block. The caller is spending.
func (c *Client) topUp(ctx context.Context, token protocol.Address, amount protocol.Amount) error {
	what := c.depositNative(amount)
	if !token.IsZero() {
		var err error
		if what, err = c.deposit(ctx, token, amount); err != nil {
			return err
		}
	}
	f, err := c.wallet.send(ctx, what)
	if err != nil {
		return err
	}
	return c.wallet.waitIncluded(ctx, f)
}

// mine refuses a channel of another payer, which this key cannot fund or close.
func (c *Client) mine(ch protocol.Channel) error {
	if ch.Payer != c.Address() {
		return &protocol.FieldError{Field: "channel.payer", Limit: "this node's key " + c.Address().String(), Got: ch.Payer.String()}
	}
	return nil
}
