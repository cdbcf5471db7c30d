//go:build linux

package cgroup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// daemonGroup is the leaf into which this process moves under v2, where a group
// that holds processes may not hand controllers to groups beneath it.
const daemonGroup = "daemon"

// Parent makes groups. Its methods may be called from any goroutine.
type Parent struct {
	trees []*tree
	mkdir func(string) error
	rmdir func(string) error

	closing sync.Once
	closed  error
}

// Open finds where this process may make groups and removes the groups of earlier
// daemons with the same prefix, killing what still runs in them. The groups of daemons
// that live are left alone. A machine that allows nothing gives a Parent
// that enforces nothing; Enforces tells. Close it at the end.
func Open(prefix string) (*Parent, error) {
	trees, err := findTrees("/proc/self")
	if err != nil {
		return nil, err
	}
	return open(trees, prefix, func(dir string) error { return os.Mkdir(dir, 0o755) }, unix.Rmdir)
}

func open(trees []*tree, prefix string, mkdir, rmdir func(string) error) (*Parent, error) {
	if prefix == "" || strings.ContainsAny(prefix, "/.") {
		return nil, fmt.Errorf("control group prefix %q: it must be a plain name", prefix)
	}
	p := &Parent{mkdir: mkdir, rmdir: rmdir}
	// The freezer first: what a daemon halted before it died can end nowhere else.
	slices.SortStableFunc(trees, func(a, b *tree) int {
		return slices.Index(b.has, freezer) - slices.Index(a.has, freezer)
	})
	for _, t := range trees {
		for _, place := range t.places() {
			p.sweep(t, place, prefix)
		}
		if p.settle(t, prefix) {
			p.trees = append(p.trees, t)
		}
	}
	if err := p.try(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// settle makes the parent's directory in a hierarchy and reports whether it could.
func (p *Parent) settle(t *tree, prefix string) bool {
	for _, place := range t.places() {
		dir := filepath.Join(place, fmt.Sprintf("%s-%d-%s", prefix, os.Getpid(), rand.Text()[:12]))
		if p.mkdir(dir) != nil {
			continue
		}
		lock, err := lockDir(dir)
		if err == nil && (!t.v2 || p.delegate(t, place, dir)) {
			t.base, t.dir, t.lock = place, dir, lock
			return true
		}
		if lock != nil {
			lock.Close()
		}
		_ = p.rmdir(dir)
	}
	return false
}

// delegate hands v2's controllers from place to dir and on to the groups in dir. What
// cannot be handed on is struck from the tree.
func (p *Parent) delegate(t *tree, place, dir string) bool {
	if unix.Access(filepath.Join(place, "cgroup.procs"), unix.W_OK) != nil {
		return false // a process could not be moved from here to there
	}
	offers := t.offers(place)
	if place == t.own && len(offers) > 0 && !p.stepDown(t, place, dir) {
		return false
	}
	has := slices.Clone(always)
	for _, c := range offers {
		if write(place, "cgroup.subtree_control", "+"+c) == nil && write(dir, "cgroup.subtree_control", "+"+c) == nil {
			has = append(has, c)
		}
	}
	if len(offers) > 0 && len(has) == len(always) && place != t.mount {
		return false // a place further up may do better
	}
	t.has = slices.DeleteFunc(t.has, func(c string) bool { return !slices.Contains(has, c) })
	return true
}

// stepDown moves this process from its own group to a leaf beneath dir, unless the group is
// the hierarchy's root, or others live there too: those are not ours to move.
func (p *Parent) stepDown(t *tree, own, dir string) bool {
	if _, err := os.Stat(filepath.Join(own, "cgroup.events")); errors.Is(err, os.ErrNotExist) {
		return true // only the root has none, and it may hold processes
	}
	leaf := filepath.Join(own, filepath.Base(dir)+"-"+daemonGroup)
	self := fmt.Sprint(os.Getpid())
	if procs, err := read(own, "cgroup.procs"); err != nil || procs != self || p.mkdir(leaf) != nil {
		return false
	}
	if write(leaf, "cgroup.procs", self) != nil {
		_ = p.rmdir(leaf)
		return false
	}
	t.own = leaf
	return true
}

// lockDir takes the lock that says that a directory's owner lives. The kernel drops it
// with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// lockOfDead takes the lock of a directory whose owner is dead, and returns nil for any
// other's. The lock says so, not the number in the name, which may be another's by now; but
// where that process is gone and the lock is not, a child of it is about to go too.
func lockOfDead(dir, number string) (lock *os.File) {
	pid, err := strconv.Atoi(number)
	gone := err == nil && errors.Is(unix.Kill(pid, 0), unix.ESRCH)
	_ = wait("a dead daemon's last child", func() bool { // the next Open tries again
		lock, err = lockDir(dir)
		return err == nil || !gone || !errors.Is(err, unix.EWOULDBLOCK)
	})
	return lock
}

// ours matches what settle and stepDown make after the prefix: a number, 12 characters of
// rand.Text's alphabet, and for a daemon's own leaf its name.
var ours = regexp.MustCompile(`^([0-9]+)-[A-Z2-7]{12}(-` + daemonGroup + `)?$`)

// sweep removes the directories of dead daemons. Others may be named by the same word, such
// as a service of the system's, and are not touched.
func (p *Parent) sweep(t *tree, place, prefix string) {
	entries, err := os.ReadDir(place)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(place, e.Name())
		rest, ok := strings.CutPrefix(e.Name(), prefix+"-")
		name := ours.FindStringSubmatch(rest)
		if !ok || !e.IsDir() || name == nil {
			continue
		}
		if name[2] != "" {
			_ = p.rmdir(dir) // empty once its daemon has gone
			continue
		}
		lock := lockOfDead(dir, name[1])
		if lock == nil {
			continue
		}
		groups, _ := os.ReadDir(dir)
		for _, g := range groups {
			if g.IsDir() {
				_ = (&Group{parent: p, dirs: []membership{{t, filepath.Join(dir, g.Name())}}}).Close() // the next Open tries again
			}
		}
		_ = p.rmdir(dir)
		lock.Close()
	}
}

// try puts every limit on an empty group and strikes what the kernel does not take.
func (p *Parent) try() error {
	l := Limits{MemoryBytes: 64 << 20, CPUs: 1, Processes: 16, Devices: []Device{{1, 3}}}
	g, err := p.make("self-test", l)
	if err != nil {
		return err
	}
	defer func() { _ = g.Close() }()
	for _, d := range g.dirs {
		d.has = slices.DeleteFunc(d.has, func(c string) bool {
			switch c {
			case freezer:
				return g.Freeze() != nil || g.Thaw() != nil
			case cpuacct:
				_, err := g.cpuTime()
				return err != nil
			}
			return g.limit(d, c, l) != nil
		})
	}
	return nil
}

// Enforces says what the kernel holds a group to on this machine: memory, a CPU share,
// a number of processes, and whether a group can be halted.
func (p *Parent) Enforces() (memoryLimit, cpuLimit, processLimit, freeze bool) {
	return p.serves(memory), p.serves(cpu), p.serves(pids), p.serves(freezer)
}

func (p *Parent) serves(controller string) bool {
	return slices.ContainsFunc(p.trees, func(t *tree) bool { return slices.Contains(t.has, controller) })
}

// Close removes the parent's directories. Every group must be closed by then.
func (p *Parent) Close() error {
	p.closing.Do(func() {
		for _, t := range p.trees {
			if err := p.rmdir(t.dir); err != nil {
				p.closed = errors.Join(p.closed, fmt.Errorf("remove the control group %s: %w", filepath.Base(t.dir), err))
			}
			t.lock.Close()
		}
	})
	return p.closed
}
