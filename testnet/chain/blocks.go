package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// fields is a JSON object.
type fields map[string]any

// fieldsOf is v's own JSON without the fields that are null.
func fieldsOf(v json.Marshaler) (fields, error) {
	raw, err := v.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var parsed map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parsed); err != nil {
		return nil, err
	}
	out := make(fields, len(parsed))
	for name, value := range parsed {
		if string(value) != "null" {
			out[name] = value
		}
	}
	return out, nil
}

// GetBlockByNumber serves eth_getBlockByNumber: null if it is not there.
func (a *ethAPI) GetBlockByNumber(_ context.Context, number rpc.BlockNumber, full bool) (fields, error) {
	block := a.l.blockByNumber(number)
	if block == nil {
		return nil, nil
	}
	out, err := a.l.blockFields(block, full)
	if err == nil && number == rpc.PendingBlockNumber {
		out["hash"], out["nonce"], out["miner"] = nil, nil, nil // not made yet
	}
	return out, err
}

// GetBlockByHash serves eth_getBlockByHash: null if it is not there.
func (a *ethAPI) GetBlockByHash(_ context.Context, hash common.Hash, full bool) (fields, error) {
	block := a.l.blocks.GetBlockByHash(hash)
	if block == nil {
		return nil, nil
	}
	return a.l.blockFields(block, full)
}

// GetHeaderByNumber serves eth_getHeaderByNumber: null if it is not there.
func (a *ethAPI) GetHeaderByNumber(_ context.Context, number rpc.BlockNumber) (fields, error) {
	header := a.l.headerByNumber(number)
	if header == nil {
		return nil, nil
	}
	return fieldsOf(header)
}

// GetHeaderByHash serves eth_getHeaderByHash: null if it is not there.
func (a *ethAPI) GetHeaderByHash(_ context.Context, hash common.Hash) (fields, error) {
	header := a.l.blocks.GetHeaderByHash(hash)
	if header == nil {
		return nil, nil
	}
	return fieldsOf(header)
}

// GetBlockTransactionCountByNumber serves the method of that name: null if the
// block is not there.
func (a *ethAPI) GetBlockTransactionCountByNumber(_ context.Context, number rpc.BlockNumber) *hexutil.Uint {
	return transactionCount(a.l.blockByNumber(number))
}

// GetBlockTransactionCountByHash serves the method of that name: null if the
// block is not there.
func (a *ethAPI) GetBlockTransactionCountByHash(_ context.Context, hash common.Hash) *hexutil.Uint {
	return transactionCount(a.l.blocks.GetBlockByHash(hash))
}

func transactionCount(block *types.Block) *hexutil.Uint {
	if block == nil {
		return nil
	}
	n := hexutil.Uint(len(block.Transactions()))
	return &n
}

// blockFields is a block with its transactions' hashes, or with all of them.
func (l *ledger) blockFields(block *types.Block, full bool) (fields, error) {
	out, err := fieldsOf(block.Header())
	if err != nil {
		return nil, fmt.Errorf("encode header %d: %w", block.NumberU64(), err)
	}
	txs := make([]any, len(block.Transactions()))
	for i, tx := range block.Transactions() {
		if !full {
			txs[i] = tx.Hash()
			continue
		}
		if txs[i], err = l.minedFields(block.Header(), tx, i); err != nil {
			return nil, err
		}
	}
	out["size"] = hexutil.Uint64(block.Size())
	out["transactions"] = txs
	out["uncles"] = []common.Hash{}
	out["withdrawals"] = types.Withdrawals{}
	return out, nil
}

// GetBlockReceipts serves eth_getBlockReceipts: null if it is not there.
func (a *ethAPI) GetBlockReceipts(_ context.Context, at rpc.BlockNumberOrHash) ([]fields, error) {
	header, err := a.l.header(at)
	if errors.Is(err, errNoHeader) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	block := a.l.blocks.GetBlock(header.Hash(), header.Number.Uint64())
	if block == nil {
		return nil, nil
	}
	receipts := a.l.blocks.GetReceiptsByHash(block.Hash())
	if len(receipts) != len(block.Transactions()) {
		return nil, fmt.Errorf("block %d has %d receipts for %d transactions", block.NumberU64(), len(receipts), len(block.Transactions()))
	}
	out := make([]fields, len(receipts))
	for i, tx := range block.Transactions() {
		if out[i], err = a.l.receiptFields(receipts[i], tx); err != nil {
			return nil, err
		}
	}
	return out, nil
}
