//go:build !linux

package main

import (
	"time"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

const (
	compileDataBytes = 1 << 30

	cpuReportEvery = 10 * time.Millisecond
)

// limitData does nothing where the kernel has no such limit; the Go heap limit
// and the guest's own limit remain.
func limitData(uint64) {}

func closeInherited() {}

// reportCPU tells the runner the CPU time used while the guest runs, because
// here it cannot read the child's clock from outside.
func reportCPU() {
	go func() {
		for range time.Tick(cpuReportEvery) {
			events.number(frame.CPU, cpuNanos())
		}
	}()
}
