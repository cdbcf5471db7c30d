//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// defaultPath is where programs are looked for when the job's environment does not say.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// launcher starts the job's programs, all from one thread that is confined as they shall be:
// what Linux confines is a thread, and children inherit it. It also takes note of the
// end of every process inside, since all orphans become init's.
type launcher struct {
	setup  *setup
	orders chan order // to the thread

	mu      sync.Mutex // guards what follows; held while a process is started
	waiting map[int]chan<- syscall.WaitStatus
	born    *sync.Cond // there is a child to wait for
	number  int        // processes ever started
}

type order struct {
	argv  []string
	files []*os.File
	reply chan<- started // capacity 1
}

type started struct {
	p   process
	err error
}

// process is a program that init started itself.
type process struct {
	pid   int
	ended <-chan syscall.WaitStatus // capacity 1; one value
}

// newLauncher confines a thread, which lives as long as init, as does the reaper.
func newLauncher(s *setup, writable []string) (*launcher, error) {
	l := &launcher{setup: s, orders: make(chan order), waiting: map[int]chan<- syscall.WaitStatus{}}
	l.born = sync.NewCond(&l.mu)
	confined := make(chan error, 1)
	go func() { // lives as long as init
		runtime.LockOSThread()
		err := keepTo(s.Cores)
		if err == nil {
			err = confine(writable)
		}
		confined <- err
		if err != nil {
			return
		}
		for o := range l.orders {
			p, err := l.fork(o)
			o.reply <- started{p, err}
		}
	}()
	go l.reap() // lives as long as init
	return l, <-confined
}

// confine takes from the calling thread what no job has. All but the capabilities that it
// needs to become the job's user; the child has none, whoever it becomes.
func confine(writable []string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	for c := uintptr(0); ; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // past the last that this kernel knows
		} else if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := setCapabilities(unix.CAP_SETUID, unix.CAP_SETGID); err != nil {
		return err
	}
	if err := confineFiles(writable); err != nil {
		return err
	}
	if err := filterCalls(); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}

// setCapabilities leaves the calling thread these and makes none inheritable.
func setCapabilities(keep ...int) error {
	header, data := capabilities(keep)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

func capabilities(keep []int) (unix.CapUserHeader, [2]unix.CapUserData) {
	var data [2]unix.CapUserData
	for _, c := range keep {
		data[c/32].Permitted |= 1 << (c % 32)
		data[c/32].Effective |= 1 << (c % 32)
	}
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, data
}

// dropCapabilities leaves every thread what it takes to start and to end a program.
func dropCapabilities() error {
	header, data := capabilities([]int{unix.CAP_KILL, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_SETPCAP})
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); e != 0 {
		return fmt.Errorf("drop init's capabilities: %w", e)
	}
	return nil
}

// jobsError is a failure to start a program that is the job's own fault.
type jobsError struct{ error }

func isJobs(err error) bool { var j jobsError; return errors.As(err, &j) }

// start starts a program with its standard input, output and error.
func (l *launcher) start(argv []string, files []*os.File) (process, error) {
	if len(argv) == 0 {
		return process{}, jobsError{errors.New("no program is named")}
	}
	reply := make(chan started, 1)
	l.orders <- order{argv, files, reply}
	s := <-reply
	return s.p, s.err
}

// fork runs on the confined thread.
func (l *launcher) fork(o order) (process, error) {
	dir := l.setup.WorkDir
	if dir == "" {
		dir = "/"
	}
	path, err := findProgram(o.argv[0], dir, l.setup.Env)
	if err != nil {
		return process{}, err
	}
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, Credential: &syscall.Credential{
		Uid: l.setup.UID, Gid: l.setup.GID, NoSetGroups: !l.setup.Groups,
	}}
	attr := &syscall.ProcAttr{Dir: dir, Env: l.setup.Env, Sys: sys}
	for _, f := range o.files {
		attr.Files = append(attr.Files, f.Fd())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	pid, err := syscall.ForkExec(path, o.argv, attr)
	if err != nil {
		err = fmt.Errorf("start %q: %w", o.argv[0], err)
		if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.ENOMEM) {
			err = jobsError{err}
		}
		return process{}, err
	}
	ended := make(chan syscall.WaitStatus, 1)
	l.waiting[pid] = ended
	l.number++
	l.born.Broadcast()
	return process{pid, ended}, nil
}

// reap waits for every child, its own and the orphans.
func (l *launcher) reap() {
	seen := 0
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		l.mu.Lock()
		if err == nil {
			if ended := l.waiting[pid]; ended != nil {
				delete(l.waiting, pid)
				ended <- status
			}
		} else if !errors.Is(err, syscall.EINTR) {
			for seen == l.number { // no child at all: until there is one again
				l.born.Wait()
			}
			seen = l.number
		}
		l.mu.Unlock()
	}
}

// findProgram resolves a program's name as a shell does, inside the job's root.
func findProgram(name, dir string, env []string) (string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", jobsError{fmt.Errorf("working directory %q is not in the image", dir)}
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil
	}
	path := defaultPath
	for _, e := range env {
		if p, ok := strings.CutPrefix(e, "PATH="); ok {
			path = p
		}
	}
	for _, d := range filepath.SplitList(path) {
		if d == "" || !filepath.IsAbs(d) {
			d = filepath.Join(dir, d)
		}
		file := filepath.Join(d, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", jobsError{fmt.Errorf("start %q: not found in %s", name, path)}
}
