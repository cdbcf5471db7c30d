//go:build linux

package gvisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// Limits of the probe's jobs.
const (
	probeMemory    = 128 << 20
	probeProcesses = 24
	probeTime      = 20 * time.Second
)

// Probe runs small jobs for real, of this same program: one checks output, exit code and
// what it must not reach, the others pass a limit each, and one is dialled, halted,
// resumed and ended. The error says what did not work. Run must be active.
func (e *Engine) Probe(ctx context.Context) (runner.Caps, error) {
	caps := runner.Caps{Rootless: e.rootless}
	for _, step := range []func(context.Context, *runner.Caps) error{
		e.probeEcho, e.probeMemory, e.probeProcesses, e.probeServe, e.probeInterface,
	} {
		if err := step(ctx, &caps); err != nil {
			return runner.Caps{}, fmt.Errorf("probe the container sandbox: %w", err)
		}
	}
	if p := e.config.Parent; p != nil {
		memory, cpu, _, _ := p.Enforces()
		caps.MemoryLimit, caps.CPULimit = memory, cpu
	}
	return caps, nil
}

// probeSpec is a job that runs this program as the probe's guest.
func (e *Engine) probeSpec(action string) (runner.Spec, error) {
	program, err := filepath.EvalSymlinks(e.config.Program)
	if err != nil {
		return runner.Spec{}, fmt.Errorf("find this program: %w", err)
	}
	root := filepath.Join(filepath.Dir(e.jobs), "probe")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return runner.Spec{}, fmt.Errorf("make the probe's root: %w", err)
	}
	return runner.Spec{
		Root: root, InDir: filepath.Dir(program), Args: []string{"/in/" + filepath.Base(program)},
		Env: []string{probeEnv + "=" + action}, Processes: probeProcesses,
		MemoryBytes: probeMemory, StdoutBytes: 64 << 10, Deadline: probeTime,
	}, nil
}

// probeRun runs a guest to its end and returns what it said.
func (e *Engine) probeRun(ctx context.Context, action string) (runner.Result, string, error) {
	s, err := e.probeSpec(action)
	if err != nil {
		return runner.Result{}, "", err
	}
	return e.probeStart(ctx, s)
}

func (e *Engine) probeStart(ctx context.Context, s runner.Spec) (runner.Result, string, error) {
	var out bytes.Buffer
	j, err := e.Start(ctx, s, &out, &out)
	if err != nil {
		return runner.Result{}, "", err
	}
	res, err := j.Wait()
	return res, out.String(), err
}

func (e *Engine) probeEcho(ctx context.Context, _ *runner.Caps) error {
	res, said, err := e.probeRun(ctx, probeEcho)
	switch {
	case err != nil:
		return err
	case res.Failure != nil || res.ExitCode != probeCode || said != probeSaid:
		return fmt.Errorf("a job ended with exit code %d (%v) and said %q; it should end with %d and say %q",
			res.ExitCode, res.Failure, said, probeCode, probeSaid)
	}
	return nil
}

func (e *Engine) probeMemory(ctx context.Context, _ *runner.Caps) error {
	res, said, err := e.probeRun(ctx, probeGrow)
	switch {
	case err != nil:
		return err
	case res.Failure == nil || res.Failure.Kind != runner.FailureMemory:
		return fmt.Errorf("a job's memory limit did not hold: exit code %d, %v, it said %q", res.ExitCode, res.Failure, said)
	}
	return nil
}

func (e *Engine) probeProcesses(ctx context.Context, caps *runner.Caps) error {
	s, err := e.probeSpec(probeFork)
	if err != nil {
		return err
	}
	s.MemoryBytes = 4 * probeMemory // so that it is not what ends a crowd of processes
	res, said, err := e.probeStart(ctx, s)
	switch {
	case err != nil:
		return err
	case res.Failure != nil || res.ExitCode != 0 || !strings.HasPrefix(said, "refused"):
		return fmt.Errorf("a job's process limit did not hold: exit code %d, %v, it said %q", res.ExitCode, res.Failure, said)
	}
	caps.ProcessLimit = true
	return nil
}

// probeServe dials a job that answers on a port, halts and resumes it, and lets its deadline
// end it.
func (e *Engine) probeServe(ctx context.Context, caps *runner.Caps) error {
	s, err := e.probeSpec(probeServe)
	if err != nil {
		return err
	}
	lines := newNotice()
	s.Deadline = time.Second
	j, err := e.Start(ctx, s, lines, io.Discard)
	if err != nil {
		return err
	}
	select {
	case <-lines.seen:
		caps.Dial = answers(ctx, j) == nil
		caps.Pause = j.Pause() == nil && j.Resume() == nil
	case <-ctx.Done():
		j.Stop()
	case <-time.After(s.Deadline): // Wait says how it ended
	}
	res, err := j.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case res.Failure == nil || res.Failure.Kind != runner.FailureDeadline:
		return fmt.Errorf("a job's deadline did not hold: exit code %d, %v", res.ExitCode, res.Failure)
	}
	return nil
}

// answers asks the probe's server.
func answers(ctx context.Context, j runner.Job) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := j.Dial(ctx, probePort)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	b, err := io.ReadAll(io.LimitReader(conn, int64(len(probeSaid))))
	if err == nil && string(b) != probeSaid {
		err = errors.New("another answer")
	}
	return err
}

// notice is a writer that tells of its first write.
type notice struct {
	seen chan struct{} // closed by the first Write
	any  bool
}

func newNotice() *notice { return &notice{seen: make(chan struct{})} }

func (s *notice) Write(p []byte) (int, error) {
	if !s.any {
		s.any = true
		close(s.seen)
	}
	return len(p), nil
}
