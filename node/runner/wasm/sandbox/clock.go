package main

import (
	"math"
	"time"

	"github.com/tetratelabs/wazero/sys"
)

const (
	// clockStart is the guest's wall clock when it begins, in Unix seconds:
	// 2026-01-01T00:00:00Z on every rig.
	clockStart = 1767225600
	// clockStep is how far each reading moves the clock.
	clockStep = time.Microsecond

	clockResolution = sys.ClockResolution(clockStep)
)

// clock is the guest's time: it moves by a step with each reading and by the
// whole length of each sleep, which returns at once. So equal jobs see equal
// times on every rig. Only the guest's one thread uses it.
type clock struct{ elapsed time.Duration }

func newClock() *clock { return &clock{} }

func (c *clock) nanotime() int64 {
	c.elapsed += clockStep
	return int64(c.elapsed)
}

func (c *clock) walltime() (sec int64, nsec int32) {
	c.elapsed += clockStep
	return clockStart + int64(c.elapsed/time.Second), int32(c.elapsed % time.Second)
}

func (c *clock) sleep(ns int64) {
	c.elapsed += min(max(time.Duration(ns), 0), math.MaxInt64/2-c.elapsed/2)
}
