package artifact

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	newWindow   = 2                      // blocks asked of a peer that has not answered yet
	guessedWait = 200 * time.Millisecond // a peer's least time before it was measured
)

// source is a peer as one fetch knows it. Guarded by session.mu.
type source struct {
	id       peer.ID
	inflight int
	answered bool      // with a block
	misses   int       // blocks that it did not bring since the last that it did
	pace     float64   // nanoseconds per byte, smoothed; 0: not measured yet
	last     time.Time // when its last block came
	lost     error     // why it is not asked any more
}

// measure smooths the time that a byte takes.
func (c *source) measure(pace float64) {
	if c.pace == 0 {
		c.pace = pace
		return
	}
	c.pace += (pace - c.pace) / 8
}

func (c *source) window() int {
	if !c.answered {
		return newWindow
	}
	return fetchWindow
}

// cost orders sources by when a block asked of them now would be here.
func (c *source) cost(typical float64) float64 {
	pace := c.pace
	if pace == 0 {
		pace = typical
	}
	return float64(c.inflight+1) * pace
}

// wait is the time until a block asked of the source now would be here.
func (c *source) wait(typical float64) time.Duration {
	wait := time.Duration(c.cost(typical) * leafBytes)
	if c.pace == 0 {
		return max(wait, guessedWait)
	}
	return wait
}
