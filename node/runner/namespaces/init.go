//go:build linux

package namespaces

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

const (
	// initName is argv[0] of a sandbox's init, by which Main knows it.
	initName = "rerig-namespaces-init"
	// controlFD is where init finds its end of the control socket.
	controlFD = 3
	// dialTime is how long a connection inside may take.
	dialTime = 10 * time.Second
	// maxAsks caps the dials and programs under way at once.
	maxAsks = 256
)

// Main is a sandbox's init, and does not return, in a process that was started as one; in
// every other it returns false at once. It must come before anything else in main: init
// may not have threads, files or settings of the daemon's.
func Main() bool {
	if len(os.Args) == 2 && os.Args[0] == probeName {
		code, err := probed(os.Args[1])
		if err != nil {
			fmt.Println(err)
		}
		os.Exit(code)
	}
	if len(os.Args) != 1 || os.Args[0] != initName {
		return false
	}
	if err := serveInit(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
	os.Exit(0)
	return true // not reached
}

// jailer is a sandbox's first process: it builds the job's world, starts its programs, takes
// note of every process's end, and connects the daemon to what listens inside. When it
// ends, all else inside does.
type jailer struct {
	control *control
	setup   *setup
	launch  *launcher

	asks chan struct{} // one element for each ask under way

	mu    sync.Mutex     // guards what follows
	execs map[uint64]int // process of each exec under way
}

func serveInit() error {
	// A job may be the same user as init, which ends for nobody but the daemon. Not
	// ignored: children would inherit that.
	signal.Notify(make(chan os.Signal, 1))
	debug.SetGCPercent(50)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep init from being traced: %w", err)
	}
	c, err := newControl(os.NewFile(controlFD, "control"))
	if err != nil {
		return fmt.Errorf("take the control socket: %w", err)
	}
	m, err := c.receive()
	if err != nil || m.Kind != askSetup || m.Setup == nil {
		return fmt.Errorf("receive the job: %w", err)
	}
	j := &jailer{control: c, setup: m.Setup, asks: make(chan struct{}, maxAsks), execs: map[uint64]int{}}
	out, err := j.prepare(m)
	if err != nil {
		return c.send(message{Kind: sayFailed, Failure: runner.FailureInternal, Error: err.Error()})
	}
	stdio := m.files[:2]
	m.files = nil
	if out != nil {
		err = c.send(message{Kind: sayReady}, out)
		out.Close()
	} else {
		err = c.send(message{Kind: sayReady})
	}
	if err != nil {
		return err
	}
	return j.serve(stdio)
}

// prepare builds the job's world.
func (j *jailer) prepare(m *message) (out *os.File, err error) {
	if len(m.files) < 2 {
		return nil, errors.New("the job came without its output")
	}
	rest := &given{m.files[2:]}
	take := func(given bool, path string) (*os.File, error) {
		if !given {
			return openTree(path)
		}
		return rest.next()
	}
	root, err := take(j.setup.RootFD, j.setup.Root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var in *os.File
	if j.setup.HasIn {
		if in, err = take(j.setup.InFD, j.setup.In); err != nil {
			return nil, err
		}
		defer in.Close()
	}
	// The one name that programs which look themselves up find in /etc/hosts.
	if err := unix.Sethostname([]byte("localhost")); err != nil {
		return nil, fmt.Errorf("name the host: %w", err)
	}
	if err := loopbackUp(); err != nil {
		return nil, fmt.Errorf("raise the loopback: %w", err)
	}
	// Programs that listen on port 80 find no capability to do so. Where this /proc cannot
	// be written they must take a higher one.
	_ = os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	writable, out, err := buildRoot(j.setup, root, in, rest)
	if err != nil {
		return nil, err
	}
	if err := lowerLimits(j.setup); err != nil {
		return nil, err
	}
	if err := dropCapabilities(); err != nil {
		return nil, err
	}
	j.launch, err = newLauncher(j.setup, writable)
	return out, err
}

// loopbackUp raises the one interface that the job has.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(request))); e != 0 {
		return e
	}
	return nil
}

// serve does what the daemon asks until the daemon, or the job, is gone.
func (j *jailer) serve(stdio []*os.File) error {
	for {
		m, err := j.control.receive()
		if err != nil {
			return nil //nolint:nilerr // the daemon is gone, and so is the job's reason to be
		}
		switch m.Kind {
		case askGo:
			if err := j.begin(stdio); err != nil {
				return err
			}
		case askKill:
			j.mu.Lock()
			if pid := j.execs[m.ID]; pid > 0 {
				_ = syscall.Kill(-pid, syscall.SIGKILL) // fails when it has just ended
			}
			j.mu.Unlock()
		case askDial, askExec, askUsage:
			j.ask(m)
		}
	}
}

// ask answers one question beside the others.
func (j *jailer) ask(m *message) {
	select {
	case j.asks <- struct{}{}:
	default:
		_ = j.control.send(message{Kind: sayAnswer, ID: m.ID, Error: "too many connections and programs at once inside the sandbox: " + strconv.Itoa(maxAsks)})
		m.close()
		return
	}
	go func() { // ends with what was asked, or with the process
		defer func() { <-j.asks }()
		defer m.close()
		answer := message{Kind: sayAnswer, ID: m.ID}
		var files []*os.File
		switch m.Kind {
		case askDial:
			f, err := dialInside(m.Port)
			if err != nil {
				answer.Error = err.Error()
				break
			}
			defer f.Close()
			files = append(files, f)
		case askExec:
			code, err := j.exec(m)
			if answer.Code = code; err != nil {
				answer.Error = err.Error()
			}
		case askUsage:
			answer.Usage = count()
		}
		_ = j.control.send(answer, files...) // fails when the daemon is gone; serve sees it too
	}()
}

// begin starts the job's program. Its end ends everything.
func (j *jailer) begin(stdio []*os.File) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	p, err := j.launch.start(j.setup.Args, []*os.File{null, stdio[0], stdio[1]})
	for _, f := range append(stdio, null) {
		f.Close() // the job alone holds its output, so that its end is seen
	}
	if err != nil {
		kind := runner.FailureInternal
		if isJobs(err) {
			kind = runner.FailureBadModule
		}
		return j.control.send(message{Kind: sayFailed, Failure: kind, Error: err.Error()})
	}
	if err := j.control.send(message{Kind: sayStarted}); err != nil {
		return err
	}
	go func() { // ends with the job, and soon the process
		code := exitCode(<-p.ended)
		_ = j.control.send(message{Kind: sayExited, Code: code, Usage: count()})
	}()
	return nil
}

// exec runs another program to its end.
func (j *jailer) exec(m *message) (int, error) {
	if len(m.files) != 3 {
		return 0, errors.New("a program inside needs three files")
	}
	p, err := j.launch.start(m.Argv, m.files)
	m.close()
	if err != nil {
		return 0, err
	}
	j.mu.Lock()
	j.execs[m.ID] = p.pid
	j.mu.Unlock()
	status := <-p.ended
	j.mu.Lock()
	delete(j.execs, m.ID)
	j.mu.Unlock()
	return exitCode(status), nil
}

// exitCode is a shell's: 128 and the signal's number where one ended the program.
func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// dialInside connects to a port of the job's loopback.
func dialInside(port uint16) (*os.File, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*net.TCPConn).File()
}
