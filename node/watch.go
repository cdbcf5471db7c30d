package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

const (
	watchEvery = 10 * time.Second // between looks at the channels that owe this rig
	maxWatched = 256              // channels read per look; the rest have their turn next
)

// watch keeps the book of incoming channels in step with the chain and collects
// from those that are closing while there is time. It never stops serving: what
// fails is tried again at the next look.
func (n *Node) watch(ctx context.Context) error {
	if n.rig == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	at := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !n.settle.Online() {
			continue
		}
		if err := n.look(ctx, &at); err != nil && ctx.Err() == nil {
			n.log.Warn("channels not checked", "err", err)
		}
	}
}

func (n *Node) look(ctx context.Context, at *int) error {
	chans, err := n.journal.InChannels(ctx)
	if err != nil || len(chans) == 0 {
		return err
	}
	var closing []settle.Redemption
	for range min(len(chans), maxWatched) {
		c := chans[*at%len(chans)]
		*at++
		st, err := n.refresh(ctx, c)
		if err != nil {
			return err
		}
		if st.ClosesAt != 0 && st.Epoch == c.State.Epoch && st.Claimed.Less(c.Best.Voucher.Cumulative) {
			closing = append(closing, settle.Redemption{Channel: c.Channel, Voucher: c.Best})
		}
	}
	if len(closing) == 0 {
		return nil
	}
	n.log.Warn("collecting from closing channels", "channels", len(closing))
	_, err = n.redeem(ctx, closing)
	return err
}

func (n *Node) refresh(ctx context.Context, c journal.InChannel) (protocol.ChannelState, error) {
	st, err := n.settle.Channel(ctx, c.Channel)
	if err != nil {
		return st, fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
	}
	return st, n.journal.SetInChannel(ctx, c.Domain, c.Channel, st)
}

// collect redeems every voucher that pays more than was claimed.
func (n *Node) collect(ctx context.Context) ([]protocol.Tx, error) {
	chans, err := n.journal.InChannels(ctx)
	if err != nil {
		return nil, err
	}
	var due []settle.Redemption
	for _, c := range chans {
		if c.State.Claimed.Less(c.Best.Voucher.Cumulative) {
			due = append(due, settle.Redemption{Channel: c.Channel, Voucher: c.Best})
		}
	}
	if len(due) == 0 {
		return nil, nil
	}
	return n.redeem(ctx, due)
}

// redeem sends the vouchers and brings the book in step with what the chain says.
func (n *Node) redeem(ctx context.Context, due []settle.Redemption) ([]protocol.Tx, error) {
	txs, err := n.settle.Redeem(ctx, due)
	for _, r := range due {
		st, rerr := n.settle.Channel(ctx, r.Channel)
		if rerr == nil {
			rerr = n.journal.SetInChannel(ctx, n.cfg.Profile.Market().Domain, r.Channel, st)
		}
		err = errors.Join(err, rerr)
	}
	return txs, err
}
