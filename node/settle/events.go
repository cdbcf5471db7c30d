package settle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/rerig/rerig/contracts/bindings"
	"github.com/rerig/rerig/protocol"
)

// Limits of a look into the past.
const (
	logSpan   = 5000    // blocks in one question; halved for endpoints that take fewer
	logIDs    = 200     // channels or bonds in one question
	maxEvents = 200_000 // in all
)

func escrowEvents() abi.ABI { return escrowABI.GetABI() }
func tokenEvents() abi.ABI  { return tokenABI.GetABI() }

// Past reads, from block from on, what concerned the token's balances and accounts of
// owners, and every channel in which one of them is payer or payee. It asks for the
// newest block once and goes by it, however long the reading takes.
func (c *Client) Past(ctx context.Context, owners []protocol.Address, from uint64) (*protocol.Past, error) {
	client, err := c.remote.ready(ctx)
	if err != nil {
		return nil, err
	}
	head, err := client.BlockNumber(ctx)
	if err != nil {
		return nil, c.remote.failure("ask for the newest block", err)
	}
	s := &search{c: c, client: client, from: from, to: head, span: logSpan, seen: map[[2]uint64]bool{}}
	who := make([]common.Hash, len(owners))
	for i, a := range owners {
		who[i] = common.BytesToHash(a[:])
	}
	escrow, token := common.Address(c.domain.Escrow), common.Address(c.token)
	ofToken := []common.Hash{common.BytesToHash(c.token[:])}
	for _, q := range []struct {
		at     common.Address
		topics [][]common.Hash
	}{
		{token, [][]common.Hash{tokenTopics("Transfer"), who}},
		{token, [][]common.Hash{tokenTopics("Transfer"), nil, who}},
		{escrow, [][]common.Hash{topics("Deposited", "Withdrawn"), ofToken, who}},
		{escrow, [][]common.Hash{topics("ChannelFunded"), nil, who}},
		{escrow, [][]common.Hash{topics("ChannelFunded"), nil, nil, who}},
		{escrow, [][]common.Hash{topics("Bonded"), nil, who}},
		{escrow, [][]common.Hash{topics("Slashed"), nil, who}},
	} {
		if q.at == (common.Address{}) { // the native coin has no logs
			continue
		}
		if err := s.read(ctx, q.at, q.topics); err != nil {
			return nil, err
		}
	}
	if err := s.readIDs(ctx, escrow); err != nil {
		return nil, err
	}
	return s.past(ctx, owners)
}

func topics(names ...string) (list []common.Hash) {
	for _, name := range names {
		list = append(list, escrowEvents().Events[name].ID)
	}
	return list
}

func tokenTopics(name string) []common.Hash { return []common.Hash{tokenEvents().Events[name].ID} }

// search collects logs.
type search struct {
	c        *Client
	client   *ethclient.Client
	from, to uint64
	span     uint64
	logs     []types.Log
	seen     map[[2]uint64]bool // block and index
}

// readIDs reads what became of the channels and bonds that were found.
func (s *search) readIDs(ctx context.Context, escrow common.Address) error {
	var channels, bonds []common.Hash
	for i := range s.logs {
		switch s.logs[i].Topics[0] {
		case escrowEvents().Events["ChannelFunded"].ID:
			channels = append(channels, s.logs[i].Topics[1])
		case escrowEvents().Events["Bonded"].ID, escrowEvents().Events["Slashed"].ID:
			bonds = append(bonds, s.logs[i].Topics[1])
		}
	}
	for _, q := range []struct {
		ids   []common.Hash
		names []string
	}{{channels, []string{"Redeemed", "CloseRequested", "ChannelClosed"}}, {bonds, []string{"Bonded", "BondReleased", "Slashed"}}} {
		slices.SortFunc(q.ids, func(a, b common.Hash) int { return a.Cmp(b) })
		for ids := range slices.Chunk(slices.Compact(q.ids), logIDs) {
			if err := s.read(ctx, escrow, [][]common.Hash{topics(q.names...), ids}); err != nil {
				return err
			}
		}
	}
	return nil
}

// read asks for logs, in spans that the endpoint takes.
func (s *search) read(ctx context.Context, at common.Address, topics [][]common.Hash) error {
	for from := s.from; from <= s.to; {
		to := min(from+s.span-1, s.to)
		logs, err := s.client.FilterLogs(ctx, ethereum.FilterQuery{FromBlock: new(big.Int).SetUint64(from),
			ToBlock: new(big.Int).SetUint64(to), Addresses: []common.Address{at}, Topics: topics})
		if err != nil {
			failed := s.c.remote.failure(fmt.Sprintf("read the logs of blocks %d to %d", from, to), err)
			var offline *OfflineError
			if errors.As(failed, &offline) || ctx.Err() != nil || s.span == 1 {
				return failed
			}
			s.span = max(1, s.span/2) // too many blocks, or too many logs
			continue
		}
		for i := range logs {
			key := [2]uint64{logs[i].BlockNumber, uint64(logs[i].Index)}
			if logs[i].Removed || s.seen[key] {
				continue
			}
			if len(logs[i].Topics) < 2 { // none of the events asked for has fewer
				return fmt.Errorf("read the logs: event %d of block %d has %d topics: put another RPC endpoint into the profile",
					logs[i].Index, logs[i].BlockNumber, len(logs[i].Topics))
			}
			s.seen[key] = true
			s.logs = append(s.logs, logs[i])
		}
		if len(s.logs) > maxEvents {
			return fmt.Errorf("read the logs: more than %d events; ask from a later block", maxEvents)
		}
		from = to + 1
	}
	return nil
}

// past puts the logs in order and works out what each left behind.
func (s *search) past(ctx context.Context, owners []protocol.Address) (*protocol.Past, error) {
	slices.SortFunc(s.logs, func(a, b types.Log) int {
		return cmp.Or(cmp.Compare(a.BlockNumber, b.BlockNumber), cmp.Compare(a.Index, b.Index))
	})
	r := replay{past: &protocol.Past{Block: s.to, Channels: map[protocol.Hash]protocol.Channel{}, States: map[protocol.Hash]protocol.ChannelState{}},
		owners: owners, token: s.c.token, bonds: map[protocol.Hash]*bindings.EscrowBonded{}}
	times := map[uint64]uint64{}
	for i := range s.logs {
		log := &s.logs[i]
		e, err := r.event(log)
		if err != nil {
			return nil, fmt.Errorf("event %d of block %d: %w", log.Index, log.BlockNumber, err)
		}
		if e == nil {
			continue
		}
		e.Block, e.Tx, e.Index = log.BlockNumber, protocol.Hash(log.TxHash), log.Index
		if e.Time = log.BlockTimestamp; e.Time == 0 {
			if e.Time, err = s.timeOf(ctx, log.BlockNumber, times); err != nil {
				return nil, err
			}
		}
		r.past.Events = append(r.past.Events, *e)
	}
	return r.past, nil
}

func (s *search) timeOf(ctx context.Context, block uint64, known map[uint64]uint64) (uint64, error) {
	if t, ok := known[block]; ok {
		return t, nil
	}
	header, err := s.client.HeaderByNumber(ctx, new(big.Int).SetUint64(block))
	if err != nil {
		return 0, s.c.remote.failure("ask for a block", err)
	}
	known[block] = header.Time
	return header.Time, nil
}
