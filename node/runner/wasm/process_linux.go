package wasm

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sandboxAttr has the kernel kill a child with its runner, and keeps terminal
// signals from it.
func sandboxAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// processCPU is the CPU time of a live child, from the kernel's scheduler.
func processCPU(pid int) time.Duration {
	const schedClock = 2 // CPUCLOCK_SCHED in the low bits of a process's clock id
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
