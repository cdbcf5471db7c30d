//go:build linux

package namespaces

import (
	"context"
	"fmt"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/tap"
)

// attach gives the job its network interface, where it is to have one.
func (j *Job) attach() error {
	i := j.spec.Interface
	if i == nil {
		return nil
	}
	far, err := tap.Open(j.box.cmd.Process.Pid, i.Addr)
	if err != nil {
		return err
	}
	if err := i.Attach(far); err != nil {
		return fmt.Errorf("attach the job's network interface: %w", err)
	}
	return nil
}

// probeInterface tells whether a job can have one.
func (e *Engine) probeInterface(ctx context.Context) bool {
	err := tap.Probe(ctx, func(ctx context.Context, i *runner.Interface) error {
		var out said
		j, err := e.probeSpec(ctx, &out, runner.Spec{Args: []string{probeName, "call"}, Interface: i, CPUs: 1,
			Processes: probeProcesses, MemoryBytes: probeMemory, StdoutBytes: 64 << 10, ScratchBytes: 1 << 20, Deadline: probeTime})
		if err != nil {
			return err
		}
		res, err := j.Wait()
		if err == nil && (res.Failure != nil || res.ExitCode != probeCode) {
			err = fmt.Errorf("it ended with code %d, %v, saying %q", res.ExitCode, res.Failure, out.text())
		}
		return err
	})
	if err != nil {
		e.log.Info("jobs get no network interface here", "err", err)
	}
	return err == nil
}
