package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// follow copies a run's output to ours and tells how it goes, until it has ended.
// When ctx ends the run is stopped, and its end is waited for.
func (a *app) follow(ctx context.Context, s *session, st *node.RunStatus, p *progress) (*node.RunStatus, error) {
	return a.followUntil(ctx, context.WithoutCancel(ctx), s, st, p)
}

// followOrLeave is follow, but on a terminal Ctrl-C may leave the run instead, which is errLeft.
func (a *app) followOrLeave(ctx context.Context, s *session, st *node.RunStatus, p *progress) (*node.RunStatus, error) {
	watched, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer a.mind(ctx, s, p, leave)()
	return a.followUntil(ctx, watched, s, st, p)
}

// followUntil is follow until watched ends.
func (a *app) followUntil(ctx, watched context.Context, s *session, st *node.RunStatus, p *progress) (*node.RunStatus, error) {
	last := st
	stopped := context.AfterFunc(ctx, func() {
		p.line("stopping; press Ctrl-C again to leave at once")
		if _, err := s.Stop(context.WithoutCancel(ctx), st.ID.String()); err != nil {
			p.warn("stop: %v", err)
		}
	})
	defer stopped()
	v := &view{p: p, money: s.money, begun: time.UnixMilli(int64(st.Created))}
	err := s.Follow(watched, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status != nil {
			last = ev.Status
			v.show(last)
			return nil
		}
		p.clear()
		w := a.stdout
		switch {
		case ev.FD == 2:
			w = a.stderr
		case a.json(): // standard output is the one document
			return nil
		}
		if _, err := w.Write(ev.Data); err != nil {
			return fmt.Errorf("write the job's output: %w", err)
		}
		return nil
	})
	p.clear()
	if watched.Err() != nil && !last.Ended {
		return last, errLeft
	}
	if err == nil && !last.Ended {
		err = errors.New("the node ended before the run did; `rerig ps -a` shows what became of it")
	}
	return last, err
}

// stages are the states worth a line, for people.
var stages = map[protocol.State]string{
	protocol.StateFunded:   "funded: the channel on the chain holds the budget",
	protocol.StateQueued:   "queued at the rig",
	protocol.StateStaging:  "staging: the rig fetches module and inputs",
	protocol.StateRunning:  "running",
	protocol.StateFinished: "finished: checking the result",
	protocol.StateVerified: "verified: the last voucher is on its way",
}

// view tells the stages of one run.
type view struct {
	p       *progress
	money   money
	begun   time.Time
	failed  int // attempts that were told of
	attempt int
	state   protocol.State
}

// tried tells of the rigs that have failed since the last call.
func (v *view) tried(st *node.RunStatus) {
	for ; v.failed < len(st.Tried); v.failed++ {
		v.p.warn("%s; trying another", clipText(st.Tried[v.failed], 400))
	}
}

func (v *view) show(st *node.RunStatus) {
	m := v.money
	v.tried(st)
	if st.Attempt != v.attempt && !st.Rig.IsZero() {
		v.attempt = st.Attempt
		v.p.line("rig %s… at %s %s/h · %s reserved", st.Rig.String()[:10], m.perHour(st.Price), m.Symbol, m.text(st.Budget.Minus(st.Spent)))
	}
	if st.State != v.state && !st.Ended {
		v.state = st.State
		if text, ok := stages[st.State]; ok {
			v.p.line("%s", text)
		}
	}
	if st.State == protocol.StateRunning && !st.Ended {
		v.p.live("running · %.0f s · %s · %s", time.Since(v.begun).Seconds(), unitsOf(st.Price.Unit, st.Units), m.text(st.Spent))
	}
}

// runEnd fetches the output files and turns the run's end into an exit code.
func (a *app) runEnd(ctx context.Context, s *session, st *node.RunStatus, dest string, p *progress) error {
	m := s.money
	took := float64(0)
	for _, us := range st.Micros {
		took += float64(us) / 1e6
	}
	finished := st.Succeeded() || st.State == protocol.StateVerified
	if finished && st.Outputs != "" && dest != "" {
		files, err := a.putOut(context.WithoutCancel(ctx), st.Dir, dest, p)
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("%w; the files are still in %s", err, filepath.Join(st.Dir, "out"))}
		}
		for _, f := range files {
			p.done("wrote %s", f)
		}
	}
	if a.json() {
		if err := a.print(st, func(io.Writer) error { return nil }); err != nil {
			return err
		}
	}
	if st.Succeeded() && st.Reason == protocol.ReasonStopped { // a service, whose exit code is that of the stop
		p.done("%.1f s · stopped · %s · %s", took, unitsOf(st.Price.Unit, st.Units), m.text(st.Spent))
		return nil
	}
	if finished && (st.Reason == protocol.ReasonNone || st.Reason == protocol.ReasonNoSettle) {
		mark := p.done
		if st.ExitCode != 0 {
			mark = p.line
		}
		mark("%.1f s · exit %d · %s · %s", took, st.ExitCode, unitsOf(st.Price.Unit, st.Units), m.text(st.Spent))
		if st.ExitCode == 0 {
			return nil
		}
		return &exitError{code: int(min(st.ExitCode, 255))}
	}
	err := fmt.Errorf("run %s %s: %s (spent %s)", st.ID.Short(), st.State, clipText(why(st), 1000), m.text(st.Spent))
	return &exitError{exitOf(st.Reason), err}
}

// why is the reason code and its text, with what to do about it.
func why(st *node.RunStatus) string {
	text := string(st.Reason)
	if st.Detail != "" {
		text += ": " + st.Detail
	}
	for _, t := range st.Tried {
		text += "; " + t
	}
	switch st.Reason {
	case protocol.ReasonDeadline:
		text += "; raise --timeout"
	case protocol.ReasonBudget, protocol.ReasonOverBudget:
		text += "; raise --budget"
	case protocol.ReasonMemory:
		text += "; raise --memory"
	case protocol.ReasonNoOffers:
		text += "; see `rerig run --dry-run`"
	case protocol.ReasonChannelOpen, protocol.ReasonChainDown:
		text += "; see `rerig wallet balance` and `rerig doctor`"
	}
	return text
}

// copyOut copies a run's output files below dest, over what is there.
func copyOut(runDir, dest string) (written []string, err error) {
	from := filepath.Join(runDir, "out")
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dest, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		written = append(written, to)
		return copyFile(path, to)
	})
	if err != nil {
		return written, fmt.Errorf("write output files: %w", err)
	}
	return written, nil
}

// copyFile writes a copy beside its place and moves it there whole.
func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.CreateTemp(filepath.Dir(to), ".rerig-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Chmod(0o644), dst.Close()); err == nil {
		err = os.Rename(dst.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(dst.Name()))
	}
	return nil
}
