package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/jobfile"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/transfer"
)

// many reports whether the flags make an array of tasks, even of one.
func (r *runFlags) many() bool { return r.array > 0 || len(r.matrix) > 0 || len(r.axes) > 0 }

// tasks are the values of the flags' tasks.
func (r *runFlags) tasks() ([]jobfile.Values, error) {
	axes := r.axes
	for _, text := range r.matrix {
		a, err := jobfile.ParseAxis(text)
		if err != nil {
			return nil, usage("--matrix: %w", err)
		}
		axes = append(axes, a)
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
	requests := make([]*node.RunRequest, len(values))
	budget, err := s.money.parse("budget", r.budget)
	if err != nil {
		return err
	}
	each := budget.Share(uint64(len(values)))
	if each.IsZero() {
		return usage("--budget: %s among %d tasks is nothing for one", r.budget, len(values))
	}
	for i, v := range values {
		filled := make([]string, len(args))
		for k, arg := range args {
			filled[k] = v.Fill(arg)
		}
		if requests[i], err = a.runRequest(ctx, s, r.task(v), v.Fill(module), filled); err != nil {
			return fmt.Errorf("task %d: %w", i, err)
		}
		requests[i].Budget = each
		if requests[i].Name == "" {
			requests[i].Name = "task " + strconv.Itoa(i)
		}
		if requests[i].Engine != protocol.EngineModel { // which has no environment
			requests[i].Env = append(requests[i].Env, "RERIG_INDEX="+strconv.Itoa(i), "RERIG_COUNT="+strconv.Itoa(len(values)))
		}
	}
	if r.dryRun {
		return a.dryRun(ctx, s, requests[0])
	}
	c := &collector{ctx: context.WithoutCancel(ctx), a: a, p: p, money: s.money, outDir: r.outDir, values: values, board: newBoard(p, s.money, len(values)),
		ended: make([]client.Ended, len(values)), there: make([]bool, len(values)), failFast: r.failFast}
	m := client.Many{Parallel: r.parallel, Told: c.told, Over: c.over}
	ended := m.Run(ctx, s.Client, requests)
	c.board.close()
	return c.end(ended)
}

// collector gathers what the tasks of an array make. The client calls it from one
// goroutine at a time.
type collector struct {
	ctx      context.Context // for putting results
	a        *app
	p        *progress
	money    money
	outDir   string
	values   []jobfile.Values
	board    *board
	ended    []client.Ended
	there    []bool // ended, and kept in ended
	next     int    // the first task whose output was not printed yet
	failFast bool
	err      error // a result that could not be written
}

func (c *collector) told(i int, ev node.Event) error {
	if ev.Status != nil {
		c.board.show(i, ev.Status)
	}
	return nil
}

// over keeps a task's files and prints what is complete up to here, in the tasks' order.
func (c *collector) over(i int, e client.Ended) bool {
	c.ended[i], c.there[i] = e, true
	c.board.over(i, e)
	if e.Status != nil && c.outDir != "" && e.Status.Outputs != "" {
		if _, err := c.a.putOut(c.ctx, e.Status.Dir, c.dir(i), c.p); err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("task %d: %w; the files are still in %s", i, err, filepath.Join(e.Status.Dir, "out")))
		}
	}
	c.board.hide()
	for c.next < len(c.there) && c.there[c.next] {
		c.print(c.next)
		c.next++
	}
	return c.err == nil && (!c.failFast || succeeded(e))
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
func (c *collector) end(all []client.Ended) error {
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
		if failed++; first < 0 {
			first = i
		}
		if failed <= maxFailures {
			c.p.warn("task %d: %s", i, howFailed(e))
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
		c.p.done("%d tasks · %s", len(all), c.money.text(spent))
		return nil
	}
	return &exitError{codeOf(all[first]), fmt.Errorf("%d of %d tasks failed, the first is %d (spent %s)", failed, len(all), first, c.money.text(spent))}
}

// maxFailures is how many failed tasks are told of one by one.
const maxFailures = 20

func succeeded(e client.Ended) bool {
	return e.Err == nil && e.Status != nil && e.Status.Succeeded() && e.Status.ExitCode == 0
}

func howFailed(e client.Ended) string {
	switch {
	case errors.Is(e.Err, context.Canceled) && e.Status == nil:
		return "not started"
	case e.Err != nil:
		return e.Err.Error()
	case e.Status.Reason != protocol.ReasonNone:
		return clipText(why(e.Status), 400)
	}
	return fmt.Sprintf("exit %d", e.Status.ExitCode)
}

// codeOf is the exit code that the task alone would have had.
func codeOf(e client.Ended) int {
	switch {
	case errors.Is(e.Err, context.Canceled):
		return exitInterrupted
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
