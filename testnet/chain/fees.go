package chain

import (
	"context"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/gasprice"
	"github.com/ethereum/go-ethereum/event"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// feeConfig is go-ethereum's for a full node.
var feeConfig = gasprice.Config{
	Blocks:           20,
	Percentile:       60,
	MaxHeaderHistory: 1024,
	MaxBlockHistory:  1024,
	MaxPrice:         gasprice.DefaultMaxPrice,
	IgnorePrice:      gasprice.DefaultIgnorePrice,
}

// feeSource is what the price oracle reads.
type feeSource struct{ l *ledger }

// HeaderByNumber is nil for a block that is not there.
func (s feeSource) HeaderByNumber(_ context.Context, number rpc.BlockNumber) (*types.Header, error) {
	return s.l.headerByNumber(number), nil
}

// BlockByNumber is nil for a block that is not there.
func (s feeSource) BlockByNumber(_ context.Context, number rpc.BlockNumber) (*types.Block, error) {
	return s.l.blockByNumber(number), nil
}

// GetReceipts is empty for a block that is not there.
func (s feeSource) GetReceipts(_ context.Context, hash common.Hash) (types.Receipts, error) {
	return s.l.blocks.GetReceiptsByHash(hash), nil
}

// Pending is what the next block would be; nil if it cannot be made.
func (s feeSource) Pending() (*types.Block, types.Receipts, *state.StateDB) {
	return s.l.builder.Pending()
}

// ChainConfig is the fork schedule.
func (s feeSource) ChainConfig() *params.ChainConfig { return s.l.blocks.Config() }

// SubscribeChainHeadEvent ends when the ledger is closed.
func (s feeSource) SubscribeChainHeadEvent(ch chan<- core.ChainHeadEvent) event.Subscription {
	return s.l.blocks.SubscribeChainHeadEvent(ch)
}

// feeHistory is the answer to eth_feeHistory.
type feeHistory struct {
	OldestBlock      *hexutil.Big     `json:"oldestBlock"`
	Reward           [][]*hexutil.Big `json:"reward,omitempty"`
	BaseFee          []*hexutil.Big   `json:"baseFeePerGas,omitempty"`
	GasUsedRatio     []float64        `json:"gasUsedRatio"`
	BlobBaseFee      []*hexutil.Big   `json:"baseFeePerBlobGas,omitempty"`
	BlobGasUsedRatio []float64        `json:"blobGasUsedRatio,omitempty"`
}

// FeeHistory serves eth_feeHistory, for at most 1024 blocks.
func (a *ethAPI) FeeHistory(ctx context.Context, count math.HexOrDecimal64, last rpc.BlockNumber, percentiles []float64) (*feeHistory, error) {
	oldest, reward, base, used, blobBase, blobUsed, err := a.l.fees.FeeHistory(ctx, uint64(count), last, percentiles)
	if err != nil {
		return nil, err
	}
	h := &feeHistory{OldestBlock: (*hexutil.Big)(oldest), GasUsedRatio: used, BlobGasUsedRatio: blobUsed,
		BaseFee: hexBigs(base), BlobBaseFee: hexBigs(blobBase)}
	for _, r := range reward {
		h.Reward = append(h.Reward, hexBigs(r))
	}
	return h, nil
}

func hexBigs(list []*big.Int) []*hexutil.Big {
	out := make([]*hexutil.Big, len(list))
	for i, v := range list {
		out[i] = (*hexutil.Big)(v)
	}
	return out
}

// MaxPriorityFeePerGas serves eth_maxPriorityFeePerGas, from the last blocks.
func (a *ethAPI) MaxPriorityFeePerGas(ctx context.Context) (*hexutil.Big, error) {
	tip, err := a.l.fees.SuggestTipCap(ctx)
	return (*hexutil.Big)(tip), err
}

// GasPrice serves eth_gasPrice: the tip and the newest block's base fee.
func (a *ethAPI) GasPrice(ctx context.Context) (*hexutil.Big, error) {
	tip, err := a.l.fees.SuggestTipCap(ctx)
	if err != nil {
		return nil, err
	}
	return (*hexutil.Big)(tip.Add(tip, a.l.blocks.CurrentBlock().BaseFee)), nil
}
