package journal

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// PutTx inserts the transaction or replaces the one of the same hash. It is
// durable on return, and only then may the transaction be broadcast.
func (j *Journal) PutTx(ctx context.Context, x protocol.Tx) error {
	return j.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO txs (hash, sender, chain, nonce, kind, detail, raw, status, gas_used, fee, block, created)
			VALUES (?,?,?,?,?,?,coalesce(?, x''),?,?,?,?,?)
			ON CONFLICT (hash) DO UPDATE SET sender = excluded.sender, chain = excluded.chain, nonce = excluded.nonce,
			kind = excluded.kind, detail = excluded.detail, raw = excluded.raw, status = excluded.status,
			gas_used = excluded.gas_used, fee = excluded.fee, block = excluded.block, created = excluded.created`,
			x.Hash[:], x.From[:], int64(x.ChainID), int64(x.Nonce), x.Kind, x.Detail, x.Raw, string(x.Status),
			int64(x.GasUsed), blob(x.Fee), int64(x.Block), int64(x.Created))
	})
}

// Tx is the transaction with the hash, or ErrNotFound.
func (j *Journal) Tx(ctx context.Context, hash protocol.Hash) (x protocol.Tx, err error) {
	list, err := j.txs(ctx, "WHERE hash = ?", hash[:])
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("transaction %s: %w", hash, ErrNotFound)
	}
	if err != nil {
		return x, err
	}
	return list[0], nil
}

// Txs are the transactions of a sender on every chain, the newest first:
// DefaultLimit of them when limit is 0, MaxLimit at most.
func (j *Journal) Txs(ctx context.Context, from protocol.Address, limit int) ([]protocol.Tx, error) {
	return j.txs(ctx, "WHERE sender = ? ORDER BY created DESC, nonce DESC LIMIT ?", from[:], clampLimit(limit))
}

// PendingTxs are the sender's transactions that have neither been mined nor
// replaced, by nonce; those of one nonce in the order they were made.
func (j *Journal) PendingTxs(ctx context.Context, from protocol.Address, chainID uint64) ([]protocol.Tx, error) {
	return j.txs(ctx, "WHERE sender = ? AND chain = ? AND status = ? ORDER BY nonce, created", from[:], int64(chainID), string(protocol.TxPending))
}

// MinedTxs are the sender's transactions in block since and later ones, by nonce.
func (j *Journal) MinedTxs(ctx context.Context, from protocol.Address, chainID, since uint64) ([]protocol.Tx, error) {
	return j.txs(ctx, "WHERE sender = ? AND chain = ? AND status IN (?, ?) AND block >= ? ORDER BY nonce",
		from[:], int64(chainID), string(protocol.TxConfirmed), string(protocol.TxFailed), int64(since))
}

// NextNonce is one above the highest nonce that the journal has for the sender;
// false when it has none.
func (j *Journal) NextNonce(ctx context.Context, from protocol.Address, chainID uint64) (nonce uint64, known bool, err error) {
	err = j.view(ctx, func(r reader) error {
		known, err = one(r, "SELECT nonce + 1 FROM txs WHERE sender = ? AND chain = ? ORDER BY nonce DESC LIMIT 1",
			[]any{from[:], int64(chainID)}, word{&nonce})
		return err
	})
	return nonce, known, err
}

func (j *Journal) txs(ctx context.Context, where string, args ...any) (list []protocol.Tx, err error) {
	err = j.view(ctx, func(r reader) error {
		return each(r, `SELECT hash, sender, chain, nonce, kind, detail, raw, status, gas_used, fee, block, created FROM txs `+where, args,
			func(scan func(...any) error) error {
				var x protocol.Tx
				err := scan(fixed(x.Hash[:]), fixed(x.From[:]), word{&x.ChainID}, word{&x.Nonce}, &x.Kind, &x.Detail, &x.Raw,
					&x.Status, word{&x.GasUsed}, money{&x.Fee}, word{&x.Block}, word{&x.Created})
				list = append(list, x)
				return err
			})
	})
	return list, err
}
