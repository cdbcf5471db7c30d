//go:build unix

package testnet_test

import (
	"sync"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// work trades until the victim is dead or its time has come.
func (c *chaos) work(plan *plan) {
	var busy sync.WaitGroup
	over := make(chan struct{})
	for n := range chaosWorkers {
		busy.Go(func() { c.buy(over, plan.jobs[n]) })
	}
	busy.Go(func() { c.collectOften(over, plan.collect) })
	busy.Go(func() { c.listen(over) })
	select {
	case <-plan.victim.c.done:
	case <-time.After(plan.after):
	case <-c.ctx.Done():
	}
	if !plan.victim.c.ended() {
		plan.at = "any time"
		_ = plan.victim.c.cmd.Process.Kill() // in the middle of the work
	}
	if plan.both {
		_ = c.rig.c.cmd.Process.Kill()
		_ = c.buyer.c.cmd.Process.Kill()
	}
	close(over)
	busy.Wait()
}

// buy has the requester buy one job after another. They fail when somebody dies.
func (c *chaos) buy(over <-chan struct{}, args [][]string) {
	api, err := dial(c.ctx, c.buyer)
	if err != nil {
		return
	}
	defer api.Close()
	ctx, cancel := untilOver(c.ctx, over)
	defer cancel()
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		case <-c.buyer.c.done:
			return
		case <-time.After(5 * time.Millisecond): // the rig's offer may not be here yet
		}
		st, err := api.Submit(ctx, &node.RunRequest{Module: c.guest, Args: args[n%len(args)], Budget: protocol.NewAmount(chaosBudget)})
		if err != nil {
			continue
		}
		_ = api.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
			if ev.Status != nil {
				c.seen.told(ev.Status)
			}
			return nil
		})
	}
}

// collectOften asks the rig for its money; it may wait for a block until it dies.
func (c *chaos) collectOften(over <-chan struct{}, every time.Duration) {
	api, err := dial(c.ctx, c.rig)
	if err != nil {
		return
	}
	defer api.Close()
	ctx, cancel := untilOver(c.ctx, over)
	defer cancel()
	for {
		select {
		case <-over:
			return
		case <-c.rig.c.done:
			return
		case <-time.After(every):
		}
		_, _ = api.Collect(ctx)
	}
}

// listen remembers what the rig says it has earned.
func (c *chaos) listen(over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-c.rig.c.done:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if info, err := c.ask(c.rig); err == nil && info.Rig != nil {
			c.seen.earned(info.Rig.Earned)
		}
	}
}
