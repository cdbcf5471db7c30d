package client

import (
	"context"
	"errors"
	"sync"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// Ended is how one of several runs came out.
type Ended struct {
	Status *node.RunStatus // the last that was seen; nil where it was never submitted
	Err    error           // why it was not submitted or not followed to its end
}

// Many buys several runs, at most Parallel at a time, and follows each to its end.
type Many struct {
	Parallel int // runs at once; below 1 it is 1, and protocol.MaxGroupParallel at most
	// Told is given every event of every run, its number first, never two at once. It may
	// be nil; an error from it stops that run.
	Told func(i int, ev node.Event) error
	// Over is given each run's end, likewise never two at once. False starts no more
	// runs and stops those under way, such as the next that the node has begun by then. It
	// may be nil.
	Over func(i int, e Ended) bool
}

// Run returns when every run has ended, with an entry for each request. When ctx ends
// the runs under way are stopped and waited for, and the others are left out, with the
// context's error. The node starts the runs: it goes on with them when this process dies.
func (m Many) Run(ctx context.Context, c *Client, requests []*node.RunRequest) []Ended {
	b := &bought{m: m, c: c, all: make([]Ended, len(requests)), told: make([]bool, len(requests)), under: make([]chan struct{}, len(requests))}
	if len(requests) == 0 {
		return b.all
	}
	order := &node.GroupRequest{Parallel: min(max(m.Parallel, 1), protocol.MaxGroupParallel)}
	for _, r := range requests {
		order.Tasks = append(order.Tasks, *r)
	}
	st, err := c.SubmitGroup(ctx, order)
	if err != nil {
		for i := range b.all {
			b.all[i].Err = err
		}
		return b.all
	}
	b.id, b.watched = st.ID.String(), context.WithoutCancel(ctx)
	b.left = ctx.Err
	stop := context.AfterFunc(ctx, b.stop)
	defer stop()
	err = c.FollowGroup(b.watched, b.id, true, b.event)
	b.work.Wait()
	for i := range b.all {
		if !b.told[i] {
			b.stop() // nobody sees what it costs any more
			b.all[i].Err = errors.Join(err, errUnended)
		}
	}
	return b.all
}

// bought is the runs of one call of Run. Its events come from one goroutine.
type bought struct {
	m       Many
	c       *Client
	id      string
	watched context.Context
	left    func() error // why no more is wanted
	all     []Ended
	told    []bool          // the end of which was told
	under   []chan struct{} // closed when what follows the output is through; nil where nothing does
	work    sync.WaitGroup

	mu sync.Mutex // held while Told or Over is called, or all is changed
}

func (b *bought) stop() { _, _ = b.c.StopGroup(b.watched, b.id) } // it may have ended by itself

// event takes a line of the group's stream.
func (b *bought) event(ev node.GroupEvent) error {
	if ev.Group != nil {
		return nil
	}
	i := ev.Index
	if ev.Status != nil && b.under[i] == nil {
		through := make(chan struct{})
		b.under[i] = through
		b.work.Go(func() {
			defer close(through)
			b.follow(i, ev.Status)
		})
	}
	if !ev.Over {
		return nil
	}
	if b.under[i] != nil {
		<-b.under[i]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &b.all[i]
	b.told[i] = true
	switch {
	case ev.Status != nil:
		e.Status = ev.Status
	case ev.NotBegun:
		if e.Err = b.left(); e.Err == nil {
			e.Err = context.Canceled
		}
	case e.Err == nil:
		e.Err = errors.New(ev.Error)
	}
	if b.m.Over != nil && !ev.NotBegun && !b.m.Over(i, *e) {
		b.work.Go(b.stop) // what it does is told by the stream
	}
	return nil
}

// follow tells what a run does, to its end.
func (b *bought) follow(i int, st *node.RunStatus) {
	err := b.c.Follow(b.watched, st.ID.String(), true, func(ev node.Event) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.m.Told == nil {
			return nil
		}
		return b.m.Told(i, ev)
	})
	if err == nil {
		return
	}
	b.mu.Lock()
	b.all[i].Err = err
	b.mu.Unlock()
	_, _ = b.c.Stop(b.watched, st.ID.String())
}
