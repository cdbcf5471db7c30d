package node

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// funds is the chain as the requester needs it: it puts no more into all channels
// together than this node may, and nothing while the books disagree with the chain.
type funds struct{ n *Node }

func (f funds) Landed(ctx context.Context, c protocol.Channel) (protocol.ChannelState, error) {
	return f.n.payer.Landed(ctx, c)
}

// Spendable is what may be put into channels now: what the payer has, and what the
// cap on all channels leaves.
func (f funds) Spendable(ctx context.Context) (protocol.Amount, error) {
	have, err := f.n.payer.Spendable(ctx)
	if err != nil {
		return have, err
	}
	room, capped, err := f.room(ctx)
	if err == nil && capped && room.Less(have) {
		have = room
	}
	return have, err
}

func (f funds) Fund(ctx context.Context, c protocol.Channel, amount protocol.Amount) (protocol.Tx, protocol.ChannelState, error) {
	select { // one at a time: two jobs must not both take the last room
	case f.n.funding <- struct{}{}:
		defer func() { <-f.n.funding }()
	case <-ctx.Done():
		return protocol.Tx{}, protocol.ChannelState{}, fmt.Errorf("wait for another channel to be funded: %w", ctx.Err())
	}
	if err := f.n.watcher.alarms.buying(); err != nil {
		return protocol.Tx{}, protocol.ChannelState{}, err
	}
	room, capped, err := f.room(ctx)
	if err != nil {
		return protocol.Tx{}, protocol.ChannelState{}, err
	}
	if text := f.n.token().Text; capped && room.Less(amount) {
		return protocol.Tx{}, protocol.ChannelState{}, fmt.Errorf("%s more in channels than the cap of %s on all of them allows (%s left): "+
			"close one with `rerig wallet close`, or raise --max-exposure", text(amount), text(f.n.cfg.Exposure), text(room))
	}
	tx, st, err := f.n.payer.Fund(ctx, c, amount)
	if err == nil { // so that the next one sees it
		err = f.n.journal.SetOutChannel(ctx, f.n.payer.Domain(), c, st)
	}
	return tx, st, err
}

// room is how much more the channels of this node may hold together. capped is
// false where there is no limit.
func (f funds) room(ctx context.Context) (room protocol.Amount, capped bool, err error) {
	most := f.n.cfg.Exposure
	if most.IsZero() {
		return room, false, nil
	}
	chans, err := f.n.journal.OutChannels(ctx)
	if err != nil {
		return room, true, err
	}
	var held protocol.Amount
	for _, c := range chans {
		if held, err = held.Add(c.State.Funded.Minus(c.State.Claimed)); err != nil {
			return room, true, err
		}
	}
	return most.Minus(held), true, nil
}
