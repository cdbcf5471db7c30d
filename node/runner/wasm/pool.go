package wasm

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// take gives a child for a module: one that holds it, else one that is ready,
// else a new one.
func (r *Engine) take(ctx context.Context, module [32]byte) (*child, error) {
	r.mu.Lock()
	if !r.running {
		r.mu.Unlock()
		return nil, runner.ErrNotRunning
	}
	var best *child
	for _, c := range r.idle {
		if best == nil || fitness(c, module) > fitness(best, module) {
			best = c
		}
	}
	if best != nil {
		r.idle = slices.DeleteFunc(r.idle, func(c *child) bool { return c == best })
	}
	left := len(r.idle)
	r.mu.Unlock()
	if best != nil {
		if left == 0 { // else when the job is over, whose way a new process would be in
			r.wake()
		}
		return best, nil
	}
	return r.spawn(ctx, []string{"run", r.cache.codeDir()})
}

func fitness(c *child, module [32]byte) int {
	switch {
	case c.ready && c.loaded == module:
		return 3
	case c.ready:
		return 2
	case c.loaded == module:
		return 1
	}
	return 0
}

// spawn has Run start a child; its serve has not begun.
func (r *Engine) spawn(ctx context.Context, args []string) (*child, error) {
	r.mu.Lock()
	ended, running := r.ended, r.running
	r.mu.Unlock()
	if !running {
		return nil, runner.ErrNotRunning
	}
	reply := make(chan spawned, 1)
	select {
	case r.spawns <- spawn{args, reply}:
		s := <-reply
		return s.child, s.err
	case <-ended:
		return nil, runner.ErrNotRunning
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// markReady notes that a child is warm, or that its guest has begun, and unpins
// the module that it has loaded by then.
func (r *Engine) markReady(c *child, pin **[32]byte) {
	r.mu.Lock()
	c.ready = true
	module := *pin
	*pin = nil
	r.mu.Unlock()
	if module != nil {
		r.cache.release(*module)
	}
}

// forget removes a child that has ended. One that ended while waiting is
// replaced after a pause, lest a broken sandbox be started without end.
func (r *Engine) forget(c *child, waiting bool, crash string) {
	r.mu.Lock()
	delete(r.all, c)
	r.idle = slices.DeleteFunc(r.idle, func(x *child) bool { return x == c })
	running := r.running
	r.mu.Unlock()
	if !waiting {
		r.wake()
	}
	r.markReady(c, &c.earlyPin)
	r.markReady(c, &c.jobPin)
	if waiting && running {
		r.log.Error("a waiting sandbox ended", "text", crash)
		time.AfterFunc(respawnDelay, r.wake)
	}
}

// compile runs a compile child on a module. A module that takes too much time
// or memory is bad, as is one that is not valid.
func (r *Engine) compile(ctx context.Context, dir string) error {
	r.compiles <- struct{}{}
	defer func() { <-r.compiles }()
	c, err := r.spawn(ctx, []string{"compile", dir})
	if err != nil {
		return err
	}
	j := newJob(c, &runner.Spec{}, nil, nil)
	j.arm(maxCompileTime, &runner.Failure{Kind: runner.FailureBadModule, Detail: fmt.Sprintf("compiling took over %s", maxCompileTime)})
	c.adopt(j)
	<-j.done
	f := j.result.Failure
	if f == nil {
		return nil
	}
	switch f.Kind {
	case runner.FailureBadModule:
		return f
	case runner.FailureMemory:
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: "compiling needs too much memory"}
	}
	return fmt.Errorf("compile the module: %w", f)
}

// Start runs a job: it compiles the module if no earlier job has, hands the
// job to a child, and returns. The guest's output goes to stdout and stderr as
// it comes, from one goroutine; a writer that blocks holds the guest back. The
// job is killed when ctx is done. A bad module is a *Failure.
func (r *Engine) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	if err := check(&s); err != nil {
		return nil, err
	}
	module, err := r.cache.acquire(ctx, &s)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.latest = s.ModuleSHA256
	r.mu.Unlock()
	c, err := r.take(ctx, s.ModuleSHA256)
	if err != nil {
		r.cache.release(s.ModuleSHA256)
		return nil, err
	}
	r.mu.Lock()
	c.jobPin = &s.ModuleSHA256
	r.mu.Unlock()
	return r.hand(ctx, c, module, &s, stdout, stderr), nil
}
