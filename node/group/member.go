package group

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// Group is one group under way.
type Group struct {
	all     *Groups
	stopped chan struct{} // closed by Stop
	once    sync.Once
	saving  sync.Mutex // held while rec changes and is journaled, so that the last change is kept

	mu      sync.Mutex // guards what follows; owner: Group
	rec     protocol.Group
	members []member
	paused  bool          // it waits for a node that goes on with it
	left    bool          // the node has ended before it
	changed chan struct{} // closed and replaced at every change
}

type member struct {
	run  protocol.Hash // zero where it has not begun
	live Run           // nil where it is of an earlier process, or not begun
	over bool
	ok   bool
	why  string // it could not be bought
}

// Member is one place of a group as its user sees it.
type Member struct {
	Run  protocol.Hash // zero where it has not begun
	Over bool
	OK   bool   // it exited with 0
	Why  string // it could not be bought, or it never began
	None bool   // it never began
}

// State is how a group stands.
type State struct {
	protocol.Group
	Waiting int // not begun
	Running int
	Paused  bool // it waits for a node that goes on with it
	Left    bool // nothing becomes of it any more: this node ends
}

func newGroup(all *Groups, rec protocol.Group, size int) *Group {
	return &Group{all: all, rec: rec, members: make([]member, size), stopped: make(chan struct{}), changed: make(chan struct{})}
}

// update changes the group and wakes who looks.
func (g *Group) update(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	close(g.changed)
	g.changed = make(chan struct{})
}

// restore takes what an earlier process has left, and tells whether a member has failed by
// itself. A run that bought nothing is as none.
func (g *Group) restore(ctx context.Context, members []protocol.GroupMember) (failed bool, err error) {
	for i, m := range members {
		switch {
		case m.Why != "":
			g.members[i] = member{run: m.Run, over: true, why: m.Why}
			failed = true
		case !m.Run.IsZero():
			past, err := g.all.cfg.Past(ctx, m.Run)
			if err != nil {
				return failed, err
			}
			if past.Known {
				g.members[i] = member{run: m.Run, over: true, ok: past.OK}
				failed = failed || !past.OK && !past.Cut
			}
		}
	}
	return failed, nil
}

// buy starts the members that have not begun, so many at once, and waits for all that are
// under way. It leaves off when the group is stopped or ctx ends.
func (g *Group) buy(ctx context.Context) {
	var work sync.WaitGroup
	places := make(chan struct{}, g.rec.Parallel)
	for i := range g.members {
		m := g.member(i)
		if m.over {
			continue
		}
		if m.live != nil {
			work.Go(func() { g.await(i, m.live) })
			continue
		}
		select {
		case places <- struct{}{}:
		case <-g.stopped:
		case <-ctx.Done():
		}
		if g.ending() || ctx.Err() != nil {
			break
		}
		work.Go(func() {
			defer func() { <-places }()
			if run := g.begin(ctx, i); run != nil {
				g.await(i, run)
			}
		})
	}
	work.Wait()
}

// await waits for the end of a member's run.
func (g *Group) await(i int, run Run) {
	<-run.Ended()
	g.over(i, run.Succeeded(), "")
	if g.rec.FailFast && !run.Succeeded() && !run.Cut() {
		g.Stop()
	}
}

// save changes the record and journals it.
func (g *Group) save(ctx context.Context, change func(rec *protocol.Group)) error {
	g.saving.Lock()
	defer g.saving.Unlock()
	g.mu.Lock()
	change(&g.rec)
	rec := g.rec
	g.mu.Unlock()
	return g.all.cfg.Book.PutGroup(ctx, rec)
}

func (g *Group) member(i int) member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.members[i]
}

func (g *Group) ending() bool {
	select {
	case <-g.stopped:
		return true
	default:
		return false
	}
}

// begin buys a member's run, whose ID is durable before.
func (g *Group) begin(ctx context.Context, i int) Run {
	cfg := &g.all.cfg
	fail := func(err error) Run {
		m := protocol.GroupMember{Index: i, Why: protocol.ClipDetail(err.Error())}
		if err := cfg.Book.PutMember(context.WithoutCancel(ctx), g.rec.ID, m); err != nil {
			cfg.Logger.Warn("why a task was not bought is not journaled", "group", g.rec.ID.Short(), "task", i, "err", err)
		}
		g.over(i, false, m.Why)
		if g.rec.FailFast {
			g.Stop()
		}
		return nil
	}
	task, err := cfg.Book.Task(ctx, g.rec.ID, i)
	if err != nil {
		if ctx.Err() != nil { // the next node buys it
			return nil
		}
		return fail(err)
	}
	var id protocol.Hash
	if _, err := rand.Read(id[:]); err != nil {
		return fail(fmt.Errorf("draw run ID: %w", err))
	}
	if err := cfg.Book.PutMember(ctx, g.rec.ID, protocol.GroupMember{Index: i, Run: id}); err != nil {
		if ctx.Err() != nil { // as above
			return nil
		}
		return fail(err)
	}
	run, err := cfg.Buy(ctx, g.rec.ID, i, task, id)
	switch {
	case err != nil && ctx.Err() != nil: // as above: nothing was bought under the ID
		return nil
	case errors.Is(err, ErrClosing):
		return nil
	case err != nil:
		return fail(err)
	}
	g.update(func() { g.members[i].run, g.members[i].live = id, run })
	if g.ending() { // it was not there when the others were stopped
		run.Stop()
	}
	return run
}

// over notes a member's end.
func (g *Group) over(i int, ok bool, why string) {
	g.update(func() {
		m := &g.members[i]
		m.over, m.ok, m.why, m.live = true, ok, why, nil
	})
}

// Stop starts no more members and stops those under way; what was done by then is paid for.
func (g *Group) Stop() {
	g.once.Do(func() {
		log := g.all.cfg.Logger.With("group", g.rec.ID.Short())
		ctx := context.WithoutCancel(g.all.ctx)
		if err := g.save(ctx, func(rec *protocol.Group) { rec.Reason = protocol.ReasonStopped }); err != nil {
			log.Warn("group's stop not journaled", "err", err)
		}
		close(g.stopped)
		g.mu.Lock()
		paused := g.paused
		for _, m := range g.members {
			if m.live != nil {
				m.live.Stop()
			}
		}
		g.mu.Unlock()
		if paused {
			if err := g.end(ctx); err != nil {
				log.Warn("group's end not journaled", "err", err)
			}
			g.all.forget(g.rec.ID)
		}
	})
}

// Keep leaves an array to the node, and to the next one where this one ends before it.
func (g *Group) Keep(ctx context.Context) error {
	return g.save(ctx, func(rec *protocol.Group) { rec.Kept = true })
}

// through reports whether nothing is left to be done.
func (g *Group) through() bool {
	if g.ending() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.members {
		if !g.members[i].over {
			return false
		}
	}
	return true
}

// end counts the members and journals the end.
func (g *Group) end(ctx context.Context) error {
	err := g.save(ctx, func(rec *protocol.Group) {
		rec.Ended, rec.Done, rec.Failed = true, 0, 0
		for i := range g.members {
			if g.members[i].ok {
				rec.Done++
			} else {
				rec.Failed++
			}
		}
	})
	g.update(func() {})
	return err
}

// ID is the group's.
func (g *Group) ID() protocol.Hash { return g.rec.ID }

// State is how the group stands, and the channel that is closed when that changes.
func (g *Group) State() (State, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := State{Group: g.rec, Paused: g.paused, Left: g.left}
	if s.Ended {
		return s, g.changed
	}
	for i := range g.members {
		switch m := &g.members[i]; {
		case m.ok:
			s.Done++
		case m.over:
			s.Failed++
		case m.live != nil:
			s.Running++
		default:
			s.Waiting++
		}
	}
	return s, g.changed
}

// Look calls f with each member from an index on.
func (g *Group) Look(from int, f func(i int, m Member)) {
	g.mu.Lock()
	list := make([]Member, 0, len(g.members)-from)
	for _, m := range g.members[from:] {
		if m.run.IsZero() && !m.over && g.rec.Ended {
			list = append(list, NotBegun(g.rec.Reason))
			continue
		}
		list = append(list, Member{Run: m.run, Over: m.over, OK: m.ok, Why: m.why})
	}
	g.mu.Unlock()
	for i, m := range list {
		f(from+i, m)
	}
}

// NotBegun is a member of an ended group, by its reason, that never began.
func NotBegun(r protocol.Reason) Member {
	m := Member{Over: true, None: true, Why: "not started: the array was stopped before"}
	if r == protocol.ReasonRestart {
		m.Why = "not started: the node ended before"
	}
	return m
}
