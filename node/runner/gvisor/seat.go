//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

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
		Path: e.program.path,
		Args: slices.Concat([]string{line.InitName}, runscFlags(e.rootless), []string{line.Command}),
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
