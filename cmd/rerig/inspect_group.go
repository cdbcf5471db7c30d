package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rerig/rerig/node"
)

// groupReply is what `rerig inspect -o json` prints of an array or a gang.
type groupReply struct {
	Group   *node.GroupStatus `json:"group"`
	Members []groupMember     `json:"members"` // that have begun or will not, by index
}

// groupMember is the run of a place in a group, or why there is none.
type groupMember struct {
	Index int             `json:"index"`
	Run   *node.RunStatus `json:"run,omitempty"`
	Error string          `json:"error,omitempty"`
}

// inspectGroup shows a group as it stands.
func (a *app) inspectGroup(ctx context.Context, s *session, g *node.GroupStatus) error {
	if g == nil {
		return nil
	}
	r := groupReply{Group: g, Members: []groupMember{}}
	at := map[int]int{} // of an index in Members
	err := s.FollowGroup(ctx, g.ID.String(), false, func(ev node.GroupEvent) error {
		if ev.Group != nil {
			r.Group = ev.Group
			return nil
		}
		i, ok := at[ev.Index]
		if !ok {
			i = len(r.Members)
			at[ev.Index], r.Members = i, append(r.Members, groupMember{Index: ev.Index})
		}
		r.Members[i].Run, r.Members[i].Error = ev.Status, ev.Error
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(r.Members, func(a, b groupMember) int { return a.Index - b.Index })
	return a.print(r, func(w io.Writer) error { return r.write(w, s.money) })
}

func (r *groupReply) write(w io.Writer, m money) error {
	g := r.Group
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row(kindOf(g), "%s", g.ID)
	if g.Name != "" {
		row("name", "%s", clipText(g.Name, 80))
	}
	row("state", "%s", strings.TrimSpace(groupState(g)+" "+string(g.Reason)))
	row("created", "%s", time.UnixMilli(int64(g.Created)).Format(time.DateTime))
	row("members", "%d, at most %d at once; %s, %d not begun", g.Size, g.Parallel, groupCounts(g), g.Waiting)
	row("spent", "%s of at most %s together", m.text(g.Spent), m.text(g.Budget))
	for _, one := range r.Members {
		name := fmt.Sprintf("%s %d", placeOf(g), one.Index)
		st := one.Run
		if st == nil {
			row(name, "not begun: %s", clipText(one.Error, 300))
			continue
		}
		row(name, "%s %s, rig %s, spent %s, kept in %s", st.ID.Short(), memberState(st), shortAddr(st.Rig), m.text(st.Spent), st.Dir)
	}
	return t.Flush()
}

// memberState is a member's state, and how it ended.
func memberState(st *node.RunStatus) string {
	text := string(st.State)
	if st.Ended {
		text += fmt.Sprintf(" exit %d", st.ExitCode)
	}
	return strings.TrimSpace(text + " " + clipText(strings.TrimSpace(string(st.Reason)+" "+st.Detail), 200))
}
