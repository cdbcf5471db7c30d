package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
)

func (a *app) whyCmd() *cobra.Command {
	var since time.Duration
	c := &cobra.Command{
		Use: "why", Short: "Show why requests skipped this rig, and what would change it", Args: exactly(),
		Long: `Show what was asked for on the network in the last hour, how much of it this rig fits, and for
the rest why it does not, with what would change it. What was asked is the median of what
index nodes counted; nobody signs it, so take it as a hint. What came to the rig itself, and
its own state, it knows. rerig market ls shows who else sells, rerig price explain the sums.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since < time.Minute || since > 4*time.Hour {
				return usage("--since: 1m to 4h, got %v", since)
			}
			return a.why(cmd.Context(), since)
		},
	}
	c.Flags().DurationVar(&since, "since", time.Hour, "`time` to look back, from 1m to 4h")
	return c
}

func (a *app) why(ctx context.Context, since time.Duration) (err error) {
	s, err := a.connect(ctx)
	if err != nil {
		return fmt.Errorf("%w; `rerig up` starts a rig", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w, err := s.Why(ctx, since)
	if err != nil {
		return err
	}
	return a.print(w, func(out io.Writer) error { return whyText(out, s.money.Symbol, w) })
}

func whyText(out io.Writer, symbol string, w *node.WhyReport) error {
	back := time.Duration(w.SinceMillis) * time.Millisecond
	if w.IndexNodes == 0 {
		fmt.Fprintln(out, "No index node tells what was asked for; see rerig doctor.")
	} else {
		fmt.Fprintf(out, "In the last %v: %d requests, of which %d fit this rig (by the median of %d index nodes, a hint).\n", back, w.Asked, w.Fit, w.IndexNodes)
	}
	fmt.Fprintf(out, "Came here: %d taken, %d quoted and not taken, %d refused.\n", w.Came.Taken, w.Came.Untaken, w.Came.Refused)
	for _, k := range w.Asks {
		if k.Asks == 0 {
			fmt.Fprintf(out, "Asks %s %s (%s); nobody else sells it.\n", symbol, k.Mine, k.Unit)
			continue
		}
		fmt.Fprintf(out, "Asks %s %s (%s); the median of %d others is %s.\n", symbol, k.Mine, k.Unit, k.Asks, k.Median)
	}
	for _, k := range w.Skips {
		fmt.Fprintf(out, "%5d×  %3d.%d %%  %s\n", k.Count, k.Permille/10, k.Permille%10, clipText(k.Says, 400))
		if k.Change != "" {
			fmt.Fprintf(out, "                → %s\n", clipText(k.Change, 400))
		}
	}
	for _, n := range w.Notes {
		fmt.Fprintf(out, "! %s\n                → %s\n", clipText(n.Says, 400), clipText(n.Change, 300))
	}
	if len(w.Skips) == 0 && len(w.Notes) == 0 {
		fmt.Fprintln(out, "Nothing keeps requests from this rig.")
	}
	return nil
}

// tellDemand says at the start what was asked for lately, once the rig offers and somebody
// can tell.
func (a *app) tellDemand(ctx context.Context, s *session, p *progress) {
	var w *node.WhyReport
	told := func() (bool, error) {
		var err error
		w, err = s.Why(ctx, time.Hour)
		return err == nil && w.IndexNodes > 1, nil // this node alone knows nothing yet
	}
	if err := poll(ctx, joinWait, told); err != nil || w == nil || w.IndexNodes < 2 {
		return
	}
	p.done("%d requests in the last hour, %d of them fit this rig; `rerig why` says more", w.Asked, w.Fit)
}
