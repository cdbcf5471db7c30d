package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/jobfile"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/transfer"
)

// many reports whether the flags make an array of tasks, even of one.
func (r *runFlags) many() bool { return r.array > 0 || len(r.matrix) > 0 || len(r.axes) > 0 }

// allAxes are those of the file and of the flags.
func (r *runFlags) allAxes() ([]jobfile.Axis, error) {
	axes := slices.Clone(r.axes)
	for _, text := range r.matrix {
		a, err := jobfile.ParseAxis(text)
		if err != nil {
			return nil, usage("--matrix: %w", err)
		}
		axes = append(axes, a)
	}
	return axes, nil
}

// tasks are the values of the flags' tasks.
func (r *runFlags) tasks() ([]jobfile.Values, error) {
	axes, err := r.allAxes()
	if err != nil {
		return nil, err
	}
	all, err := jobfile.Tasks(r.array, axes)
	if err != nil {
		return nil, usage("--%w", err)
	}
	return all, nil
}

// runMany buys a run for each task and gathers the results by index: standard output in
// the tasks' order, files below --out-dir.
func (a *app) runMany(ctx context.Context, s *session, r *runFlags, module string, args []string, p *progress) error {
	values, err := r.tasks()
	if err != nil {
		return err
	}
	requests, err := a.taskRequests(ctx, s, r, values, module, args)
	if err != nil {
		return err
	}
	if r.dryRun {
		return a.dryRun(ctx, s, &requests[0])
	}
	note, err := r.note(r.outDir)
	if err != nil {
		return err
	}
	g, err := s.SubmitGroup(ctx, &node.GroupRequest{Name: r.name, Parallel: r.parallel, FailFast: r.failFast, Keep: r.detach, Note: note, Tasks: requests})
	if err != nil {
		var no *node.APIError
		if errors.As(err, &no) { // the node found something wrong with the request
			return err
		}
		return networkError(err)
	}
	if r.detach {
		return a.submittedGroup(ctx, s, r, g, p)
	}
	c, err := a.newCollector(ctx, s, g, p)
	if err != nil {
		return err
	}
	c.outDir, c.prints = r.outDir, true
	return a.attend(ctx, s, c)
}

// taskRequests are what an array's tasks ask for; they share the budget evenly.
func (a *app) taskRequests(ctx context.Context, s *session, r *runFlags, values []jobfile.Values, module string, args []string) ([]node.RunRequest, error) {
	budget, err := s.money.parse("budget", r.budget)
	if err != nil {
		return nil, err
	}
	each := budget.Share(uint64(len(values)))
	if each.IsZero() {
		return nil, usage("--budget: %s among %d tasks is nothing for one", r.budget, len(values))
	}
	requests := make([]node.RunRequest, len(values))
	for i, v := range values {
		filled := make([]string, len(args))
		for k, arg := range args {
			filled[k] = v.Fill(arg)
		}
		req, err := a.runRequest(ctx, s, r.task(v), v.Fill(module), filled)
		if err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
		req.Budget = each
		if req.Name == "" {
			req.Name = "task " + strconv.Itoa(i)
		}
		if req.Engine != protocol.EngineModel { // which has no environment
			req.Env = append(req.Env, "RERIG_INDEX="+strconv.Itoa(i), "RERIG_COUNT="+strconv.Itoa(len(values)))
		}
		requests[i] = *req
	}
	return requests, nil
}

// collector gathers what the members of a group make.
type collector struct {
	ctx    context.Context // for putting results
	a      *app
	p      *progress
	money  money
	group  *node.GroupStatus // as it was told of last
	what   string            // its members are: task or rank
	outDir string
	prints bool // their output
	values []jobfile.Values
	board  *board
	ended  []client.Ended
	there  []bool // ended, and kept in ended
	next   int    // the first task whose output was not printed yet
	err    error  // a result that could not be written
}

// over keeps a task's files and prints what is complete up to here, in the tasks' order.
func (c *collector) over(i int, e client.Ended) {
	c.ended[i], c.there[i] = e, true
	c.board.over(i, e)
	if e.Status != nil && c.outDir != "" && e.Status.Outputs != "" {
		if _, err := c.a.putOut(c.ctx, e.Status.Dir, c.dir(i), c.p); err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("%s %d: %w; the files are still in %s", c.what, i, err, filepath.Join(e.Status.Dir, "out")))
		}
	}
	if !c.prints {
		return
	}
	c.board.hide()
	for c.next < len(c.there) && c.there[c.next] {
		c.print(c.next)
		c.next++
	}
}

// dir is where a task's files go: its own directory, unless --out-dir says one for each.
func (c *collector) dir(i int) string {
	if filled := c.values[i].Fill(c.outDir); filled != c.outDir {
		return filled
	}
	if transfer.Remote(c.outDir) {
		return c.outDir + "/" + strconv.Itoa(i)
	}
	return filepath.Join(c.outDir, strconv.Itoa(i))
}

// print copies a task's output; each line of standard error begins with its index.
func (c *collector) print(i int) {
	st := c.ended[i].Status
	if st == nil {
		return
	}
	if !c.a.json() {
		c.copy(c.a.stdout, filepath.Join(st.Dir, "stdout"))
	}
	w := &prefixed{w: c.a.stderr, prefix: "[" + strconv.Itoa(i) + "] "}
	c.copy(w, filepath.Join(st.Dir, "stderr"))
	w.end()
}

func (c *collector) copy(w io.Writer, path string) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) { // it wrote nothing
		return
	}
	if err == nil {
		_, err = io.Copy(w, f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		c.err = errors.Join(c.err, fmt.Errorf("print a task's output: %w", err))
	}
}

// taskEnd is a task in the output of -o json.
type taskEnd struct {
	Index  int             `json:"index"`
	Values jobfile.Values  `json:"values"`
	Status *node.RunStatus `json:"run,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// end tells of the failures and makes the first of them the exit code.
func (c *collector) end() error {
	all := c.ended
	first, failed, spent := -1, 0, protocol.Amount{}
	list := make([]taskEnd, len(all))
	for i, e := range all {
		list[i] = taskEnd{Index: i, Values: c.values[i], Status: e.Status}
		if e.Status != nil {
			spent = plus(spent, e.Status.Spent)
		}
		if e.Err != nil {
			list[i].Error = e.Err.Error()
		}
		if succeeded(e) {
			continue
		}
		if failed++; first < 0 || e.Status != nil && e.Status.Gang != nil && e.Status.Gang.First {
			first = i
		}
		if failed <= maxFailures {
			c.p.warn("%s %d: %s", c.what, i, howFailed(e))
		}
	}
	if failed > maxFailures {
		c.p.warn("and %d more; -o json has them all", failed-maxFailures)
	}
	if err := c.a.print(list, func(io.Writer) error { return nil }); err != nil {
		return err
	}
	if c.err != nil {
		return &exitError{exitFailed, c.err}
	}
	if failed == 0 {
		c.p.done("%d %ss · %s", len(all), c.what, c.money.text(spent))
		return nil
	}
	return &exitError{codeOf(all[first]), fmt.Errorf("%d of %d %ss failed, the first is %d (spent %s)", failed, len(all), c.what, first, c.money.text(spent))}
}

// maxFailures is how many failed tasks are told of one by one.
const maxFailures = 20

func succeeded(e client.Ended) bool {
	return e.Err == nil && e.Status != nil && e.Status.Succeeded() && e.Status.ExitCode == 0
}

func howFailed(e client.Ended) string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Status.Reason != protocol.ReasonNone:
		return clipText(why(e.Status), 400)
	}
	return fmt.Sprintf("exit %d", e.Status.ExitCode)
}

// codeOf is the exit code that the task alone would have had.
func codeOf(e client.Ended) int {
	var none *notBegun
	switch {
	case errors.As(e.Err, &none):
		return none.code
	case e.Status == nil || e.Err != nil:
		return exitNetwork
	case e.Status.Reason != protocol.ReasonNone && e.Status.Reason != protocol.ReasonNoSettle:
		return exitOf(e.Status.Reason)
	}
	return int(min(e.Status.ExitCode, 255))
}

// plus adds what was paid; budgets bound the sum long before an amount does.
func plus(a, b protocol.Amount) protocol.Amount {
	sum, err := a.Add(b)
	if err != nil {
		return a
	}
	return sum
}
