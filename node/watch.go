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

// watch keeps both books of channels in step with the chain: it collects from
// incoming channels that are closing while there is time, and takes the rest out of
// outgoing ones when their grace is over. It never stops serving: what fails is
// tried again at the next look.
func (n *Node) watch(ctx context.Context) error {
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
		if err := errors.Join(n.lookIn(ctx, &at), n.lookOut(ctx)); err != nil && ctx.Err() == nil {
			n.log.Warn("channels not checked", "err", err)
		}
	}
}

// lookIn reads the channels that pay this rig and settles those being closed: its
// vouchers are cashed and, as the operator, it gives the rest back in the same
// transaction. Where nothing is owed it spends no gas; the payer waits the grace.
func (n *Node) lookIn(ctx context.Context, at *int) error {
	chans, err := n.journal.InChannels(ctx)
	if err != nil || len(chans) == 0 {
		return err
	}
	for range min(len(chans), maxWatched) {
		c := chans[*at%len(chans)]
		*at++
		st, err := n.refresh(ctx, c)
		if err != nil {
			return err
		}
		if st.ClosesAt == 0 || st.Epoch != c.State.Epoch || !st.Claimed.Less(c.Best.Voucher.Cumulative) {
			continue
		}
		n.log.Warn("channel is closing: collecting", "channel", c.Channel.ID().Short(), "owed", c.Best.Voucher.Cumulative.Minus(st.Claimed))
		if c.Reserved.IsZero() {
			_, err = n.settle.CloseByPayee(ctx, c.Channel, c.Best)
		} else {
			_, err = n.settle.Redeem(ctx, []settle.Redemption{{Channel: c.Channel, Voucher: c.Best}})
		}
		if err != nil {
			return fmt.Errorf("collect from closing channel %s: %w", c.Channel.ID().Short(), err)
		}
		if _, err := n.refresh(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// lookOut follows the closes this node asked for.
func (n *Node) lookOut(ctx context.Context) error {
	chans, err := n.journal.OutChannels(ctx)
	if err != nil {
		return err
	}
	for _, c := range chans {
		if c.State.ClosesAt == 0 {
			continue
		}
		st, err := n.clientOf(c.Channel.Payer).Channel(ctx, c.Channel)
		if err != nil {
			return fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
		}
		if st.ClosesAt != 0 && uint64(n.clientOf(c.Channel.Payer).Status().HeadTime.Unix()) >= st.ClosesAt {
			if _, err := n.clientOf(c.Channel.Payer).FinalizeClose(ctx, c.Channel); err != nil {
				return fmt.Errorf("finish closing channel %s: %w", c.Channel.ID().Short(), err)
			}
			if st, err = n.clientOf(c.Channel.Payer).Channel(ctx, c.Channel); err != nil {
				return fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
			}
		}
		if err := n.journal.SetOutChannel(ctx, c.Domain, c.Channel, st); err != nil {
			return err
		}
	}
	return nil
}

// closeChannels asks for the close of outgoing channels, one or (with a zero ID)
// all that are open and have money left and no job under way.
func (n *Node) closeChannels(ctx context.Context, id protocol.Hash) (txs []protocol.Tx, err error) {
	chans, err := n.journal.OutChannels(ctx)
	if err != nil {
		return nil, err
	}
	found := false
	for _, c := range chans {
		if !id.IsZero() && c.Channel.ID() != id {
			continue
		}
		found = true
		if id.IsZero() && (c.State.ClosesAt != 0 || !c.Reserved.IsZero() || !c.Promised.Less(c.State.Funded)) {
			continue
		}
		if !c.Reserved.IsZero() {
			return txs, fmt.Errorf("channel %s: a job under way holds %s of it; wait for it or `rerig stop` it", id.Short(), c.Reserved)
		}
		tx, err := n.clientOf(c.Channel.Payer).RequestClose(ctx, c.Channel)
		if err != nil {
			return txs, fmt.Errorf("close channel %s: %w", c.Channel.ID().Short(), err)
		}
		txs = append(txs, tx)
		st, err := n.clientOf(c.Channel.Payer).Channel(ctx, c.Channel)
		if err != nil {
			return txs, fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
		}
		if err := n.journal.SetOutChannel(ctx, c.Domain, c.Channel, st); err != nil {
			return txs, err
		}
	}
	if !found && !id.IsZero() {
		return nil, fmt.Errorf("channel %s is not one this node pays through; `rerig wallet balance` lists them", id)
	}
	return txs, nil
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
		if err == nil { // else the chain is away, which was said
			err = rerr
		}
	}
	return txs, err
}
