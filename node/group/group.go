// Package group buys runs that belong together: the tasks of an array, some at a time, and the
// ranks of a gang (SPEC §6.7). The books have a group before anything of it is bought, so that it
// goes on when its command is gone, and does not cost twice when the node is. Start at
// Groups.Add; member.go is what becomes of one.
package group

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// Book keeps groups.
type Book interface {
	AddGroup(ctx context.Context, g protocol.Group, tasks [][]byte, runs []protocol.Hash) error
	PutGroup(ctx context.Context, g protocol.Group) error
	DropGroup(ctx context.Context, id protocol.Hash) error
	PutMember(ctx context.Context, group protocol.Hash, m protocol.GroupMember) error
	Groups(ctx context.Context, active bool, limit int) ([]protocol.Group, error)
	Members(ctx context.Context, group protocol.Hash) ([]protocol.GroupMember, error)
	Task(ctx context.Context, group protocol.Hash, index int) ([]byte, error)
}

// Run is a run under way.
type Run interface {
	Ended() <-chan struct{}
	Succeeded() bool // it ran to its end and exited with 0; once it has ended
	Cut() bool       // it was ended, by its node's end or its user, and has not failed by itself
	Stop()
}

// Past is what became of a run of an earlier process.
type Past struct {
	Known bool // it bought something
	OK    bool // and exited with 0
	Cut   bool // it was ended, by that process's end or by its user, and has not failed by itself
}

// Config is everything that groups need.
type Config struct {
	Book Book
	// Buy starts the run of a member, under the ID.
	Buy func(ctx context.Context, group protocol.Hash, index int, task []byte, run protocol.Hash) (Run, error)
	// Past tells of a run of an earlier process.
	Past func(ctx context.Context, run protocol.Hash) (Past, error)
	// Ready waits until something can be bought, before groups of an earlier process go on.
	Ready func(ctx context.Context)
	// Resume goes on with kept groups of an earlier process; without it they wait for a node
	// that does.
	Resume bool
	Clock  func() time.Time
	Logger *slog.Logger
}

// ErrClosing is Config.Buy's where the node is about to end.
var ErrClosing = errors.New("the node is shutting down")

// most is how many groups may be under way at once.
const most = 256

// Groups are the groups under way.
type Groups struct {
	cfg  Config
	ctx  context.Context // ends with the node
	stop context.CancelFunc
	wg   sync.WaitGroup // one per group under way

	mu   sync.Mutex // guards live; owner: Groups
	live map[protocol.Hash]*Group
}

// New makes groups of which none is under way.
func New(cfg Config) *Groups {
	g := &Groups{cfg: cfg, live: map[protocol.Hash]*Group{}}
	g.ctx, g.stop = context.WithCancel(context.Background())
	return g
}

// Run keeps the groups going until ctx ends; their runs end with the node.
func (g *Groups) Run(ctx context.Context) error {
	<-ctx.Done()
	g.stop()
	g.wg.Wait()
	return nil
}

// Recover ends the groups that an earlier process left under way, and goes on with those
// that were kept. Call it before Run, when the jobs of that process are ended.
func (g *Groups) Recover(ctx context.Context) error {
	recs, err := g.cfg.Book.Groups(ctx, true, most)
	if err != nil {
		return fmt.Errorf("read groups under way: %w", err)
	}
	for _, rec := range recs {
		members, err := g.cfg.Book.Members(ctx, rec.ID)
		if err != nil {
			return fmt.Errorf("read group %s: %w", rec.ID.Short(), err)
		}
		one := newGroup(g, rec, len(members))
		failed, err := one.restore(ctx, members)
		if err != nil {
			return fmt.Errorf("restore group %s: %w", rec.ID.Short(), err)
		}
		if rec.Gang || !rec.Kept || rec.Reason != protocol.ReasonNone || rec.FailFast && failed {
			if one.rec.Reason == protocol.ReasonNone && rec.FailFast && failed {
				one.rec.Reason = protocol.ReasonStopped // as it was about to be
			}
			if one.rec.Reason == protocol.ReasonNone {
				one.rec.Reason = protocol.ReasonRestart
			}
			if err := one.end(ctx); err != nil {
				return fmt.Errorf("end group %s after the restart: %w", rec.ID.Short(), err)
			}
			continue
		}
		g.mu.Lock()
		g.live[rec.ID] = one
		g.mu.Unlock()
		if one.paused = !g.cfg.Resume; !one.paused {
			g.wg.Go(func() {
				g.cfg.Ready(g.ctx)
				g.carry(one)
			})
		}
	}
	return nil
}

// Add keeps an array and starts buying: each task is a member, as Config.Buy understands it.
func (g *Groups) Add(ctx context.Context, rec protocol.Group, tasks [][]byte) (*Group, error) {
	if rec.Size != len(tasks) {
		return nil, &protocol.FieldError{Field: "group.size", Limit: "one task for each member"}
	}
	one, err := g.keep(ctx, rec, tasks, nil)
	if err != nil {
		return nil, err
	}
	g.wg.Go(func() { g.carry(one) })
	return one, nil
}

// Launch keeps a gang whose runs have their IDs, and then starts them all at once.
func (g *Groups) Launch(ctx context.Context, rec protocol.Group, ids []protocol.Hash, start func(group protocol.Hash) ([]Run, error)) (*Group, error) {
	rec.Gang, rec.Size, rec.Parallel = true, len(ids), len(ids)
	one, err := g.keep(ctx, rec, nil, ids)
	if err != nil {
		return nil, err
	}
	runs, err := start(one.rec.ID)
	if err != nil {
		g.forget(one.rec.ID)
		return nil, errors.Join(err, g.cfg.Book.DropGroup(context.WithoutCancel(ctx), one.rec.ID))
	}
	one.mu.Lock()
	for i, run := range runs {
		one.members[i].run, one.members[i].live = ids[i], run
	}
	one.mu.Unlock()
	if one.ending() { // it was stopped before the runs were there
		for _, run := range runs {
			run.Stop()
		}
	}
	g.wg.Go(func() { g.carry(one) })
	return one, nil
}

// keep journals a new group and makes it one under way.
func (g *Groups) keep(ctx context.Context, rec protocol.Group, tasks [][]byte, ids []protocol.Hash) (*Group, error) {
	if _, err := rand.Read(rec.ID[:]); err != nil {
		return nil, fmt.Errorf("draw a group ID: %w", err)
	}
	rec.Created = uint64(g.cfg.Clock().UnixMilli())
	if err := rec.Check(); err != nil {
		return nil, err
	}
	one := newGroup(g, rec, rec.Size)
	g.mu.Lock()
	full := len(g.live) >= most
	if !full {
		g.live[rec.ID] = one
	}
	g.mu.Unlock()
	switch {
	case full:
		return nil, &protocol.FieldError{Field: "groups", Limit: fmt.Sprintf("at most %d under way at once; wait for one, or stop one", most)}
	case g.ctx.Err() != nil:
		return nil, fmt.Errorf("submit: %w", ErrClosing)
	}
	if err := g.cfg.Book.AddGroup(ctx, rec, tasks, ids); err != nil {
		g.forget(rec.ID)
		return nil, fmt.Errorf("keep the group: %w", err)
	}
	return one, nil
}

// Get is a group under way, or nil.
func (g *Groups) Get(id protocol.Hash) *Group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live[id]
}

func (g *Groups) forget(id protocol.Hash) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.live, id)
}

// carry buys what a group has not bought, waits for its runs and ends it. A kept group that
// has something left when the node ends is left for the next.
func (g *Groups) carry(one *Group) {
	one.buy(g.ctx)
	if !one.through() {
		one.update(func() { one.left = true })
		return
	}
	if err := one.end(context.WithoutCancel(g.ctx)); err != nil {
		g.cfg.Logger.Warn("group's end not journaled; the next start does it", "group", one.rec.ID.Short(), "err", err)
	}
	g.forget(one.rec.ID)
}
