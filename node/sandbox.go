package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/rerig/rerig/node/link"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

// sandbox is the engines as the provider needs them.
type sandbox struct {
	engines map[string]runner.Engine // by the name in specs and offers
	sums    moduleSums
	empty   string // a directory without files
	links   *link.Links
	log     *slog.Logger
	cards   *cards // nil where none are sold
}

// run is a job here, all of whose wrappers pass on all that a provider may ask of it.
type run interface {
	provider.Run
	provider.Outputs
}

// The wrappers, each of which is handed to a provider alone or in another.
var _, _, _, _ run = sandboxed{}, (*withCards)(nil), linked{}, failed{}

// start runs a task in the engine that its spec names, with a network interface or none.
func (s *sandbox) start(ctx context.Context, t provider.Task, i *runner.Interface, stdout, stderr io.Writer) (run, error) {
	engine := s.engines[t.Engine]
	if engine == nil {
		return nil, fmt.Errorf("engine %q is not here", t.Engine)
	}
	if t.InDir == "" { // the guest finds /in all the same
		t.InDir = s.empty
	}
	spec := runner.Spec{Args: t.Program.Args, Env: t.Program.Env, InDir: t.InDir, OutDir: t.OutDir, Seed: t.Seed,
		Root: t.Program.Root, WorkDir: t.Program.WorkDir, UID: t.Program.UID, GID: t.Program.GID, CPUs: t.CPUs,
		MemoryBytes: t.MemoryBytes, ScratchBytes: t.ScratchBytes, StdoutBytes: t.StdoutBytes,
		OutputBytes: t.OutputBytes, OutputFiles: t.OutputFiles, Deadline: t.Deadline, Interface: i}
	if t.Program.Module != "" {
		var err error
		if spec.ModuleSHA256, err = s.sums.of(t.ModuleCID, t.Program.Module); err != nil {
			return nil, err
		}
		spec.ModulePath = t.Program.Module
	}
	var job run
	var err error
	if len(t.Cards) > 0 {
		job, err = s.startWithCards(ctx, &t, func(d *runner.Devices) (runner.Job, error) {
			spec.Devices, spec.Env = *d, withDriver(spec.Env, d.Env)
			return engine.Start(ctx, spec, stdout, stderr)
		})
	} else {
		job, err = begun(engine.Start(ctx, spec, stdout, stderr))
	}
	var f *runner.Failure
	if errors.As(err, &f) { // a module that does not compile is the job's own end, with nothing to pay
		return failed{outcome(runner.Result{Failure: f})}, nil
	}
	return job, err
}

// begun is a job that was started, metered in CPU milliseconds.
func begun(job runner.Job, err error) (run, error) {
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

// Output finds nothing.
func (failed) Output(string) (*os.File, error) { return nil, fs.ErrNotExist }

func (failed) Dial(context.Context, uint16) (net.Conn, error) {
	return nil, errors.New("the job has ended")
}

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
		o.Reason, o.Units = protocol.ReasonBadModule, 0
	case runner.FailureKilled:
		o.Reason = protocol.ReasonStopped
	default:
		o.Reason = protocol.ReasonRigError
	}
	return o
}
