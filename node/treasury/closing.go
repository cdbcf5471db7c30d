package treasury

import (
	"context"
	"errors"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// finishCloses follows the closes this node asked for: when the grace is over it
// takes the rest back. What fails holds up no other channel.
func (t *Treasury) finishCloses(ctx context.Context) error {
	chans, err := t.cfg.Book.OutChannels(ctx)
	for _, c := range chans {
		if c.State.ClosesAt != 0 {
			err = errors.Join(err, t.finishClose(ctx, c))
		}
	}
	return err
}

func (t *Treasury) finishClose(ctx context.Context, c protocol.OutChannel) error {
	payer, name := t.clientOf(c.Channel.Payer), c.Channel.ID().Short()
	st, err := payer.Channel(ctx, c.Channel)
	if err != nil {
		return fmt.Errorf("read channel %s: %w", name, err)
	}
	if st.ClosesAt != 0 && uint64(payer.Head().Time.Unix()) >= st.ClosesAt {
		if _, err := payer.FinalizeClose(ctx, c.Channel); err != nil {
			return fmt.Errorf("finish closing channel %s: %w", name, err)
		}
		if st, err = payer.Channel(ctx, c.Channel); err != nil {
			return fmt.Errorf("read channel %s: %w", name, err)
		}
	}
	return t.cfg.Book.SetOutChannel(ctx, c.Domain, c.Channel, st)
}

// CloseChannels asks for the close of outgoing channels, one or (with a zero ID)
// all that are open and have money left and no job under way.
func (t *Treasury) CloseChannels(ctx context.Context, id protocol.Hash) (txs []protocol.Tx, err error) {
	chans, err := t.cfg.Book.OutChannels(ctx)
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
		tx, err := t.clientOf(c.Channel.Payer).RequestClose(ctx, c.Channel)
		if err != nil {
			return txs, fmt.Errorf("close channel %s: %w", c.Channel.ID().Short(), err)
		}
		txs = append(txs, tx)
		st, err := t.clientOf(c.Channel.Payer).Channel(ctx, c.Channel)
		if err != nil {
			return txs, fmt.Errorf("read channel %s: %w", c.Channel.ID().Short(), err)
		}
		if err := t.cfg.Book.SetOutChannel(ctx, c.Domain, c.Channel, st); err != nil {
			return txs, err
		}
	}
	if !found && !id.IsZero() {
		return nil, fmt.Errorf("channel %s is not one this node pays through; `rerig wallet balance` lists them", id)
	}
	return txs, nil
}
