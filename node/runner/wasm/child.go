package wasm

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

// maxCrashText bounds what is read of a crashed child's standard error.
const maxCrashText = 4 << 10

// child is one sandbox process. It waits, serves one job at most, and ends.
// Its serve goroutine is the only reader of its frames and reaps it.
type child struct {
	runner *Engine
	proc   *os.Process
	stdin  *os.File      // requests; closing it makes an idle child exit
	events *os.File      // frames
	crash  *os.File      // what the Go runtime says when it dies
	done   chan struct{} // closed by serve once the process is reaped

	mu     sync.Mutex      // guards what follows
	job    *Job            // nil while waiting
	why    *runner.Failure // why it was stopped before it had a job
	exited bool            // the process is gone or going; its id may be reused

	// Guarded by Engine.mu.
	loaded   [32]byte  // the module that it loads before it has a job
	earlyPin *[32]byte // loaded, until it is; the cache keeps it for so long
	jobPin   *[32]byte // the job's module, until its guest begins
	ready    bool      // warm, with its module loaded
	serving  bool      // serve has begun
}

// start starts a child process; serve must follow. Only Run calls it.
func (r *Engine) start(args []string) (*child, error) {
	var files [6]*os.File
	closeAll := func(list []*os.File) {
		for _, f := range list {
			if f != nil {
				f.Close()
			}
		}
	}
	for i := 0; i < len(files); i += 2 {
		var err error
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			closeAll(files[:])
			return nil, fmt.Errorf("connect a sandbox: %w", err)
		}
	}
	theirs := []*os.File{files[0], files[3], files[5]}
	proc, err := os.StartProcess(r.program.path, slices.Concat([]string{"rerig-sandbox"}, args), &os.ProcAttr{
		Dir:   r.empty,
		Env:   []string{},
		Files: theirs,
		Sys:   sandboxAttr(),
	})
	closeAll(theirs)
	if err != nil {
		closeAll([]*os.File{files[1], files[2], files[4]})
		return nil, fmt.Errorf("start a sandbox: %w", err)
	}
	c := &child{
		runner: r, proc: proc,
		stdin: files[1], events: files[2], crash: files[4],
		done: make(chan struct{}),
	}
	r.mu.Lock()
	r.all[c] = struct{}{}
	r.mu.Unlock()
	return c, nil
}

// stop kills the process. The first reason given is the job's failure.
func (c *child) stop(why *runner.Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exited {
		return
	}
	if c.job != nil {
		c.job.fail(why)
	} else if c.why == nil {
		c.why = why
	}
	_ = c.proc.Kill() // fails only when the process is gone already
}

// serve reads frames until the child ends, reaps it, and settles its job.
func (c *child) serve() {
	buf := make([]byte, 0, 4<<10)
	var outcome *frame.Outcome
	for outcome == nil {
		kind, payload, err := frame.Read(c.events, &buf, frame.MaxPayload)
		if err != nil {
			break
		}
		if kind == frame.Ready {
			c.runner.markReady(c, &c.earlyPin)
			continue
		}
		c.mu.Lock()
		job := c.job
		c.mu.Unlock()
		if job == nil {
			break
		}
		var why *runner.Failure
		if outcome, why = job.frame(c, kind, payload); why != nil {
			c.stop(why)
		}
	}
	c.reap(outcome)
}

func (c *child) reap(outcome *frame.Outcome) {
	// An honest child is exiting by itself; one that only closed its end of
	// the pipe must not be waited for.
	if outcome == nil {
		_ = c.proc.Kill()
	} else {
		c.awaitExit()
	}
	c.mu.Lock()
	c.exited = true
	job := c.job
	c.mu.Unlock()
	state, err := c.proc.Wait()
	var text []byte
	if outcome == nil {
		text, _ = io.ReadAll(io.LimitReader(c.crash, maxCrashText))
	}
	for _, f := range []*os.File{c.stdin, c.events, c.crash} {
		f.Close()
	}
	c.runner.forget(c, job == nil, strings.TrimSpace(string(text)))
	if job != nil {
		var cpu time.Duration
		if err == nil {
			cpu = state.UserTime() + state.SystemTime()
		}
		job.settle(outcome, cpu, string(text))
	}
	close(c.done)
}

// awaitExit waits until the child closed its end, and kills it if it lingers.
func (c *child) awaitExit() {
	_ = c.events.SetReadDeadline(time.Now().Add(time.Second))
	var b [1]byte
	_, _ = c.events.Read(b[:])
	_ = c.proc.Kill()
}

// adopt gives the child its job, before it learns of it, and makes sure that
// it is served.
func (c *child) adopt(j *Job) {
	c.mu.Lock()
	c.job = j
	if c.why != nil {
		j.fail(c.why)
	}
	c.mu.Unlock()
	c.runner.mu.Lock()
	serving := c.serving
	c.serving = true
	c.runner.mu.Unlock()
	if !serving {
		go c.serve()
	}
}
