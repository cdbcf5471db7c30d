package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/models"
	"github.com/rerig/rerig/protocol"
)

// shown is how many ended entries `rerig ps` lists without -a.
const shown = 10

// psReply is what `rerig ps -o json` prints.
type psReply struct {
	Groups []node.GroupStatus `json:"groups"`           // arrays and gangs bought
	Runs   []node.RunStatus   `json:"runs"`             // bought
	Jobs   []protocol.Record  `json:"jobs"`             // sold
	Models []models.Status    `json:"models,omitempty"` // served
	Cards  *governor.Report   `json:"cards,omitempty"`  // governed
}

func (a *app) psCmd() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "ps", Short: "List the runs this node bought and the jobs it sold", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ps(cmd.Context(), all) },
	}
	c.Flags().BoolVarP(&all, "all", "a", false, "all of them, not just those under way and the latest")
	return c
}

func (a *app) ps(ctx context.Context, all bool) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var r psReply
	if r.Runs, err = s.Runs(ctx); err != nil {
		return err
	}
	if r.Groups, err = s.Groups(ctx); err != nil {
		return err
	}
	if r.Jobs, err = s.Jobs(ctx); err != nil {
		return err
	}
	if s.info.Rig != nil {
		r.Models, r.Cards = s.info.Rig.Models, s.info.Rig.Governor
	}
	if !all {
		r.Groups = latest(r.Groups, func(g node.GroupStatus) bool { return g.Ended })
		r.Runs = latest(slices.DeleteFunc(r.Runs, func(st node.RunStatus) bool { return st.Ended && !st.Group.IsZero() }),
			func(st node.RunStatus) bool { return st.Ended })
		r.Jobs = latest(r.Jobs, func(rec protocol.Record) bool { return rec.Job.Ended })
	}
	return a.print(r, func(w io.Writer) error {
		if len(r.Groups)+len(r.Runs)+len(r.Jobs)+len(r.Models) == 0 && r.Cards == nil {
			a.progress().line("nothing bought and nothing sold yet; `rerig run` buys, `rerig up` sells")
			return nil
		}
		if len(r.Groups)+len(r.Runs)+len(r.Jobs) == 0 {
			return errors.Join(modelTable(w, r.Models), cardTable(w, r.Cards))
		}
		return errors.Join(psTable(w, s.money, r), modelTable(w, r.Models), cardTable(w, r.Cards))
	})
}

// latest keeps what is under way and the newest of what has ended.
func latest[T any](list []T, ended func(T) bool) []T {
	out, n := []T{}, 0
	for _, v := range list {
		if ended(v) {
			if n++; n > shown {
				continue
			}
		}
		out = append(out, v)
	}
	return out
}

func psTable(w io.Writer, m money, r psReply) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tKIND\tSTATE\tWITH\tAGE\tUSED\tPAID/MAX\tDETAIL")
	for i := range r.Groups {
		g := &r.Groups[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t-\t%s\t%s\t%s/%s\t%s\n", g.ID.Short(), kindOf(g), groupState(g), age(g.Created),
			fmt.Sprintf("%d of %d", g.Done+g.Failed, g.Size), g.Spent.Units(m.Decimals), g.Budget.Units(m.Decimals), groupDetail(g))
	}
	for i := range r.Runs {
		st := &r.Runs[i]
		fmt.Fprintf(t, "%s\tbought\t%s\t%s\t%s\t%s\t%s/%s\t%s\n", st.ID.Short(), st.State, shortAddr(st.Rig), age(st.Created),
			unitsOf(st.Price.Unit, st.Units), st.Spent.Units(m.Decimals), st.Budget.Units(m.Decimals), detail(st.Ended, st.ExitCode, st.Reason, st.Name))
	}
	for i := range r.Jobs {
		rec := &r.Jobs[i]
		j := &rec.Job
		fmt.Fprintf(t, "%s\tsold\t%s\t%s\t%s\t%s\t%s/%s\t%s\n", j.ID.Short(), j.State, shortAddr(rec.Agreement.Requester), age(rec.Created),
			unitsOf(j.Price.Unit, j.Units), j.Paid.Units(m.Decimals), j.MaxTotal.Units(m.Decimals), detail(j.Ended, j.ExitCode, j.Reason, rec.Name))
	}
	return t.Flush()
}

// groupState is a group's state in one word.
func groupState(g *node.GroupStatus) string {
	switch {
	case g.Paused:
		return "paused"
	case !g.Ended && g.Reason != protocol.ReasonNone:
		return "stopping"
	case !g.Ended:
		return "running"
	case g.Failed > 0:
		return "failed"
	}
	return "done"
}

// groupCounts says how many members run, unless the group has ended, and how many failed.
func groupCounts(g *node.GroupStatus) string {
	if g.Ended {
		return fmt.Sprintf("%d failed", g.Failed)
	}
	return fmt.Sprintf("%d under way, %d failed", g.Running, g.Failed)
}

func groupDetail(g *node.GroupStatus) string {
	text := groupCounts(g)
	if g.Name != "" {
		text += " " + clipText(g.Name, 40)
	}
	return text
}

func shortAddr(a protocol.Address) string {
	if a.IsZero() {
		return "-"
	}
	return a.String()[:10] + "…"
}

// age is the time since a unix millisecond, in its largest unit.
func age(created uint64) string {
	switch d := time.Since(time.UnixMilli(int64(created))).Round(time.Second); {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	default:
		return strconv.Itoa(int(d.Hours())/24) + "d"
	}
}

func detail(ended bool, exit uint32, reason protocol.Reason, name string) string {
	text := ""
	switch {
	case reason != protocol.ReasonNone:
		text = string(reason)
	case ended:
		text = fmt.Sprintf("exit %d", exit)
	}
	if name != "" {
		text += " " + clipText(name, 40)
	}
	return dash(text)
}

func (a *app) stopCmd() *cobra.Command {
	return &cobra.Command{
		Use: "stop ID", Short: "Stop a run, an array, a gang or a job; what was done by then is paid for", Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.stop(cmd.Context(), args[0]) },
	}
}

// stop looks among the runs bought, then among the jobs sold. Nothing runs in a
// directory without a node, so none is started.
func (a *app) stop(ctx context.Context, id string) (err error) {
	s, err := a.connect(ctx)
	if errors.Is(err, client.ErrNoNode) {
		return a.stopPaused(ctx, id, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if g, err := s.group(ctx, id); g != nil || err != nil {
		return a.stopOf(ctx, s, g, err)
	}
	st, err := s.Stop(ctx, id)
	if notFound(err) {
		if err = s.StopJob(ctx, id); err == nil {
			a.progress().done("job %s is being stopped", id)
		}
		return err
	}
	if err != nil {
		return err
	}
	if st.Ended {
		a.progress().line("run %s has ended already: %s", st.ID.Short(), st.State)
		return nil
	}
	a.progress().done("run %s is being stopped", st.ID.Short())
	return nil
}

// stopPaused ends an array that waits for a node which stays: only what has not begun is left
// of it, and nothing else can be stopped where no node runs.
func (a *app) stopPaused(ctx context.Context, id string, none error) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := s.group(ctx, id)
	if err == nil && (g == nil || !g.Paused) {
		return fmt.Errorf("%w, so nothing runs; `rerig ps -a` shows what was", none)
	}
	return a.stopOf(ctx, s, g, err)
}

// stopOf stops a group that was found, if it was.
func (a *app) stopOf(ctx context.Context, s *session, g *node.GroupStatus, err error) error {
	if err != nil {
		return err
	}
	if g.Ended {
		a.progress().line("%s %s has ended already: %s", kindOf(g), g.ID.Short(), groupState(g))
		return nil
	}
	if _, err := s.StopGroup(ctx, g.ID.String()); err != nil {
		return err
	}
	a.progress().done("%s %s is being stopped", kindOf(g), g.ID.Short())
	return nil
}

func notFound(err error) bool {
	var no *node.APIError
	return errors.As(err, &no) && no.Code == 404
}
