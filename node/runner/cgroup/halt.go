//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Freeze halts every process of the group and returns when all stand still. Where they
// do not, within 10 s, it lets them go again.
func (g *Group) Freeze() error {
	g.born.Lock()
	defer g.born.Unlock()
	err := g.halt(true)
	if err != nil && !errors.Is(err, ErrNoFreezer) {
		_ = g.halt(false) // the first error is the one to tell
	}
	return err
}

// Thaw lets the group go on.
func (g *Group) Thaw() error {
	g.born.Lock()
	defer g.born.Unlock()
	return g.halt(false)
}

// halt freezes or thaws; the caller holds born.
func (g *Group) halt(stop bool) error {
	d, ok := g.with(freezer)
	if !ok {
		return ErrNoFreezer
	}
	file, value := "freezer.state", "THAWED"
	if stop {
		value = "FROZEN"
	}
	reached := func() bool { s, err := read(d.path, file); return err == nil && s == value }
	if d.v2 {
		bit := "0"
		if stop {
			bit = "1"
		}
		file, value = "cgroup.freeze", bit
		reached = func() bool {
			n, err := field(d.path, "cgroup.events", "frozen")
			return err == nil && strconv.FormatUint(n, 10) == bit
		}
	}
	if err := write(d.path, file, value); err != nil {
		return fmt.Errorf("halt or resume the control group: %w", err)
	}
	return wait("the control group to halt or resume", reached)
}

// wait polls until a condition holds; the kernel has no event for these that both
// versions share.
func wait(what string, reached func() bool) error {
	for end, pause := time.Now().Add(patience), 50*time.Microsecond; !reached(); pause = min(2*pause, 10*time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("waited %s for %s", patience, what)
		}
		time.Sleep(pause)
	}
	return nil
}

// Kill sends SIGKILL to every process of the group, halted ones too, until none is left.
func (g *Group) Kill() error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed || len(g.dirs) == 0 {
		return nil
	}
	g.born.Lock()
	defer g.born.Unlock()
	for _, d := range g.dirs {
		if d.v2 && write(d.path, "cgroup.kill", "1") == nil {
			break // since Linux 5.14: all at once
		}
	}
	return wait("killed processes to end", func() bool {
		left := g.processes()
		if len(left) == 0 {
			return true
		}
		_ = g.halt(true) // a halted group forks nothing that escapes this round
		for _, pid := range g.processes() {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		_ = g.halt(false)
		return false
	})
}

// processes lists the group's processes that this process can see; 0 stands for the others, and a
// thread of this one may be on a visit.
func (g *Group) processes() []int {
	var all []int
	self := os.Getpid()
	for _, d := range g.dirs {
		text, _ := read(d.path, "cgroup.procs")
		for line := range strings.FieldsSeq(text) {
			if pid, err := strconv.Atoi(line); err == nil && pid > 0 && pid != self && !slices.Contains(all, pid) {
				all = append(all, pid)
			}
		}
	}
	return all
}
