package main

import (
	"fmt"
	"math"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

const (
	// compileDataBytes caps the memory of a compile child.
	compileDataBytes = 1 << 30
	// ownDataBytes is what a job child may use besides its guest's memory: its
	// heap, and the guest's tables and call stack, which live in it.
	ownDataBytes = 512 << 20
)

func limitData(n uint64) {
	// A limit that cannot be set is one that is lower already.
	_ = lower(unix.RLIMIT_DATA, n)
}

// lockDown takes from this process what no job and no module needs, as a second
// wall behind WASM's own. It takes a third of a millisecond, and so is done before
// the job is there.
func lockDown() error {
	if err := lower(unix.RLIMIT_CORE, 0); err != nil {
		return fmt.Errorf("limit core dumps: %w", err)
	}
	if err := lower(unix.RLIMIT_NOFILE, maxOpenFiles); err != nil {
		return fmt.Errorf("limit open files: %w", err)
	}
	if _, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("give up new privileges: %w", e)
	}
	if err := filterCalls(); err != nil {
		return fmt.Errorf("filter system calls: %w", err)
	}
	return nil
}

// confine leaves this process, which is locked down, the memory and the files of
// its job: it is called when everything else is open and loaded.
func confine(req *frame.Request) error {
	limitData(req.MemoryBytes + ownDataBytes)
	if err := confineFiles(req); err != nil {
		return fmt.Errorf("confine files: %w", err)
	}
	return nil
}

// closeInherited closes what the runner itself inherited without knowing. It
// must come before this process opens anything; a kernel that cannot (before
// 5.9) leaves them.
func closeInherited() { _ = unix.CloseRange(3, math.MaxInt32, 0) }

func cpuNanos() uint64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return uint64(t.Nano())
}

// reportCPU does nothing: on Linux the runner reads the child's CPU clock.
func reportCPU() {}
