package node

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rerig/rerig/node/group"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
)

const (
	maxGroupBody  = 64 << 20               // bytes of a control request with an array's tasks
	maxTaskBytes  = 1 << 20                // of one task, as it is journaled
	groupProgress = 200 * time.Millisecond // between looks at what the runs of a group do
	readyWait     = time.Minute            // for the network, before groups of an earlier process go on
)

// openGroups makes the part that buys arrays and gangs.
func (n *Node) openGroups() {
	n.groups = group.New(group.Config{Book: n.journal, Buy: n.buyMember, Past: n.pastMember, Ready: n.readyToBuy,
		Resume: n.cfg.Resume, Clock: n.cfg.Clock, Logger: n.log})
}

// buyMember submits an array's task.
func (n *Node) buyMember(ctx context.Context, id protocol.Hash, index int, task []byte, run protocol.Hash) (group.Run, error) {
	var req RunRequest
	if err := json.Unmarshal(task, &req); err != nil {
		return nil, fmt.Errorf("read the task: %w", err)
	}
	order, err := n.order(ctx, &req)
	if err != nil {
		return nil, err
	}
	order.Run, order.Group, order.Index = run, id, index
	r, err := n.requester.Submit(*order)
	if errors.Is(err, requester.ErrClosing) {
		return nil, group.ErrClosing
	}
	if err != nil {
		return nil, err
	}
	return memberRun{r}, nil
}

// memberRun is a run as its group needs it.
type memberRun struct{ *requester.Run }

// Succeeded reports whether the program ran to its end and exited with 0.
// Cut reports whether it was ended from outside.
func (m memberRun) Cut() bool {
	st, _ := m.Status()
	return cut(st.Reason)
}

// cut tells a run that was ended, by its node or its user, from one that failed.
func cut(r protocol.Reason) bool { return r == protocol.ReasonRestart || r == protocol.ReasonStopped }

func (m memberRun) Succeeded() bool {
	st, _ := m.Status()
	return st.Succeeded() && st.ExitCode == 0
}

// pastMember tells of a run of an earlier process.
func (n *Node) pastMember(ctx context.Context, run protocol.Hash) (group.Past, error) {
	recs, err := n.journal.Records(ctx, journal.Query{Role: protocol.RoleRequester, Run: &run, Limit: 1})
	if err != nil || len(recs) == 0 {
		return group.Past{}, err
	}
	st := n.pastRun(recs[0])
	return group.Past{Known: true, OK: st.Succeeded() && st.ExitCode == 0,
		Cut: cut(st.Reason)}, nil
}

// readyToBuy waits until there is a chain and an offer, or for as long as is fit.
func (n *Node) readyToBuy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	tick := time.NewTicker(groupProgress)
	defer tick.Stop()
	for {
		if n.payer.Online() {
			if found, err := n.discovery.Look(ctx, protocol.Filter{}, 1); err == nil && len(found.Offers) > 0 {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// submitGroup keeps an array and starts buying it.
func (c *control) submitGroup(r *http.Request) (any, error) {
	var req GroupRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	tasks := make([][]byte, len(req.Tasks))
	rec := protocol.Group{Name: req.Name, Size: len(tasks), Parallel: req.Parallel, FailFast: req.FailFast, Kept: req.Keep, Note: req.Note}
	for i := range req.Tasks {
		t := &req.Tasks[i]
		sum, err := rec.Budget.Add(t.Budget)
		if err != nil {
			return nil, &protocol.FieldError{Field: fmt.Sprintf("tasks[%d].budget", i), Limit: "an amount, together with the others"}
		}
		rec.Budget = sum
		if tasks[i], err = json.Marshal(t); err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		if len(tasks[i]) > maxTaskBytes {
			return nil, &protocol.FieldError{Field: fmt.Sprintf("tasks[%d]", i), Limit: fmt.Sprintf("at most %d bytes", maxTaskBytes), Got: fmt.Sprint(len(tasks[i]))}
		}
	}
	one, err := c.n.groups.Add(r.Context(), rec, tasks)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil { // nobody would ever hear of it
		one.Stop()
		return nil, err
	}
	st, _ := one.State()
	return c.groupStatus(r.Context(), st)
}

// findGroup resolves a group by the hex prefix of its ID; live is nil for one that has ended.
func (c *control) findGroup(ctx context.Context, prefix string) (live *group.Group, rec protocol.Group, err error) {
	if rec, err = c.n.journal.FindGroup(ctx, prefix); err != nil {
		return nil, rec, fmt.Errorf("group %q: %w; `rerig ps -a` lists them", prefix, err)
	}
	return c.n.groups.Get(rec.ID), rec, nil
}

func (c *control) groupStatus(ctx context.Context, st group.State) (GroupStatus, error) {
	spent, err := c.n.journal.GroupPaid(ctx, st.ID)
	return GroupStatus{Group: st.Group, Waiting: st.Waiting, Running: st.Running, Paused: st.Paused, Spent: spent}, err
}

// stateOf is how a group stands, under way or not.
func stateOf(live *group.Group, rec protocol.Group) group.State {
	if live == nil {
		return group.State{Group: rec, Left: !rec.Ended}
	}
	st, _ := live.State()
	return st
}

func (c *control) group1(r *http.Request) (any, error) {
	live, rec, err := c.findGroup(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return c.groupStatus(r.Context(), stateOf(live, rec))
}

// listGroups lists arrays and gangs, newest first.
func (c *control) listGroups(r *http.Request) (any, error) {
	recs, err := c.n.journal.Groups(r.Context(), false, maxListed)
	if err != nil {
		return nil, err
	}
	list := make([]GroupStatus, len(recs))
	for i, rec := range recs {
		if list[i], err = c.groupStatus(r.Context(), stateOf(c.n.groups.Get(rec.ID), rec)); err != nil {
			return nil, err
		}
		list[i].Note = nil // of use to whoever follows it
	}
	return list, nil
}

func (c *control) stopGroup(r *http.Request) (any, error) {
	live, rec, err := c.findGroup(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if live != nil {
		live.Stop()
	}
	return c.groupStatus(r.Context(), stateOf(live, rec))
}

// keepGroup leaves a group to the node.
func (c *control) keepGroup(r *http.Request) (any, error) {
	live, rec, err := c.findGroup(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if live != nil {
		err = live.Keep(r.Context())
	}
	return struct{}{}, cmp.Or(err, errIfLost(live, rec))
}

// errIfLost tells that nothing becomes of a group any more.
func errIfLost(live *group.Group, rec protocol.Group) error {
	if live == nil && !rec.Ended {
		return errors.New("the group ends with this node")
	}
	return nil
}

// groupEvents streams a group as lines of JSON: how it stands, each member at every change,
// and how it stands in the end. The stream of a group that waits for another node ends too.
func (c *control) groupEvents(w http.ResponseWriter, r *http.Request) {
	live, rec, err := c.findGroup(r.Context(), r.PathValue("id"))
	if err != nil {
		c.answer(w, r, func(*http.Request) (any, error) { return nil, err })
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	f := &groupFollower{c: c, ctx: context.WithoutCancel(r.Context()), enc: json.NewEncoder(w)}
	flush := http.NewResponseController(w)
	tick := time.NewTicker(groupProgress)
	defer tick.Stop()
	left := r.Context().Done()
	for first := true; ; first = false {
		var changed <-chan struct{}
		st := group.State{Group: rec, Left: true}
		if live != nil {
			st, changed = live.State()
		}
		last := st.Ended || st.Paused || st.Left || r.FormValue("follow") == "0"
		if first && f.group(st) != nil || f.members(live, rec) != nil || last && f.group(st) != nil || flush.Flush() != nil || last {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-left:
			if !c.ending() {
				return
			}
			left = nil // the node ends the runs, and then the follower is told
		}
	}
}
