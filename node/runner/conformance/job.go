package conformance

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// Limits of an ordinary job of the suite, small so that passing them takes little.
const (
	memoryBytes  = 256 << 20
	stdoutBytes  = 1 << 20
	outputBytes  = 4 << 20
	outputFiles  = 32
	scratchBytes = 16 << 20
	processes    = 48
	deadline     = time.Minute
)

// job is a spec for the suite's guest, which does what args say.
func (s *suite) job(args ...string) runner.Spec {
	spec := runner.Spec{
		MemoryBytes: memoryBytes, StdoutBytes: stdoutBytes,
		OutputBytes: outputBytes, OutputFiles: outputFiles, Deadline: deadline,
	}
	if s.WASM {
		spec.Module, spec.ModuleSHA256 = s.guest.module, s.guest.sum
		spec.Args = append([]string{"guest"}, args...)
		return spec
	}
	spec.Root = s.guest.root
	spec.Args = append([]string{"/guest"}, args...)
	spec.CPUs, spec.Processes, spec.ScratchBytes = 1, processes, scratchBytes
	return spec
}

// text is a job's output as it comes, which a check reads while the job goes on.
type text struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // closed and replaced by every write
}

func newText() *text { return &text{more: make(chan struct{})} }

func (o *text) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.more)
	o.more = make(chan struct{})
	return o.buf.Write(p)
}

func (o *text) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// running is a job with its output.
type running struct {
	runner.Job
	stdout, stderr *text
	done           chan struct{} // closed by the watcher that start began, with the result
	result         runner.Result
	err            error
}

// start starts a job on the suite's engine.
func (s *suite) start(spec runner.Spec) (*running, error) { return startOn(s.engine, spec) }

func startOn(e runner.Engine, spec runner.Spec) (*running, error) {
	r := &running{stdout: newText(), stderr: newText(), done: make(chan struct{})}
	var err error
	if r.Job, err = e.Start(context.Background(), spec, r.stdout, r.stderr); err != nil {
		return nil, fmt.Errorf("start %v: %w", spec.Args, err)
	}
	go func() { // ends with the job, which its deadline ends
		r.result, r.err = r.Wait()
		close(r.done)
	}()
	return r, nil
}

// wait waits until the job's standard output holds a line.
func (r *running) wait(line string) error {
	timeout := time.After(deadline)
	for {
		r.stdout.mu.Lock()
		have, more := strings.Contains("\n"+r.stdout.buf.String(), "\n"+line+"\n"), r.stdout.more
		r.stdout.mu.Unlock()
		if have {
			return nil
		}
		select {
		case <-more:
		case <-r.done:
			if strings.Contains("\n"+r.stdout.String(), "\n"+line+"\n") {
				return nil
			}
			return fmt.Errorf("the job ended before it said %q: %s", line, r.ending())
		case <-timeout:
			r.Stop()
			return fmt.Errorf("the job did not say %q within %s: %s", line, deadline, r.ending())
		}
	}
}

// end waits for the job's end.
func (r *running) end() (runner.Result, error) {
	select {
	case <-r.done:
	case <-time.After(2 * deadline):
		return runner.Result{}, fmt.Errorf("the job outlived its deadline by %s", deadline)
	}
	if r.err != nil {
		return r.result, fmt.Errorf("the sandbox failed: %w", r.err)
	}
	return r.result, nil
}

// ending says how a job went, for an error.
func (r *running) ending() string {
	how := "it is running"
	select {
	case <-r.done:
		how = fmt.Sprintf("exit code %d, failure %v, error %v", r.result.ExitCode, r.result.Failure, r.err)
	default:
	}
	return fmt.Sprintf("%s; it wrote %s and %s", how, brief(r.stdout.String()), brief(r.stderr.String()))
}

// brief is a text that fits an error.
func brief(s string) string {
	if len(s) > 1500 {
		s = s[:700] + " … " + s[len(s)-700:]
	}
	return fmt.Sprintf("%q", s)
}

// do runs a job to its end.
func (s *suite) do(spec runner.Spec) (*running, error) {
	r, err := s.start(spec)
	if err != nil {
		return nil, err
	}
	_, err = r.end()
	return r, err
}

// well runs a job that ends by itself with exit code 0, and returns its output.
func (s *suite) well(spec runner.Spec) (string, error) {
	r, err := s.do(spec)
	if err != nil {
		return "", err
	}
	if r.result.Failure != nil || r.result.ExitCode != 0 {
		return "", fmt.Errorf("%v went wrong: %s", spec.Args, r.ending())
	}
	return r.stdout.String(), nil
}

// fails runs a job that must end with a failure of a kind, whose detail names a limit.
func (s *suite) fails(spec runner.Spec, kind runner.FailureKind, detail string) (*running, error) {
	r, err := s.do(spec)
	if err != nil {
		return nil, err
	}
	f := r.result.Failure
	if f == nil || f.Kind != kind || !strings.Contains(f.Detail, detail) {
		return r, fmt.Errorf("%v: want the failure %s with %q: %s", spec.Args, kind, detail, r.ending())
	}
	return r, nil
}

// eventually polls until what holds.
func eventually(what string, holds func() error) error {
	end := time.Now().Add(30 * time.Second)
	for {
		err := holds()
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s did not come about in 30 s: %w", what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
