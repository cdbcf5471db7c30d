package settle

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/protocol"
)

// resignWait is how long the signature under a dearer transaction may take.
const resignWait = 20 * time.Second

// push sends a flight that no block has yet again when its time has come: at once
// if it may not have arrived, with a higher fee if it is stuck.
func (w *wallet) push(ctx context.Context, client *ethclient.Client, f *flight, lowest bool) error {
	now := w.now()
	if lowest && now.Sub(f.priced) >= w.stuck && len(f.attempts) < maxAttempts {
		f.priced = now
		return w.outbid(ctx, client, f)
	}
	if !f.sent.IsZero() && now.Sub(f.sent) < w.stuck {
		return nil
	}
	f.sent = now
	for _, a := range f.attempts {
		outcome, err := w.broadcast(ctx, a)
		switch outcome {
		case unreachable:
			f.sent = time.Time{} // again at the next look
			return err
		case refused:
			// Not the end of it: the reason may pass, as a lack of gas money does.
			w.log.Warn("transaction is journaled and the endpoint refuses it; it is tried again", "tx", a.entry.Hash, "kind", a.entry.Kind, "err", err)
		}
	}
	return nil
}

// outbid replaces a flight's transaction with the same one at a higher fee.
func (w *wallet) outbid(ctx context.Context, client *ethclient.Client, f *flight) error {
	last := f.attempts[len(f.attempts)-1]
	price, err := w.currentFee(ctx, client)
	if err != nil {
		return err
	}
	price = price.atLeast(fee{last.tx.GasTipCap(), last.tx.GasFeeCap()}.raised())
	// Whoever follows the chain waits here: a person who is not at hand is asked again.
	asking, cancel := context.WithTimeout(ctx, resignWait)
	defer cancel()
	a, err := w.sign(asking, last.entry.Kind, last.entry.Detail, &types.DynamicFeeTx{
		ChainID: w.signer.ChainID(), Nonce: f.nonce, To: last.tx.To(), Value: last.tx.Value(), Data: last.tx.Data(),
		Gas: last.tx.Gas(), GasTipCap: price.tip, GasFeeCap: price.ceiling,
	})
	if err != nil {
		return err
	}
	if err := w.book.PutTx(ctx, a.entry); err != nil {
		return fmt.Errorf("journal a replacement before sending it: %w", err)
	}
	f.attempts = append(f.attempts, a)
	outcome, err := w.broadcast(ctx, a)
	switch outcome {
	case accepted:
		f.sent = w.now()
		w.log.Info("transaction was stuck and is sent again at a higher fee", "old", last.entry.Hash, "new", a.entry.Hash, "ceiling_wei", price.ceiling)
	case unreachable:
		return err // it stays an attempt: it may have arrived
	case nonceTaken, refused:
		f.attempts = f.attempts[:len(f.attempts)-1]
		a.entry.Status = protocol.TxReplaced
		if err := w.book.PutTx(ctx, a.entry); err != nil {
			return fmt.Errorf("journal that a replacement was refused: %w", err)
		}
	}
	return nil
}
