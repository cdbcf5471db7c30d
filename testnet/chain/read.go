package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

var errNoHeader = errors.New("header not found")

// ethAPI serves the methods eth_… of the JSON-RPC endpoint: the name of the
// method is the rest of it, and its parameters are the method's. Errors have
// go-ethereum's texts, which clients match.
type ethAPI struct{ l *ledger }

// netAPI serves net_….
type netAPI struct{ id uint64 }

// Version serves net_version: the chain ID in decimal.
func (a netAPI) Version() string { return fmt.Sprint(a.id) }

// Listening serves net_listening: there are no peers.
func (a netAPI) Listening() bool { return false }

// PeerCount serves net_peerCount.
func (a netAPI) PeerCount() hexutil.Uint { return 0 }

// web3API serves web3_….
type web3API struct{}

// ClientVersion serves web3_clientVersion.
func (web3API) ClientVersion() string { return "rerig-testnet/go-ethereum" }

// ChainId serves eth_chainId.
func (a *ethAPI) ChainId() *hexutil.Big { return (*hexutil.Big)(a.l.blocks.Config().ChainID) }

// BlockNumber serves eth_blockNumber.
func (a *ethAPI) BlockNumber() hexutil.Uint64 {
	return hexutil.Uint64(a.l.blocks.CurrentBlock().Number.Uint64())
}

// Syncing serves eth_syncing: never.
func (a *ethAPI) Syncing() bool { return false }

// Accounts serves eth_accounts: none, no key is kept here.
func (a *ethAPI) Accounts() []common.Address { return []common.Address{} }

// headerByNumber is nil for a block that is not there, the pending one included.
func (l *ledger) headerByNumber(number rpc.BlockNumber) *types.Header {
	switch number {
	case rpc.LatestBlockNumber:
		return l.blocks.CurrentBlock()
	case rpc.SafeBlockNumber:
		return l.blocks.CurrentSafeBlock()
	case rpc.FinalizedBlockNumber:
		return l.blocks.CurrentFinalBlock()
	case rpc.EarliestBlockNumber:
		return l.blocks.GetHeaderByNumber(0)
	}
	if number < 0 || uint64(number) > l.blocks.CurrentBlock().Number.Uint64() {
		return nil
	}
	return l.blocks.GetHeaderByNumber(uint64(number))
}

// blockByNumber is nil for a block that is not there.
func (l *ledger) blockByNumber(number rpc.BlockNumber) *types.Block {
	if number == rpc.PendingBlockNumber {
		block, _, _ := l.builder.Pending()
		return block
	}
	header := l.headerByNumber(number)
	if header == nil {
		return nil
	}
	return l.blocks.GetBlock(header.Hash(), header.Number.Uint64())
}

// header finds a block that is there, of the newest chain if it has to be.
func (l *ledger) header(at rpc.BlockNumberOrHash) (*types.Header, error) {
	var header *types.Header
	if hash, ok := at.Hash(); ok {
		header = l.blocks.GetHeaderByHash(hash)
		if header != nil && at.RequireCanonical && l.blocks.GetCanonicalHash(header.Number.Uint64()) != hash {
			return nil, errors.New("hash is not currently canonical")
		}
	} else if number, ok := at.Number(); ok {
		header = l.headerByNumber(number)
	} else {
		return nil, errors.New("invalid arguments; neither block nor hash specified")
	}
	if header == nil {
		return nil, errNoHeader
	}
	return header, nil
}

// state is the accounts after a block. The last 128 blocks have theirs.
func (l *ledger) state(at rpc.BlockNumberOrHash) (*state.StateDB, *types.Header, error) {
	if number, ok := at.Number(); ok && number == rpc.PendingBlockNumber {
		block, _, accounts := l.builder.Pending()
		if block == nil || accounts == nil {
			return nil, nil, errors.New("pending state is not available")
		}
		return accounts, block.Header(), nil
	}
	header, err := l.header(at)
	if err != nil {
		return nil, nil, err
	}
	accounts, err := l.blocks.StateAt(header.Root, header.Number, header.Time)
	return accounts, header, err
}

// GetBalance serves eth_getBalance, in wei.
func (a *ethAPI) GetBalance(_ context.Context, addr common.Address, at rpc.BlockNumberOrHash) (*hexutil.Big, error) {
	accounts, _, err := a.l.state(at)
	if err != nil {
		return nil, err
	}
	return (*hexutil.Big)(accounts.GetBalance(addr).ToBig()), accounts.Error()
}

// GetCode serves eth_getCode.
func (a *ethAPI) GetCode(_ context.Context, addr common.Address, at rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	accounts, _, err := a.l.state(at)
	if err != nil {
		return nil, err
	}
	return accounts.GetCode(addr), accounts.Error()
}

// GetStorageAt serves eth_getStorageAt.
func (a *ethAPI) GetStorageAt(_ context.Context, addr common.Address, key string, at rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	slot, err := storageKey(key)
	if err != nil {
		return nil, err
	}
	accounts, _, err := a.l.state(at)
	if err != nil {
		return nil, err
	}
	value := accounts.GetState(addr, slot)
	return value[:], accounts.Error()
}

// storageKey reads a slot as clients write it: 32 bytes, or a shorter number.
func storageKey(key string) (common.Hash, error) {
	if len(key) == 2+2*common.HashLength {
		raw, err := hexutil.Decode(key)
		return common.BytesToHash(raw), err
	}
	n, err := hexutil.DecodeBig(key)
	if err != nil {
		return common.Hash{}, fmt.Errorf("storage key: %w", err)
	}
	return common.BigToHash(n), nil
}

// GetTransactionCount serves eth_getTransactionCount, the next nonce; the pending
// one counts the transactions that wait without a gap.
func (a *ethAPI) GetTransactionCount(_ context.Context, addr common.Address, at rpc.BlockNumberOrHash) (hexutil.Uint64, error) {
	if number, ok := at.Number(); ok && number == rpc.PendingBlockNumber {
		return hexutil.Uint64(a.l.pending.PoolNonce(addr)), nil
	}
	accounts, _, err := a.l.state(at)
	if err != nil {
		return 0, err
	}
	return hexutil.Uint64(accounts.GetNonce(addr)), accounts.Error()
}
