//go:build linux

package cgroup

import (
	"errors"
	"time"
)

// Usage is the CPU time that all processes of the group, dead ones too, have used, and the
// most memory that it held at once, in bytes. After Close it is the last. A
// machine that does not count one of them gives 0 for it and ErrNoCounter.
func (g *Group) Usage() (cpuTime time.Duration, peakMemory uint64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last != nil {
		return g.last.cpu, g.last.memory, g.last.err
	}
	return g.usage()
}

func (g *Group) usage() (time.Duration, uint64, error) {
	cpuTime, cpuErr := g.cpuTime()
	peak, memErr := g.peakMemory()
	return cpuTime, peak, errors.Join(cpuErr, memErr)
}

func (g *Group) cpuTime() (time.Duration, error) {
	d, ok := g.with(cpuacct)
	switch {
	case !ok:
		return 0, ErrNoCounter
	case d.v2:
		us, err := field(d.path, "cpu.stat", "usage_usec")
		return time.Duration(us) * time.Microsecond, err
	}
	ns, err := number(d.path, "cpuacct.usage")
	return time.Duration(ns), err
}

func (g *Group) peakMemory() (uint64, error) {
	d, ok := g.with(memory)
	switch {
	case !ok:
		return 0, ErrNoCounter
	case !d.v2:
		return number(d.path, "memory.max_usage_in_bytes")
	}
	if peak, err := number(d.path, "memory.peak"); err == nil {
		return peak, nil
	}
	now, err := number(d.path, "memory.current") // before Linux 5.19
	g.peak = max(g.peak, now)
	return g.peak, err
}

// OOM tells whether the kernel killed a process of the group for want of memory.
func (g *Group) OOM() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.oom || g.oomNow()
}

func (g *Group) oomNow() bool {
	d, ok := g.with(memory)
	if !ok || g.closed {
		return false
	}
	file := "memory.oom_control"
	if d.v2 {
		file = "memory.events"
	}
	n, err := field(d.path, file, "oom_kill")
	return err == nil && n > 0
}
