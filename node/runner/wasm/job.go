package wasm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

// minUsageWait is the shortest pause of WaitUsage: a threshold is noticed at
// most this late, and waiting costs at most 500 wake-ups a second.
const minUsageWait = 2 * time.Millisecond

// Job is one running job. Its methods may be called from any goroutine.
type Job struct {
	child  *child
	spec   runner.Spec
	stdout io.Writer
	stderr io.Writer
	detach func() bool   // ends the watch on Start's context
	done   chan struct{} // closed by settle
	result runner.Result // valid once done is closed
	output uint64        // standard output and error so far; of serve alone

	mu       sync.Mutex // guards what follows
	started  bool       // the guest runs
	base     time.Duration
	cpu      time.Duration // as last seen, base included
	memory   uint64
	failure  *runner.Failure // the first reason
	resumed  chan struct{}   // not nil while paused; closed by Resume
	timer    *time.Timer
	timerEnd time.Time
	timerWhy *runner.Failure
	left     time.Duration // of the timer, while paused
}

func newJob(c *child, s *runner.Spec, stdout, stderr io.Writer) *Job {
	return &Job{
		child: c, spec: *s, stdout: stdout, stderr: stderr,
		detach: func() bool { return true },
		done:   make(chan struct{}),
	}
}

// hand gives a child its job.
func (r *Engine) hand(ctx context.Context, c *child, at stored, s *runner.Spec, stdout, stderr io.Writer) *Job {
	request, err := frame.AppendJSON(nil, frame.Job, &frame.Request{
		Module: at.module, Code: at.code, SHA256: at.sum[:],
		Args: s.Args, Env: s.Env, In: s.InDir, Out: s.OutDir, Seed: s.Seed[:],
		MemoryBytes: s.MemoryBytes, OutputBytes: s.OutputBytes, OutputFiles: s.OutputFiles,
	})
	j := newJob(c, s, stdout, stderr)
	j.spec.Module = nil // it may be large and is not needed again
	j.arm(maxLoadTime, &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("loading the module took over %s", maxLoadTime)})
	j.detach = context.AfterFunc(ctx, func() {
		c.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: context.Cause(ctx).Error()})
	})
	c.adopt(j)
	if err == nil {
		_, err = c.stdin.Write(request)
	}
	if err != nil {
		c.stop(&runner.Failure{Kind: runner.FailureInternal, Detail: "hand over the job: " + err.Error()})
	}
	return j
}

// frame handles one frame of the child. It returns the outcome when it is the
// last one, or why the job must be killed.
func (j *Job) frame(c *child, kind frame.Kind, payload []byte) (*frame.Outcome, *runner.Failure) {
	switch kind {
	case frame.Stdout:
		return nil, j.write(j.stdout, payload)
	case frame.Stderr:
		return nil, j.write(j.stderr, payload)
	case frame.End:
		o := new(frame.Outcome)
		if err := json.Unmarshal(payload, o); err != nil {
			return nil, &runner.Failure{Kind: runner.FailureInternal, Detail: "decode the sandbox's report: " + err.Error()}
		}
		return o, nil
	case frame.Started, frame.Memory, frame.CPU:
		n, err := frame.Number(payload)
		if err != nil {
			return nil, &runner.Failure{Kind: runner.FailureInternal, Detail: err.Error()}
		}
		j.number(c, kind, n)
		return nil, nil
	}
	return nil, &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("sandbox sent an unknown frame %q", kind)}
}

func (j *Job) number(c *child, kind frame.Kind, n uint64) {
	if kind == frame.Started {
		c.runner.markReady(c, &c.jobPin)
		j.arm(j.spec.Deadline, &runner.Failure{Kind: runner.FailureDeadline, Detail: fmt.Sprintf("ran for over %s", j.spec.Deadline)})
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch kind {
	case frame.Started:
		if !j.started {
			j.started = true
			j.base = time.Duration(n)
			j.cpu = max(j.cpu, j.base)
		}
	case frame.CPU:
		j.cpu = max(j.cpu, time.Duration(n))
	case frame.Memory:
		j.memory = max(j.memory, n)
	}
}

// write passes the guest's output on, up to the limit.
func (j *Job) write(w io.Writer, p []byte) *runner.Failure {
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

// fail notes why the job fails; the first reason stays.
func (j *Job) fail(why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		j.failure = why
	}
}

// settle turns what is known after the child's end into the result.
func (j *Job) settle(o *frame.Outcome, cpu time.Duration, crash string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.detach()
	if j.timer != nil {
		j.timer.Stop()
	}
	j.cpu = max(j.cpu, cpu)
	j.result = runner.Result{Usage: j.usage(), Failure: j.failure}
	if j.failure == nil {
		j.result.Failure, j.result.ExitCode = verdict(o, crash, j.spec.MemoryBytes)
	}
	if j.result.Failure == nil && j.spec.OutDir != "" {
		j.result.Failure = runner.CheckOutput(&j.spec)
	}
	if f := j.result.Failure; f != nil && f.Kind == runner.FailureInternal {
		j.child.runner.cache.drop(j.spec.ModuleSHA256)
	}
	if j.resumed != nil {
		close(j.resumed)
		j.resumed = nil
	}
	close(j.done)
}

// outOfMemory reports whether the child's Go runtime died of the memory limit. The
// collector of Go 1.26 does not look whether it was given the memory that it asked
// for, and so dies of a nil pointer in runtime/mgcmark_greenteagc.go.
func outOfMemory(crash string) bool {
	return strings.Contains(crash, "out of memory") || strings.Contains(crash, "cannot allocate memory") ||
		strings.HasPrefix(crash, "SIGSEGV") && strings.Contains(crash, "mgcmark_greenteagc.go")
}

// verdict reads the child's last words.
func verdict(o *frame.Outcome, crash string, memory uint64) (*runner.Failure, int) {
	switch {
	case o == nil && outOfMemory(crash):
		return &runner.Failure{Kind: runner.FailureMemory, Detail: "the sandbox ran out of memory for the guest's tables or call stack"}, 0
	case o == nil:
		line, _, _ := strings.Cut(crash, "\n")
		return &runner.Failure{Kind: runner.FailureInternal, Detail: fmt.Sprintf("the sandbox died without a report: %q", line)}, 0
	case o.MemoryRefused && (o.ExitCode != 0 || runner.FailureKind(o.Failure) == runner.FailureTrap):
		return &runner.Failure{Kind: runner.FailureMemory, Detail: fmt.Sprintf("failed after asking for more than %d bytes of memory", memory)}, int(o.ExitCode)
	case o.Failure != "":
		return &runner.Failure{Kind: runner.FailureKind(o.Failure), Detail: o.Detail}, 0
	}
	return nil, int(o.ExitCode)
}

// usage is what is known; the caller holds mu.
func (j *Job) usage() runner.Usage {
	u := runner.Usage{PeakMemoryBytes: j.memory}
	if j.started {
		u.CPUMillis = uint64((j.cpu - j.base + time.Millisecond - 1) / time.Millisecond)
	}
	return u
}

// Usage is what the job has used so far.
func (j *Job) Usage() runner.Usage {
	j.child.mu.Lock() // keeps the process from being reaped, its id from being reused
	cpu := time.Duration(0)
	if !j.child.exited {
		cpu = processCPU(j.child.proc.Pid)
	}
	j.child.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.done:
		return j.result.Usage
	default:
	}
	j.cpu = max(j.cpu, cpu)
	return j.usage()
}

// WaitUsage waits until the job has used at least cpuMillis, which it returns
// nil for, or has ended (ErrEnded), or ctx is done (its error). A job that uses
// one core is looked at a handful of times, however long it takes.
func (j *Job) WaitUsage(ctx context.Context, cpuMillis uint64) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		used := j.Usage().CPUMillis
		if used >= cpuMillis {
			return nil
		}
		// The guest is one thread: the rest takes at least as long as it is.
		timer.Reset(max(time.Duration(cpuMillis-used)*time.Millisecond, minUsageWait))
		wake := timer.C
		j.mu.Lock()
		resumed := j.resumed
		j.mu.Unlock()
		if resumed != nil {
			wake = nil
		}
		select {
		case <-wake:
		case <-resumed:
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

// arm sets the one timer that kills the job.
func (j *Job) arm(d time.Duration, why *runner.Failure) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.timer != nil {
		j.timer.Stop()
	}
	j.timerWhy = why
	if j.resumed != nil {
		j.left = d
		return
	}
	j.startTimer(d)
}

func (j *Job) startTimer(d time.Duration) {
	why := j.timerWhy
	j.timerEnd = time.Now().Add(d)
	j.timer = time.AfterFunc(d, func() { j.child.stop(why) })
}

// Pause halts the job where it stands; its deadline waits too. It returns
// ErrPauseUnsupported where the system cannot.
func (j *Job) Pause() error {
	j.child.mu.Lock()
	defer j.child.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.child.exited || j.resumed != nil {
		return nil
	}
	if err := pauseProcess(j.child.proc); err != nil {
		return err
	}
	j.resumed = make(chan struct{})
	j.timer.Stop()
	j.left = max(time.Until(j.timerEnd), 0)
	return nil
}

// Resume lets a paused job go on.
func (j *Job) Resume() error {
	j.child.mu.Lock()
	defer j.child.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.child.exited || j.resumed == nil {
		return nil
	}
	if err := resumeProcess(j.child.proc); err != nil {
		return err
	}
	close(j.resumed)
	j.resumed = nil
	j.startTimer(j.left)
	return nil
}

// Stop kills the job. Wait returns soon after.
func (j *Job) Stop() { j.child.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: "stopped"}) }

// Wait waits for the job's end. The error is the result's failure again when
// the sandbox itself failed, and nil for whatever the job did.
func (j *Job) Wait() (runner.Result, error) {
	<-j.done
	if f := j.result.Failure; f != nil && f.Kind == runner.FailureInternal {
		return j.result, f
	}
	return j.result, nil
}

// Dial returns runner.ErrUnsupported: WASI preview 1 has no sockets.
func (j *Job) Dial(context.Context, uint16) (net.Conn, error) { return nil, runner.ErrUnsupported }

// Exec returns runner.ErrUnsupported: a guest is one program.
func (j *Job) Exec(context.Context, []string, io.Reader, io.Writer, io.Writer) (int, error) {
	return 0, runner.ErrUnsupported
}
