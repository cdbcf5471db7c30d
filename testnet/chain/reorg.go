package chain

import (
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// maxReorg is how many blocks a reorganisation takes out at most: the state of the
// block below must still be there.
const maxReorg = 96

// Reorg does what a reorganisation of a public chain does at its worst: the newest
// depth blocks are gone, depth+1 empty siblings are in their place, and nobody
// remembers the transactions that were in them. Those that wait are forgotten too
// where they build on one that is gone. The chain's clock does not go back.
func (c *Chain) Reorg(depth uint64) error {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	newest := c.ledger.blocks.CurrentBlock().Number.Uint64()
	if depth == 0 || depth > maxReorg || depth >= newest {
		return fmt.Errorf("reorganise %d blocks: 1 to %d, and fewer than the chain's %d", depth, maxReorg, newest)
	}
	if err := c.ledger.rewind(newest - depth); err != nil {
		return err
	}
	for range depth + 1 {
		if err := c.growLocked(true); err != nil {
			return fmt.Errorf("reorganise %d blocks: %w", depth, err)
		}
	}
	return nil
}

// rewind takes out the blocks above one. The next blocks differ from them whatever
// is in them.
func (l *ledger) rewind(to uint64) error {
	if err := l.blocks.SetHead(to); err != nil {
		return fmt.Errorf("take out the blocks above %d: %w", to, err)
	}
	if at := l.blocks.CurrentBlock().Number.Uint64(); at != to {
		return fmt.Errorf("take out the blocks above %d: the chain went back to %d", to, at)
	}
	l.branch++
	return l.pending.Sync()
}

// salt is the randomness of the next block: another one on each branch.
func (l *ledger) salt() common.Hash {
	return crypto.Keccak256Hash(binary.BigEndian.AppendUint64(nil, l.branch))
}
