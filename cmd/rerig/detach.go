package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// printID prints the ID of what goes on in the node, or with -o json all that is known of it.
func (a *app) printID(id protocol.Hash, v any) error {
	return a.print(v, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, id)
		return err
	})
}

// checkDetach refuses --detach where nothing would carry the run on: a node that this
// command started ends with it, and so does what it forwards.
func (r *runFlags) checkDetach(s *session) error {
	switch {
	case !r.detach:
		return nil
	case r.gang != 0 || r.many() || len(r.ports) > 0:
		return usage("--detach: of one run; leave --gang, --array, --matrix and --publish out")
	case s.own:
		return usage("--detach: no node stays in %s to carry the run on; start one, such as `rerig up --server`, or leave --detach out", s.info.DataDir)
	}
	return nil
}

func (a *app) waitCmd() *cobra.Command {
	return &cobra.Command{
		Use: "wait ID", Short: "Wait for a run's end, and exit as `rerig run` would have", Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.wait(cmd.Context(), args[0]) },
	}
}

// wait follows a run that another command bought. Its output stays where it is.
func (a *app) wait(ctx context.Context, id string) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var last *node.RunStatus
	err = s.Follow(ctx, id, true, func(ev node.Event) error {
		if ev.Status != nil {
			last = ev.Status
		}
		return nil
	})
	switch {
	case ctx.Err() != nil: // Ctrl-C ends the waiting, not the run
		return &exitError{code: exitInterrupted}
	case err != nil:
		return err
	case last == nil || !last.Ended:
		return networkError(errors.New("the node ended before the run did; `rerig ps -a` shows what became of it"))
	}
	return a.runEnd(ctx, s, last, "", a.progress())
}
