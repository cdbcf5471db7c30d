package group_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/group"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is one that ends when the test says so.
type run struct {
	index int
	ended chan struct{}
	once  sync.Once
	ok    bool
	cut   bool // it did not end by itself
}

func (r *run) Ended() <-chan struct{} { return r.ended }
func (r *run) Succeeded() bool        { return r.ok }
func (r *run) Cut() bool              { return r.cut }
func (r *run) Stop()                  { r.stop() }

// stop ends it, and not by itself.
func (r *run) stop() {
	r.once.Do(func() {
		r.cut = true
		close(r.ended)
	})
}

func (r *run) end(ok bool) {
	r.once.Do(func() {
		r.ok = ok
		close(r.ended)
	})
}

// books have the runs of all processes.
type books struct {
	mu   sync.Mutex
	runs map[protocol.Hash]*run
}

func (b *books) add(id protocol.Hash, r *run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.runs == nil {
		b.runs = map[protocol.Hash]*run{}
	}
	b.runs[id] = r
}

func (b *books) get(id protocol.Hash) *run {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs[id]
}

// node is groups on a journal, as a node has them.
type node struct {
	t      *testing.T
	groups *group.Groups
	begun  chan *run
	refuse error  // of Buy
	end    func() // and waits for it
}

func start(t *testing.T, dir string, past *books, resume bool) *node {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	base, stop := context.WithCancel(context.Background())
	var under sync.WaitGroup
	under.Go(func() {
		if err := j.Run(base); err != nil {
			t.Error(err)
		}
	})
	n := &node{t: t, begun: make(chan *run, 64)}
	n.groups = group.New(group.Config{Book: j, Resume: resume, Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
		Buy: func(_ context.Context, _ protocol.Hash, index int, task []byte, id protocol.Hash) (group.Run, error) {
			if n.refuse != nil {
				return nil, n.refuse
			}
			if int(task[0]) != index {
				t.Errorf("member %d got task %v", index, task)
			}
			if ctx.Err() != nil {
				return nil, group.ErrClosing
			}
			r := &run{index: index, ended: make(chan struct{})}
			past.add(id, r)
			context.AfterFunc(ctx, r.Stop) // as a node's runs end with it
			n.begun <- r
			return r, nil
		},
		Past: func(_ context.Context, id protocol.Hash) (group.Past, error) {
			r := past.get(id)
			return group.Past{Known: r != nil, OK: r != nil && r.ok, Cut: r != nil && r.cut}, nil
		},
		Ready: func(context.Context) {}})
	if err := n.groups.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	work.Go(func() { _ = n.groups.Run(ctx) })
	n.end = sync.OnceFunc(func() {
		cancel()
		work.Wait()
		stop()
		under.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(n.end)
	return n
}

func (n *node) add(rec protocol.Group, size int) *group.Group {
	n.t.Helper()
	rec.Size = size
	tasks := make([][]byte, size)
	for i := range tasks {
		tasks[i] = []byte{byte(i)}
	}
	g, err := n.groups.Add(n.t.Context(), rec, tasks)
	if err != nil {
		n.t.Fatal(err)
	}
	return g
}

func (n *node) next() *run {
	n.t.Helper()
	select {
	case r := <-n.begun:
		return r
	case <-time.After(time.Minute):
		n.t.Fatal("no further task was begun")
		return nil
	}
}

// until waits for a state.
func until(t *testing.T, g *group.Group, what string, is func(group.State) bool) group.State {
	t.Helper()
	over := time.After(time.Minute)
	for {
		st, changed := g.State()
		if is(st) {
			return st
		}
		select {
		case <-changed:
		case <-over:
			t.Fatalf("not %s: %+v", what, st)
		}
	}
}

func ended(st group.State) bool { return st.Ended }

// TestSomeAtATime: an array runs as many tasks at once as it may, in their order, and counts
// how they came out.
func TestSomeAtATime(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), &books{}, false)
	g := n.add(protocol.Group{Parallel: 2}, 5)
	under := []*run{n.next(), n.next()}
	for i := 2; i < 5; i++ {
		if st, _ := g.State(); st.Waiting < 5-i {
			t.Fatalf("with two places: %+v", st)
		}
		under[0].end(under[0].index != 1)
		under = append(under[1:], n.next())
	}
	under[0].end(under[0].index != 1)
	under[1].end(under[1].index != 1)
	if st := until(t, g, "ended", ended); st.Done != 4 || st.Failed != 1 {
		t.Errorf("ended as %+v", st)
	}
	if n.groups.Get(g.ID()) != nil {
		until(t, g, "forgotten", func(group.State) bool { return n.groups.Get(g.ID()) == nil })
	}
}

// TestFailFastStopsAll: the first task that fails stops the others, and those that have not
// begun say why.
func TestFailFastStopsAll(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), &books{}, false)
	g := n.add(protocol.Group{Parallel: 2, FailFast: true}, 5)
	first := n.next()
	n.next()
	first.end(false)
	if st := until(t, g, "ended", ended); st.Failed != 5 || st.Reason != protocol.ReasonStopped {
		t.Errorf("ended as %+v", st)
	}
	none := 0
	g.Look(0, func(_ int, m group.Member) {
		if m.None && m.Over && m.Why != "" {
			none++
		}
	})
	if none != 3 {
		t.Errorf("%d never began, want 3", none)
	}
}

// TestFailFastOverARestart: a task that the end of its node cut off stops nothing; one that had
// failed just before stops the others under the next node.
func TestFailFastOverARestart(t *testing.T) {
	t.Parallel()
	for _, failed := range []bool{false, true} {
		dir, past := t.TempDir(), &books{}
		n := start(t, dir, past, false)
		g := n.add(protocol.Group{Parallel: 1, FailFast: true, Kept: true}, 3)
		r := n.next()
		n.end()
		<-r.ended
		r.cut = !failed // as its record has it
		again := start(t, dir, past, true)
		if failed {
			if again.groups.Get(g.ID()) != nil || len(again.begun) > 0 {
				t.Error("the array goes on after a task had failed")
			}
			continue
		}
		if r := again.next(); r.index != 1 {
			t.Errorf("it goes on with task %d", r.index)
		}
	}
}

// TestRefusedTaskIsTold: a task that cannot be bought says why, and the others go on.
func TestRefusedTaskIsTold(t *testing.T) {
	t.Parallel()
	n := start(t, t.TempDir(), &books{}, false)
	n.refuse = errors.New("no such file")
	g := n.add(protocol.Group{Parallel: 1}, 2)
	until(t, g, "ended", ended)
	g.Look(1, func(_ int, m group.Member) {
		if m.Why != "no such file" || m.OK {
			t.Errorf("member %+v", m)
		}
	})
}

// TestKeptArrayGoesOn holds SPEC §6.7: the next node goes on with what had not begun of an
// array that was left to it, buys nothing twice, and ends any other.
func TestKeptArrayGoesOn(t *testing.T) {
	t.Parallel()
	dir, past := t.TempDir(), &books{}
	n := start(t, dir, past, false)
	kept := n.add(protocol.Group{Parallel: 1, Kept: true}, 4)
	n.next().end(true)
	lost := n.next()
	other := n.add(protocol.Group{Parallel: 1}, 3)
	n.next().end(true)
	until(t, other, "on its second task", func(st group.State) bool { return st.Done == 1 && st.Running == 1 })
	n.next()
	lost.Stop()
	until(t, kept, "at its third", func(st group.State) bool { return st.Failed == 1 && st.Running == 1 })
	n.end()

	waiting := start(t, dir, past, false) // a node that does not stay
	if st, _ := waiting.groups.Get(kept.ID()).State(); !st.Paused || st.Waiting != 1 {
		t.Errorf("where no node stays it is %+v", st)
	}
	if waiting.groups.Get(other.ID()) != nil {
		t.Error("an array that nobody left to the node goes on")
	}
	waiting.end()

	again := start(t, dir, past, true)
	g := again.groups.Get(kept.ID())
	if r := again.next(); r.index != 3 {
		t.Errorf("it goes on with task %d, want the one that had not begun", r.index)
	} else {
		r.end(true)
	}
	if st := until(t, g, "ended", ended); st.Done != 2 || st.Failed != 2 {
		t.Errorf("ended as %+v", st)
	}
}

// TestGangIsAllOrNothing: a gang that cannot be started leaves nothing, and one that was under
// way at a restart has ended.
func TestGangIsAllOrNothing(t *testing.T) {
	t.Parallel()
	dir, past := t.TempDir(), &books{}
	n := start(t, dir, past, false)
	ids := []protocol.Hash{{1}, {2}}
	refused := errors.New("refused")
	_, err := n.groups.Launch(t.Context(), protocol.Group{}, ids, func(protocol.Hash) ([]group.Run, error) { return nil, refused })
	if !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	runs := []*run{{ended: make(chan struct{})}, {ended: make(chan struct{})}}
	g, err := n.groups.Launch(t.Context(), protocol.Group{}, ids, func(protocol.Hash) ([]group.Run, error) {
		return []group.Run{runs[0], runs[1]}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	g.Stop()
	if st := until(t, g, "ended", ended); st.Failed != 2 || !st.Gang {
		t.Errorf("ended as %+v", st)
	}
	var members []group.Member
	g.Look(0, func(_ int, m group.Member) { members = append(members, m) })
	if !slices.ContainsFunc(members, func(m group.Member) bool { return m.Run == ids[1] }) {
		t.Errorf("members %+v", members)
	}
}
