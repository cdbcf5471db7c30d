package treasury

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

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
	t      *Treasury
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
		case <-s.t.looked:
		}
		if !s.t.cfg.Own.Online() {
			continue
		}
		if err := errors.Join(s.collectDue(ctx), s.t.finishCloses(ctx)); err != nil && ctx.Err() == nil {
			s.t.log.Warn("channels not settled", "err", err)
		}
	}
}

// due is what a channel's voucher would bring now. It may promise more than there is.
func due(c protocol.InChannel) protocol.Amount {
	pays := c.Best.Voucher.Cumulative
	if c.State.Funded.Less(pays) {
		pays = c.State.Funded
	}
	return pays.Minus(c.State.Claimed)
}

// collectDue collects from channels that are closing, and from the others where
// what is due is worth the fee.
func (s *settler) collectDue(ctx context.Context) error {
	chans, err := s.t.cfg.Book.InChannels(ctx)
	if err != nil {
		return err
	}
	var closing, open []protocol.InChannel
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
		s.t.log.Warn("channel is closing: collecting", "channel", c.Channel.ID().Short(), "due", due(c))
	}
	if len(closing) == 1 && len(open) == 0 && closing[0].Reserved.IsZero() {
		return s.giveBack(ctx, closing[0])
	}
	if all := redemptions(append(closing, open...)); len(all) > 0 {
		txs, err := s.t.redeem(ctx, all)
		s.t.log.Info("collected", "vouchers", len(all), "transactions", len(txs))
		return err
	}
	return nil
}

// giveBack ends one channel that is closing: the voucher is cashed and, as the
// operator, the rig gives the rest back in the same transaction.
func (s *settler) giveBack(ctx context.Context, c protocol.InChannel) error {
	if _, err := s.t.cfg.Own.CloseByPayee(ctx, c.Channel, c.Best); err != nil {
		return fmt.Errorf("collect from closing channel %s: %w", c.Channel.ID().Short(), err)
	}
	_, err := s.t.refresh(ctx, c)
	return err
}

// openWorth is the open channels to collect from. The price is asked for once in a
// while, or when what is due comes near to what was enough at the last one.
func (s *settler) openWorth(ctx context.Context, open []protocol.InChannel) ([]protocol.InChannel, error) {
	factor, sum := s.t.cfg.CollectFactor, new(big.Int)
	for _, c := range open {
		sum.Add(sum, due(c).Big())
	}
	near := s.least != nil && sum.Lsh(sum, 1).Cmp(s.least) >= 0
	if factor == 0 || len(open) == 0 || s.t.cfg.Worth == nil || !near && s.t.cfg.Clock().Sub(s.priced) < priceEvery {
		return nil, nil
	}
	kept, least, err := s.worth(ctx, open, factor)
	s.priced, s.least = s.t.cfg.Clock(), least
	return kept, err
}

// worth keeps the channels of which more is due than factor times what collecting
// it costs: a channel its share, and all together the whole. Where the profile does
// not say what native money is worth, all are. least is what was asked of all.
func (s *settler) worth(ctx context.Context, chans []protocol.InChannel, factor uint64) (kept []protocol.InChannel, least *big.Int, err error) {
	worth := s.t.cfg.Worth
	for len(chans) > 0 && worth != nil {
		fee, err := s.t.cfg.Own.RedeemFee(ctx, redemptions(chans))
		if err != nil {
			return nil, nil, err
		}
		least = worth(fee) // base units
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

func redemptions(chans []protocol.InChannel) []protocol.Redemption {
	list := make([]protocol.Redemption, len(chans))
	for i, c := range chans {
		list[i] = protocol.Redemption{Channel: c.Channel, Voucher: c.Best}
	}
	return list
}

// Owed is what vouchers promise beyond what was claimed.
func (t *Treasury) Owed(ctx context.Context) (sum protocol.Amount, err error) {
	chans, err := t.cfg.Book.InChannels(ctx)
	for _, c := range chans {
		if sum, err = sum.Add(due(c)); err != nil {
			return sum, err
		}
	}
	return sum, err
}

// Collect redeems every voucher that pays more than was claimed, whatever it costs.
func (t *Treasury) Collect(ctx context.Context) ([]protocol.Tx, error) {
	chans, err := t.cfg.Book.InChannels(ctx)
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
	return t.redeem(ctx, redemptions(owing))
}

// redeem sends the vouchers and brings the book in step with what the chain says.
func (t *Treasury) redeem(ctx context.Context, list []protocol.Redemption) ([]protocol.Tx, error) {
	txs, err := t.cfg.Own.Redeem(ctx, list)
	channels := make([]protocol.Channel, len(list))
	for i, r := range list {
		channels[i] = r.Channel
	}
	states, rerr := t.cfg.Own.Channels(ctx, channels, 0)
	for i, st := range states {
		rerr = errors.Join(rerr, t.cfg.Book.SetInChannel(ctx, t.cfg.Market.Domain, channels[i], st))
	}
	if err == nil { // else the chain is away, which was said
		err = rerr
	}
	return txs, err
}

func (t *Treasury) refresh(ctx context.Context, c protocol.InChannel) (protocol.ChannelState, error) {
	st, err := t.cfg.Own.Channel(ctx, c.Channel)
	if err != nil {
		return st, fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
	}
	return st, t.cfg.Book.SetInChannel(ctx, c.Domain, c.Channel, st)
}
