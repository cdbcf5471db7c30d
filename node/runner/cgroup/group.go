//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// period is the time over which a CPU share is counted, in microseconds. It is the
	// kernel's default.
	period = 100_000
	// patience is how long the kernel gets to halt or empty a group.
	patience = 10 * time.Second
)

// ErrNoCounter is returned by Usage where the machine counts nothing for a group.
var ErrNoCounter = errors.New("this machine has no control group that counts usage")

// ErrNoFreezer is returned by Freeze where the machine cannot halt a group.
var ErrNoFreezer = errors.New("this machine has no control group that halts processes")

// Group holds the processes of one job. Its methods may be called from any goroutine.
type Group struct {
	parent *Parent
	dirs   []membership

	// born is held while a thread of this process is inside, so that nothing halts or
	// kills it there.
	born sync.Mutex

	mu     sync.Mutex // guards what follows
	peak   uint64     // the most memory seen where the kernel keeps no peak
	last   *lastUsage // set by Close
	oom    bool       // set by Close
	closed bool
}

// membership is a group's directory in one hierarchy.
type membership struct {
	*tree
	path string
}

type lastUsage struct {
	cpu    time.Duration
	memory uint64
	err    error
}

// New makes a group with limits. Its name must be a plain file name that
// no other open group of the parent has.
func (p *Parent) New(name string, l Limits) (*Group, error) {
	if name == "" || strings.ContainsAny(name, "/.\n") {
		return nil, fmt.Errorf("control group name %q: it must be a plain name", name)
	}
	g, err := p.make(name, l)
	if err != nil {
		return nil, err
	}
	if err := g.Limit(l); err != nil {
		return nil, errors.Join(fmt.Errorf("control group %s: %w", name, err), g.Close())
	}
	return g, nil
}

// Limit changes what the group may use. A limit of zero stays as it is.
func (g *Group) Limit(l Limits) error {
	for _, d := range g.dirs {
		for _, c := range d.has {
			if err := g.limit(d, c, l); err != nil {
				return fmt.Errorf("limit %s: %w", c, err)
			}
		}
	}
	return nil
}

// make makes a group's directories, where something of the limits or the usage needs one:
// each takes time when a process is put there.
func (p *Parent) make(name string, l Limits) (*Group, error) {
	g := &Group{parent: p}
	for _, t := range p.trees {
		if len(l.Devices) == 0 && len(t.has) == 1 && t.has[0] == devices {
			continue
		}
		d := membership{t, filepath.Join(t.dir, name)}
		if err := p.mkdir(d.path); err != nil {
			return nil, errors.Join(fmt.Errorf("make control group %s: %w", name, err), g.Close())
		}
		g.dirs = append(g.dirs, d)
	}
	return g, nil
}

// limit writes a controller's limit.
func (g *Group) limit(d membership, controller string, l Limits) error {
	switch {
	case controller == memory && l.MemoryBytes > 0:
		return limitMemory(d, strconv.FormatUint(l.MemoryBytes, 10))
	case controller == cpu && l.CPUs > 0 && d.v2:
		return write(d.path, "cpu.max", fmt.Sprintf("%d %d", l.CPUs*period, period))
	case controller == cpu && l.CPUs > 0:
		if err := write(d.path, "cpu.cfs_period_us", strconv.Itoa(period)); err != nil {
			return err
		}
		return write(d.path, "cpu.cfs_quota_us", strconv.Itoa(l.CPUs*period))
	case controller == pids && l.Processes > 0:
		return write(d.path, "pids.max", strconv.Itoa(l.Processes))
	case controller == devices && len(l.Devices) > 0 && d.v2:
		return filterDevices(d.path, l.Devices)
	case controller == devices && len(l.Devices) > 0:
		return limitDevices(d.path, l.Devices)
	}
	return nil
}

// limitMemory caps memory and, where the kernel accounts for it, swap.
func limitMemory(d membership, bytes string) error {
	limit, swap, most := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", bytes
	if d.v2 {
		limit, swap, most = "memory.max", "memory.swap.max", "0"
	}
	if err := write(d.path, limit, bytes); err != nil {
		return err
	}
	if err := write(d.path, swap, most); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Add puts a process, with all its threads, into the group. What it starts from
// then on is born there. Call it before the process runs anything of a job.
func (g *Group) Add(pid int) error {
	for _, d := range g.dirs {
		if err := write(d.path, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("put process %d into its control group: %w", pid, err)
		}
	}
	return nil
}

// Start starts cmd inside the group: not one instruction of it runs outside. The child is
// of the calling thread, which matters to SysProcAttr.Pdeathsig.
//
// Into v2's directory the kernel clones the child. For v1 the calling thread goes into
// the group, has the child there, and comes out again.
func (g *Group) Start(cmd *exec.Cmd) (err error) {
	g.born.Lock()
	defer g.born.Unlock()
	for _, d := range g.dirs {
		if !d.v2 {
			continue
		}
		f, err := os.Open(d.path)
		if err != nil {
			return fmt.Errorf("open the control group: %w", err)
		}
		defer f.Close()
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = &syscall.SysProcAttr{}
		}
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(f.Fd())
	}
	runtime.LockOSThread() // the runtime clones no other thread from a locked one
	err = g.move(func(d membership) string { return d.path })
	if err == nil {
		err = cmd.Start()
	}
	if back := g.move(func(d membership) string { return d.own }); back != nil {
		if err == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		// The thread stays locked: no other goroutine may run inside the group.
		return errors.Join(err, fmt.Errorf("leave the control group again: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}

// move puts the calling thread into one directory of each v1 hierarchy.
func (g *Group) move(to func(membership) string) error {
	for _, d := range g.dirs {
		if d.v2 {
			continue
		}
		if err := write(to(d), "tasks", "0"); err != nil {
			return fmt.Errorf("enter the control group: %w", err)
		}
	}
	return nil
}

// with finds the directory that serves a controller.
func (g *Group) with(controller string) (membership, bool) {
	i := slices.IndexFunc(g.dirs, func(d membership) bool { return slices.Contains(d.has, controller) })
	if i < 0 {
		return membership{}, false
	}
	return g.dirs[i], true
}

// Close kills what is left in the group, notes its usage and removes it. The
// error names what could not be removed; the next Open sweeps it.
func (g *Group) Close() error {
	err := g.Kill()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.oom = g.oomNow()
	cpuTime, memory, usageErr := g.usage()
	g.last, g.closed = &lastUsage{cpuTime, memory, usageErr}, true
	for _, d := range g.dirs {
		var last error
		err = errors.Join(err, wait("the control group to empty", func() bool {
			last = g.parent.rmdir(d.path)
			return !errors.Is(last, unix.EBUSY)
		}))
		if last != nil && !errors.Is(last, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("remove control group %s: %w", filepath.Base(d.path), last))
		}
	}
	return err
}
