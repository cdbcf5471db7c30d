package settle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/protocol"
)

// lagWait is how long the endpoints may take to show what one of them has shown before.
const lagWait = 20 * time.Second

// Landed waits until what this key has on its way into a channel is there or has
// failed, whoever sent it: an earlier process that was killed while it funded, or a
// caller that has stopped waiting. Then it is Channel. It waits a little for endpoints
// that do not show what the journal knows to be in a block, and fails if they do not
// catch up: what it tells, and Spendable after it, counts every funding, so that nobody
// who goes by that funds a second time. Its other errors are those of Channel, of the
// journal and of ctx.
func (c *Client) Landed(ctx context.Context, ch protocol.Channel) (protocol.ChannelState, error) {
	until := c.wallet.now().Add(lagWait)
	for {
		if err := c.land(ctx, ch); err != nil {
			return protocol.ChannelState{}, err
		}
		st, err := c.Channel(ctx, ch)
		if err != nil {
			return st, err
		}
		missing, err := c.unseen(ctx, ch, st)
		switch {
		case err != nil || missing == nil:
			return st, err
		case !c.wallet.now().Before(until):
			return st, fmt.Errorf("the RPC endpoint %s does not show what transaction %s put into the channel in block %d: "+
				"try again later, or put another endpoint into the profile", c.remote.names(), missing.Hash, missing.Block)
		}
		select {
		case <-time.After(c.wallet.poll):
		case <-ctx.Done():
			return st, fmt.Errorf("wait for block %d to be shown: %w", missing.Block, ctx.Err())
		}
	}
}

// unseen is the last transaction of the journal that put money into a channel, where a
// state that was read does not count it; else nil.
func (c *Client) unseen(ctx context.Context, ch protocol.Channel, st protocol.ChannelState) (*protocol.Tx, error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	last, err := c.lastFunding(ctx, client, ch)
	if last == nil || err != nil {
		return nil, err
	}
	receipt, err := receiptOf(ctx, client, common.Hash(last.Hash))
	if errors.Is(err, ethereum.NotFound) {
		return last, nil
	}
	if err != nil {
		return nil, c.remote.failure("ask for a receipt", err)
	}
	then, err := c.channelAt(ctx, ch, receipt.BlockNumber)
	if err == nil && (st.Epoch < then.Epoch || st.Epoch == then.Epoch && st.Funded.Less(then.Funded)) {
		return last, nil
	}
	return nil, err
}

// lastFunding is the newest of the journal's transactions that put money into a
// channel, of those that an endpoint may not have seen; nil without one. One that is
// far ahead of the chain was on another, as when a test network begins again.
func (c *Client) lastFunding(ctx context.Context, client *ethclient.Client, ch protocol.Channel) (last *protocol.Tx, err error) {
	head, err := client.BlockNumber(ctx)
	if err != nil {
		return nil, c.remote.failure("ask for the newest block", err)
	}
	list, err := c.wallet.book.MinedTxs(ctx, c.Address(), c.wallet.chainID, head-min(head, reach))
	if err != nil {
		return nil, fmt.Errorf("read the journal's newest transactions: %w", err)
	}
	for _, tx := range list {
		if tx.Status != protocol.TxConfirmed || !opens(tx.Kind) || tx.Block > head+reach || last != nil && tx.Nonce < last.Nonce {
			continue
		}
		mine, err := funds(tx, ch)
		if err != nil {
			return nil, err
		}
		if mine {
			last = &tx
		}
	}
	return last, nil
}

// land waits for what is on its way into a channel.
func (c *Client) land(ctx context.Context, ch protocol.Channel) error {
	flights, err := c.wallet.underWay(ctx)
	if err != nil {
		return err
	}
	for _, f := range flights {
		var wait <-chan struct{}
		switch {
		case f.first.Kind == "approve" || f.first.Kind == "deposit": // of money that may be meant for it
			wait = f.included
		case opens(f.first.Kind):
			if mine, err := funds(f.first, ch); err != nil || !mine {
				if err != nil {
					return err
				}
				continue
			}
			wait = f.done
		default:
			continue
		}
		select {
		case <-wait:
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
		}
	}
	return nil
}

// opens reports whether a kind of transaction may put money into a channel.
func opens(kind string) bool { return kind == "open" || kind == "fund" }

// underWay are the flights of now, those of an earlier process included.
func (w *wallet) underWay(ctx context.Context) ([]*flight, error) {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for earlier transactions: %w", ctx.Err())
	}
	err := w.restore(ctx)
	<-w.turn
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*flight, 0, len(w.flights))
	for _, f := range w.flights {
		list = append(list, f)
	}
	return list, nil
}

// funds reports whether a transaction puts money into this channel: each call that
// does, alone or among others, has its parts in this order.
func funds(entry protocol.Tx, ch protocol.Channel) (bool, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(entry.Raw); err != nil {
		return false, fmt.Errorf("decode journaled transaction %s: %w", entry.Hash, err)
	}
	const selector, parts = 4, 4 * 32
	call := escrowABI.PackFund(common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token), common.Big0)
	return bytes.Contains(tx.Data(), call[selector:selector+parts]), nil
}
