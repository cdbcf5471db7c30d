//go:build linux

package namespaces

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
)

const (
	// usersInside is how many user and group numbers a job has; init's is the last, so that
	// no process of a job is the same user.
	usersInside = 1 << 16
	// firstUser is where the host's numbers for jobs begin: a range that systemd's table of
	// UIDs and GIDs leaves unused, of ranges blocks, one for each job.
	firstUser = 0x70000000
	ranges    = 4094

	// initMemory and initProcesses are what init itself takes of its job's control group,
	// with some to spare: they come on top of the job's limits.
	initMemory    = 32 << 20
	initProcesses = 16
)

// sandbox is the process of a job's init and what holds it.
type sandbox struct {
	cmd     *exec.Cmd
	group   *cgroup.Group // nil for none
	control *control
	last    *tail // what init said when it died
	counts  bool  // the group counts CPU time and memory
	freezes bool  // and can halt
	user    int   // the host's number of the job's user 0; -1 where only this user is there
}

// tail keeps the beginning of what init writes to standard error: the Go runtime says
// first why it dies.
type tail struct{ bytes.Buffer }

const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p[:min(len(p), maxTail-t.Len())])
	return len(p), nil
}

// open starts a job's init in namespaces of its own, with nothing of the job yet.
func (e *Engine) open(s *runner.Spec) (_ *sandbox, err error) {
	b := &sandbox{user: -1, last: &tail{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.destroy())
		}
	}()
	if e.config.Parent != nil {
		name := "job" + strconv.FormatUint(e.number.Add(1), 10)
		limits := cgroup.Limits{MemoryBytes: s.MemoryBytes + initMemory, CPUs: s.CPUs, Processes: s.Processes + initProcesses,
			Devices: deviceNumbers(&s.Devices)}
		if b.group, err = e.config.Parent.New(name, limits); err != nil {
			return b, err
		}
		_, _, uncounted := b.group.Usage()
		b.counts = uncounted == nil
		_, _, _, b.freezes = e.config.Parent.Enforces()
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return b, err
	}
	defer theirs.Close()
	if b.control, err = newControl(ours); err != nil {
		return b, fmt.Errorf("connect a sandbox: %w", err)
	}
	cmd := exec.Command(e.program)
	cmd.Args = []string{initName}
	cmd.Env = []string{"GOMAXPROCS=2"}
	cmd.Dir = "/"
	cmd.Stderr = b.last
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
			unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		Setsid: true, Pdeathsig: syscall.SIGKILL,
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP,
			unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_KILL},
	}
	b.mapUsers(cmd.SysProcAttr, s)
	if err = e.spawn(cmd, b.group); err != nil {
		if errors.Is(err, runner.ErrNotRunning) {
			return b, err
		}
		return b, fmt.Errorf("start a sandbox: %w (user namespaces may be turned off: see the sysctls user.max_user_namespaces and kernel.unprivileged_userns_clone)", err)
	}
	b.cmd = cmd
	return b, nil
}

// harmless are the devices that every job has, by their numbers on all of Linux.
var harmless = map[string]cgroup.Device{"null": {Major: 1, Minor: 3}, "zero": {Major: 1, Minor: 5}, "full": {Major: 1, Minor: 7},
	"random": {Major: 1, Minor: 8}, "urandom": {Major: 1, Minor: 9}}

// deviceNumbers are the devices that a job may open: the harmless ones, and its cards'.
func deviceNumbers(d *runner.Devices) []cgroup.Device {
	list := slices.Collect(maps.Values(harmless))
	for _, n := range d.Nodes {
		list = append(list, cgroup.Device{Major: n.Major, Minor: n.Minor})
	}
	return list
}

// mapUsers gives a job users: as root a block of the host's numbers that nobody else
// has, otherwise this process's own under the job's number.
func (b *sandbox) mapUsers(sys *syscall.SysProcAttr, s *runner.Spec) {
	if os.Geteuid() == 0 {
		b.user = firstUser + rand.IntN(ranges)*usersInside
		all := []syscall.SysProcIDMap{{ContainerID: 0, HostID: b.user, Size: usersInside}}
		sys.UidMappings, sys.GidMappings, sys.GidMappingsEnableSetgroups = all, all, true
		sys.Credential = &syscall.Credential{Uid: usersInside - 1, Gid: usersInside - 1}
		return
	}
	sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(s.UID), HostID: os.Geteuid(), Size: 1}}
	sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(s.GID), HostID: os.Getegid(), Size: 1}}
}

// files opens what the job sees of the host's directories, as mounts with the right
// owners. Another user than root leaves that to init, which is the same user.
func (b *sandbox) files(program string, s *runner.Spec) (files []*os.File, err error) {
	if err := runnable(s.Root); err != nil || b.user < 0 {
		return nil, err
	}
	root, err := openTree(s.Root)
	if err != nil {
		return nil, err
	}
	files = append(files, root)
	users, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", b.cmd.Process.Pid))
	if err != nil {
		return files, fmt.Errorf("find the sandbox's users: %w", err)
	}
	defer users.Close()
	if _, err := give(root, users); err != nil {
		return files, fmt.Errorf("give the image's files to the job: %w", err)
	}
	if s.InDir == "" {
		return files, nil
	}
	in, err := openTree(s.InDir)
	if err != nil {
		return files, err
	}
	files = append(files, in)
	owner, err := ownerBecomes(program, uint32(b.user)+s.UID, uint32(b.user)+s.GID)
	if err != nil {
		return files, err
	}
	defer owner.Close()
	given, err := give(in, owner)
	if err == nil && !given {
		err = letRead(s.InDir)
	}
	if err != nil {
		return files, fmt.Errorf("give the inputs to the job: %w", err)
	}
	return files, nil
}

// destroy ends every process of the sandbox and frees what it held.
func (b *sandbox) destroy() error {
	var err error
	if b.cmd != nil {
		_ = b.cmd.Process.Kill() // fails only when it is gone already
	}
	if b.group != nil {
		err = b.group.Kill() // those that are halted too
	}
	if b.cmd != nil {
		_ = b.cmd.Wait() // says how it was killed
	}
	if b.control != nil {
		_ = b.control.conn.Close() // it has said all that it will
	}
	if b.group != nil {
		err = errors.Join(err, b.group.Close())
	}
	return err
}
