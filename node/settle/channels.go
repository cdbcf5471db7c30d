package settle

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/rerig/rerig/protocol"
)

const (
	maxReadBatch  = 50  // channels read in one request
	maxTopics     = 500 // channels named in a search for events; more, and all are searched
	maxEventRange = 1000
)

// Channels is the state of many channels as Channel tells it, in their order, but
// as of one of the last blocks, 0 being the newest. It is read in requests of fifty,
// and the endpoints are not held against each other.
func (c *Client) Channels(ctx context.Context, list []protocol.Channel, head uint64) ([]protocol.ChannelState, error) {
	if head == 0 {
		client, err := c.remote.ready(ctx)
		if err != nil {
			return nil, err
		}
		if head, err = client.BlockNumber(ctx); err != nil {
			return nil, c.remote.failure("ask for the newest block", err)
		}
	}
	newest, err := c.channelsAt(ctx, list, hexutil.EncodeUint64(head))
	if err != nil || c.confirmations <= 1 || len(list) == 0 {
		return newest, err
	}
	deep := make([]protocol.ChannelState, len(list))
	if depth := c.confirmations - 1; head >= depth {
		if deep, err = c.channelsAt(ctx, list, hexutil.EncodeUint64(head-depth)); err != nil {
			return nil, err
		}
	}
	for i := range newest {
		newest[i] = settledFunding(newest[i], deep[i])
	}
	return newest, nil
}

// settledFunding is a channel's newest state with the funding that is deep enough.
func settledFunding(newest, deep protocol.ChannelState) protocol.ChannelState {
	switch {
	case deep.Epoch != newest.Epoch:
		newest.Funded = newest.Claimed // nothing of this epoch is deep enough
	case deep.Funded.Less(newest.Funded):
		newest.Funded = deep.Funded
	}
	return newest
}

// channelsAt reads channels at a block. The address may not have been a contract
// that early.
func (c *Client) channelsAt(ctx context.Context, list []protocol.Channel, block string) ([]protocol.ChannelState, error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	states := make([]protocol.ChannelState, 0, len(list))
	for len(list) > 0 {
		n := min(len(list), maxReadBatch)
		answers := make([]hexutil.Bytes, n)
		batch := make([]rpc.BatchElem, n)
		for i, ch := range list[:n] {
			msg := map[string]any{"to": c.domain.Escrow, "input": hexutil.Bytes(escrowABI.PackChannel(ch.ID()))}
			batch[i] = rpc.BatchElem{Method: "eth_call", Args: []any{msg, block}, Result: &answers[i]}
		}
		if err := client.Client().BatchCallContext(ctx, batch); err != nil {
			return nil, c.remote.failure("read channels", err)
		}
		for i := range batch {
			if batch[i].Error != nil {
				return nil, c.remote.failure("read a channel", batch[i].Error)
			}
			var state protocol.ChannelState
			if len(answers[i]) > 0 || block == "latest" {
				if state, err = unpackChannel(answers[i]); err != nil {
					return nil, fmt.Errorf("decode channel %s: %w", list[i].ID(), err)
				}
			}
			states = append(states, state)
		}
		list = list[n:]
	}
	return states, nil
}

// Touched is which of some channels changed in the blocks from one to another, both
// included. all says that so many blocks are not searched: any may have changed.
func (c *Client) Touched(ctx context.Context, ids []protocol.Hash, from, to uint64) (changed map[protocol.Hash]bool, all bool, err error) {
	if to-from >= maxEventRange {
		return nil, true, nil
	}
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, false, err
	}
	events := escrowABI.GetABI().Events
	topics := [][]common.Hash{{events["ChannelFunded"].ID, events["Redeemed"].ID, events["CloseRequested"].ID, events["ChannelClosed"].ID}}
	if len(ids) <= maxTopics {
		named := make([]common.Hash, len(ids))
		for i, id := range ids {
			named[i] = common.Hash(id)
		}
		topics = append(topics, named)
	}
	logs, err := client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: new(big.Int).SetUint64(from), ToBlock: new(big.Int).SetUint64(to),
		Addresses: []common.Address{common.Address(c.domain.Escrow)}, Topics: topics})
	if err != nil {
		return nil, false, c.remote.failure("search for events", err)
	}
	changed = map[protocol.Hash]bool{}
	for _, l := range logs {
		if len(l.Topics) > 1 {
			changed[protocol.Hash(l.Topics[1])] = true
		}
	}
	return changed, false, nil
}
