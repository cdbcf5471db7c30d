package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/event"
)

// retryAfter is how long transactions that a block left out wait for the next one.
const retryAfter = 100 * time.Millisecond

// listen wakes seal for each transaction. It must not seal itself: the pool waits
// for its listeners, and sealing waits for the pool.
func (c *Chain) listen(ctx context.Context, arrived <-chan core.NewTxsEvent, sub event.Subscription) {
	defer sub.Unsubscribe()
	for {
		select {
		case <-ctx.Done():
			return
		case <-arrived:
			c.kick()
		}
	}
}

func (c *Chain) kick() {
	select {
	case c.wake <- struct{}{}:
	default: // a wake-up is already on its way
	}
}

// seal makes a block soon after each transaction and after each interval.
func (c *Chain) seal(ctx context.Context, interval time.Duration) {
	var again <-chan time.Time  // fires when a block left transactions waiting
	var passed <-chan time.Time // nil, which never fires, without an interval
	if interval > 0 {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		passed = ticker.C
	}
	for {
		left := false
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
			left = c.sealPending()
		case <-again:
			left = c.sealPending()
		case <-passed:
			c.sealEmpty()
		}
		if again = nil; left {
			again = time.After(retryAfter)
		}
	}
}

func (c *Chain) sealEmpty() {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	if !c.sealing.paused {
		_ = c.growLocked(false) // Close tells
	}
}

// growLocked makes a block. It fails only when the chain itself is broken or
// closing: the first error is kept for Close.
func (c *Chain) growLocked(empty bool) error {
	err := c.ledger.grow(time.Now().Add(c.sealing.ahead), empty)
	if err != nil && c.sealing.failed == nil {
		c.sealing.failed = err
	}
	return err
}

func (c *Chain) sealPending() (left bool) {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	return !c.sealing.paused && c.drainLocked()
}

// drainLocked seals blocks until no executable transaction is left, or until a
// block took none, and reports which: what a miner will not take (a tip below its
// least, say) stays.
func (c *Chain) drainLocked() (left bool) {
	for {
		if waiting, _ := c.ledger.pending.Stats(); waiting == 0 {
			return false
		}
		if err := c.growLocked(false); err != nil {
			return false // no other block will be made either
		}
		if c.ledger.blocks.CurrentBlock().GasUsed == 0 {
			return true
		}
	}
}

// Mine seals n blocks, the first with the transactions that wait.
func (c *Chain) Mine(n int) {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	for range n {
		_ = c.growLocked(false) // Close tells
	}
}

// PauseMining stops automatic blocks: transactions wait for Mine or ResumeMining.
func (c *Chain) PauseMining() {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	c.sealing.paused = true
}

// ResumeMining starts automatic blocks again and seals what waits.
func (c *Chain) ResumeMining() {
	c.sealing.Lock()
	c.sealing.paused = false
	c.sealing.Unlock()
	c.kick()
}

// AdjustTime seals waiting transactions and then an empty block whose clock is d
// after its parent's, at least a second; later blocks go on from there. The
// chain's clock never goes back.
func (c *Chain) AdjustTime(d time.Duration) error {
	if d < time.Second {
		return fmt.Errorf("move the chain's clock by %v: give a second at least", d)
	}
	c.sealing.Lock()
	defer c.sealing.Unlock()
	c.drainLocked()
	c.sealing.ahead = time.Until(c.Now().Add(d))
	if err := c.growLocked(true); err != nil {
		return fmt.Errorf("move the chain's clock by %v: %w", d, err)
	}
	return nil
}

// Now is the time of the newest block.
func (c *Chain) Now() time.Time {
	return time.Unix(int64(c.ledger.blocks.CurrentBlock().Time), 0)
}

// Height is the number of the newest block.
func (c *Chain) Height() uint64 { return c.ledger.blocks.CurrentBlock().Number.Uint64() }
