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
	case len(r.ports) > 0:
		return usage("--detach: leave --publish out, which leads to the ports as long as the command runs")
	case s.own:
		return usage("--detach: no node stays in %s to carry the run on; start one, such as `rerig up --server`, or leave --detach out", s.info.DataDir)
	}
	return nil
}

func (a *app) waitCmd() *cobra.Command {
	var outDir string
	c := &cobra.Command{
		Use: "wait ID", Short: "Wait for the end of a run, an array or a gang, and exit as `rerig run` would have", Args: exactly("ID"),
		Long: `Wait for the end of a run, an array or a gang, and exit as ` + "`rerig run`" + ` would have. Of an
array there is its live table, and the files go by index to the --out-dir of the command
that bought it, unless it is given here. Ctrl-C ends the waiting, not the run.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.wait(cmd.Context(), args[0], outDir) },
	}
	c.Flags().StringVar(&outDir, "out-dir", "", "`directory` for the output files, or s3://BUCKET/PREFIX")
	return c
}

// wait follows a run that another command bought. Its output stays where it is.
func (a *app) wait(ctx context.Context, id, outDir string) (err error) {
	if err := checkOut(outDir); err != nil {
		return err
	}
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if g, err := s.group(ctx, id); g != nil || err != nil {
		if err != nil {
			return err
		}
		return a.waitGroup(ctx, s, g, outDir)
	}
	p := a.progress()
	v := &view{p: p, money: s.money}
	var last *node.RunStatus
	err = s.Follow(ctx, id, true, func(ev node.Event) error {
		if ev.Status != nil {
			last = ev.Status
			v.tried(last)
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
	return a.runEnd(ctx, s, last, outDir, p)
}
