package node

import (
	"context"
	"fmt"
	"time"
)

const graceEvery = time.Second // between tries while the chain is away

// checkGrace ends the node when the escrow lets payers leave sooner than this rig
// may be away (SPEC §7.7). While the chain is away only channels that the journal has
// are served, so it may wait for it.
func (r *rig) checkGrace(ctx context.Context, n *Node) error {
	tick := time.NewTicker(graceEvery)
	defer tick.Stop()
	for r.cfg.MinGrace > 0 {
		if n.settle.Online() {
			grace, err := n.settle.CloseGrace(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				n.log.Warn("close grace not read", "err", err)
			case err == nil && grace < r.cfg.MinGrace:
				return fmt.Errorf("escrow %s lets payers take back what they owe %v after they ask, and this rig may be away for %v; choose another network, or lower --min-grace if it never is",
					n.settle.Domain().Escrow, grace, r.cfg.MinGrace)
			case err == nil:
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
	return nil
}
