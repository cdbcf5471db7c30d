package treasury

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// Funds is the chain as the requester needs it: it puts no more into all channels
// together than this node may, and nothing while the books disagree with the chain.
type Funds struct{ t *Treasury }

// Funds is the money that a requester may lock.
func (t *Treasury) Funds() Funds { return Funds{t} }

// Landed waits until what is on its way into a channel is there or has failed, and is
// the channel's state then.
func (f Funds) Landed(ctx context.Context, c protocol.Channel) (protocol.ChannelState, error) {
	return f.t.cfg.Payer.Landed(ctx, c)
}

// Spendable is what may be put into channels now: what the payer has, and what the
// cap on all channels leaves.
func (f Funds) Spendable(ctx context.Context) (protocol.Amount, error) {
	have, err := f.t.cfg.Payer.Spendable(ctx)
	if err != nil {
		return have, err
	}
	room, capped, err := f.room(ctx)
	if err == nil && capped && room.Less(have) {
		have = room
	}
	return have, err
}

// Fund opens a channel or adds to it, and journals what it has then. It refuses with an
// *Alarm while one stops buying, and what the cap on all channels does not allow.
func (f Funds) Fund(ctx context.Context, c protocol.Channel, amount protocol.Amount) (protocol.Tx, protocol.ChannelState, error) {
	select { // one at a time: two jobs must not both take the last room
	case f.t.funding <- struct{}{}:
		defer func() { <-f.t.funding }()
	case <-ctx.Done():
		return protocol.Tx{}, protocol.ChannelState{}, fmt.Errorf("wait for another channel to be funded: %w", ctx.Err())
	}
	if err := f.t.alarms.buying(); err != nil {
		return protocol.Tx{}, protocol.ChannelState{}, err
	}
	room, capped, err := f.room(ctx)
	if err != nil {
		return protocol.Tx{}, protocol.ChannelState{}, err
	}
	if text := f.t.cfg.Text; capped && room.Less(amount) {
		return protocol.Tx{}, protocol.ChannelState{}, fmt.Errorf("%s more in channels than the cap of %s on all of them allows (%s left): "+
			"close one with `rerig wallet close`, or raise --max-exposure", text(amount), text(f.t.cfg.Exposure), text(room))
	}
	tx, st, err := f.t.cfg.Payer.Fund(ctx, c, amount)
	if err == nil { // so that the next one sees it
		err = f.t.cfg.Book.SetOutChannel(ctx, f.t.cfg.Market.Domain, c, st)
	}
	return tx, st, err
}

// fundKinds are the transactions that put money into channels.
var fundKinds = []string{"open", "fund"}

// room is how much more the channels of this node may hold together. capped is
// false where there is no limit. What a caller that stopped waiting, or an earlier
// process, has sent into a channel is waited for and counted, though no book may have
// it yet: of the two the larger counts.
func (f Funds) room(ctx context.Context) (room protocol.Amount, capped bool, err error) {
	most := f.t.cfg.Exposure
	if most.IsZero() {
		return room, false, nil
	}
	if err := f.t.cfg.Payer.Quiet(ctx, fundKinds...); err != nil {
		return room, true, err
	}
	chans, err := f.t.cfg.Book.OutChannels(ctx)
	if err != nil {
		return room, true, err
	}
	list := make([]protocol.Channel, len(chans))
	for i, c := range chans {
		list[i] = c.Channel
	}
	states, err := f.t.cfg.Payer.Channels(ctx, list, 0)
	if err != nil {
		return room, true, err
	}
	var held protocol.Amount
	for i, c := range chans {
		holds := larger(c.State.Funded.Minus(c.State.Claimed), states[i].Funded.Minus(states[i].Claimed))
		if held, err = held.Add(holds); err != nil {
			return room, true, err
		}
	}
	return most.Minus(held), true, nil
}
