package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm"
	"github.com/rerig/rerig/protocol"
)

// sandbox is the runner as the provider needs it. It remembers module hashes, so
// that a warm module is not read again.
type sandbox struct {
	engine *wasm.Engine
	mu     sync.Mutex // guards sums; owner: sandbox
	sums   map[string][32]byte
}

// maxSums caps the remembered module hashes; past it they are forgotten together.
const maxSums = 4096

func (s *sandbox) sum(cid, path string) ([32]byte, error) {
	s.mu.Lock()
	sum, ok := s.sums[cid]
	s.mu.Unlock()
	if ok {
		return sum, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, fmt.Errorf("read module: %w", err)
	}
	h.Sum(sum[:0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sums == nil || len(s.sums) >= maxSums {
		s.sums = map[string][32]byte{}
	}
	s.sums[cid] = sum
	return sum, nil
}

func (s *sandbox) Start(ctx context.Context, t provider.Task, stdout, stderr io.Writer) (provider.Run, error) {
	sum, err := s.sum(t.ModuleCID, t.Module)
	if err != nil {
		return nil, err
	}
	if t.InDir == "" { // the guest finds /in all the same
		t.InDir = s.engine.EmptyDir()
	}
	job, err := s.engine.Start(ctx, runner.Spec{
		ModulePath: t.Module, ModuleSHA256: sum, Args: append([]string{"module"}, t.Args...), Env: t.Env,
		InDir: t.InDir, OutDir: t.OutDir, Seed: t.Seed, MemoryBytes: t.MemoryBytes, StdoutBytes: t.StdoutBytes,
		OutputBytes: t.OutputBytes, OutputFiles: t.OutputFiles, Deadline: t.Deadline}, stdout, stderr)
	var f *runner.Failure
	if errors.As(err, &f) { // a module that does not compile is the job's own end, with nothing to pay
		o := outcome(runner.Result{Failure: f})
		o.Units = 0
		return failed{o}, nil
	}
	if err != nil {
		return nil, err
	}
	return sandboxed{job}, nil
}

// failed is a job that ended before it had a process.
type failed struct{ o provider.Outcome }

func (failed) Units() uint64            { return 0 }
func (failed) Pause() error             { return nil }
func (failed) Resume() error            { return nil }
func (failed) Stop()                    {}
func (f failed) Wait() provider.Outcome { return f.o }

// sandboxed is a running job, metered in CPU milliseconds.
type sandboxed struct{ runner.Job }

func (s sandboxed) Units() uint64 { return s.Usage().CPUMillis }

func (s sandboxed) Wait() provider.Outcome {
	res, err := s.Job.Wait()
	if err != nil {
		return provider.Outcome{Units: res.Usage.CPUMillis, Reason: protocol.ReasonRigError, Detail: err.Error()}
	}
	return outcome(res)
}

// outcome translates how a sandbox ended, in one switch.
func outcome(res runner.Result) provider.Outcome {
	o := provider.Outcome{ExitCode: uint32(res.ExitCode), Units: max(res.Usage.CPUMillis, 1)}
	if res.Failure == nil {
		return o
	}
	o.Detail = res.Failure.Detail
	switch res.Failure.Kind {
	case runner.FailureTrap:
		o.Reason = protocol.ReasonTrap
	case runner.FailureDeadline:
		o.Reason = protocol.ReasonDeadline
	case runner.FailureMemory:
		o.Reason = protocol.ReasonMemory
	case runner.FailureStdout:
		o.Reason = protocol.ReasonStdout
	case runner.FailureOutput:
		o.Reason = protocol.ReasonOutput
	case runner.FailureBadModule:
		o.Reason = protocol.ReasonBadModule
	case runner.FailureKilled:
		o.Reason = protocol.ReasonStopped
	default:
		o.Reason = protocol.ReasonRigError
	}
	return o
}
