package client

import (
	"context"
	"sync"

	"github.com/rerig/rerig/node"
)

// Ended is how one of several runs came out.
type Ended struct {
	Status *node.RunStatus // the last that was seen; nil where it was never submitted
	Err    error           // why it was not submitted or not followed to its end
}

// Many buys several runs, at most Parallel at a time, and follows each to its end.
type Many struct {
	Parallel int // runs at once; below 1 it is 1
	// Told is given every event of every run, its number first, never two at once. It may
	// be nil; an error from it stops that run.
	Told func(i int, ev node.Event) error
	// Over is given each run's end, likewise never two at once. False starts no more
	// runs and stops those under way. It may be nil.
	Over func(i int, e Ended) bool
}

// Run returns when every run has ended, with an entry for each request. When ctx ends
// the runs under way are stopped and waited for, and the others are left out, with the
// context's error.
func (m Many) Run(ctx context.Context, c *Client, requests []*node.RunRequest) []Ended {
	all := make([]Ended, len(requests))
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	var told sync.Mutex // one call of Told or Over at a time
	var work sync.WaitGroup
	places := make(chan struct{}, max(m.Parallel, 1))
	for i, req := range requests {
		select {
		case places <- struct{}{}:
		case <-starting.Done():
		}
		if err := starting.Err(); err != nil {
			all[i].Err = err
			continue
		}
		work.Go(func() {
			defer func() { <-places }()
			e := c.runOne(starting, req, func(ev node.Event) error {
				told.Lock()
				defer told.Unlock()
				if m.Told == nil {
					return nil
				}
				return m.Told(i, ev)
			})
			told.Lock()
			defer told.Unlock()
			all[i] = e
			if m.Over != nil && !m.Over(i, e) {
				cancel()
			}
		})
	}
	work.Wait()
	return all
}

// runOne submits and follows one run; when ctx ends the run is stopped, and its end is
// waited for.
func (c *Client) runOne(ctx context.Context, req *node.RunRequest, told func(node.Event) error) Ended {
	st, err := c.Submit(ctx, req)
	if err != nil {
		return Ended{Err: err}
	}
	e := Ended{Status: st}
	watched := context.WithoutCancel(ctx)
	stop := context.AfterFunc(ctx, func() {
		_, _ = c.Stop(watched, st.ID.String()) // it may have ended by itself
	})
	defer stop()
	err = c.Follow(watched, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status != nil {
			e.Status = ev.Status
		}
		return told(ev)
	})
	if err == nil && !e.Status.Ended {
		err = errUnended
	}
	if err != nil {
		e.Err = err
		if !e.Status.Ended {
			_, _ = c.Stop(watched, st.ID.String())
		}
	}
	return e
}
