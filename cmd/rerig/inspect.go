package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
)

// inspectReply is what `rerig inspect -o json` prints. Either part may be missing:
// a run that found no rig has no papers, a job sold is no run.
type inspectReply struct {
	Run   *node.RunStatus `json:"run,omitempty"`
	Job   *node.JobView   `json:"job,omitempty"`
	Files []string        `json:"files,omitempty"`
}

func (a *app) inspectCmd() *cobra.Command {
	return &cobra.Command{
		Use: "inspect ID", Short: "Show a run or a job with its signed papers, or an array or a gang with its members", Args: exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.inspect(cmd.Context(), args[0]) },
	}
}

func (a *app) inspect(ctx context.Context, id string) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if g, err := s.group(ctx, id); g != nil || err != nil {
		return errors.Join(err, a.inspectGroup(ctx, s, g))
	}
	var r inspectReply
	r.Run, err = s.Run(ctx, id)
	switch {
	case err == nil:
		if id = r.Run.Job.String(); r.Run.Job.IsZero() {
			id = ""
		}
		r.Files = outputFiles(r.Run.Dir)
	case !notFound(err):
		return err
	}
	if id != "" {
		if r.Job, err = s.Job(ctx, id); err != nil && (r.Run == nil || !notFound(err)) {
			return err
		}
	}
	return a.print(r, func(w io.Writer) error { return r.write(w, s.money) })
}

// outputFiles lists a run's output files, relative to its outputs.
func outputFiles(runDir string) (files []string) {
	out := filepath.Join(runDir, "out")
	_ = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error { // without outputs there are none
		if err != nil {
			return err
		}
		if rel, err := filepath.Rel(out, path); err == nil && !d.IsDir() {
			files = append(files, rel)
		}
		return nil
	})
	return files
}

func (r *inspectReply) write(w io.Writer, m money) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	if st := r.Run; st != nil {
		row("run", "%s", st.ID)
		row("state", "%s %s", st.State, clipText(strings.TrimSpace(string(st.Reason)+" "+st.Detail), 300))
		row("created", "%s", time.UnixMilli(int64(st.Created)).Format(time.DateTime))
		row("attempt", "%d", st.Attempt)
		for _, text := range st.Tried {
			row("tried", "%s", clipText(text, 300))
		}
		for _, k := range st.Skipped {
			row("skipped", "%d× %s (%s)", k.Count, k.Reason, clipText(k.Detail, 120))
		}
		row("spent", "%s of at most %s", m.text(st.Spent), m.text(st.Budget))
		if st.Ended {
			row("exit code", "%d", st.ExitCode)
		}
		if len(st.Micros) > 0 {
			row("time", "%s", phases(st.Micros))
		}
		row("kept in", "%s", st.Dir)
	}
	for _, f := range r.Files {
		row("output", "%s", clipText(f, 200))
	}
	if r.Job != nil {
		r.papers(row, m)
	}
	return t.Flush()
}

// papers are what both sides signed, and the money that follows from it.
func (r *inspectReply) papers(row func(name, format string, args ...any), m money) {
	rec, a := &r.Job.Record, &r.Job.Agreement
	row("job", "%s (%s)", rec.Job.ID, rec.Job.Role)
	row("job state", "%s %s", rec.Job.State, rec.Job.Reason)
	row("rig", "%s", a.Rig)
	row("requester", "%s", a.Requester)
	row("peer", "%s", rec.Peer)
	row("price", "%s %s per CPU hour", m.perHour(a.Price), m.Symbol)
	row("tick", "%s", unitsOf(a.Price.Unit, a.TickUnits))
	row("used", "%s in %d receipts", unitsOf(rec.Job.Price.Unit, rec.Job.Units), rec.Job.Seq)
	row("cost", "%s, of which %s is paid by vouchers", m.text(rec.Job.Due), m.text(rec.Job.Paid))
	row("budget", "%s", m.text(a.MaxTotal))
	row("channel", "%s epoch %d", rec.Channel.ID(), rec.Epoch)
	row("spec", "%s", rec.SpecCID)
	if spec := r.Job.Spec; spec != nil {
		row("module", "%s, %d bytes", spec.Module, spec.ModuleSize)
		row("arguments", "%s", clipText(fmt.Sprintf("%q", spec.Args), 300))
		for _, in := range spec.Inputs {
			row("input", "%s %s, %d bytes", clipText(in.Name, 80), in.CID, in.Size)
		}
	}
	row("rig's signature", "%s", rec.RigSig)
	row("requester's signature", "%s", rec.PayerSig)
	if rec.Job.Seq > 0 {
		row("last receipt", "#%d, %s, output %s", rec.Receipt.Seq, unitsOf(rec.Job.Price.Unit, rec.Receipt.Units), rec.Receipt.Output)
		row("its signature", "%s", rec.RcptSig)
	}
	if rec.Outputs != "" {
		row("outputs", "%s, %d bytes", rec.Outputs, rec.OutSize)
	}
}

// phases lists where the time went, the longest first.
func phases(micros map[string]int64) string {
	names := make([]string, 0, len(micros))
	for name := range micros {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if micros[a] == micros[b] {
			return strings.Compare(a, b)
		}
		return int(micros[b] - micros[a])
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.1f ms", name, float64(micros[name])/1000)
	}
	return strings.Join(names, ", ")
}
