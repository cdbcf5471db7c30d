package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// Limits of a search for logs.
const (
	maxLogBlocks    = 10_000
	maxLogs         = 10_000
	maxLogAddresses = 1000
	maxLogTopics    = 4    // positions; a log has no more
	maxTopicChoices = 1000 // for one position
)

// logQuery is a search as clients describe it.
type logQuery struct {
	BlockHash *common.Hash              `json:"blockHash"`
	From      *rpc.BlockNumber          `json:"fromBlock"`
	To        *rpc.BlockNumber          `json:"toBlock"`
	Addresses oneOrMore[common.Address] `json:"address"`
	Topics    []oneOrMore[common.Hash]  `json:"topics"`
}

// oneOrMore is a value or a list of values in JSON; null, and a list with a null
// in it, stands for any value and has none.
type oneOrMore[T any] []T

// UnmarshalJSON reads either form.
func (o *oneOrMore[T]) UnmarshalJSON(data []byte) error {
	*o = nil
	if len(data) == 0 || data[0] != '[' {
		var one *T
		if err := json.Unmarshal(data, &one); err != nil || one == nil {
			return err
		}
		*o = oneOrMore[T]{*one}
		return nil
	}
	var list []*T
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, v := range list {
		if v == nil {
			*o = nil
			return nil
		}
		*o = append(*o, *v)
	}
	return nil
}

func (q *logQuery) check() error {
	if q.BlockHash != nil && (q.From != nil || q.To != nil) {
		return errors.New("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
	}
	if len(q.Addresses) > maxLogAddresses {
		return fmt.Errorf("exceed max addresses: %d of %d", len(q.Addresses), maxLogAddresses)
	}
	if len(q.Topics) > maxLogTopics {
		return fmt.Errorf("exceed max topics: %d of %d", len(q.Topics), maxLogTopics)
	}
	for _, choices := range q.Topics {
		if len(choices) > maxTopicChoices {
			return fmt.Errorf("exceed max topics: %d of %d", len(choices), maxTopicChoices)
		}
	}
	return nil
}

// GetLogs serves eth_getLogs, over at most 10,000 blocks and with at most 10,000
// answers; without a range it searches the newest block.
func (a *ethAPI) GetLogs(ctx context.Context, query logQuery) ([]*types.Log, error) {
	if err := query.check(); err != nil {
		return nil, err
	}
	found := []*types.Log{}
	if query.BlockHash != nil {
		header := a.l.blocks.GetHeaderByHash(*query.BlockHash)
		if header == nil {
			return nil, errors.New("unknown block")
		}
		return a.l.searchLogs(found, header, &query)
	}
	from, to, err := a.l.logRange(&query)
	if err != nil {
		return nil, err
	}
	for number := from; number <= to; number++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		header := a.l.blocks.GetHeaderByNumber(number)
		if header == nil {
			return nil, errNoHeader
		}
		if found, err = a.l.searchLogs(found, header, &query); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// logRange is the first and the last block to search; blocks after the newest
// have no logs.
func (l *ledger) logRange(q *logQuery) (from, to uint64, err error) {
	newest := l.blocks.CurrentBlock().Number.Uint64()
	bound := func(number *rpc.BlockNumber) (uint64, error) {
		if number == nil || *number == rpc.PendingBlockNumber {
			return newest, nil
		}
		if *number >= 0 {
			return uint64(*number), nil
		}
		header := l.headerByNumber(*number)
		if header == nil {
			return 0, errNoHeader
		}
		return header.Number.Uint64(), nil
	}
	if from, err = bound(q.From); err != nil {
		return 0, 0, err
	}
	if to, err = bound(q.To); err != nil {
		return 0, 0, err
	}
	if from > to {
		return 0, 0, errors.New("invalid block range params")
	}
	if to-from >= maxLogBlocks {
		return 0, 0, fmt.Errorf("block range of %d exceeds the limit of %d", to-from+1, maxLogBlocks)
	}
	return from, min(to, newest), nil
}

// searchLogs appends what matches in one block.
func (l *ledger) searchLogs(found []*types.Log, header *types.Header, q *logQuery) ([]*types.Log, error) {
	if header.Bloom == (types.Bloom{}) {
		return found, nil
	}
	for _, receipt := range l.blocks.GetReceiptsByHash(header.Hash()) {
		for _, log := range receipt.Logs {
			if !q.matches(log) {
				continue
			}
			if len(found) == maxLogs {
				return nil, fmt.Errorf("more than %d logs match, search fewer blocks", maxLogs)
			}
			found = append(found, log)
		}
	}
	return found, nil
}

func (q *logQuery) matches(log *types.Log) bool {
	if len(q.Addresses) > 0 && !slices.Contains(q.Addresses, log.Address) {
		return false
	}
	if len(q.Topics) > len(log.Topics) {
		return false
	}
	for i, choices := range q.Topics {
		if len(choices) > 0 && !slices.Contains(choices, log.Topics[i]) {
			return false
		}
	}
	return true
}
