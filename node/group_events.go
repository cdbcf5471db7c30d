package node

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rerig/rerig/node/group"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/protocol"
)

// groupFollower sends one client what it has not seen of a group.
type groupFollower struct {
	c     *control
	ctx   context.Context
	enc   *json.Encoder
	first int            // all members before it were told to be over
	told  map[int]string // what was sent last of those after it; "" once over
}

func (f *groupFollower) group(st group.State) error {
	status, err := f.c.groupStatus(f.ctx, st)
	if err != nil {
		return err
	}
	return f.enc.Encode(GroupEvent{Group: &status})
}

// members sends what has changed.
func (f *groupFollower) members(live *group.Group, rec protocol.Group) (err error) {
	if f.told == nil {
		f.told = map[int]string{}
	}
	send := func(i int, m group.Member) {
		if err == nil {
			err = f.member(i, m)
		}
	}
	if live != nil {
		live.Look(f.first, send)
	} else {
		list, err := f.c.n.journal.Members(f.ctx, rec.ID)
		if err != nil {
			return err
		}
		for _, m := range list {
			one := group.Member{Run: m.Run, Over: rec.Ended, Why: m.Why}
			if m.Run.IsZero() && m.Why == "" && rec.Ended {
				one = group.NotBegun(rec.Reason)
			}
			send(m.Index, one)
		}
	}
	for ; ; f.first++ {
		if last, ok := f.told[f.first]; !ok || last != "" {
			return err
		}
		delete(f.told, f.first)
	}
}

// member sends a member's status where it differs from what was sent.
func (f *groupFollower) member(i int, m group.Member) error {
	last, seen := f.told[i]
	if seen && last == "" || m.Run.IsZero() && !m.Over {
		return nil
	}
	ev := GroupEvent{Index: i, Over: m.Over, Error: m.Why, NotBegun: m.None}
	if !m.Run.IsZero() {
		st, found, err := f.c.n.runOf(f.ctx, m.Run)
		if err != nil {
			return err
		}
		if found {
			ev.Status = &st
		} else if ev.Error == "" && m.Over {
			ev.Error, ev.NotBegun = group.NotBegun(protocol.ReasonRestart).Why, true
		}
	}
	now := fmt.Sprint("over ", m.Over)
	if st := ev.Status; st != nil {
		now = fmt.Sprint(m.Over, st.State, st.Ended, st.Units, st.Spent, st.Attempt, st.Rig, st.OutBytes, st.ErrBytes)
	}
	if seen && now == last {
		return nil
	}
	if f.told[i] = now; m.Over {
		f.told[i] = ""
	}
	return f.enc.Encode(ev)
}

// runOf is a run of this process or an earlier one; found is false where it bought nothing.
func (n *Node) runOf(ctx context.Context, id protocol.Hash) (st RunStatus, found bool, err error) {
	if run := n.requester.Get(id); run != nil {
		st, _ = run.Status()
		return st, true, nil
	}
	recs, err := n.journal.Records(ctx, journal.Query{Role: protocol.RoleRequester, Run: &id})
	if err != nil || len(recs) == 0 {
		return st, false, err
	}
	st = n.pastAttempts(recs)
	st.Group, st.Index, _, err = n.journal.MemberOf(ctx, id)
	return st, true, err
}

// pastAttempts is a run of an earlier process with why its earlier rigs failed; the newest
// attempt comes first.
func (n *Node) pastAttempts(recs []protocol.Record) RunStatus {
	st := n.pastRun(recs[0])
	for i := len(recs) - 1; i > 0; i-- {
		st.Tried = append(st.Tried, requester.Tried(recs[i].Agreement.Rig, &recs[i].Job))
		if sum, err := st.Spent.Add(recs[i].Job.Paid); err == nil { // budgets bound it long before
			st.Spent = sum
		}
	}
	return st
}
