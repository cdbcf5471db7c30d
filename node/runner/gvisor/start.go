//go:build linux && !nogvisor

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
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
	}
	e.all[j] = struct{}{}
	return j, nil
}

// launch makes everything that a job needs and starts its init.
func (j *Job) launch(ctx context.Context) error {
	if err := os.Mkdir(j.dir, 0o700); err != nil {
		return fmt.Errorf("make the job's directory: %w", err)
	}
	if err := writeBundle(j.dir, &j.spec); err != nil {
		return err
	}
	if err := j.giveOutput(); err != nil {
		return err
	}
	if p := j.engine.config.Parent; p != nil {
		group, err := p.New("job-"+j.id, cgroup.Limits{
			MemoryBytes: j.spec.MemoryBytes + sandboxMemory,
			CPUs:        j.spec.CPUs,
			Processes:   sandboxThreads + threadsPerProcess*j.spec.Processes,
		})
		if err != nil {
			return err
		}
		j.meter.in(group)
	}
	state, err := lockedState(filepath.Join(j.dir, "state"))
	if err != nil {
		return err
	}
	defer state.Close()
	theirs, err := j.makePipes()
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	if err != nil {
		return fmt.Errorf("make the sandbox's pipes: %w", err)
	}
	cmd := &exec.Cmd{
		Path: j.engine.config.Program,
		Args: append(append([]string{initName}, runscFlags(&j.spec, j.engine.rootless)...), "init", j.id, j.dir),
		Env:  []string{}, Dir: "/",
		Stderr:      theirs[stderrInit],
		ExtraFiles:  []*os.File{theirs[reportInit], theirs[lifeInit], state, theirs[stdinJob], theirs[stdoutJob], theirs[stderrJob]},
		SysProcAttr: sandboxAttr(j.engine.rootless),
	}
	if err := j.engine.spawn(ctx, cmd, j.meter.group); err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cmd, j.meter.pid = cmd, cmd.Process.Pid
	if j.failure != nil { // the engine ended meanwhile
		_ = cmd.Process.Kill()
	}
	return nil
}

// sandboxAttr has the kernel start init in namespaces of its own, and kill it with the rig.
// An unprivileged user's init is root of a user namespace in which that is all
// there is.
func sandboxAttr(rootless bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true,
		Pdeathsig:  syscall.SIGKILL,
	}
	if rootless {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
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

// The ends of pipes that a sandbox gets.
const (
	reportInit = iota
	lifeInit
	stdinJob
	stdoutJob
	stderrJob
	stderrInit
	pipeCount
)

// makePipes makes the pipes between the daemon and a sandbox, keeps the daemon's ends in j
// and returns the others, for the caller to close.
func (j *Job) makePipes() (theirs [pipeCount]*os.File, err error) {
	for i := range theirs {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, err
		}
		if i == lifeInit || i == stdinJob {
			theirs[i], j.pipes[i] = r, w
		} else {
			theirs[i], j.pipes[i] = w, r
		}
	}
	j.pipes[stdinJob].Close() // a job reads nothing from it
	return theirs, nil
}

// abandon undoes a launch that failed.
func (j *Job) abandon() {
	for _, f := range j.pipes {
		f.Close()
	}
	j.remove()
	close(j.done)
}

// remove removes what a job had on the host, and lets the engine forget it.
func (j *Job) remove() {
	if j.meter.group != nil {
		if err := j.meter.group.Close(); err != nil {
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
