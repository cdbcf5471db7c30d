package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

// again is a second run of the same spec.
type again struct {
	Run      protocol.Hash    `json:"run,omitzero"` // where it was bought
	Rig      protocol.Address `json:"rig,omitzero"`
	Local    bool             `json:"local"`
	Spent    protocol.Amount  `json:"spent"`
	ExitCode uint32           `json:"exit_code"`
	Files    string           `json:"files,omitempty"` // CID

	dir    string          // with stdout, stderr and out
	failed *runner.Failure // the program did not end by itself
}

// runAgain does the run again, here or on another rig, and compares.
func (a *app) runAgain(ctx context.Context, s *session, v *verifyFlags, found *verdict, st *node.RunStatus, job *node.JobView) error {
	same, everywhere := deterministic(job)
	switch {
	case !same:
		return usage("a run of %s need not give the same bytes twice; only wasm modules and models without a temperature can be run again to check", job.Spec.Engine)
	case v.local && job.Spec.Engine != protocol.EngineWASM:
		return usage("--local: of wasm modules; give --rerun for a model")
	case !st.Succeeded():
		return usage("the run was ended (%s), so that a second one need not come as far", st.Reason)
	}
	req, unheld, err := a.sameRequest(ctx, s, v, job)
	if err != nil {
		return err
	}
	var second *again
	if v.local {
		dir, err := os.MkdirTemp("", "rerig-verify-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		second, err = runHere(ctx, dir, req, job.Spec)
		if err != nil {
			return err
		}
	} else if second, err = a.buyAgain(ctx, s, v, req, job); err != nil {
		return err
	}
	found.Again = second
	differs := second.compare(ctx, st, job)
	found.add("again", differs, "%s gives the same output, files and exit code", second.where())
	var cannot *cannotTell
	if found.Right || errors.As(differs, &cannot) {
		return nil
	}
	switch {
	case unheld != "":
		found.Fault = "it cannot be told whose fault it is: " + unheld + " was sealed, so that nothing tells whether what was given again is the same"
	case v.local && everywhere:
		found.Fault = "rig"
	case everywhere:
		found.Fault = "one of the two rigs is at fault: --local, or a third rig with --on-rig, says which"
	default:
		found.Fault = "it cannot be told whose fault it is: processors of different kinds may round differently"
	}
	return nil
}

func (g *again) where() string {
	if g.Local {
		return "this machine's sandbox"
	}
	return "rig " + g.Rig.String()
}

// compare holds the second result against the first.
func (g *again) compare(ctx context.Context, st *node.RunStatus, job *node.JobView) error {
	first := cmp.Or(job.Files, job.Outputs)
	if g.Local && g.Files == "" || first == "" {
		var err error
		if first, err = dirCID(ctx, st.Dir, job.Spec); err != nil {
			return err
		}
	}
	if g.failed != nil {
		return fmt.Errorf("in %s the module does not end by itself: %w", g.where(), g.failed)
	}
	if g.ExitCode != st.ExitCode {
		return fmt.Errorf("%s ends with exit code %d, not %d", g.where(), g.ExitCode, st.ExitCode)
	}
	for _, name := range []string{"stdout", "stderr"} {
		at, err := differAt(filepath.Join(st.Dir, name), filepath.Join(g.dir, name))
		if err != nil {
			return err
		}
		if at >= 0 {
			return fmt.Errorf("%s of %s differs from byte %d on", name, g.where(), at)
		}
	}
	if g.Files != first {
		return fmt.Errorf("the output files of %s are %s, not %s", g.where(), cmp.Or(g.Files, "none"), cmp.Or(first, "none"))
	}
	return nil
}

// dirCID names a run's output files; "" where it left none.
func dirCID(ctx context.Context, runDir string, spec *protocol.JobSpec) (string, error) {
	out := filepath.Join(runDir, "out")
	entries, err := os.ReadDir(out)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return artifact.DirCID(ctx, out, spec.Limits.OutputBytes, int(spec.Limits.OutputFiles))
}

// differAt is the first byte in which two files differ, -1 where they are equal. A file that
// is not there is empty.
func differAt(a, b string) (int64, error) {
	var files [2]io.Reader
	for i, path := range []string{a, b} {
		f, err := os.Open(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			files[i] = bytes.NewReader(nil)
		case err != nil:
			return 0, err
		default:
			defer f.Close()
			files[i] = f
		}
	}
	var at int64
	var bufs [2][32 << 10]byte
	for {
		var n [2]int
		for i := range files {
			var err error
			if n[i], err = io.ReadFull(files[i], bufs[i][:]); err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				return 0, err
			}
		}
		for k := range min(n[0], n[1]) {
			if bufs[0][k] != bufs[1][k] {
				return at + int64(k), nil
			}
		}
		if n[0] != n[1] {
			return at + int64(min(n[0], n[1])), nil
		}
		if n[0] == 0 {
			return -1, nil
		}
		at += int64(n[0])
	}
}

// buyAgain has another rig do it, after saying for how much.
func (a *app) buyAgain(ctx context.Context, s *session, v *verifyFlags, req *node.RunRequest, job *node.JobView) (_ *again, err error) {
	if req.Budget, err = s.money.parse("budget", v.budget); err != nil {
		return nil, err
	}
	if v.maxPrice != "" {
		if req.MaxPrice, err = s.money.rate("max-price", v.maxPrice); err != nil {
			return nil, err
		}
	}
	if v.onRig != "" {
		if req.Rig, err = protocol.ParseAddress(strings.ToLower(v.onRig)); err != nil {
			return nil, usage("--on-rig: %w; `rerig market ls` lists them", err)
		}
		if req.Rig == job.Agreement.Rig {
			return nil, usage("--on-rig: that rig did the run; a lie is not found by asking the liar")
		}
	}
	n := needOf(req)
	found, err := n.ask(ctx, s)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(found.Offers, func(o pricedOffer) bool { return o.Rig != job.Agreement.Rig })
	if i < 0 {
		return nil, &exitError{exitNetwork, errors.New("no other rig fits; raise --budget or --max-price, or see `rerig market ls`. --local needs none")}
	}
	o := &found.Offers[i]
	p := a.progress()
	p.line("again on rig %s at %s %s/h, at most %s", shortAddr(o.Rig), s.money.perHour(o.Price), s.money.Symbol, s.money.text(*o.Cost))
	req.Rig = o.Rig
	st, err := s.Submit(ctx, req)
	if err != nil {
		return nil, networkError(err)
	}
	quiet := *a
	quiet.stdout, quiet.stderr = io.Discard, io.Discard
	if st, err = quiet.follow(ctx, s, st, newProgress(io.Discard, true, true)); err != nil {
		return nil, networkError(err)
	}
	if !st.Succeeded() {
		return nil, &exitError{exitNetwork, fmt.Errorf("the second run failed (%s): %s; nothing is proved by that", st.Reason, clipText(st.Detail, 200))}
	}
	second, err := s.Job(ctx, st.Job.String())
	if err != nil {
		return nil, err
	}
	p.done("done again for %s", s.money.text(st.Spent))
	return &again{Run: st.ID, Rig: st.Rig, Spent: st.Spent, ExitCode: st.ExitCode, Files: cmp.Or(second.Files, second.Outputs), dir: st.Dir}, nil
}
