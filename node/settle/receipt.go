package settle

import (
	"context"
	"errors"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
)

// receiptOf is a transaction's receipt; ethereum.NotFound says that no block has it.
// go-ethereum lets the parts be absent that all who ask here go by.
func receiptOf(ctx context.Context, client *ethclient.Client, tx common.Hash) (*types.Receipt, error) {
	receipt, err := client.TransactionReceipt(ctx, tx)
	switch {
	case err != nil:
		return nil, err
	case receipt.BlockNumber == nil || receipt.BlockHash == (common.Hash{}):
		return nil, ethereum.NotFound // of a transaction that waits, as some nodes have it
	case receipt.EffectiveGasPrice == nil:
		return nil, errors.New("receipt without the price of its gas")
	}
	return receipt, nil
}
