//go:build linux

package namespaces

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// readyTime is how long a sandbox may take to be put together.
const readyTime = 30 * time.Second

// Job is one running job. Its methods may be called from any goroutine.
type Job struct {
	engine *Engine
	spec   runner.Spec
	box    *sandbox
	cores  []int       // that it runs on; nil for all
	outTop *os.File    // the job's /out, where it has one; set by begin
	detach func() bool // ends the watch on Start's context
	done   chan struct{}
	result runner.Result // valid once done is closed

	output sync.WaitGroup // the readers of the job's output

	outLock sync.Mutex // held while outTop is used by Output, or closed

	writing sync.Mutex // held while a consumer gets output; guards what follows
	stdout  io.Writer
	stderr  io.Writer
	written uint64

	mu      sync.Mutex // guards what follows
	failure *runner.Failure
	ended   bool // being taken apart
	code    int
	exited  bool // the program ended by itself
	clock   *clock
	resumed chan struct{} // not nil while paused; closed by Resume
	meter   meter
	asked   uint64 // the last ask's number
	asks    map[uint64]chan *message
}

func (e *Engine) newJob(s *runner.Spec, stdout, stderr io.Writer) (*Job, error) {
	j := &Job{engine: e, spec: *s, stdout: stdout, stderr: stderr, detach: func() bool { return true },
		done: make(chan struct{}), asks: map[uint64]chan *message{}}
	box, err := e.open(s)
	if err != nil {
		return nil, err
	}
	j.box = box
	j.clock = newClock(j.end)
	if err := e.admit(j); err != nil {
		return nil, errors.Join(err, box.destroy())
	}
	j.cores = e.cores.take(s.CPUs)
	return j, nil
}

// start puts the sandbox together and starts the program in it.
func (j *Job) start(ctx context.Context) error {
	j.detach = context.AfterFunc(ctx, func() {
		j.end(&runner.Failure{Kind: runner.FailureKilled, Detail: context.Cause(ctx).Error()})
	})
	j.clock.set(readyTime, &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("putting the sandbox together took over %s", readyTime)})
	err := j.begin()
	if err == nil {
		j.clock.set(j.spec.Deadline, &runner.Failure{Kind: runner.FailureDeadline, Detail: fmt.Sprintf("ran for over %s", j.spec.Deadline)})
		go j.serve() // ends with the job
		if !j.box.counts {
			go j.watch() // ends with the job
		}
		return nil
	}
	// A job that was stopped meanwhile, or passed a limit before its first instruction was
	// told of, was one; any other never was.
	j.mu.Lock()
	stopped := j.failure
	j.mu.Unlock()
	if stopped != nil && stopped.Kind != runner.FailureInternal {
		go j.finish() // ends with the job
		return nil
	}
	if stopped != nil {
		err = stopped
	}
	j.finish()
	if said := j.box.last.String(); said != "" {
		j.engine.log.Error("a sandbox was not put together", "said", said)
	}
	return err
}

// begin is the conversation with init up to the program's first instruction.
func (j *Job) begin() error {
	if err := j.sendSetup(); err != nil {
		return err
	}
	ready, err := j.next(sayReady)
	if err != nil {
		return err
	}
	if len(ready.files) > 0 {
		j.outTop = ready.files[0]
	}
	if err := j.attach(); err != nil {
		return err
	}
	j.meter.begin(j.box)
	if err := j.box.control.send(message{Kind: askGo}); err != nil {
		return fmt.Errorf("start the job's program: %w", err)
	}
	_, err = j.next(sayStarted)
	return err
}

// sendSetup hands init the job, its files and its output.
func (j *Job) sendSetup() error {
	files, err := j.box.files(j.engine.program, &j.spec)
	opened := len(files)
	if err == nil {
		var of []*os.File
		of, err = j.box.cardFiles(&j.spec.Devices)
		files = append(files, of...)
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for _, to := range []*io.Writer{&j.stdout, &j.stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("connect the job's output: %w", err)
		}
		theirs = append(theirs, w)
		j.output.Go(func() { j.copyOutput(r, *to) }) // ends when the job's last process has
	}
	s := &j.spec
	return j.box.control.send(message{Kind: askSetup, Setup: &setup{
		Args: s.Args, Env: s.Env, WorkDir: s.WorkDir, UID: s.UID, GID: s.GID, Groups: j.box.user >= 0,
		Root: s.Root, In: s.InDir, RootFD: opened > 0, InFD: opened > 1, HasIn: s.InDir != "", HasOut: s.OutDir != "",
		ScratchBytes: s.ScratchBytes, OutputBytes: s.OutputBytes, OutputFiles: s.OutputFiles, UserProcesses: userProcesses(s.Processes, j.box.user >= 0), Cores: j.cores, Devices: s.Devices,
	}}, append(append([]*os.File{}, theirs...), files...)...)
}

// next receives init's next message, which must be of a kind.
func (j *Job) next(want kind) (*message, error) {
	m, err := j.box.control.receive()
	switch {
	case err != nil:
		return nil, &runner.Failure{Kind: runner.FailureInternal, Detail: "the sandbox died while it was put together: " + err.Error()}
	case m.Kind == sayFailed:
		return nil, &runner.Failure{Kind: m.Failure, Detail: m.Error}
	case m.Kind != want:
		m.close()
		return nil, &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("the sandbox said %q, not %q", m.Kind, want)}
	}
	return m, nil
}

// copyOutput passes a pipe on to its consumer, and ends the job when that is over its
// limit or nobody takes it.
func (j *Job) copyOutput(r *os.File, to io.Writer) {
	defer r.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if why := j.write(to, buf[:n]); why != nil {
				j.end(why)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (j *Job) write(w io.Writer, p []byte) *runner.Failure {
	j.writing.Lock()
	defer j.writing.Unlock()
	over := j.written+uint64(len(p)) > j.spec.StdoutBytes
	if over {
		p = p[:j.spec.StdoutBytes-j.written]
	}
	j.written += uint64(len(p))
	if w != nil && len(p) > 0 {
		if _, err := w.Write(p); err != nil {
			return &runner.Failure{Kind: runner.FailureKilled, Detail: "deliver the output: " + err.Error()}
		}
	}
	if over {
		return &runner.Failure{Kind: runner.FailureStdout, Detail: fmt.Sprintf("standard output and error are over %d bytes", j.spec.StdoutBytes)}
	}
	return nil
}

// serve hears init until the job is over, then takes the sandbox apart.
func (j *Job) serve() {
	for {
		m, err := j.box.control.receive()
		if err != nil {
			break
		}
		if m.Kind == sayAnswer {
			j.answered(m)
			continue
		}
		m.close()
		if m.Kind == sayExited {
			if m.Usage != nil {
				j.meter.counted(j.box, m.Usage)
			}
			j.mu.Lock()
			j.exited, j.code = true, m.Code
			j.mu.Unlock()
			break
		}
	}
	j.finish()
}

// end kills the job. The first reason given is its failure.
func (j *Job) end(why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended || j.exited {
		return
	}
	if j.failure == nil {
		j.failure = why
	}
	_ = j.box.cmd.Process.Kill() // fails only when it is gone already
	if j.resumed != nil {        // a halted process dies when it goes on
		_ = j.box.group.Thaw()
	}
}

// finish ends what is left of the job, looks at its outputs and settles the result.
func (j *Job) finish() {
	j.detach()
	j.clock.stop()
	j.mu.Lock()
	j.ended = true
	j.mu.Unlock()
	broken := j.box.destroy()
	j.output.Wait()
	usage := j.Usage()
	j.mu.Lock()
	result := runner.Result{ExitCode: j.code, Usage: usage, Failure: j.failure}
	j.mu.Unlock()
	if result.Failure == nil {
		result.Failure = j.verdict()
	}
	if result.Failure == nil && j.outTop != nil {
		result.Failure = j.keepOutput()
	}
	if f := result.Failure; f != nil && f.Kind != runner.FailureMemory {
		result.ExitCode = 0
	}
	j.closeOutput()
	if broken != nil {
		j.engine.log.Error("take a sandbox apart", "err", broken)
	}
	j.mu.Lock()
	j.result = result
	if j.resumed != nil {
		close(j.resumed)
		j.resumed = nil
	}
	for id, answer := range j.asks {
		close(answer)
		delete(j.asks, id)
	}
	j.mu.Unlock()
	j.engine.cores.give(j.cores)
	j.engine.forget(j)
	close(j.done)
}

// verdict says why a program that nobody ended did not end well, nil when it did.
func (j *Job) verdict() *runner.Failure {
	oom := j.box.group != nil && j.box.group.OOM()
	switch {
	case oom && (!j.exited || j.code != 0):
		return &runner.Failure{Kind: runner.FailureMemory, Detail: fmt.Sprintf("needed more than %d bytes of memory, its files in memory included", j.spec.MemoryBytes)}
	case !j.exited:
		// Nobody outside ends init but this job's own methods, which leave a reason.
		j.engine.log.Warn("a sandbox's init was ended from inside", "said", j.box.last.String())
		return &runner.Failure{Kind: runner.FailureTrap, Detail: "the job ended the sandbox's first process"}
	}
	return nil
}

// Stop kills the job. Wait returns soon after.
func (j *Job) Stop() { j.end(&runner.Failure{Kind: runner.FailureKilled, Detail: "stopped"}) }

// Wait waits for the job's end. The error is the result's failure again when the
// sandbox itself failed, and nil for whatever the job did.
func (j *Job) Wait() (runner.Result, error) {
	<-j.done
	if f := j.result.Failure; f != nil && f.Kind == runner.FailureInternal {
		return j.result, f
	}
	return j.result, nil
}
