package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// run is one order of a script.
type run struct {
	name string
	by   *member
	id   string
}

// submit: NAMES by=MEMBER [args=A,B] [budget=TOKENS] [retries=N] [rig=MEMBER] … buys
// the guest of testdata, or another file with module=.
func (w *world) submit(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		by := w.member(a.set["by"])
		req, err := w.request(name, a.set)
		if err != nil {
			return err
		}
		st, err := by.client.Submit(ctx, req)
		var refused *node.APIError
		if errors.As(err, &refused) {
			w.printf("%s: refused: %s", name, refused.Message)
			continue
		}
		if err != nil {
			return err
		}
		w.runs[name] = &run{name: name, by: by, id: st.ID.String()}
	}
	return nil
}

func (w *world) request(name string, set map[string]string) (*node.RunRequest, error) {
	req := &node.RunRequest{Name: name, Module: "testdata/guest.wasm", Budget: protocol.NewAmount(1)}
	var err error
	for k, v := range set {
		switch k {
		case "by":
		case "module":
			req.Module = "testdata/" + v
		case "args":
			req.Args = strings.Split(v, ",")
		case "input":
			req.Inputs = append(req.Inputs, node.File{Path: "testdata/" + v})
		case "budget":
			req.Budget, err = protocol.ParseUnits(v, 6)
		case "maxprice":
			req.MaxPrice, err = protocol.ParseUnits(v, 6)
		case "retries":
			req.Retries, err = strconv.Atoi(v)
		case "region":
			req.Region = v
		case "rig":
			req.Rig = w.member(v).key.Address()
		case "memory":
			err = number(v, &req.Resources.MemoryMiB)
		case "cpus":
			err = number(v, &req.Resources.CPUs)
		case "vram":
			err = number(v, &req.Resources.VRAMMiB)
		case "time":
			var d time.Duration
			d, err = time.ParseDuration(v)
			req.Limits.RunMillis = uint64(d.Milliseconds())
		case "stdout":
			err = number(v, &req.Limits.StdoutBytes)
		default:
			err = fmt.Errorf("unknown setting %q", k)
		}
		if err != nil {
			return nil, err
		}
	}
	req.Module, err = filepath.Abs(req.Module)
	for i := range req.Inputs {
		req.Inputs[i].Path, _ = filepath.Abs(req.Inputs[i].Path) // fails as the line above does
	}
	return req, err
}

func number[T ~uint16 | ~uint32 | ~uint64](text string, into *T) error {
	v, err := strconv.ParseUint(text, 10, 64)
	*into = T(v)
	return err
}

func (w *world) run(name string) (*run, error) {
	if r := w.runs[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no run %q", name)
}

// wait: RUNS STATE, RUNS ended [why], or RUNS ticks=N.
func (w *world) wait(ctx context.Context, a arguments) error {
	why := a.names[len(a.names)-1] == "why"
	if why {
		a.names = a.names[:len(a.names)-1]
	}
	names, until := a.names, ""
	if a.set["ticks"] == "" {
		names, until = a.names[:len(a.names)-1], a.names[len(a.names)-1]
	}
	ticks, _ := strconv.ParseUint(a.set["ticks"], 10, 64) // 0 without
	for _, name := range names {
		r, err := w.run(name)
		if err != nil {
			return err
		}
		var st *node.RunStatus
		err = poll(ctx, func() (bool, error) {
			if st, err = r.by.client.Run(ctx, r.id); err != nil {
				return false, err
			}
			if st.Ended && until != "ended" {
				return false, fmt.Errorf("%s ended meanwhile: %s %s %s", name, st.State, st.Reason, st.Detail)
			}
			return st.Ended || string(st.State) == until || ticks > 0 && w.ticks(st) >= ticks, nil
		})
		if err != nil {
			return err
		}
		if until == "ended" {
			w.summary(name, st, why)
		}
	}
	return nil
}

// ticks is how many whole ticks the present attempt has been billed.
func (w *world) ticks(st *node.RunStatus) uint64 {
	for _, m := range w.members {
		if m.key.Address() == st.Rig && m.config.Rig != nil {
			return st.Units / m.config.Rig.TickUnits
		}
	}
	return 0
}

func (w *world) summary(name string, st *node.RunStatus, why bool) {
	s := fmt.Sprintf("%s: %s, exit %d", name, st.State, st.ExitCode)
	if st.Reason != "" {
		s += ", " + string(st.Reason)
	}
	if st.Attempt > 1 {
		s += fmt.Sprintf(", attempt %d", st.Attempt)
	}
	if st.Budget.Less(st.Spent) {
		s += ", OVER BUDGET"
	}
	if why && st.Detail != "" {
		s += ": " + st.Detail
	}
	w.printf("%s", s)
	for _, t := range st.Tried {
		w.printf("  tried %s", t)
	}
}

// endRun: RUNS asks for their end.
func (w *world) endRun(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		r, err := w.run(name)
		if err != nil {
			return err
		}
		if _, err := r.by.client.Stop(ctx, r.id); err != nil {
			return err
		}
	}
	return nil
}

// attempts are the requester's records of a run, in order.
func (w *world) attempts(ctx context.Context, name string) ([]protocol.Record, error) {
	r, err := w.run(name)
	if err != nil {
		return nil, err
	}
	h, err := r.by.client.History(ctx)
	if err != nil {
		return nil, err
	}
	recs := slices.DeleteFunc(h.Jobs, func(rec protocol.Record) bool {
		return rec.Job.Role != protocol.RoleRequester || rec.Run.String() != r.id
	})
	slices.SortFunc(recs, func(x, y protocol.Record) int { return int(x.Attempt) - int(y.Attempt) })
	return recs, nil
}

func (w *world) nameOf(a protocol.Address) string {
	for _, m := range w.members {
		if m.key.Address() == a {
			return m.name
		}
	}
	return a.String()
}

// events: RUNS shows each attempt's path on both sides.
func (w *world) events(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		recs, err := w.attempts(ctx, name)
		if err != nil {
			return err
		}
		for _, rec := range recs {
			rig := w.nameOf(rec.Agreement.Rig)
			w.printf("%s attempt %d", name, rec.Attempt)
			for _, side := range []string{w.runs[name].by.name, rig} {
				w.printf("  %s: %s", side, strings.Join(w.logs.steps(side, rec.Job.ID.Short()), " "))
			}
		}
	}
	return nil
}

// paid: RUNS says what each attempt cost its requester; exact=yes in tokens.
func (w *world) paid(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		recs, err := w.attempts(ctx, name)
		if err != nil {
			return err
		}
		for _, rec := range recs {
			j := rec.Job
			cost, err := j.Price.Cost(j.Units)
			if err != nil {
				return err
			}
			tick, err := j.Price.Cost(j.TickUnits)
			if err != nil {
				return err
			}
			what := "not what its receipts say"
			switch {
			case a.set["exact"] != "":
				what = j.Paid.Units(6)
			case j.Paid.IsZero():
				what = "nothing"
			case j.State == protocol.StateFailed && new(big.Int).Rem(j.Paid.Big(), tick.Big()).Sign() == 0:
				what = "whole ticks"
			case j.Paid == cost:
				what = "the cost of its units"
			}
			w.printf("%s attempt %d: %s is paid %s", name, rec.Attempt, w.nameOf(rec.Agreement.Rig), what)
		}
	}
	return nil
}

// spent: RUNS shows what all attempts together cost, in tokens.
func (w *world) spent(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		r, err := w.run(name)
		if err != nil {
			return err
		}
		st, err := r.by.client.Run(ctx, r.id)
		if err != nil {
			return err
		}
		w.printf("%s spent %s of %s", name, st.Spent.Units(6), st.Budget.Units(6))
	}
	return nil
}

// output: RUNS shows stdout; with lines=yes only whether it counts 0, 1, 2 … .
func (w *world) output(ctx context.Context, a arguments) error {
	for _, name := range a.names {
		r, err := w.run(name)
		if err != nil {
			return err
		}
		var out strings.Builder
		err = r.by.client.Follow(ctx, r.id, false, func(ev node.Event) error {
			if ev.FD == 1 {
				out.Write(ev.Data)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if a.set["lines"] == "" {
			w.printf("%s wrote %q", name, out.String())
			continue
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		for i, l := range lines {
			if l != fmt.Sprintf("%04d", i) {
				return fmt.Errorf("%s: line %d is %q", name, i, l)
			}
		}
		w.printf("%s wrote %d lines, each once and in order", name, len(lines))
	}
	return nil
}

// file: RUN NAME shows an output file.
func (w *world) file(ctx context.Context, a arguments) error {
	r, err := w.run(a.names[0])
	if err != nil {
		return err
	}
	st, err := r.by.client.Run(ctx, r.id)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(st.Dir, "out", a.names[1]))
	if err != nil {
		return err
	}
	w.printf("%s wrote %s: %q", r.name, a.names[1], b)
	return nil
}
