package node

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
)

const (
	settleEvery = 10 * time.Second // between looks where the chain has no news
	priceEvery  = time.Minute      // between estimates of what collecting costs, while little is due
)

// settler sends what channels call for (SPEC §8.5): it collects what is due and
// takes back what is left in channels that this node closed. run alone uses it;
// nothing that serves waits for it.
type settler struct {
	n      *Node
	priced time.Time // last estimate
	least  *big.Int  // what was due at the least to be worth it, as of then
}

// run looks when the watcher has looked. What fails is tried again at the next.
func (s *settler) run(ctx context.Context) error {
	tick := time.NewTicker(settleEvery) // vouchers come in without news of the chain
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.n.watcher.settle:
		}
		if !s.n.settle.Online() {
			continue
		}
		if err := errors.Join(s.collectDue(ctx), s.n.finishCloses(ctx)); err != nil && ctx.Err() == nil {
			s.n.log.Warn("channels not settled", "err", err)
		}
	}
}

// due is what a channel's voucher would bring now.
func due(c journal.InChannel) protocol.Amount {
	pays := c.Best.Voucher.Cumulative
	if c.State.Funded.Less(pays) {
		pays = c.State.Funded
	}
	return pays.Minus(c.State.Claimed)
}

// collectDue collects from channels that are closing, and from the others where
// what is due is worth the fee.
func (s *settler) collectDue(ctx context.Context) error {
	chans, err := s.n.journal.InChannels(ctx)
	if err != nil {
		return err
	}
	var closing, open []journal.InChannel
	for _, c := range chans {
		switch {
		case due(c).IsZero():
		case c.State.ClosesAt != 0:
			closing = append(closing, c)
		default:
			open = append(open, c)
		}
	}
	if closing, _, err = s.worth(ctx, closing, 1); err != nil {
		return err
	}
	if open, err = s.openWorth(ctx, open); err != nil {
		return err
	}
	for _, c := range closing {
		s.n.log.Warn("channel is closing: collecting", "channel", c.Channel.ID().Short(), "due", due(c))
	}
	if len(closing) == 1 && len(open) == 0 && closing[0].Reserved.IsZero() {
		return s.giveBack(ctx, closing[0])
	}
	if all := redemptions(append(closing, open...)); len(all) > 0 {
		txs, err := s.n.redeem(ctx, all)
		s.n.log.Info("collected", "vouchers", len(all), "transactions", len(txs))
		return err
	}
	return nil
}

// giveBack ends one channel that is closing: the voucher is cashed and, as the
// operator, the rig gives the rest back in the same transaction.
func (s *settler) giveBack(ctx context.Context, c journal.InChannel) error {
	if _, err := s.n.settle.CloseByPayee(ctx, c.Channel, c.Best); err != nil {
		return fmt.Errorf("collect from closing channel %s: %w", c.Channel.ID().Short(), err)
	}
	_, err := s.n.refresh(ctx, c)
	return err
}

// openWorth is the open channels to collect from. The price is asked for once in a
// while, or when what is due comes near to what was enough at the last one.
func (s *settler) openWorth(ctx context.Context, open []journal.InChannel) ([]journal.InChannel, error) {
	factor, sum := s.n.collectFactor(), new(big.Int)
	for _, c := range open {
		sum.Add(sum, due(c).Big())
	}
	near := s.least != nil && sum.Lsh(sum, 1).Cmp(s.least) >= 0
	if factor == 0 || len(open) == 0 || s.n.cfg.Profile.nativePrice == nil || !near && s.n.cfg.Clock().Sub(s.priced) < priceEvery {
		return nil, nil
	}
	kept, least, err := s.worth(ctx, open, factor)
	s.priced, s.least = s.n.cfg.Clock(), least
	return kept, err
}

// worth keeps the channels of which more is due than factor times what collecting
// it costs: a channel its share, and all together the whole. Where the profile does
// not say what native money is worth, all are. least is what was asked of all.
func (s *settler) worth(ctx context.Context, chans []journal.InChannel, factor uint64) (kept []journal.InChannel, least *big.Int, err error) {
	price := s.n.cfg.Profile.nativePrice
	for len(chans) > 0 && price != nil {
		fee, err := s.n.settle.RedeemFee(ctx, redemptions(chans))
		if err != nil {
			return nil, nil, err
		}
		least = price.tokens(fee) // base units
		least.Mul(least, new(big.Int).SetUint64(factor))
		share := new(big.Int).Div(least, big.NewInt(int64(len(chans))))
		kept, sum := chans[:0:0], new(big.Int)
		for _, c := range chans {
			if d := due(c).Big(); d.Cmp(share) > 0 {
				kept = append(kept, c)
				sum.Add(sum, d)
			}
		}
		if len(kept) == len(chans) {
			if sum.Cmp(least) <= 0 {
				return nil, least, nil
			}
			return kept, least, nil
		}
		chans = kept
	}
	return chans, least, nil
}

func redemptions(chans []journal.InChannel) []settle.Redemption {
	list := make([]settle.Redemption, len(chans))
	for i, c := range chans {
		list[i] = settle.Redemption{Channel: c.Channel, Voucher: c.Best}
	}
	return list
}

func (n *Node) collectFactor() uint64 {
	if n.cfg.Rig == nil {
		return 0
	}
	return n.cfg.Rig.CollectFactor
}

// collect redeems every voucher that pays more than was claimed, whatever it costs.
func (n *Node) collect(ctx context.Context) ([]protocol.Tx, error) {
	chans, err := n.journal.InChannels(ctx)
	if err != nil {
		return nil, err
	}
	owing := chans[:0]
	for _, c := range chans {
		if c.State.Claimed.Less(c.Best.Voucher.Cumulative) {
			owing = append(owing, c)
		}
	}
	if len(owing) == 0 {
		return nil, nil
	}
	return n.redeem(ctx, redemptions(owing))
}

// redeem sends the vouchers and brings the book in step with what the chain says.
func (n *Node) redeem(ctx context.Context, list []settle.Redemption) ([]protocol.Tx, error) {
	txs, err := n.settle.Redeem(ctx, list)
	channels := make([]protocol.Channel, len(list))
	for i, r := range list {
		channels[i] = r.Channel
	}
	states, rerr := n.settle.Channels(ctx, channels, 0)
	for i, st := range states {
		rerr = errors.Join(rerr, n.journal.SetInChannel(ctx, n.cfg.Profile.Market().Domain, channels[i], st))
	}
	if err == nil { // else the chain is away, which was said
		err = rerr
	}
	return txs, err
}

func (n *Node) refresh(ctx context.Context, c journal.InChannel) (protocol.ChannelState, error) {
	st, err := n.settle.Channel(ctx, c.Channel)
	if err != nil {
		return st, fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
	}
	return st, n.journal.SetInChannel(ctx, c.Domain, c.Channel, st)
}
