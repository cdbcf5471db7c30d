package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// SendRawTransaction serves eth_sendRawTransaction. What could not be mined now or
// after its sender's earlier nonces is refused.
func (a *ethAPI) SendRawTransaction(_ context.Context, raw hexutil.Bytes) (common.Hash, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalBinary(raw); err != nil {
		return common.Hash{}, err
	}
	if !tx.Protected() {
		return common.Hash{}, errors.New("only replay-protected (EIP-155) transactions allowed over RPC")
	}
	// Public nodes refuse such fees, which are always a mistake in units.
	fee := new(big.Int).Mul(tx.GasPrice(), new(big.Int).SetUint64(tx.Gas()))
	if fee.Cmp(big.NewInt(params.Ether)) > 0 {
		return common.Hash{}, fmt.Errorf("tx fee (%v wei) exceeds the configured cap (1.00 ether)", fee)
	}
	// Waits for the pool, so that the next nonce counts this one at once.
	if err := a.l.pending.Add([]*types.Transaction{tx}, true)[0]; err != nil {
		return common.Hash{}, err
	}
	return tx.Hash(), nil
}

// GetTransactionByHash serves eth_getTransactionByHash: null if neither a block
// nor the pool has it.
func (a *ethAPI) GetTransactionByHash(_ context.Context, hash common.Hash) (fields, error) {
	// The pool first: a transaction that is mined in between is then in a block.
	waiting := a.l.pending.Get(hash)
	if where, tx := a.l.mined(hash); tx != nil {
		header := a.l.blocks.GetHeader(where.BlockHash, where.BlockIndex)
		if header == nil {
			return nil, errNoHeader
		}
		return a.l.minedFields(header, tx, int(where.Index))
	}
	if waiting == nil {
		return nil, nil
	}
	return a.l.transactionFields(waiting)
}

// GetRawTransactionByHash serves eth_getRawTransactionByHash.
func (a *ethAPI) GetRawTransactionByHash(_ context.Context, hash common.Hash) (hexutil.Bytes, error) {
	tx := a.l.pending.Get(hash)
	if _, found := a.l.mined(hash); found != nil {
		tx = found
	}
	if tx == nil {
		return nil, nil
	}
	return tx.MarshalBinary()
}

// GetTransactionByBlockHashAndIndex serves the method of that name: null if it is
// not there.
func (a *ethAPI) GetTransactionByBlockHashAndIndex(_ context.Context, hash common.Hash, index hexutil.Uint) (fields, error) {
	block := a.l.blocks.GetBlockByHash(hash)
	if block == nil || uint(index) >= uint(len(block.Transactions())) {
		return nil, nil
	}
	return a.l.minedFields(block.Header(), block.Transactions()[index], int(index))
}

// GetTransactionReceipt serves eth_getTransactionReceipt: null if it is not mined.
func (a *ethAPI) GetTransactionReceipt(_ context.Context, hash common.Hash) (fields, error) {
	where, tx := a.l.mined(hash)
	if tx == nil {
		return nil, nil
	}
	receipts := a.l.blocks.GetReceiptsByHash(where.BlockHash)
	if where.Index >= uint64(len(receipts)) {
		return nil, fmt.Errorf("block %d has no receipt %d", where.BlockIndex, where.Index)
	}
	return a.l.receiptFields(receipts[where.Index], tx)
}

// mined finds a transaction of a block; nil if there is none. The chain writes its
// index of transactions a moment before the block is its newest: until then the
// transaction is not mined, or else a client that waited for it would read the
// state from before.
func (l *ledger) mined(hash common.Hash) (*rawdb.LegacyTxLookupEntry, *types.Transaction) {
	where, tx := l.blocks.GetCanonicalTransaction(hash)
	if tx == nil || where.BlockIndex > l.blocks.CurrentBlock().Number.Uint64() {
		return nil, nil
	}
	return where, tx
}

// transactionFields is a transaction that is not mined.
func (l *ledger) transactionFields(tx *types.Transaction) (fields, error) {
	out, err := fieldsOf(tx)
	if err != nil {
		return nil, fmt.Errorf("encode transaction %s: %w", tx.Hash(), err)
	}
	out["to"] = tx.To() // null creates a contract
	out["blockHash"], out["blockNumber"], out["transactionIndex"] = nil, nil, nil
	out["gasPrice"] = (*hexutil.Big)(tx.GasFeeCap())
	if out["from"], err = l.sender(tx); err != nil {
		return nil, err
	}
	return out, nil
}

// minedFields is a transaction of a block, with what it paid for a unit of gas.
func (l *ledger) minedFields(header *types.Header, tx *types.Transaction, index int) (fields, error) {
	out, err := l.transactionFields(tx)
	if err != nil {
		return nil, err
	}
	price := new(big.Int).Add(tx.GasTipCap(), header.BaseFee)
	if tx.GasFeeCap().Cmp(price) < 0 {
		price = tx.GasFeeCap()
	}
	out["gasPrice"] = (*hexutil.Big)(price)
	out["blockHash"] = header.Hash()
	out["blockNumber"] = (*hexutil.Big)(header.Number)
	out["blockTimestamp"] = hexutil.Uint64(header.Time)
	out["transactionIndex"] = hexutil.Uint(index)
	return out, nil
}

func (l *ledger) receiptFields(receipt *types.Receipt, tx *types.Transaction) (fields, error) {
	out, err := fieldsOf(receipt)
	if err != nil {
		return nil, fmt.Errorf("encode receipt %s: %w", tx.Hash(), err)
	}
	delete(out, "root") // of receipts before the status was one
	out["type"] = hexutil.Uint(tx.Type())
	out["to"] = tx.To()
	if out["from"], err = l.sender(tx); err != nil {
		return nil, err
	}
	if receipt.Logs == nil {
		out["logs"] = []*types.Log{}
	}
	if receipt.ContractAddress == (common.Address{}) {
		out["contractAddress"] = nil
	}
	return out, nil
}

func (l *ledger) sender(tx *types.Transaction) (common.Address, error) {
	from, err := types.Sender(types.LatestSigner(l.blocks.Config()), tx)
	if err != nil {
		return common.Address{}, fmt.Errorf("sender of transaction %s: %w", tx.Hash(), err)
	}
	return from, nil
}
