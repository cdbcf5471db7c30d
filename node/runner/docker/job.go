package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/rerig/rerig/node/runner"
)

const (
	// killDelay is the pause between attempts to kill.
	killDelay = 500 * time.Millisecond
	// maxExecs is how many programs and connections of others a job has at once.
	maxExecs = 64
)

// Job is one running job. Its methods may be called from any goroutine.
type Job struct {
	engine *Engine
	spec   runner.Spec
	name   string
	id     string
	detach func() bool // ends the watch on Start's context

	stopping chan struct{} // closed by the first stop; read by serve
	exited   chan struct{} // closed by serve: the container runs no more, or is given up
	done     chan struct{} // closed by settle
	result   runner.Result // valid once done is closed
	finished bool          // the program's end was seen; of the copying goroutine, then settle's
	execs    chan struct{} // one element for each Exec and connection

	pausing sync.Mutex // one Pause or Resume at a time, held over the call to the engine

	sampling sync.Mutex // guards sampled, held over the call to the engine
	sampled  time.Time

	mu       sync.Mutex // guards what follows
	failure  *runner.Failure
	based    bool // base is known
	base     time.Duration
	cpu      time.Duration // as last seen
	memory   uint64        // the most seen
	resumed  chan struct{} // not nil while paused; closed by Resume
	timer    *time.Timer   // the deadline's
	timerEnd time.Time
	left     time.Duration // of the deadline, while paused
}

// Start runs a job: it makes a container that holds the root's files, and starts it.
func (e *Engine) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	if err := check(&s); err != nil {
		return nil, err
	}
	var err error
	for _, p := range []*string{&s.Root, &s.InDir, &s.OutDir} {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err != nil {
			return nil, fmt.Errorf("find the job's directories: %w", err)
		}
	}
	name, err := e.take()
	if err != nil {
		return nil, err
	}
	j := &Job{
		engine: e, spec: s, name: name, detach: func() bool { return true },
		stopping: make(chan struct{}), exited: make(chan struct{}), done: make(chan struct{}),
		execs: make(chan struct{}, maxExecs),
	}
	streams, err := j.launch(ctx)
	if err != nil {
		// The request may have done its work all the same: removed now, or swept.
		removed := j.id != "" && e.remove(context.WithoutCancel(ctx), j.id) == nil
		e.release(name, removed)
		return nil, err
	}
	e.mu.Lock()
	e.jobs[j] = struct{}{}
	running := e.running
	e.mu.Unlock()
	j.startTimer(s.Deadline)
	j.detach = context.AfterFunc(ctx, func() {
		j.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: context.Cause(ctx).Error()})
	})
	go j.serve(context.WithoutCancel(ctx), streams, stdout, stderr)
	if !running { // Run ended in between and does not know this job
		j.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: "the rig is shutting down"})
	}
	return j, nil
}

// ending is what the engine says of a container's end.
type ending struct {
	code int64
	err  error
}

// serve owns the job's goroutines until its end.
func (j *Job) serve(ctx context.Context, s *streams, stdout, stderr io.Writer) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var owned sync.WaitGroup
	ended := make(chan ending, 1) // from watch, once
	copied := make(chan struct{}) // closed when the output has ended
	owned.Go(func() { ended <- j.watch(ctx) })
	owned.Go(func() {
		defer close(copied)
		defer s.lifeline.Close() // the helper ends without it
		if f := j.copyOutput(ctx, s, stdout, stderr); f != nil {
			s.close()
			j.fail(f) // also when the program has ended already
			j.stop(f)
		}
	})
	owned.Go(func() { j.poll(ctx) })

	end := j.await(ctx, s, ended)
	close(j.exited)
	if end.err == nil { // else the stream may never end
		select {
		case <-copied:
		case <-time.After(j.engine.patience.drain):
			j.fail(&runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("the output did not end within %s of the program", j.engine.patience.drain)})
		}
	}
	s.close()
	<-copied
	j.settle(ctx, end)
	cancel()
	owned.Wait()
	close(j.done)
}

// await waits for the container's end, killing it once a stop was asked for.
func (j *Job) await(ctx context.Context, s *streams, ended <-chan ending) ending {
	select {
	case end := <-ended:
		return end
	case <-j.stopping:
	}
	s.lifeline.Close() // quicker than the request
	giveUp := time.NewTimer(j.engine.patience.kill)
	defer giveUp.Stop()
	for {
		j.kill(ctx)
		select {
		case end := <-ended:
			return end
		case <-giveUp.C:
			return ending{err: errors.New("Docker does not kill the container")}
		case <-time.After(killDelay):
		}
	}
}

// kill sends SIGKILL. A paused container takes it when it goes on.
func (j *Job) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, j.engine.patience.call)
	defer cancel()
	_, err := j.engine.api.ContainerKill(ctx, j.id, client.ContainerKillOptions{Signal: "SIGKILL"})
	if err != nil {
		j.engine.log.Debug("kill a container", "err", err)
	}
	j.mu.Lock()
	paused := j.resumed != nil
	j.mu.Unlock()
	if paused {
		if _, err := j.engine.api.ContainerUnpause(ctx, j.id, client.ContainerUnpauseOptions{}); err != nil {
			j.engine.log.Debug("let a killed container go on", "err", err)
		}
	}
}

// watch waits for the container's end. A connection that breaks is an end too: an engine
// that restarts has killed the job or lost its output, and a cut output must not pass for
// a whole one.
func (j *Job) watch(ctx context.Context) ending {
	w := j.engine.api.ContainerWait(ctx, j.id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select { // exactly one of them comes: the library's goroutine hangs otherwise
	case r := <-w.Result:
		switch {
		case r.Error != nil && r.Error.Message != "":
			return ending{err: fmt.Errorf("Docker says of the container's end: %.200q", r.Error.Message)}
		case r.StatusCode < 0 || r.StatusCode > 255:
			return ending{err: fmt.Errorf("Docker says exit code %d", r.StatusCode)}
		}
		return ending{code: r.StatusCode}
	case err := <-w.Error:
		return ending{err: fmt.Errorf("Docker went away while the job ran: %w", err)}
	}
}

// copyOutput passes the job's output on, up to the limit, and then takes what it left in
// /out.
func (j *Job) copyOutput(ctx context.Context, s *streams, stdout, stderr io.Writer) *runner.Failure {
	buf := make([]byte, 32<<10)
	end := ender{trailer: s.trailer}
	left := j.spec.StdoutBytes
	take := newTaking(&j.spec)
	defer func() { _ = take.close() }() // an earlier failure is the one to tell
	for {
		stream, n, err := s.output.read(buf)
		p, after, w := buf[:n], []byte(nil), stderr
		if stream == streamStdout {
			w = stdout
			p, after = end.scan(p)
		}
		over := uint64(len(p)) > left
		if over {
			p = p[:left]
		}
		left -= uint64(len(p))
		if w != nil && len(p) > 0 {
			if _, err := w.Write(p); err != nil {
				return &runner.Failure{Kind: runner.FailureKilled, Detail: "deliver the output: " + err.Error()}
			}
		}
		if end.seen && !j.finished {
			j.finish(ctx)
			take.begin(s.lifeline)
		}
		take.write(after)
		switch {
		case over:
			return &runner.Failure{Kind: runner.FailureStdout, Detail: fmt.Sprintf("standard output and error are over %d bytes", j.spec.StdoutBytes)}
		case errors.Is(err, io.EOF):
			return take.close()
		case err != nil:
			return &runner.Failure{Kind: runner.FailureInternal, Detail: "read the output: " + err.Error()}
		}
	}
}

// finish notes that the program has ended: nothing is left but the helper, so what is
// counted now is all that the job has used. Its deadline is over.
func (j *Job) finish(ctx context.Context) {
	j.finished = true
	j.look(ctx, true)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.timer.Stop()
	j.timer = time.AfterFunc(j.engine.patience.load, func() {
		j.stop(&runner.Failure{Kind: runner.FailureInternal, Detail: "the output files do not come"})
	})
}

func (t *taking) write(p []byte) {
	if len(p) > 0 {
		_, _ = t.pipe.Write(p) // it takes all until close
	}
}

// settle turns what is known after the container's end into the result, and removes it.
func (j *Job) settle(ctx context.Context, end ending) {
	j.detach()
	if end.err != nil {
		j.fail(&runner.Failure{Kind: runner.FailureInternal, Detail: end.err.Error()})
	}
	oom := false
	if end.err == nil {
		var err error
		if oom, err = j.outOfMemory(ctx); err != nil {
			j.fail(&runner.Failure{Kind: runner.FailureInternal, Detail: err.Error()})
		}
	}
	if end.err == nil && !oom && !j.finished {
		j.fail(&runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("the container ended by itself with exit code %d", end.code)})
	}
	err := j.engine.remove(ctx, j.id)
	j.engine.release(j.name, err == nil)

	j.mu.Lock()
	j.timer.Stop()
	if j.resumed != nil {
		close(j.resumed)
		j.resumed = nil
	}
	j.result = runner.Result{Usage: j.usage(), Failure: j.failure}
	j.mu.Unlock()
	if j.result.Failure == nil {
		j.result.ExitCode = int(end.code)
		if oom && end.code != 0 {
			j.result.Failure = &runner.Failure{Kind: runner.FailureMemory, Detail: fmt.Sprintf("failed after it was refused more than %d bytes of memory", j.spec.MemoryBytes)}
		}
	}
	j.engine.mu.Lock()
	delete(j.engine.jobs, j)
	j.engine.mu.Unlock()
}

// outOfMemory asks whether the kernel killed one of the job's processes for its memory.
func (j *Job) outOfMemory(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, j.engine.patience.call)
	defer cancel()
	got, err := j.engine.api.ContainerInspect(ctx, j.id, client.ContainerInspectOptions{})
	if err != nil {
		return false, fmt.Errorf("ask how the container ended: %w", err)
	}
	if got.Container.State == nil {
		return false, errors.New("Docker does not say how the container ended")
	}
	return got.Container.State.OOMKilled, nil
}
