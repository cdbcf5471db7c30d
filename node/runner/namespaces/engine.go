//go:build linux

package namespaces

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
)

// Parent makes control groups.
type Parent = cgroup.Parent

// Engine starts jobs. Their processes belong to Run.
type Engine struct {
	config  Config
	log     *slog.Logger
	program string
	number  atomic.Uint64 // of the last job, for the names of groups
	cores   *cores

	spawns  chan spawn    // to Run: start this process now
	started chan struct{} // closed when Run first begins
	once    sync.Once     // closes started

	mu      sync.Mutex // guards what follows
	running bool
	ended   chan struct{} // closed when this Run takes no more jobs
	jobs    map[*Job]struct{}
}

// spawn asks Run for a process, because it dies with the thread that started it, and
// Run keeps to one thread.
type spawn struct {
	cmd   *exec.Cmd
	group *cgroup.Group // nil for none
	reply chan<- error  // capacity 1; answered exactly once
}

// New prepares an engine.
func New(cfg Config) (*Engine, error) {
	e := &Engine{config: cfg, log: cfg.Logger, program: cfg.Program, cores: newCores(),
		spawns: make(chan spawn), started: make(chan struct{}), jobs: map[*Job]struct{}{}}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.program == "" {
		e.program = "/proc/self/exe"
	}
	if _, err := os.Stat(e.program); err != nil {
		return nil, fmt.Errorf("find the sandbox's program: %w", err)
	}
	return e, nil
}

// Name is the engine's in offers and job specs.
func (e *Engine) Name() string { return "container" }

// Started is closed when Run has begun, so that Start and Probe may be called.
func (e *Engine) Started() <-chan struct{} { return e.started }

// Close has nothing to free: the group parent is its maker's.
func (e *Engine) Close() error { return nil }

// Run starts the processes of jobs until ctx is done, then kills every job, and returns when
// all are gone. It returns nil then, and an error only when it is already running.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	if e.running {
		e.mu.Unlock()
		return errors.New("the engine is running already")
	}
	e.running = true
	e.ended = make(chan struct{})
	e.mu.Unlock()

	runtime.LockOSThread() // Linux kills a sandbox with the thread that started it
	defer runtime.UnlockOSThread()
	e.once.Do(func() { close(e.started) })
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case s := <-e.spawns:
			if s.group == nil {
				s.reply <- s.cmd.Start()
			} else {
				s.reply <- s.group.Start(s.cmd)
			}
		}
	}
	e.mu.Lock()
	e.running = false
	close(e.ended)
	left := make([]*Job, 0, len(e.jobs))
	for j := range e.jobs {
		left = append(left, j)
	}
	e.mu.Unlock()
	for _, j := range left {
		j.end(&runner.Failure{Kind: runner.FailureKilled, Detail: "the rig is shutting down"})
	}
	for _, j := range left {
		<-j.done
	}
	return nil
}

// spawn has Run start a process.
func (e *Engine) spawn(cmd *exec.Cmd, group *cgroup.Group) error {
	e.mu.Lock()
	running, ended := e.running, e.ended
	e.mu.Unlock()
	if !running {
		return runner.ErrNotRunning
	}
	reply := make(chan error, 1)
	select {
	case e.spawns <- spawn{cmd, group, reply}:
		return <-reply
	case <-ended:
		return runner.ErrNotRunning
	}
}

// admit makes a job known to Run.
func (e *Engine) admit(j *Job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return runner.ErrNotRunning
	}
	e.jobs[j] = struct{}{}
	return nil
}

func (e *Engine) forget(j *Job) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.jobs, j)
}

// Start runs a job. A *runner.Failure is the job's own fault: its program is not there or
// cannot be run.
func (e *Engine) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	if err := e.check(&s); err != nil {
		return nil, err
	}
	j, err := e.newJob(&s, stdout, stderr)
	if err != nil {
		return nil, err
	}
	if err := j.start(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// check refuses what this engine cannot run and fills in what the spec leaves to it.
func (e *Engine) check(s *runner.Spec) error {
	if err := s.Check(); err != nil {
		return err
	}
	if !filepath.IsAbs(s.Root) {
		return fmt.Errorf("root %q: a container needs the absolute path of its files", s.Root)
	}
	if len(s.Args) == 0 {
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: "the image and the job name no program: give one"}
	}
	if s.UID >= usersInside-1 || s.GID >= usersInside-1 {
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("user %d and group %d: the highest inside a sandbox is %d", s.UID, s.GID, usersInside-2)}
	}
	if s.CPUs == 0 {
		s.CPUs = 1
	}
	if s.Processes == 0 {
		s.Processes = 256
	}
	return nil
}
