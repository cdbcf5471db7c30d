//go:build linux

package namespaces

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

const (
	// probeName is argv[0] of a sandbox's program in Probe: this binary again, alone
	// in its root.
	probeName = "/rerig-namespaces-probe"
	probePort = 8080
	probeTime = 30 * time.Second

	probeMemory    = 64 << 20
	probeProcesses = 24
	probeCode      = 42
)

// Probe runs small jobs for real: one that serves a port, is entered, halted and let go, one
// that takes too much memory, and one that starts too many processes.
func (e *Engine) Probe(ctx context.Context) (runner.Caps, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	caps := runner.Caps{Dial: true, Rootless: os.Geteuid() != 0}
	if e.config.Parent != nil {
		caps.MemoryLimit, caps.CPULimit, caps.ProcessLimit, caps.Pause = e.config.Parent.Enforces()
	}
	caps.ProcessLimit = caps.ProcessLimit || userProcesses(1, !caps.Rootless) > 0
	if err := e.probeServer(ctx, caps.Pause); err != nil {
		return runner.Caps{}, fmt.Errorf("a job in a sandbox: %w", err)
	}
	if caps.MemoryLimit {
		res, said, err := e.probeRun(ctx, "memory")
		if err == nil && (res.Failure == nil || res.Failure.Kind != runner.FailureMemory) {
			err = fmt.Errorf("it ended with code %d, %v, saying %q", res.ExitCode, res.Failure, said)
		}
		if err != nil {
			return runner.Caps{}, fmt.Errorf("a job that takes too much memory: %w", err)
		}
	}
	if caps.ProcessLimit {
		res, said, err := e.probeRun(ctx, "processes")
		if err == nil && (res.Failure != nil || res.ExitCode != probeCode) {
			err = fmt.Errorf("it ended with code %d, %v, saying %q", res.ExitCode, res.Failure, said)
		}
		if err != nil {
			return runner.Caps{}, fmt.Errorf("a job that starts too many processes: %w", err)
		}
	}
	caps.Interface = e.probeInterface(ctx)
	return caps, nil
}

// probeJob starts this binary as a job.
func (e *Engine) probeJob(ctx context.Context, what string, out io.Writer, d runner.Devices) (*Job, error) {
	return e.probeSpec(ctx, out, runner.Spec{Args: []string{probeName, what}, CPUs: 1, Processes: probeProcesses,
		MemoryBytes: probeMemory, StdoutBytes: 64 << 10, Devices: d, ScratchBytes: 1 << 20, Deadline: probeTime})
}

// probeSpec starts this binary as a job that lacks a root only.
func (e *Engine) probeSpec(ctx context.Context, out io.Writer, s runner.Spec) (*Job, error) {
	program, err := os.Readlink(e.program)
	if err != nil { // it is no link
		program = e.program
	}
	if s.Root = program; os.Geteuid() == 0 {
		s.Root = e.program // the running one even where it was replaced
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	j, err := e.newJob(&s, out, out)
	if err != nil {
		return nil, err
	}
	if err := j.start(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

func (e *Engine) probeRun(ctx context.Context, what string) (runner.Result, string, error) {
	var out said
	j, err := e.probeJob(ctx, what, &out, runner.Devices{})
	if err != nil {
		return runner.Result{}, "", err
	}
	res, err := j.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return res, out.text(), err
}

// probeServer holds a conversation with a job that echoes.
func (e *Engine) probeServer(ctx context.Context, pause bool) (err error) {
	out := said{begun: make(chan struct{})}
	j, err := e.probeJob(ctx, "serve", &out, runner.Devices{})
	if err != nil {
		return err
	}
	defer func() {
		j.Stop()
		if res, _ := j.Wait(); err != nil {
			err = fmt.Errorf("%w (the job: %v, saying %q)", err, res.Failure, out.text())
		}
	}()
	select {
	case <-out.begun:
	case <-j.done:
		return errors.New("it ended before it served")
	}
	if code, err := j.Exec(ctx, []string{probeName, "code"}, nil, nil, nil); err != nil || code != probeCode {
		return fmt.Errorf("a program beside it ended with code %d, want %d: %w", code, probeCode, err)
	}
	if pause {
		if err := errors.Join(j.Pause(), j.Resume()); err != nil {
			return fmt.Errorf("halt and resume it: %w", err)
		}
	}
	conn, err := j.Dial(ctx, probePort)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(probeTime)); err != nil {
		return err
	}
	word := []byte("probe")
	if _, err := conn.Write(word); err != nil {
		return fmt.Errorf("write to its port: %w", err)
	}
	back := make([]byte, len(word))
	if _, err := io.ReadFull(conn, back); err != nil || !bytes.Equal(back, word) {
		return fmt.Errorf("its port answered %q, want %q: %w", back, word, err)
	}
	return nil
}

// said is a job's output, and that there is some.
type said struct {
	begun chan struct{} // closed by the first write; nil for nobody cares

	mu    sync.Mutex // guards what follows
	bytes []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bytes) == 0 && s.begun != nil {
		close(s.begun)
	}
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.bytes)
}
