package settle

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/rerig/rerig/protocol"
)

// Landed waits until what this key has on its way into a channel is there or has
// failed, whoever sent it: an earlier process that was killed while it funded, or a
// caller that has stopped waiting. What Channel and Spendable say next counts it, so
// that nobody who goes by them funds a second time. Its errors are those of the
// journal and of ctx.
func (c *Client) Landed(ctx context.Context, ch protocol.Channel) error {
	flights, err := c.wallet.underWay(ctx)
	if err != nil {
		return err
	}
	for _, f := range flights {
		switch f.first.Kind {
		case "approve", "deposit": // of money that may be meant for it
			select {
			case <-f.done:
			case <-f.included:
			case <-ctx.Done():
				return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
			}
		case "open", "fund":
			if mine, err := f.funds(ch); err != nil || !mine {
				if err != nil {
					return err
				}
				continue
			}
			select {
			case <-f.done:
			case <-ctx.Done():
				return fmt.Errorf("wait for transaction %s, which is sent and stays in the journal: %w", f.first.Hash, ctx.Err())
			}
		}
	}
	return nil
}

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
func (f *flight) funds(ch protocol.Channel) (bool, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(f.first.Raw); err != nil {
		return false, fmt.Errorf("decode journaled transaction %s: %w", f.first.Hash, err)
	}
	const selector, parts = 4, 4 * 32
	call := escrowABI.PackFund(common.Address(ch.Payee), common.Address(ch.Operator), common.Address(ch.Signer), common.Address(ch.Token), common.Big0)
	return bytes.Contains(tx.Data(), call[selector:selector+parts]), nil
}
