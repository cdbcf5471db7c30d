package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// verifyFlags are the flags of `rerig verify`.
type verifyFlags struct {
	rerun    bool
	local    bool
	onRig    string
	budget   string
	maxPrice string
	inputs   []string
	module   string
	timeout  time.Duration
}

func (a *app) verifyCmd() *cobra.Command {
	var v verifyFlags
	c := &cobra.Command{
		Use: "verify [flags] RUN", Short: "Check a finished run by its signed papers, and by running it again",
		Long: `Check a finished run that this node bought. From its record alone: the agreement and both
signatures, every receipt and how they follow each other, what was paid for them, and that the
standard output, error and output files here are what the rig signed for. What differs there
has changed on this machine since: the node checked it when it came.

Whether the rig computed what it was asked shows only when the run is done again. --rerun buys
that from the cheapest other rig, --on-rig from one of your choice, after saying the price, for
at most --budget; --local runs a WASM module in this machine's own sandbox, for nothing. WASM
modules give the same bytes everywhere, and so do models without a temperature on processors of
one kind; nothing else can be checked so. Where --local differs the rig is at fault, and what it
signed proves it; where another rig differs one of the two is. Sealed inputs were not kept: give
them again with --input, and a --private module with --module.

The exit code is 0 when all that was checked is right and 1 when something is not.`,
		Example: `  rerig verify 3f2a
  rerig verify --local -i holiday.jpg 3f2a
  rerig verify --rerun --budget 0.02 -i holiday.jpg 3f2a`,
		Args: exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), &v, args[0]) },
	}
	f := c.Flags()
	f.BoolVar(&v.rerun, "rerun", false, "buy the run once more, from the cheapest other rig, and compare")
	f.StringVar(&v.onRig, "on-rig", "", "buy it from the rig with this `address`")
	f.BoolVar(&v.local, "local", false, "run it once more in this machine's sandbox, and compare")
	f.StringVar(&v.budget, "budget", "0.1", "most that --rerun may cost")
	f.StringVar(&v.maxPrice, "max-price", "", "highest `price` of a CPU hour for --rerun, such as 0.06/h")
	f.StringArrayVarP(&v.inputs, "input", "i", nil, "`file[=name]` that the run had as an input; may be repeated")
	f.StringVar(&v.module, "module", "", "`file` with the module or model, where this node has it no more")
	f.DurationVar(&v.timeout, "timeout", 0, "run time `limit` of the second run (default the first one's)")
	return c
}

// verdict is what `rerig verify -o json` prints.
type verdict struct {
	Run    protocol.Hash    `json:"run"`
	Job    protocol.Hash    `json:"job"`
	Rig    protocol.Address `json:"rig"`
	Right  bool             `json:"right"`           // nothing that was checked is wrong
	Fault  string           `json:"fault,omitempty"` // whose it is: here, rig, one of two rigs, or unknown
	Checks []checkResult    `json:"checks"`
	Again  *again           `json:"again,omitempty"`
}

// checkResult is the outcome of one check.
type checkResult struct {
	Check  string `json:"check"`
	Result string `json:"result"` // right, wrong, or unknown where it cannot be told
	Detail string `json:"detail"`
}

func (v *verdict) add(check string, err error, format string, args ...any) {
	f := checkResult{Check: check, Result: "right", Detail: fmt.Sprintf(format, args...)}
	var cannot *cannotTell
	switch {
	case errors.As(err, &cannot):
		f.Result, f.Detail = "unknown", err.Error()
	case err != nil:
		f.Result, f.Detail = "wrong", err.Error()
		v.Right = false
	}
	v.Checks = append(v.Checks, f)
}

// cannotTell is why a check says nothing.
type cannotTell struct{ why string }

// Error is the reason.
func (e *cannotTell) Error() string { return e.why }

func (a *app) verify(ctx context.Context, v *verifyFlags, id string) (err error) {
	if v.local && (v.rerun || v.onRig != "") {
		return usage("--local and --rerun: give one of them")
	}
	p := a.progress()
	open := func() (*session, error) { return a.open(ctx) }
	if v.rerun || v.onRig != "" {
		open = func() (*session, error) { return a.openToPay(ctx, p) }
	}
	s, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	st, err := s.Run(ctx, id)
	if err != nil {
		return err
	}
	if !st.Ended || st.Job.IsZero() {
		return fmt.Errorf("run %s has no result to check: it is %s %s", st.ID.Short(), st.State, clipText(st.Detail, 200))
	}
	job, err := s.Job(ctx, st.Job.String())
	if err != nil {
		return err
	}
	found := &verdict{Run: st.ID, Job: st.Job, Rig: job.Agreement.Rig, Right: true}
	found.papers(ctx, s.money, st, job)
	if !found.Right {
		found.Fault = "here"
	} else if v.local || v.rerun || v.onRig != "" {
		if err := a.runAgain(ctx, s, v, found, st, job); err != nil {
			return err
		}
	}
	err = a.print(found, func(w io.Writer) error { return found.write(w) })
	if err == nil && !found.Right {
		err = &exitError{code: exitFailed}
	}
	return err
}

func (v *verdict) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, f := range v.Checks {
		sign := map[string]string{"right": "✓", "wrong": "✗"}[f.Result]
		if sign == "" {
			sign = "–"
		}
		fmt.Fprintf(t, "%s %s\t%s\n", sign, f.Check, clipText(f.Detail, 300))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	says := "right, as far as it was checked"
	switch {
	case v.Fault == "here":
		says = "wrong: this was right when it came, and has changed on this machine since; the rig cannot be blamed by it"
	case v.Fault == "rig":
		says = "wrong: the rig " + v.Rig.String() + " signed for a result that the program does not give; its signed receipt proves it"
	case !v.Right:
		says = "wrong: the two results differ, and " + v.Fault
	case v.Again != nil:
		says = "right: done again, it gives the same bytes"
	}
	_, err := fmt.Fprintf(w, "%s\n", says)
	return err
}

// deterministic tells whether a second run must give the same bytes, and whether also on
// another kind of processor.
func deterministic(job *node.JobView) (same, everywhere bool) {
	switch {
	case job.Spec == nil || job.Spec.Kind != protocol.KindTask:
		return false, false
	case job.Spec.Engine == protocol.EngineWASM:
		return true, true
	case job.Spec.Engine == protocol.EngineModel:
		for i, arg := range job.Spec.Args {
			if arg == "--jsonl" || arg == "-jsonl" || strings.HasPrefix(arg, "--jsonl=") { // each line has a temperature of its own, 1 unless it says so
				return false, false
			}
			if (arg == "--temperature" || arg == "-temperature") && (i+1 == len(job.Spec.Args) || job.Spec.Args[i+1] != "0") {
				return false, false
			}
		}
		return true, false
	}
	return false, false
}
