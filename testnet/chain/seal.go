package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/event"
)

// adjustTries bounds how often AdjustTime makes room for its empty block when
// transactions keep arriving.
const adjustTries = 100

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
		c.sealing.beacon.Commit()
	}
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
	pool := c.eth.TxPool()
	for {
		if waiting, _ := pool.Stats(); waiting == 0 {
			return false
		}
		c.sealing.beacon.Commit()
		if err := pool.Sync(); err != nil {
			return false // the pool is closing with the chain
		}
		if c.eth.BlockChain().CurrentBlock().GasUsed == 0 {
			return true
		}
	}
}

// Mine seals n blocks, the first with the transactions that wait.
func (c *Chain) Mine(n int) {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	for range n {
		c.sealing.beacon.Commit()
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
// after its parent's. The chain's clock never goes back.
func (c *Chain) AdjustTime(d time.Duration) error {
	c.sealing.Lock()
	defer c.sealing.Unlock()
	var err error
	for range adjustTries {
		c.drainLocked()
		if err = c.sealing.beacon.AdjustTime(d); err == nil {
			return nil
		}
	}
	return fmt.Errorf("move the chain's clock by %v: %w", d, errors.Join(err, errors.New("let the transactions that wait be mined first")))
}

// Now is the time of the newest block.
func (c *Chain) Now() time.Time {
	return time.Unix(int64(c.eth.BlockChain().CurrentBlock().Time), 0)
}

// Height is the number of the newest block.
func (c *Chain) Height() uint64 { return c.eth.BlockChain().CurrentBlock().Number.Uint64() }
