//go:build linux && !nogvisor

package gvisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/cgroup"
)

// maxMessage is the longest message between the daemon and a sandbox's init.
const maxMessage = 64 << 10

// seat is a sandbox's init that waits for its job, or has it.
type seat struct {
	cmd   *exec.Cmd
	group *cgroup.Group // or nil; it was born there, because moving a process takes 10 ms
	line  *net.UnixConn // one message at a time; init ends when this end is closed
	words *os.File      // what init says of itself
}

// newSeat starts an init in namespaces and a control group of its own. The calling thread's
// end ends it.
func (e *Engine) newSeat() (*seat, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "ours"), os.NewFile(uintptr(ends[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("use a socket pair: %w", err)
	}
	words, said, err := os.Pipe()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer said.Close()
	s := &seat{line: conn.(*net.UnixConn), words: words, cmd: &exec.Cmd{
		Path: e.config.Program,
		Args: append(append([]string{initName}, runscFlags(e.rootless)...), "init"),
		Env:  []string{}, Dir: "/",
		Stderr:      said,
		ExtraFiles:  []*os.File{theirs},
		SysProcAttr: sandboxAttr(e.rootless),
	}}
	start := s.cmd.Start
	if p := e.config.Parent; p != nil {
		e.born++
		if s.group, err = p.New(fmt.Sprint("job-", e.born), cgroup.Limits{}); err != nil {
			s.close()
			return nil, err
		}
		start = func() error { return s.group.Start(s.cmd) }
	}
	if err := start(); err != nil {
		s.close()
		return nil, errors.Join(refused(err, e.rootless), s.leave())
	}
	return s, nil
}

// refused tells why the kernel made no namespaces, and what to do.
func refused(err error, rootless bool) error {
	hint := ""
	switch {
	case errors.Is(err, unix.EPERM) && rootless:
		hint = ": unprivileged user namespaces are off here; run the rig as root, or turn them on (sysctl kernel.unprivileged_userns_clone or kernel.apparmor_restrict_unprivileged_userns)"
	case errors.Is(err, unix.EPERM):
		hint = ": root here has no CAP_SYS_ADMIN; run the rig outside of a container"
	case errors.Is(err, unix.ENOSPC):
		hint = ": namespaces are used up; raise sysctl user.max_user_namespaces and its like"
	}
	return fmt.Errorf("start the sandbox's first process: %w%s", err, hint)
}

// sandboxAttr has the kernel start init in namespaces of its own, and kill it with the rig.
// An unprivileged user's init is root of a user namespace in which that is all
// there is.
func sandboxAttr(rootless bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Setsid:     true,
		Pdeathsig:  syscall.SIGKILL,
	}
	if rootless {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// give hands init its job.
func (s *seat) give(o order, files [orderFiles]*os.File) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	var fds [orderFiles]int
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	_, _, err = s.line.WriteMsgUnix(text, unix.UnixRights(fds[:]...), nil)
	return err
}

// hear waits for init's next report; nil when it has ended.
func (s *seat) hear() *report {
	buf := make([]byte, maxMessage)
	n, err := s.line.Read(buf)
	if err != nil {
		return nil
	}
	r := new(report)
	if err := json.Unmarshal(buf[:n], r); err != nil {
		return &report{Error: "decode the sandbox's report: " + err.Error()}
	}
	return r
}

// dismiss ends an init that has no job, and waits for its end.
func (s *seat) dismiss() error {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // says that it was killed
	s.close()
	return s.leave()
}

// leave removes the control group of an init that has ended.
func (s *seat) leave() error {
	if s.group == nil {
		return nil
	}
	return s.group.Close()
}

func (s *seat) close() {
	_ = s.line.Close()
	s.words.Close()
}

// order is the job that the daemon gives to an init, with orderFiles files.
type order struct {
	ID      string
	Dir     string // the job's bundle
	Scratch uint64 // how much it may write outside /out, in bytes
	NVIDIA  string // the driver's version, for a job with cards
}

// The files that come with an order.
const (
	orderState = iota // the directory of gVisor's state; it carries the job's lock
	orderStdin        // the job's own
	orderStdout
	orderStderr
	orderFiles
)

// receive waits for init's job; it fails when the daemon ends first.
func receive(line *net.UnixConn) (o order, files [orderFiles]*os.File, err error) {
	buf, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*orderFiles))
	n, oobn, _, _, err := line.ReadMsgUnix(buf, oob)
	if err != nil {
		return o, files, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return o, files, err
	}
	if n == 0 || len(messages) != 1 {
		return o, files, errors.New("the daemon sent no job")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return o, files, err
	}
	if len(fds) != orderFiles {
		return o, files, fmt.Errorf("the daemon sent %d files", len(fds))
	}
	for i, fd := range fds {
		unix.CloseOnExec(fd)
		files[i] = os.NewFile(uintptr(fd), "")
	}
	return o, files, json.Unmarshal(buf[:n], &o)
}
