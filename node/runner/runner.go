// Package runner says what an engine is: something that runs one job in one sandbox and
// reports what it used. Its folders hold one engine each, package conformance what every
// one of them must show, and a node picks by the job's engine (SPEC §5.1).
package runner

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
)

// Engine runs jobs of one kind. Its methods may be called from any goroutine.
type Engine interface {
	// Name is the engine's in offers and job specs (SPEC §5.1).
	Name() string
	// Run owns the engine's processes and returns when ctx is done and all are gone.
	Run(ctx context.Context) error
	// Started is closed when Run has begun: Probe and Start may be called then.
	Started() <-chan struct{}
	// Probe runs small jobs for real. Nothing beyond what it returns may be advertised;
	// its error says what did not work.
	Probe(ctx context.Context) (Caps, error)
	// Start runs a job. Its output goes to stdout and stderr as it comes, one write at a
	// time; a writer that blocks holds the job back. The job is killed when ctx is done.
	// A *Failure is the job's own fault.
	Start(ctx context.Context, s Spec, stdout, stderr io.Writer) (Job, error)
	// Close frees what opening the engine took. Call it after Run has returned.
	Close() error
}

// CardProber is an Engine that can pass cards on to its jobs.
type CardProber interface {
	Engine
	// ProbeCards runs a small job for real that looks at these devices: each is there and
	// can be opened, and no other is. Its error says what did not work. That a program can
	// compute on them it does not show.
	ProbeCards(ctx context.Context, d Devices) error
}

// Job is one running job. Its methods may be called from any goroutine.
type Job interface {
	// Dial connects to a TCP port on the job's own loopback, which nothing else reaches.
	Dial(ctx context.Context, port uint16) (net.Conn, error)
	// Exec runs another program inside the sandbox and returns its exit code.
	Exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error)
	// Output opens a regular file that lies directly in the job's output directory, as it
	// is now. The caller closes it.
	Output(name string) (*os.File, error)
	// Usage is what the job has used so far.
	Usage() Usage
	// WaitUsage waits until the job has used cpuMillis (nil) or has ended (ErrEnded).
	WaitUsage(ctx context.Context, cpuMillis uint64) error
	// Pause halts the job where it stands; its deadline waits too.
	Pause() error
	// Resume lets a paused job go on.
	Resume() error
	// Stop kills the job. Wait returns soon after.
	Stop()
	// Wait waits for the job's end, after the last byte of its output was written. The
	// error is the result's failure again where the sandbox itself failed.
	Wait() (Result, error)
}

// Errors that callers tell apart.
var (
	// ErrNotRunning is returned by Start when Run is not active.
	ErrNotRunning = errors.New("the runner is not running")
	// ErrPauseUnsupported is returned by Pause and Resume where the system cannot halt
	// a process.
	ErrPauseUnsupported = errors.New("this system cannot pause a job; stop it instead")
	// ErrEnded is returned by WaitUsage when the job ended below the threshold.
	ErrEnded = errors.New("the job has ended")
	// ErrUnsupported is returned for what an engine cannot do at all.
	ErrUnsupported = errors.New("this engine cannot do that")
)

// Caps is what Probe has seen to work on this machine. A rig advertises
// nothing beyond it.
type Caps struct {
	// Pause tells whether a running job can be halted and resumed.
	Pause bool
	// Dial tells whether a port inside can be reached.
	Dial bool
	// MemoryLimit, CPULimit and ProcessLimit tell whether the kernel holds a job to
	// what its Spec says.
	MemoryLimit, CPULimit, ProcessLimit bool
	// Interface tells whether a job can have a network interface (Spec.Interface).
	Interface bool
	// Rootless tells that the sandbox runs without the host's root.
	Rootless bool
}
