package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/jobfile"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/transfer"
)

// groupNote is what the command of an array or a gang keeps with it, for those that find it later.
type groupNote struct {
	OutDir string         `json:"out_dir,omitempty"` // whole path, or s3://BUCKET/PREFIX
	Array  int            `json:"array,omitempty"`
	Axes   []jobfile.Axis `json:"axes,omitempty"`
}

// note is the flags' note.
func (r *runFlags) note(outDir string) ([]byte, error) {
	axes, err := r.allAxes()
	if err != nil {
		return nil, err
	}
	n := groupNote{OutDir: outDir, Array: r.array, Axes: axes}
	if outDir != "" && !transfer.Remote(outDir) {
		if n.OutDir, err = filepath.Abs(outDir); err != nil { // others stand elsewhere
			return nil, fmt.Errorf("--out-dir: %w", err)
		}
	}
	return json.Marshal(n)
}

// newCollector makes what gathers a group's members, from what its command has kept.
func (a *app) newCollector(ctx context.Context, s *session, g *node.GroupStatus, p *progress) (*collector, error) {
	var n groupNote
	if len(g.Note) > 0 {
		if err := json.Unmarshal(g.Note, &n); err != nil {
			return nil, fmt.Errorf("the note of group %s: %w", g.ID.Short(), err)
		}
	}
	c := &collector{ctx: context.WithoutCancel(ctx), a: a, p: p, money: s.money, group: g, outDir: n.OutDir, what: placeOf(g), values: make([]jobfile.Values, g.Size),
		ended: make([]client.Ended, g.Size), there: make([]bool, g.Size)}
	if n.Array > 0 || len(n.Axes) > 0 {
		all, err := jobfile.Tasks(n.Array, n.Axes)
		if err != nil || len(all) != g.Size {
			return nil, fmt.Errorf("the note of group %s is not of its %d tasks: %w", g.ID.Short(), g.Size, err)
		}
		c.values = all
	}
	c.board = newBoard(p, s.money, c.what, g.Size, time.UnixMilli(int64(g.Created)))
	return c, nil
}

// notBegun is why a member never began.
type notBegun struct {
	text string
	code int // exit code
}

// Error is the reason.
func (e *notBegun) Error() string { return e.text }

// event takes a line of a group's stream. The client calls it from one goroutine at a time.
func (c *collector) event(ev node.GroupEvent) error {
	switch {
	case ev.Group != nil:
		c.group = ev.Group
	case !ev.Over:
		c.board.show(ev.Index, ev.Status)
	case ev.NotBegun:
		e := &notBegun{ev.Error, exitNetwork}
		if c.group.Reason == protocol.ReasonStopped {
			e.code = exitInterrupted
		}
		c.over(ev.Index, client.Ended{Err: e})
	case ev.Status == nil:
		c.over(ev.Index, client.Ended{Err: errors.New(ev.Error)})
	default:
		c.over(ev.Index, client.Ended{Status: ev.Status})
	}
	return nil
}

// unended says why a group's stream has ended before the group.
func (c *collector) unended(err error) error {
	switch {
	case err != nil:
		return networkError(err)
	case c.group.Paused:
		return networkError(errors.New("no node that stays goes on with it: `rerig up --server` in this directory does, and `rerig stop` ends it"))
	}
	return networkError(errors.New("the node ended before all tasks did; `rerig ps -a` shows what became of them"))
}

// attend follows an array that this command bought, stops it when ctx ends, and on a terminal
// may leave it.
func (a *app) attend(ctx context.Context, s *session, c *collector) error {
	id := c.group.ID.String()
	watched, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	done := a.mind(ctx, s, c.p, leave)
	defer done()
	stopped := context.AfterFunc(ctx, func() { a.stopGroup(watched, s, id, c.p) })
	defer stopped()
	err := s.FollowGroup(watched, id, true, c.event)
	c.board.close()
	if watched.Err() != nil && !c.group.Ended {
		return a.leaveGroup(c.ctx, s, c.group, c.p)
	}
	if !c.group.Ended {
		return c.unended(err)
	}
	return c.end()
}

// stopGroup asks for the end of a group that a command follows.
func (a *app) stopGroup(ctx context.Context, s *session, id string, p *progress) {
	p.line("stopping; press Ctrl-C again to leave at once")
	if _, err := s.StopGroup(ctx, id); err != nil {
		p.warn("stop: %v", err)
	}
}

// leaveGroup leaves a group to the node.
func (a *app) leaveGroup(ctx context.Context, s *session, g *node.GroupStatus, p *progress) error {
	if !g.Gang {
		if err := s.KeepGroup(ctx, g.ID.String()); err != nil {
			return err
		}
	}
	a.left(kindOf(g), g.ID.Short(), p)
	return nil
}

// placeOf is what a member of a group is called.
func placeOf(g *node.GroupStatus) string {
	if g.Gang {
		return "rank"
	}
	return "task"
}

func kindOf(g *node.GroupStatus) string {
	if g.Gang {
		return "gang"
	}
	return "array"
}

// submittedGroup prints the ID of a group that a command leaves to the node; with submit when
// the first of its members is on its way, or says why none is.
func (a *app) submittedGroup(ctx context.Context, s *session, r *runFlags, g *node.GroupStatus, p *progress) error {
	if !r.submit {
		p.line("the %s goes on in the node; `rerig wait`, `logs -f`, `ps`, `cp` and `stop` take its ID", kindOf(g))
		return a.printID(g.ID, g)
	}
	c, err := a.newCollector(ctx, s, g, p)
	if err != nil {
		return err
	}
	c.outDir, c.board.quiet = "", true
	watched := context.WithoutCancel(ctx)
	defer context.AfterFunc(ctx, func() { _, _ = s.StopGroup(watched, g.ID.String()) })() // it may have ended by itself
	err = s.FollowGroup(watched, g.ID.String(), true, func(ev node.GroupEvent) error {
		if ev.Status != nil && onItsWay(ev.Status) {
			return errLeft
		}
		return c.event(ev)
	})
	switch {
	case errors.Is(err, errLeft):
		return a.printID(g.ID, c.group)
	case !c.group.Ended:
		return c.unended(err)
	}
	return c.end()
}

// waitGroup follows a group that another command bought, and collects its results. Its output
// stays where it is.
func (a *app) waitGroup(ctx context.Context, s *session, g *node.GroupStatus, outDir string) error {
	c, err := a.newCollector(ctx, s, g, a.progress())
	if err != nil {
		return err
	}
	if outDir != "" {
		c.outDir = outDir
	}
	err = s.FollowGroup(ctx, g.ID.String(), true, c.event)
	c.board.close()
	switch {
	case ctx.Err() != nil: // Ctrl-C ends the waiting, not the group
		return &exitError{code: exitInterrupted}
	case !c.group.Ended:
		return c.unended(err)
	}
	return c.end()
}

// logsGroup copies the output of a group's members; each line begins with its index.
func (a *app) logsGroup(ctx context.Context, s *session, g *node.GroupStatus, follow bool) error {
	out := &ganged{a: a, p: a.progress()}
	var work sync.WaitGroup
	var mu sync.Mutex // guards failed
	var failed error
	copyOf := func(ev node.GroupEvent) {
		prefix := "[" + strconv.Itoa(ev.Index) + "] "
		both := []*lines{{g: out, w: a.stdout, prefix: prefix}, {g: out, w: a.stderr, prefix: prefix}}
		err := s.Follow(ctx, ev.Status.ID.String(), follow, func(e node.Event) error {
			if e.Status != nil {
				return nil
			}
			return both[min(e.FD, 2)-1].write(e.Data)
		})
		for _, l := range both {
			err = errors.Join(err, l.end())
		}
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
	}
	seen := map[int]bool{}
	err := s.FollowGroup(ctx, g.ID.String(), follow, func(ev node.GroupEvent) error {
		switch {
		case ev.Status == nil || seen[ev.Index]:
			return nil
		case ev.Over || !follow:
			copyOf(ev)
		default: // no more at once than run at once
			work.Go(func() { copyOf(ev) })
		}
		seen[ev.Index] = true
		return nil
	})
	work.Wait()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // Ctrl-C ends the looking, not the group
	}
	return errors.Join(err, failed)
}

// group finds an array or a gang; it is nil where the ID is of none, but of a run or a job.
func (s *session) group(ctx context.Context, id string) (*node.GroupStatus, error) {
	g, err := s.Group(ctx, id)
	var no *node.APIError
	if errors.As(err, &no) { // what is no ID at all is told of when runs are asked
		return nil, nil
	}
	return g, err
}
