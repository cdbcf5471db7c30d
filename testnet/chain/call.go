package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/eth/gasestimator"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"
)

// Limits of a call, go-ethereum's.
const (
	maxCallGas    = 50_000_000
	maxCallTime   = 5 * time.Second
	estimateError = 0.015 // how far above the least the answer may be
)

// callArgs is a call as clients describe it. What is left out is zero; gas that
// is left out is as much as possible.
type callArgs struct {
	From      common.Address               `json:"from"`
	To        *common.Address              `json:"to"`
	Gas       hexutil.Uint64               `json:"gas"`
	GasPrice  *hexutil.Big                 `json:"gasPrice"`
	FeeCap    *hexutil.Big                 `json:"maxFeePerGas"`
	TipCap    *hexutil.Big                 `json:"maxPriorityFeePerGas"`
	Value     *hexutil.Big                 `json:"value"`
	Nonce     hexutil.Uint64               `json:"nonce"`
	Data      hexutil.Bytes                `json:"data"`
	Input     hexutil.Bytes                `json:"input"` // the newer name of data
	ChainID   *hexutil.Big                 `json:"chainId"`
	Access    types.AccessList             `json:"accessList"`
	Delegated []types.SetCodeAuthorization `json:"authorizationList"`
}

// message is the call as the machine takes it, and an error for what it cannot.
func (c *callArgs) message(chainID, baseFee *big.Int) (*core.Message, error) {
	if c.ChainID != nil && c.ChainID.ToInt().Cmp(chainID) != 0 {
		return nil, fmt.Errorf("chainId does not match node's (have=%v, want=%v)", c.ChainID, chainID)
	}
	if c.GasPrice != nil && (c.FeeCap != nil || c.TipCap != nil) {
		return nil, errors.New("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
	}
	if c.To == nil && c.Delegated != nil {
		return nil, core.ErrSetCodeTxCreate
	}
	if c.GasPrice != nil {
		c.FeeCap, c.TipCap = c.GasPrice, c.GasPrice
	}
	value, err := wei("value", c.Value)
	if err != nil {
		return nil, err
	}
	feeCap, err := wei("maxFeePerGas", c.FeeCap)
	if err != nil {
		return nil, err
	}
	tipCap, err := wei("maxPriorityFeePerGas", c.TipCap)
	if err != nil {
		return nil, err
	}
	price := new(uint256.Int)
	if !feeCap.IsZero() || !tipCap.IsZero() {
		if _, over := price.AddOverflow(tipCap, uint256.MustFromBig(baseFee)); over || price.Gt(feeCap) {
			price = feeCap
		}
	}
	data := c.Input
	if data == nil {
		data = c.Data
	}
	msg := &core.Message{From: c.From, To: c.To, Nonce: uint64(c.Nonce), Value: value, GasLimit: min(uint64(c.Gas), maxCallGas),
		GasPrice: price, GasFeeCap: feeCap, GasTipCap: tipCap, Data: data, AccessList: c.Access, SetCodeAuthorizations: c.Delegated}
	return msg.SkipNonceCheck().SkipEOACheck().SkipGasLimitCapCheck(), nil
}

func wei(name string, v *hexutil.Big) (*uint256.Int, error) {
	if v == nil {
		return new(uint256.Int), nil
	}
	out, over := uint256.FromBig(v.ToInt())
	if over {
		return nil, fmt.Errorf("%s %v is above 256 bits", name, v)
	}
	return out, nil
}

// Call serves eth_call: the code's answer, without effect. The newest block's
// state is used if none is given.
func (a *ethAPI) Call(ctx context.Context, args callArgs, at *rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	accounts, header, err := a.l.state(orLatest(at))
	if err != nil {
		return nil, err
	}
	msg, err := args.message(a.l.blocks.Config().ChainID, header.BaseFee)
	if err != nil {
		return nil, err
	}
	if args.Gas == 0 {
		msg.GasLimit = maxCallGas
	}
	block := core.NewEVMBlockContext(header, a.l.blocks, nil)
	if msg.GasPrice.IsZero() {
		block.BaseFee = new(big.Int) // or else GASPRICE would be below BASEFEE
	}
	evm := vm.NewEVM(block, accounts, a.l.blocks.Config(), vm.Config{NoBaseFee: true})
	defer evm.Release()
	ctx, cancel := context.WithTimeout(ctx, maxCallTime)
	defer cancel()
	stop := context.AfterFunc(ctx, evm.Cancel)
	defer stop()
	result, err := core.ApplyMessage(evm, msg, core.NewGasPool(maxCallGas))
	if failed := accounts.Error(); failed != nil {
		return nil, failed
	}
	if evm.Cancelled() {
		return nil, fmt.Errorf("execution aborted (timeout = %v)", maxCallTime)
	}
	if err != nil {
		return nil, fmt.Errorf("err: %w (supplied gas %d)", err, msg.GasLimit)
	}
	if errors.Is(result.Err, vm.ErrExecutionReverted) {
		return nil, newRevertError(result.Revert())
	}
	return result.Return(), result.Err
}

// EstimateGas serves eth_estimateGas: gas that is enough at the newest block,
// unless another is given.
func (a *ethAPI) EstimateGas(ctx context.Context, args callArgs, at *rpc.BlockNumberOrHash) (hexutil.Uint64, error) {
	accounts, header, err := a.l.state(orLatest(at))
	if err != nil {
		return 0, err
	}
	msg, err := args.message(a.l.blocks.Config().ChainID, header.BaseFee)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxCallTime)
	defer cancel()
	gas, revert, err := gasestimator.Estimate(ctx, msg, &gasestimator.Options{Config: a.l.blocks.Config(),
		Chain: a.l.blocks, Header: header, State: accounts, ErrorRatio: estimateError}, maxCallGas)
	if errors.Is(err, vm.ErrExecutionReverted) {
		return 0, newRevertError(revert)
	}
	return hexutil.Uint64(gas), err
}

func orLatest(at *rpc.BlockNumberOrHash) rpc.BlockNumberOrHash {
	if at == nil {
		return rpc.BlockNumberOrHashWithNumber(rpc.LatestBlockNumber)
	}
	return *at
}

// revertError carries what a contract answered when it refused.
type revertError struct {
	error
	data string // hexadecimal
}

func newRevertError(data []byte) *revertError {
	err := vm.ErrExecutionReverted
	if reason, bad := abi.UnpackRevert(data); bad == nil {
		err = fmt.Errorf("%w: %v", vm.ErrExecutionReverted, reason)
	}
	return &revertError{error: err, data: hexutil.Encode(data)}
}

// ErrorCode is JSON-RPC's for a revert.
func (e *revertError) ErrorCode() int { return 3 }

// ErrorData is the contract's answer.
func (e *revertError) ErrorData() any { return e.data }
