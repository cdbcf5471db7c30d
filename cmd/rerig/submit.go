package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

const submitHelp = `Buy a run as ` + "`rerig run`" + ` does, leave it to the node that runs in the data directory, and
print its ID, and nothing else, on standard output: once a rig has agreed and the money
for it is reserved, or was spent. Otherwise the reason is on standard error, and the exit
code is the one of ` + "`rerig run`" + `. --array, --matrix and --gang are one ID; where one of theirs
is on its way, so are they. ` + "`rerig wait`, `logs -f`, `ps`, `cp`, `inspect` and `stop`" + ` take the ID
from any terminal. Ctrl-C stops the run while it is not yet on its way.`

func (a *app) submitCmd() *cobra.Command {
	r := runFlags{detach: true, submit: true}
	c := &cobra.Command{
		Use: "submit [flags] {MODULE [-- ARGS…] | --image IMAGE [-- COMMAND ARGS…] | --model FILE -- [chat|complete] PROMPT}", Short: "Buy a run, print its ID and leave it to the node",
		Long: submitHelp,
		Example: `  id=$(rerig submit -i holiday.jpg thumb -- --size 200) && rerig wait $id && rerig cp $id: .
  rerig submit --file job.yaml`,
		Args: func(cmd *cobra.Command, args []string) error { return r.checkArgs(cmd.ArgsLenAtDash(), args) },
		RunE: func(cmd *cobra.Command, args []string) error { return a.runArgs(cmd, &r, args) },
	}
	r.registerJob(c.Flags())
	return c
}

// accepted waits until a run is on its way, and gives the last status that was seen. When ctx
// ends before, the run is stopped.
func (a *app) accepted(ctx context.Context, s *session, st *node.RunStatus, p *progress) (*node.RunStatus, error) {
	last, watched := st, context.WithoutCancel(ctx)
	defer context.AfterFunc(ctx, func() { _, _ = s.Stop(watched, st.ID.String()) })() // it may have ended by itself
	v := &view{p: p, money: s.money}
	err := s.Follow(watched, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status == nil {
			return nil
		}
		last = ev.Status
		v.tried(last)
		if onItsWay(last) {
			return errLeft
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errLeft):
		return last, networkError(err)
	case !onItsWay(last) && !last.Ended:
		return last, networkError(errors.New("the node ended before a rig was hired; `rerig ps -a` shows what became of it"))
	}
	return last, nil
}

// onItsWay reports whether a rig has agreed and the money is there for it, or was spent.
func onItsWay(st *node.RunStatus) bool {
	switch st.State {
	case protocol.StateFunded, protocol.StateQueued, protocol.StateStaging, protocol.StateRunning, protocol.StateFinished,
		protocol.StateVerified, protocol.StateSettled:
		return true
	}
	return st.Units > 0
}

// submitted prints the ID of a run that is on its way, or says why it is not.
func (a *app) submitted(ctx context.Context, s *session, st *node.RunStatus, p *progress) error {
	last, err := a.accepted(ctx, s, st, p)
	if err != nil {
		return err
	}
	if !onItsWay(last) {
		return a.runEnd(ctx, s, last, "", p)
	}
	return a.printID(last.ID, last)
}
