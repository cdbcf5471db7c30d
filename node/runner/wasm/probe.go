package wasm

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"github.com/rerig/rerig/node/runner"
)

//go:embed probe/probe.wasm
var probeModule []byte

//go:embed probe/loop.wasm
var loopModule []byte

// Probe runs two small jobs for real: one checks output, exit code and the
// memory limit, the other is halted, resumed and ended by its deadline. The
// error says what did not work. Run must be active.
func (r *Engine) Probe(ctx context.Context) (runner.Caps, error) {
	caps := runner.Caps{MemoryLimit: true, Rootless: true, ProcessLimit: true, CPULimit: true}
	limits := runner.Spec{MemoryBytes: 1 << 20, StdoutBytes: 1 << 10, Deadline: 10 * time.Second}

	s := limits
	s.Module = probeModule
	var out bytes.Buffer
	j, err := r.Start(ctx, s, &out, io.Discard)
	if err != nil {
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: %w", err)
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: %w", err)
	case out.String() != "rerig\n":
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: job said %q, want %q", out.String(), "rerig\n")
	case res.Failure == nil || res.Failure.Kind != runner.FailureMemory || res.ExitCode != 7:
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: memory limit did not hold (exit code %d, %v)", res.ExitCode, res.Failure)
	}

	s = limits
	s.Module = loopModule
	s.Deadline = 20 * time.Millisecond
	if j, err = r.Start(ctx, s, io.Discard, io.Discard); err != nil {
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: %w", err)
	}
	if err := j.Pause(); err == nil {
		caps.Pause = j.Resume() == nil
	}
	if res, err = j.Wait(); err != nil {
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: %w", err)
	}
	if res.Failure == nil || res.Failure.Kind != runner.FailureDeadline {
		return runner.Caps{}, fmt.Errorf("probe the WASM sandbox: deadline did not hold (exit code %d, %v)", res.ExitCode, res.Failure)
	}
	return caps, nil
}
