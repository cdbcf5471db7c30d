package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/protocol"
)

// reach is how many blocks a reorganisation may take out and still be followed:
// that deep, a transaction counts as there for good.
const reach = 64

// recheck notices that blocks seen before are gone, and looks after what had
// landed in them: what another block has is journaled anew, what none has is on
// its way again, the same signed bytes. It may be called again after an error.
func (w *wallet) recheck(ctx context.Context, client *ethclient.Client, head block) error {
	if err := w.remake(ctx, head); err != nil {
		return err
	}
	gone, err := w.gone(ctx, client, head)
	if err != nil {
		return err
	}
	if gone {
		w.log.Warn("the chain was reorganised: blocks seen before are gone", "head", head.number)
	}
	used, asked := uint64(0), false
	for _, f := range w.settled(head) {
		if !gone && f.block.hash != (common.Hash{}) {
			continue
		}
		if !asked {
			if used, err = client.NonceAt(ctx, common.Address(w.address()), nil); err != nil {
				return w.remote.failure("ask for the nonce", err)
			}
			asked = true
		}
		if err := w.revisit(ctx, client, f, &used); err != nil {
			return err
		}
	}
	if gone {
		w.reorgs++
	}
	w.remember(head)
	return nil
}

// gone compares the chain with what the last looks saw of it.
func (w *wallet) gone(ctx context.Context, client *ethclient.Client, head block) (bool, error) {
	last := w.top
	switch {
	case last.hash == (common.Hash{}), last.hash == head.hash, last.hash == head.parent:
		return false, nil
	case head.number <= last.number:
		// An endpoint that is a little behind has blocks that are known already.
		return w.known[head.number] != head.hash, nil
	}
	header, err := client.HeaderByNumber(ctx, new(big.Int).SetUint64(last.number))
	if err != nil {
		return false, w.remote.failure("ask for a block", err)
	}
	return header.Hash() != last.hash, nil
}

func (w *wallet) remember(head block) {
	if head.number < w.top.number && w.known[head.number] == head.hash {
		return
	}
	w.top = head
	w.known[head.number] = head.hash
	if head.number > 0 {
		w.known[head.number-1] = head.parent
	}
	for n := range w.known {
		if n > head.number || n+reach < head.number {
			delete(w.known, n)
		}
	}
}

// remake takes up, once, the journal's transactions that are in the newest blocks.
func (w *wallet) remake(ctx context.Context, head block) error {
	if w.remade {
		return nil
	}
	if _, err := w.current(ctx); err != nil { // those on their way come first
		return err
	}
	entries, err := w.book.MinedTxs(ctx, w.address(), w.chainID, head.number-min(head.number, reach))
	if err != nil {
		return fmt.Errorf("read the journal's newest transactions: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	higher := false
	for _, entry := range entries {
		tx := new(types.Transaction)
		if err := tx.UnmarshalBinary(entry.Raw); err != nil {
			return fmt.Errorf("decode journaled transaction %s: %w", entry.Hash, err)
		}
		if entry.Block > head.number {
			// Its block is gone, or the endpoint lags: taken up once the chain is as high
			// again. One that is far ahead was on another chain, as when a test network
			// begins anew.
			higher = higher || entry.Block-head.number <= maxLag
			continue
		}
		if w.flights[entry.Nonce] != nil || w.landed[entry.Nonce] != nil {
			continue
		}
		f := newFlight(attempt{entry, tx}, w.now())
		f.block.number = entry.Block
		w.landed[entry.Nonce] = f
		w.next = max(w.next, entry.Nonce+1)
	}
	w.remade = !higher
	return nil
}

// settled is the landed flights by nonce, without those that are there for good.
func (w *wallet) settled(head block) []*flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*flight
	for nonce, f := range w.landed {
		if f.block.number+reach < head.number {
			delete(w.landed, nonce)
			continue
		}
		list = append(list, f)
	}
	if len(w.flights) == 0 && len(w.landed) == 0 {
		w.next = 0
	}
	slices.SortFunc(list, func(a, b *flight) int { return int(int64(a.nonce - b.nonce)) })
	return list
}

// revisit finds out where a landed flight is now. used is the next nonce, counting
// what was reopened.
func (w *wallet) revisit(ctx context.Context, client *ethclient.Client, f *flight, used *uint64) error {
	for i, a := range f.attempts {
		receipt, err := receiptOf(ctx, client, a.tx.Hash())
		switch {
		case errors.Is(err, ethereum.NotFound):
			continue
		case err != nil && says(err, "indexing is in progress"):
			return nil
		case err != nil:
			return w.remote.failure("ask for a receipt", err)
		}
		if receipt.BlockHash == f.block.hash {
			return nil
		}
		f.block = block{number: receipt.BlockNumber.Uint64(), hash: receipt.BlockHash}
		return w.settleFlight(ctx, client, f, i, receipt)
	}
	f.block.hash = common.Hash{} // look again until it is clear
	w.mu.Lock()
	taken := w.flights[f.nonce] != nil
	w.mu.Unlock()
	if f.nonce != *used || taken {
		// Its nonce is used by another, or can never be reached: it is of a chain
		// that began anew, as a test network does.
		if !w.overtaken(ctx, f) {
			return nil
		}
		w.forget(f)
		return w.settleReplaced(ctx, f)
	}
	*used++
	return w.reopen(ctx, f)
}

func (w *wallet) forget(f *flight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.landed, f.nonce)
}

// reopen puts a flight that had landed on its way again.
func (w *wallet) reopen(ctx context.Context, f *flight) error {
	again := newFlight(f.attempts[0], w.now())
	again.attempts = f.attempts
	for i := range again.attempts {
		entry := &again.attempts[i].entry
		entry.Status, entry.GasUsed, entry.Fee, entry.Block = protocol.TxPending, 0, protocol.Amount{}, 0
		if err := w.book.PutTx(ctx, *entry); err != nil {
			return fmt.Errorf("journal that transaction %s is out of its block: %w", entry.Hash, err)
		}
	}
	w.log.Warn("transaction was in a block that is gone; it is sent again", "tx", f.first.Hash, "kind", f.first.Kind)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.landed, f.nonce)
	w.flights[f.nonce] = again
	w.next = max(w.next, f.nonce+1)
	return nil
}
