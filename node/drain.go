package node

import (
	"context"
	"time"
)

const (
	// maxDrain is how long a node waits for its jobs before it ends them, billed to the tick.
	maxDrain  = 30 * time.Minute
	drainPoll = time.Second
)

// Drain takes no new jobs, and returns when those under way have ended, after half an hour or
// when ctx ends. Sessions with warm models count as jobs. A node takes no jobs again before it
// is started again.
func (n *Node) Drain(ctx context.Context) {
	if n.rig == nil {
		return
	}
	n.rig.provider.Drain()
	n.rig.governed.drain()
	ctx, cancel := context.WithTimeout(ctx, maxDrain)
	defer cancel()
	poll := time.NewTicker(drainPoll)
	defer poll.Stop()
	for n.rig.provider.Active() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}
