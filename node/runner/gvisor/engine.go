//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
)

// Parent makes each job's control group.
type Parent = cgroup.Parent

// Limits of the engine's own.
const (
	// maxStartTime is how long a sandbox may take to its program's first instruction: some
	// hundred times what it takes.
	maxStartTime = 30 * time.Second
	// defaultWarm is how many processes wait for a job. Each takes some 20 MB, most of it
	// shared with the others.
	defaultWarm = 1
	// refillDelay is the time from a job's start to its replacement's.
	refillDelay = 500 * time.Millisecond
	// sweepTime is how long the processes of a killed daemon get to end.
	sweepTime = 10 * time.Second
)

// Engine starts jobs. Their processes belong to Run.
type Engine struct {
	config   Config
	log      *slog.Logger
	jobs     string // the directory with one for each job
	rootless bool
	packed   []byte  // the embedded sandbox program, where there is no other
	program  program // set by Run before it takes jobs; closed by Close

	seats   chan chan<- seated // to Run: give one; answered exactly once, so of capacity 1
	born    int                // inits that Run has started; of Run alone
	started chan struct{}      // closed when Run first begins
	once    sync.Once          // closes started

	mu      sync.Mutex // guards what follows
	running bool
	ended   chan struct{} // closed when this Run takes no more jobs
	all     map[*Job]struct{}
	next    uint64 // number of the next job
}

// seated is an init for a job. Run starts all: each dies with the thread that
// started it, and Run keeps to one thread.
type seated struct {
	*seat
	err error
}

// New prepares an engine in cfg.DataDir. It fails when this build has no gVisor, or the
// directory cannot be used.
func New(cfg Config) (*Engine, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("the container engine needs a data directory")
	}
	if cfg.Warm == 0 {
		cfg.Warm = defaultWarm
	}
	if cfg.Program == "" {
		cfg.Program = "/proc/self/exe"
	}
	var packed []byte
	if cfg.Sandbox == "" {
		var err error
		if packed, err = embedded(); err != nil {
			return nil, err
		}
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the container engine's data directory: %w", err)
	}
	jobs := filepath.Join(dir, "jobs")
	if err := os.MkdirAll(jobs, 0o700); err != nil {
		return nil, fmt.Errorf("make the container engine's data directory: %w", err)
	}
	return &Engine{
		config: cfg, log: log, jobs: jobs, rootless: os.Geteuid() != 0, packed: packed, program: program{path: cfg.Sandbox},
		seats: make(chan chan<- seated), started: make(chan struct{}), all: map[*Job]struct{}{},
	}, nil
}

// Name is the engine's in offers and job specs.
func (e *Engine) Name() string { return "container" }

// Started is closed when Run has begun, so that Start and Probe may be called.
func (e *Engine) Started() <-chan struct{} { return e.started }

// Close frees what New and Run took. Run must have returned.
func (e *Engine) Close() error { return e.program.close() }

// Run removes what an engine that was killed left behind, then owns every sandbox until ctx
// is done, and returns when all are gone. It returns nil then, and an error when it is
// already running or cannot remove what was left.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	if e.running {
		e.mu.Unlock()
		return errors.New("the runner is running already")
	}
	e.running, e.ended = true, make(chan struct{})
	e.mu.Unlock()
	err := e.sweep()
	if err == nil && e.program.path == "" {
		e.program, err = unpackProgram(e.packed, e.config.DataDir)
	}
	if err == nil {
		e.once.Do(func() { close(e.started) })
		e.serve(ctx)
	}
	e.mu.Lock()
	close(e.ended)
	left := make([]*Job, 0, len(e.all))
	for j := range e.all {
		left = append(left, j)
	}
	e.mu.Unlock()
	for _, j := range left {
		j.kill(&runner.Failure{Kind: runner.FailureKilled, Detail: "the rig is shutting down"})
	}
	for _, j := range left {
		<-j.done
	}
	e.mu.Lock()
	e.running = false
	e.mu.Unlock()
	return err
}

// serve gives out seats until ctx is done. A seat that was kept ready is replaced a while
// later: a start is no time to have another process in the way.
func (e *Engine) serve(ctx context.Context) {
	// Linux kills a child with the thread that started it (Pdeathsig).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var ready []*seat
	defer func() {
		for _, s := range ready {
			if err := s.dismiss(); err != nil {
				e.log.Error("end a sandbox that was kept ready", "err", err)
			}
		}
	}()
	refill := time.NewTimer(0)
	defer refill.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case reply := <-e.seats:
			refill.Reset(refillDelay)
			if len(ready) > 0 {
				reply <- seated{ready[0], nil}
				ready = ready[1:]
				continue
			}
			s, err := e.newSeat()
			reply <- seated{s, err}
		case <-refill.C:
			if len(ready) >= e.config.Warm {
				continue
			}
			s, err := e.newSeat()
			if err != nil { // the next job's start will say so
				e.log.Error("keep a sandbox ready", "err", err)
				continue
			}
			ready = append(ready, s)
			refill.Reset(0)
		}
	}
}

// seat has Run give an init.
func (e *Engine) seat(ctx context.Context) (*seat, error) {
	e.mu.Lock()
	ended, running := e.ended, e.running
	e.mu.Unlock()
	if !running {
		return nil, runner.ErrNotRunning
	}
	reply := make(chan seated, 1)
	select {
	case e.seats <- reply:
		s := <-reply
		return s.seat, s.err
	case <-ended:
		return nil, runner.ErrNotRunning
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sweep removes the directories of jobs whose daemon was killed. Their processes end by
// themselves: each waits for the daemon's end, and holds its directory's lock until its own.
// Nothing else of a job has a name on the host but its control group, which cgroup.Open removes.
func (e *Engine) sweep() error {
	entries, err := os.ReadDir(e.jobs)
	if err != nil {
		return fmt.Errorf("look for jobs of a killed rig: %w", err)
	}
	end := time.Now().Add(sweepTime)
	for _, entry := range entries {
		dir := filepath.Join(e.jobs, entry.Name())
		if err := awaitLock(filepath.Join(dir, "state"), end); err != nil {
			return fmt.Errorf("remove job %s of a killed rig: %w", entry.Name(), err)
		}
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove a job of a killed rig: %w", err)
		}
	}
	return nil
}

// awaitLock waits until no process holds a directory's lock.
func awaitLock(dir string, end time.Time) error {
	f, err := os.Open(dir)
	if err != nil {
		return nil // it was killed before it had made the directory
	}
	defer f.Close()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("its sandbox is still alive: %w", err)
		}
		time.Sleep(10 * time.Millisecond) // a lock has no event that also ends
	}
}
