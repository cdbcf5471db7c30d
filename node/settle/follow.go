package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/protocol"
)

const (
	firstLook    = 20 * time.Millisecond // after something was sent; doubles up to Poll
	idleFactor   = 5                     // Polls between looks when nothing is on its way
	maxReconnect = 15 * time.Second
	maxAttempts  = 8 // of one nonce, each a quarter dearer
	maxPassed    = 5 // looks, over Config.Patience, before a used nonce without a receipt counts as taken
)

// run follows what is on its way and keeps the status, until ctx ends (nil) or the
// endpoint proves to be the wrong one (ChainIDError, NotEscrowError).
func (w *wallet) run(ctx context.Context) error {
	outage := backoff.NewExponentialBackOff()
	outage.InitialInterval, outage.MaxInterval = firstLook, maxReconnect
	look := firstLook
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
			look = firstLook
		case <-timer.C:
		}
		err := w.look(ctx)
		if wrongEndpoint(err) {
			return err
		}
		pause := w.poll * idleFactor
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			pause = outage.NextBackOff()
		case w.inFlight() > 0:
			pause = look
			look = min(2*look, w.poll)
			outage.Reset()
		default:
			outage.Reset()
		}
		timer.Reset(pause)
	}
}

func wrongEndpoint(err error) bool {
	var chain *ChainIDError
	var escrow *NotEscrowError
	return errors.As(err, &chain) || errors.As(err, &escrow)
}

// look asks for the newest block and moves every flight on.
func (w *wallet) look(ctx context.Context) error {
	head, err := w.lookOnce(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if changed := w.remote.observe(head, w.reorgs, err); changed {
		if err != nil {
			w.log.Warn("chain is away", "err", err)
		} else {
			w.log.Info("chain is there", "chain", w.chainID, "head", head.number)
		}
	}
	return err
}

// block is the newest block, as of one look.
type block struct {
	number       uint64
	hash, parent common.Hash
	time         time.Time
}

func (w *wallet) lookOnce(ctx context.Context) (block, error) {
	client, err := w.remote.ready(ctx)
	if err != nil {
		return block{}, err
	}
	if err := w.remote.agree(ctx, min(compareEvery, w.poll*idleFactor)); err != nil {
		return block{}, err
	}
	header, err := client.HeaderByNumber(ctx, nil)
	if err != nil {
		return block{}, w.remote.failure("ask for the newest block", err)
	}
	head := block{header.Number.Uint64(), header.Hash(), header.ParentHash, time.Unix(int64(header.Time), 0)}
	if err := w.recheck(ctx, client, head); err != nil {
		return head, err
	}
	flights, err := w.current(ctx)
	if err != nil {
		return head, err
	}
	for i, f := range flights {
		final, err := w.advance(ctx, client, f, head, i == 0)
		if err != nil {
			return head, err
		}
		if final {
			w.land(f)
		}
	}
	return head, nil
}

// current is the flights by nonce, those of the journal included.
func (w *wallet) current(ctx context.Context) ([]*flight, error) {
	if !w.restored.Load() { // else whoever has the turn, and may be asking a person, holds up nothing
		select {
		case w.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		err := w.restore(ctx)
		<-w.turn
		if err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	flights := make([]*flight, 0, len(w.flights))
	for _, f := range w.flights {
		flights = append(flights, f)
	}
	slices.SortFunc(flights, func(a, b *flight) int { return int(int64(a.nonce - b.nonce)) })
	return flights, nil
}

func (w *wallet) land(f *flight) {
	w.mu.Lock()
	delete(w.flights, f.nonce)
	if f.block.hash != (common.Hash{}) {
		w.landed[f.nonce] = f // a reorganisation may bring it back
	}
	if len(w.flights) == 0 && len(w.landed) == 0 {
		w.next = 0 // the chain knows best again, even if it was reset
	}
	w.mu.Unlock()
	if !f.seen {
		close(f.included)
	}
	close(f.done)
}

// advance looks for a receipt of any attempt and reports whether the flight's
// outcome is final and journaled. lowest says that no earlier nonce is missing.
func (w *wallet) advance(ctx context.Context, client *ethclient.Client, f *flight, head block, lowest bool) (bool, error) {
	for i, a := range f.attempts {
		receipt, err := receiptOf(ctx, client, a.tx.Hash())
		switch {
		case errors.Is(err, ethereum.NotFound):
			continue
		case err != nil && says(err, "indexing is in progress"):
			return false, nil // mined or not: the endpoint cannot tell yet
		case err != nil:
			return false, w.remote.failure("ask for a receipt", err)
		}
		return w.mined(ctx, client, f, head, i, receipt)
	}
	if f.mined {
		f.mined, f.sent = false, time.Time{} // a reorganisation took it out: again, now
	}
	used, err := client.NonceAt(ctx, common.Address(w.address()), nil)
	if err != nil {
		return false, w.remote.failure("ask for the nonce", err)
	}
	if used > f.nonce {
		if !w.overtaken(ctx, f) {
			return false, nil
		}
		return true, w.settleReplaced(ctx, f)
	}
	f.passed = 0
	return false, w.push(ctx, client, f, lowest)
}

// mined notes that an attempt is in a block, and settles the flight once that is
// deep enough in the eyes of every endpoint.
func (w *wallet) mined(ctx context.Context, client *ethclient.Client, f *flight, head block, winner int, receipt *types.Receipt) (bool, error) {
	f.passed, f.mined = 0, true
	if !f.seen {
		f.seen = true
		close(f.included)
	}
	if in := receipt.BlockNumber.Uint64(); head.number+1 < in+w.confirmations || !w.remote.canonical(ctx, in, receipt.BlockHash) {
		return false, nil
	}
	f.block = block{number: receipt.BlockNumber.Uint64(), hash: receipt.BlockHash}
	return true, w.settleFlight(ctx, client, f, winner, receipt)
}

// overtaken notes a look that found the nonce used but no receipt, and reports
// whether there were enough: an endpoint may know nonces sooner than receipts, and
// what counts as lost is paid again.
func (w *wallet) overtaken(ctx context.Context, f *flight) bool {
	if f.passed == 0 {
		f.since = w.now()
	}
	f.passed++
	return f.passed >= maxPassed && w.now().Sub(f.since) >= w.patience && !w.minedElsewhere(ctx, f)
}

// minedElsewhere reports whether another endpoint has the receipt that the one in
// use does not show. Then the transaction had its effect, and waits to be shown.
func (w *wallet) minedElsewhere(ctx context.Context, f *flight) bool {
	for _, e := range w.remote.usable() {
		for _, a := range f.attempts {
			if _, err := receiptOf(ctx, e.client, a.tx.Hash()); err == nil {
				w.log.Warn("an RPC endpoint does not show a transaction that another one has in a block", "tx", a.entry.Hash, "has", e.name)
				return true
			}
		}
	}
	return false
}

// settleFlight journals the outcome of a mined attempt; the others lost their nonce.
func (w *wallet) settleFlight(ctx context.Context, client *ethclient.Client, f *flight, winner int, receipt *types.Receipt) error {
	for i, a := range f.attempts {
		entry := a.entry
		if i != winner {
			entry.Status = protocol.TxReplaced
		} else {
			entry.Status = protocol.TxConfirmed
			if receipt.Status != types.ReceiptStatusSuccessful {
				entry.Status = protocol.TxFailed
			}
			entry.GasUsed, entry.Block = receipt.GasUsed, receipt.BlockNumber.Uint64()
			entry.Fee = capped(new(big.Int).Mul(receipt.EffectiveGasPrice, new(big.Int).SetUint64(receipt.GasUsed)))
			f.result = entry
		}
		if err := w.book.PutTx(ctx, entry); err != nil {
			return fmt.Errorf("journal the outcome of transaction %s: %w", entry.Hash, err)
		}
	}
	if f.result.Status == protocol.TxFailed {
		f.err = w.whyReverted(ctx, client, f.attempts[winner], receipt)
	}
	return nil
}

// whyReverted executes a failed transaction again: as of the block before its own,
// and, should it have failed because of another one in that block, after it.
func (w *wallet) whyReverted(ctx context.Context, client *ethclient.Client, a attempt, receipt *types.Receipt) error {
	msg := ethereum.CallMsg{
		From: common.Address(w.address()), To: a.tx.To(), Gas: a.tx.Gas(), Value: a.tx.Value(), Data: a.tx.Data(),
	}
	before := new(big.Int).Sub(receipt.BlockNumber, big.NewInt(1))
	for _, block := range []*big.Int{before, receipt.BlockNumber} {
		if _, err := client.CallContract(ctx, msg, block); err != nil {
			if revert := asRevert(a.entry.Kind, err); revert != nil {
				revert.Tx = a.entry.Hash
				return revert
			}
		}
	}
	return &RevertError{Call: a.entry.Kind, Tx: a.entry.Hash}
}

func (w *wallet) settleReplaced(ctx context.Context, f *flight) error {
	for _, a := range f.attempts {
		a.entry.Status = protocol.TxReplaced
		if err := w.book.PutTx(ctx, a.entry); err != nil {
			return fmt.Errorf("journal the outcome of transaction %s: %w", a.entry.Hash, err)
		}
		f.result = a.entry
	}
	f.err = &ReplacedError{Tx: f.result.Hash, Nonce: f.nonce}
	return nil
}
