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

// broadcast sends a signed transaction to every endpoint that is believed: one of
// them may swallow it. err says why none accepted it. What the first one refuses
// the others are not asked for.
func (w *wallet) broadcast(ctx context.Context, a attempt) (outcome, error) {
	list := w.remote.usable()
	if len(list) == 0 { // the client waits, or knows why
		return w.broadcastTo(ctx, w.remote.client, a)
	}
	result, err := w.broadcastTo(ctx, list[0].client, a)
	if result == nonceTaken || result == refused {
		return result, err
	}
	for _, e := range list[1:] {
		if also, _ := w.broadcastTo(ctx, e.client, a); also == accepted {
			result, err = accepted, nil
		}
	}
	return result, err
}

func (w *wallet) broadcastTo(ctx context.Context, client *ethclient.Client, a attempt) (outcome, error) {
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
