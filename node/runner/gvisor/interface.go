//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/tap"
)

// attach gives the job its network interface, where it is to have one. It is in the namespace
// of the sandbox's init, where gVisor finds it when the job's order comes, and takes it over.
func (j *Job) attach() error {
	i := j.spec.Interface
	if i == nil {
		return nil
	}
	far, err := tap.Open(j.seat.cmd.Process.Pid, i.Addr)
	if errors.Is(err, os.ErrNotExist) { // something had ended init while it waited
		return unix.ESRCH
	}
	if err != nil {
		return err
	}
	if err := i.Attach(far); err != nil {
		return fmt.Errorf("attach the job's network interface: %w", err)
	}
	return nil
}

// probeInterface runs a job that has one, where this rig can make them.
func (e *Engine) probeInterface(ctx context.Context, caps *runner.Caps) error {
	if e.rootless {
		return nil
	}
	err := tap.Probe(ctx, func(ctx context.Context, i *runner.Interface) error {
		s, err := e.probeSpec(probeCall)
		if err != nil {
			return err
		}
		s.Interface = i
		res, said, err := e.probeStart(ctx, s)
		if err == nil && (res.Failure != nil || res.ExitCode != 0) {
			err = fmt.Errorf("it ended with code %d, %v, saying %q", res.ExitCode, res.Failure, said)
		}
		return err
	})
	if err != nil {
		e.log.Info("jobs get no network interface here", "err", err)
	}
	caps.Interface = err == nil
	return nil
}
