//go:build linux

package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

const (
	// haltTime is how long gVisor gets to halt or resume a job.
	haltTime = 5 * time.Second
	// drainTime is how long the output of an Exec may come after its program has ended: a
	// child of it may hold the pipe for ever.
	drainTime = 500 * time.Millisecond
	// killedExec is what an Exec that is no longer wanted gets.
	killedExec = int32(syscall.SIGKILL)
)

// call calls a method of the sandbox's kernel, and gives it files. The kernel serves the
// job: it is not trusted to answer.
func (j *Job) call(ctx context.Context, method string, arg, result any, files ...*os.File) error {
	select {
	case <-j.begun:
	default:
		return errors.New("the job has not begun")
	}
	conn, err := j.connect()
	if err != nil {
		return err
	}
	answered := make(chan error, 1)
	go func() { answered <- exchange(conn, method, arg, result, files) }() // ends with the connection
	var over error
	select {
	case err := <-answered:
		_ = conn.Close()
		return err
	case <-ctx.Done():
		over = ctx.Err()
	case <-j.done:
		over = runner.ErrEnded
	}
	_ = conn.Close()
	if <-answered == nil { // result is no longer written to
		return nil // it came after all
	}
	return over
}

// connect connects to the control socket of the sandbox's kernel.
func (j *Job) connect() (*net.UnixConn, error) {
	path := filepath.Join(j.dir, "state", "runsc-"+j.id+".sock")
	// A path may be longer than a socket's address.
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		select {
		case <-j.done:
			return nil, runner.ErrEnded
		default:
			return nil, fmt.Errorf("find the sandbox's control socket: %w", err)
		}
	}
	defer unix.Close(fd)
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: fmt.Sprintf("/proc/self/fd/%d", fd), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("connect to the sandbox: %w", err)
	}
	return conn, nil
}

// Pause halts every process of the job where it stands; its deadline waits too.
func (j *Job) Pause() error {
	j.halting.Lock()
	defer j.halting.Unlock()
	if j.isPaused() || j.hasEnded() {
		return nil
	}
	if err := j.halt(methodPause); err != nil {
		return fmt.Errorf("pause the job: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.reaped {
		j.meter.look()
	}
	j.paused = make(chan struct{})
	j.timer.Stop()
	j.left = max(time.Until(j.timerEnd), 0)
	return nil
}

// Resume lets a paused job go on.
func (j *Job) Resume() error {
	j.halting.Lock()
	defer j.halting.Unlock()
	if !j.isPaused() || j.hasEnded() {
		return nil
	}
	if err := j.halt(methodResume); err != nil {
		return fmt.Errorf("resume the job: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.paused != nil {
		close(j.paused)
		j.paused = nil
		j.startTimer(j.left)
	}
	return nil
}

// halt has gVisor halt or resume the job. That the job has ended is no error.
func (j *Job) halt(method string) error {
	ctx, cancel := context.WithTimeout(context.Background(), haltTime)
	defer cancel()
	err := j.call(ctx, method, nil, nil)
	if err == nil || errors.Is(err, unix.ECONNREFUSED) { // refused by a kernel that has ended: nothing of the job runs
		return nil
	}
	select { // a sandbox that the kernel has just killed answers nothing, and is reaped next
	case <-j.done:
		return nil
	case <-ctx.Done():
		return err
	}
}

func (j *Job) isPaused() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.paused != nil
}

func (j *Job) hasEnded() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reaped || j.failure != nil
}

// Exec runs another program inside the sandbox, as the job's user and in its working
// directory, and returns its exit code; 128 and a signal's number where that ended it. It
// is killed when ctx is done. stdin, stdout and stderr may be nil.
func (j *Job) Exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if len(argv) == 0 {
		return 0, errors.New("run a program in the sandbox: no program given")
	}
	s, err := openStreams()
	if err != nil {
		return 0, fmt.Errorf("run a program in the sandbox: %w", err)
	}
	args := executeArgs{
		Argv: argv, Envv: j.spec.Env, WorkDir: j.spec.WorkDir, ContainerID: j.id,
		KUID: j.spec.UID, KGID: j.spec.GID, NoNewPrivileges: true, GuestFDs: []int{0, 1, 2},
	}
	var pid int32
	err = j.call(ctx, methodExecute, args, &pid, s.theirs[:]...)
	s.closeTheirs()
	if err != nil {
		s.closeOurs()
		return 0, fmt.Errorf("run %q in the sandbox: %w", argv[0], err)
	}
	s.copy(stdin, stdout, stderr)
	status, err := j.await(ctx, pid)
	s.end()
	if err != nil {
		return 0, fmt.Errorf("wait for %q in the sandbox: %w", argv[0], err)
	}
	if status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return status.ExitStatus(), nil
}

// await waits for a program of Exec, and kills it when ctx is done.
func (j *Job) await(ctx context.Context, pid int32) (syscall.WaitStatus, error) {
	var status uint32
	err := j.call(ctx, methodWaitPID, waitArgs{PID: pid, CID: j.id}, &status)
	if ctx.Err() != nil {
		kill, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
		defer cancel()
		_ = j.call(kill, methodSignal, signalArgs{CID: j.id, Signo: killedExec, PID: pid}, nil)
	}
	return syscall.WaitStatus(status), err
}

// streams are the standard files of one Exec.
type streams struct {
	ours, theirs [3]*os.File
	readers      sync.WaitGroup
}

func openStreams() (*streams, error) {
	s := new(streams)
	for i := range s.ours {
		r, w, err := os.Pipe()
		if err != nil {
			s.closeOurs()
			s.closeTheirs()
			return nil, err
		}
		s.ours[i], s.theirs[i] = r, w
		if i == 0 {
			s.ours[i], s.theirs[i] = w, r
		}
	}
	return s, nil
}

// copy moves bytes between the caller and the program. The goroutine that reads stdin ends
// with stdin, or with the first byte that the program does not take.
func (s *streams) copy(stdin io.Reader, stdout, stderr io.Writer) {
	if stdin == nil {
		s.ours[0].Close()
	} else {
		go func() {
			_, _ = io.Copy(s.ours[0], stdin) // a program need not read it
			s.ours[0].Close()
		}()
	}
	for i, w := range []io.Writer{stdout, stderr} {
		if w == nil {
			w = io.Discard
		}
		s.readers.Go(func() { _, _ = io.Copy(w, s.ours[i+1]) }) // ended by end
	}
}

// end waits for the rest of the output.
func (s *streams) end() {
	for _, f := range s.ours[1:] {
		_ = f.SetReadDeadline(time.Now().Add(drainTime))
	}
	s.readers.Wait()
	s.closeOurs()
}

func (s *streams) closeOurs() {
	for _, f := range s.ours {
		f.Close()
	}
}

func (s *streams) closeTheirs() {
	for _, f := range s.theirs {
		f.Close()
	}
}
