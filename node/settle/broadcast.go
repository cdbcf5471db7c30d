package settle

import (
	"context"
	"errors"

	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// outcome is what became of sending a transaction.
type outcome int

const (
	accepted    outcome = iota // the endpoint has it
	unreachable                // nobody knows; send it again later
	nonceTaken                 // another transaction has the nonce
	refused                    // the endpoint will not have it
)

// broadcast sends a signed transaction. err says why it was not accepted.
func (w *wallet) broadcast(ctx context.Context, client *ethclient.Client, a attempt) (outcome, error) {
	err := client.SendTransaction(ctx, a.tx)
	var answer rpc.Error
	switch {
	case err == nil, says(err, "already known", "alreadyknown", "known transaction", "already imported"):
		return accepted, nil
	case !errors.As(err, &answer):
		return unreachable, w.remote.failure("send", err)
	case says(err, "nonce too low", "oldnonce", "replacement transaction underpriced", "nonce has already been used"):
		return nonceTaken, w.remote.failure("send", err)
	}
	return refused, w.remote.failure("send", err)
}
