//go:build unix

package testnet_test

import (
	"context"
	"sync"
	"time"

	"github.com/rerig/rerig/client"
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
	if plan.close > 0 {
		busy.Go(func() { c.closeOnce(over, plan.close) })
	}
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
		c.shop.RLock()
		c.order(ctx, api, args[n%len(args)])
		c.shop.RUnlock()
	}
}

// order buys one job and remembers what it was told of it.
func (c *chaos) order(ctx context.Context, api *client.Client, args []string) {
	st, err := api.Submit(ctx, &node.RunRequest{Module: c.guest, Args: args, Budget: protocol.NewAmount(chaosBudget)})
	if err != nil {
		return
	}
	_ = api.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status != nil {
			c.seen.told(ev.Status)
		}
		return nil
	})
}

// closeOnce has the requester ask for all of its channels back when no job is under
// way. The rig gives them back where it has something to collect from them; for the
// others the requester waits, until wake lets the time pass.
func (c *chaos) closeOnce(over <-chan struct{}, after time.Duration) {
	api, err := dial(c.ctx, c.buyer)
	if err != nil {
		return
	}
	defer api.Close()
	ctx, cancel := untilOver(c.ctx, over)
	defer cancel()
	select {
	case <-over:
		return
	case <-time.After(after):
	}
	c.shop.Lock()
	defer c.shop.Unlock()
	_, _ = api.CloseChannel(ctx, protocol.Hash{})
}

// wake lets the grace of a close pass, while both are dead, where the rig has nothing
// left to lose by it: how long it may be away is its operator's to know (SPEC §7.4).
func (c *chaos) wake(rig *ledger) {
	c.t.Helper()
	st := c.channel(c.buyer.member, c.rig.member)
	if st.ClosesAt == 0 || c.paused {
		return
	}
	for _, in := range rig.in {
		if in.State.Epoch == st.Epoch && st.Claimed.Less(in.Best.Voucher.Cumulative) {
			return
		}
	}
	if left := time.Unix(int64(st.ClosesAt), 0).Sub(c.net.Chain.Now()); left > 0 {
		c.must(c.net.Chain.AdjustTime(left + time.Second))
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
