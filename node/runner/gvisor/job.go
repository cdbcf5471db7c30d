//go:build linux

package gvisor

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

const (
	// minUsageWait is the shortest pause of WaitUsage: a threshold is noticed at most this
	// late, and waiting costs at most 500 wake-ups a second.
	minUsageWait = 2 * time.Millisecond
	// maxWords is how much of what a sandbox says of itself is kept.
	maxWords = 4 << 10
	// killedCode is the exit code of what the kernel kills.
	killedCode = 128 + int(syscall.SIGKILL)
)

// Job is one running job. Its methods may be called from any goroutine.
type Job struct {
	engine *Engine
	spec   runner.Spec
	id     string
	dir    string // removed at the end
	stdout io.Writer
	stderr io.Writer
	pipes  [2]*os.File   // standard output and error
	detach func() bool   // ends the watch on Start's context
	begun  chan struct{} // closed by serve when the program runs
	done   chan struct{} // closed by serve
	result runner.Result // valid once done is closed
	held   bool          // nothing can write more to its output directory than it may; set before begun is closed

	noCards string // why it cannot have its cards; set before done is closed

	dialling chan struct{}  // capacity 1; held to use mux
	mux      *yamux.Session // to the helper inside; nil before the first Dial

	halting sync.Mutex // one Pause or Resume at a time
	write   sync.Mutex // lets one write at a time through; guards output
	output  uint64     // standard output and error so far

	mu       sync.Mutex // guards what follows
	seat     *seat      // nil until Run gave one; it does not change once it has the job
	reaped   bool
	meter    meter
	failure  *runner.Failure // the first reason
	paused   chan struct{}   // not nil while paused; closed by Resume
	timer    *time.Timer     // the deadline's
	timerEnd time.Time
	left     time.Duration // of the deadline, while paused
}

// serve owns a sandbox from its start to its end.
func (j *Job) serve() {
	var readers sync.WaitGroup
	var said words
	readers.Go(func() { j.copy(j.stdout, j.pipes[0]) })
	readers.Go(func() { j.copy(j.stderr, j.pipes[1]) })
	readers.Go(func() { _, _ = io.Copy(&said, j.seat.words) })
	watched := make(chan struct{})
	stop := make(chan struct{})
	go func() { j.watch(stop); close(watched) }() // ends below

	last := j.follow()
	_ = j.seat.cmd.Wait() // init's exit code says nothing that its report does not
	j.mu.Lock()
	j.reaped = true
	j.mu.Unlock()
	close(stop)
	<-watched
	readers.Wait()
	for _, f := range j.pipes {
		f.Close()
	}
	j.seat.close()
	j.settle(last, said.String())
}

// follow reads init's reports to the last, which is nil when init ended without one. That
// there is no room may be told before that the program runs: then it ran, for nothing else
// writes.
func (j *Job) follow() *line.Report {
	for begun := false; ; {
		r := line.Hear(j.seat.line)
		if r == nil || r.Last() {
			return r
		}
		if !begun {
			begun = true
			j.begin(r.Held || r.Full != "") // who tells of no room is who holds it
		}
		if r.Full != "" {
			j.kill(j.overFull(r.Full))
		}
	}
}

// begin notes that the program runs. From here on it has its own cores: gVisor starts on all.
func (j *Job) begin(held bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held = held
	if j.meter.group != nil {
		if err := j.meter.group.Limit(cgroup.Limits{CPUs: j.spec.CPUs}); err != nil && j.failure == nil {
			j.failure = &runner.Failure{Kind: runner.FailureInternal, Detail: err.Error()}
			_ = j.seat.cmd.Process.Kill()
		}
	}
	j.meter.begin()
	j.startTimer(j.spec.Deadline)
	close(j.begun)
}

// copy passes a stream of the job's on, up to the limit of both.
func (j *Job) copy(w io.Writer, r io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if f := j.pass(w, buf[:n]); f != nil {
				j.kill(f)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass gives a piece of output to its writer.
func (j *Job) pass(w io.Writer, p []byte) *runner.Failure {
	j.write.Lock()
	defer j.write.Unlock()
	over := j.output+uint64(len(p)) > j.spec.StdoutBytes
	if over {
		p = p[:j.spec.StdoutBytes-j.output]
	}
	j.output += uint64(len(p))
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

// kill ends the job for a reason; the first reason stays. The kernel kills every process of
// the sandbox with its init.
func (j *Job) kill(why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		j.failure = why
	}
	if j.seat != nil && !j.reaped {
		j.meter.look()
		_ = j.seat.cmd.Process.Kill()
	}
}

// settle turns what is known after the sandbox's end into the result.
func (j *Job) settle(last *line.Report, said string) {
	j.detach()
	j.mu.Lock()
	j.meter.end(j.seat.cmd.ProcessState)
	if j.timer != nil {
		j.timer.Stop()
	}
	j.result = runner.Result{Usage: j.meter.usage(j.spec.MemoryBytes), Failure: j.failure}
	if j.failure == nil {
		j.result.Failure, j.result.ExitCode = j.verdict(last, said)
	} else if j.failure.Kind == runner.FailureMemory {
		j.result.ExitCode = killedCode
	}
	if j.paused != nil {
		close(j.paused)
		j.paused = nil
	}
	j.mu.Unlock()
	if f := takeOutput(j.spec.OutDir); f != nil && j.result.Failure == nil {
		j.result.Failure = f
	}
	if j.result.Failure == nil && j.spec.OutDir != "" {
		j.result.Failure = runner.CheckOutput(&j.spec)
	}
	j.remove()
	close(j.done)
}

// verdict reads how the sandbox ended by itself. The caller holds mu.
func (j *Job) verdict(last *line.Report, said string) (*runner.Failure, int) {
	if j.meter.outOfMemory() {
		f := j.memoryFailure()
		if last != nil && last.Exited && syscall.WaitStatus(last.Status).Exited() {
			if code := syscall.WaitStatus(last.Status).ExitStatus(); code != 0 {
				return f, code
			}
			return nil, 0 // it lost a process and went on without it
		}
		return f, killedCode
	}
	switch {
	case last == nil:
		return &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("the sandbox died without a report: %q", said)}, 0
	case last.Cards:
		j.noCards = last.Error
		return &runner.Failure{Kind: runner.FailureInternal, Detail: last.Error}, 0
	case last.Error != "" && last.Program:
		return &runner.Failure{Kind: runner.FailureBadModule, Detail: last.Error}, 0
	case last.Error != "":
		return &runner.Failure{Kind: runner.FailureInternal, Detail: last.Error}, 0
	}
	status := syscall.WaitStatus(last.Status)
	if status.Signaled() {
		return nil, 128 + int(status.Signal())
	}
	return nil, status.ExitStatus()
}

func (j *Job) memoryFailure() *runner.Failure {
	return &runner.Failure{Kind: runner.FailureMemory, Detail: fmt.Sprintf("killed for using more than %d bytes of memory", j.spec.MemoryBytes)}
}

// Usage is what the job has used so far.
func (j *Job) Usage() runner.Usage {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.done:
		return j.result.Usage
	default:
	}
	if !j.reaped && j.paused == nil {
		j.meter.look()
	}
	return j.meter.usage(j.spec.MemoryBytes)
}

// WaitUsage waits until the job has used at least cpuMillis, which it returns nil for, or
// has ended (runner.ErrEnded), or ctx is done (its error).
func (j *Job) WaitUsage(ctx context.Context, cpuMillis uint64) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		used := j.Usage().CPUMillis
		if used >= cpuMillis {
			return nil
		}
		// On all its cores the job needs at least this long.
		timer.Reset(max(time.Duration(cpuMillis-used)*time.Millisecond/time.Duration(j.spec.CPUs), minUsageWait))
		wake := timer.C
		j.mu.Lock()
		paused := j.paused
		j.mu.Unlock()
		if paused != nil {
			wake = nil
		}
		select {
		case <-wake:
		case <-paused:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.done:
			if j.result.Usage.CPUMillis >= cpuMillis {
				return nil
			}
			return runner.ErrEnded
		}
	}
}

// startTimer runs the deadline; the caller holds mu.
func (j *Job) startTimer(d time.Duration) {
	j.timerEnd = time.Now().Add(d)
	j.timer = time.AfterFunc(d, func() {
		j.kill(&runner.Failure{Kind: runner.FailureDeadline, Detail: fmt.Sprintf("ran for over %s", j.spec.Deadline)})
	})
}

// Stop kills the job. Wait returns soon after.
func (j *Job) Stop() { j.kill(&runner.Failure{Kind: runner.FailureKilled, Detail: "stopped"}) }

// Wait waits for the job's end. The error is the result's failure again when the sandbox
// itself failed, and nil for whatever the job did.
func (j *Job) Wait() (runner.Result, error) {
	<-j.done
	if f := j.result.Failure; f != nil && f.Kind == runner.FailureInternal {
		return j.result, f
	}
	return j.result, nil
}

// words keeps the beginning of what is written to it.
type words struct{ b strings.Builder }

func (t *words) Write(p []byte) (int, error) {
	t.b.Write(p[:min(len(p), maxWords-t.b.Len())])
	return len(p), nil
}

func (t *words) String() string { return t.b.String() }
