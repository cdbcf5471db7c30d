//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

// What a sandbox itself takes, beside its job.
const (
	// sandboxMemory is added to a job's memory for gVisor's own processes, in bytes.
	sandboxMemory = 64 << 20
	// sandboxThreads is how many threads gVisor's own processes have at the most, and
	// threadsPerProcess how many the host sees for each process of a job.
	sandboxThreads    = 256
	threadsPerProcess = 4
)

// Start runs a job and returns once its program runs. Its output goes to stdout and stderr
// as it comes, one write at a time; a writer that blocks holds the job back. The job is
// killed when ctx is done. A program that cannot be started is a *runner.Failure.
func (e *Engine) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	if err := check(&s, e.rootless); err != nil {
		return nil, err
	}
	j, err := e.admit(&s, stdout, stderr)
	if err != nil {
		return nil, err
	}
	if err := j.launch(ctx); err != nil {
		j.abandon()
		return nil, err
	}
	j.detach = context.AfterFunc(ctx, func() {
		j.kill(&runner.Failure{Kind: runner.FailureKilled, Detail: context.Cause(ctx).Error()})
	})
	go j.serve() // ends with the sandbox
	late := time.NewTimer(maxStartTime)
	defer late.Stop()
	select {
	case <-j.begun:
		return j, nil
	case <-late.C:
		j.kill(&runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("starting the sandbox took over %s", maxStartTime)})
		<-j.done
	case <-j.done:
	}
	select {
	case <-j.begun: // and ended at once
		return j, nil
	default:
	}
	switch f := j.result.Failure; {
	case j.noCards != "":
		return nil, fmt.Errorf("%w: %s", runner.ErrNoCards, j.noCards)
	case f == nil:
		return nil, errors.New("start the sandbox: it ended without a word")
	case f.Kind == runner.FailureInternal:
		return nil, fmt.Errorf("start the sandbox: %s", f.Detail)
	default:
		return nil, f
	}
}

// admit makes a job that Run waits for.
func (e *Engine) admit(s *runner.Spec, stdout, stderr io.Writer) (*Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return nil, runner.ErrNotRunning
	}
	select {
	case <-e.ended:
		return nil, runner.ErrNotRunning
	default:
	}
	id := strconv.FormatUint(e.next, 10)
	e.next++
	j := &Job{
		engine: e, spec: *s, id: id, dir: filepath.Join(e.jobs, id), stdout: stdout, stderr: stderr,
		detach: func() bool { return true }, begun: make(chan struct{}), done: make(chan struct{}),
		dialling: make(chan struct{}, 1),
	}
	e.all[j] = struct{}{}
	return j, nil
}

// launch makes everything that a job needs and gives it to an init.
func (j *Job) launch(ctx context.Context) error {
	if err := os.Mkdir(j.dir, 0o700); err != nil {
		return fmt.Errorf("make the job's directory: %w", err)
	}
	if err := writeBundle(j.dir, &j.spec, j.engine.spareCores(&j.spec), j.engine.config.Program); err != nil {
		return err
	}
	if err := j.giveOutput(); err != nil {
		return err
	}
	err := j.sit(ctx)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ESRCH) {
		if err := j.seat.dismiss(); err != nil { // something had ended it while it waited
			return err
		}
		err = j.sit(ctx)
	}
	return err
}

// sit gives the job to an init.
func (j *Job) sit(ctx context.Context) error {
	s, err := j.engine.seat(ctx)
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.seat, j.meter.pid = s, s.cmd.Process.Pid
	if s.group != nil {
		j.meter.in(s.group)
	}
	over := j.failure != nil // the engine ended meanwhile
	j.mu.Unlock()
	if over {
		return runner.ErrNotRunning
	}
	if s.group != nil {
		if err := s.group.Limit(cgroup.Limits{
			MemoryBytes: j.spec.MemoryBytes + sandboxMemory,
			Processes:   sandboxThreads + threadsPerProcess*j.spec.Processes,
		}); err != nil {
			return err
		}
	}
	if err := j.attach(); err != nil {
		return err
	}
	return j.order()
}

// order gives init the job and its files.
func (j *Job) order() error {
	var files [line.Files]*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	var err error
	if files[line.State], err = lockedState(filepath.Join(j.dir, "state")); err != nil {
		return err
	}
	for i := line.Stdin; i < line.Files; i++ {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("make the job's pipes: %w", err)
		}
		if i == line.Stdin { // a job reads nothing from it
			files[i] = r
			w.Close()
		} else {
			files[i], j.pipes[i-line.Stdout] = w, r
		}
	}
	o := line.Order{ID: j.id, Dir: j.dir, Scratch: j.spec.ScratchBytes, NVIDIA: j.spec.Devices.NVIDIA, Network: j.spec.Interface != nil,
		Out: j.spec.OutDir, OutBytes: j.spec.OutputBytes, OutFiles: j.spec.OutputFiles}
	if err := o.Send(j.seat.line, files); err != nil {
		for _, f := range j.pipes {
			f.Close()
		}
		return fmt.Errorf("hand the job to its sandbox: %w", err)
	}
	return nil
}

// lockedState opens a job's state directory with its lock, which whoever has the file keeps.
func lockedState(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the job's state: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the job's state: %w", err)
	}
	return f, nil
}

// abandon undoes a launch that failed.
func (j *Job) abandon() {
	j.mu.Lock()
	j.reaped = true
	j.mu.Unlock()
	if j.seat != nil {
		if err := j.seat.dismiss(); err != nil {
			j.engine.log.Error("end a job that did not start", "err", err)
		}
	}
	for _, f := range j.pipes {
		f.Close()
	}
	j.remove()
	close(j.done)
}

// remove removes what a job had on the host, and lets the engine forget it.
func (j *Job) remove() {
	if j.seat != nil {
		if err := j.seat.leave(); err != nil {
			j.engine.log.Error("remove a job's control group", "err", err)
		}
	}
	if err := os.RemoveAll(j.dir); err != nil {
		j.engine.log.Error("remove a job's directory", "err", err)
	}
	j.engine.mu.Lock()
	delete(j.engine.all, j)
	j.engine.mu.Unlock()
}
