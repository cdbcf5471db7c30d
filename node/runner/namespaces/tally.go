//go:build linux

package namespaces

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// tickNanos is the unit of /proc's CPU times: USER_HZ is 100 on every Linux.
const tickNanos = 10_000_000

// count adds up what the job has used, where no control group does: the living processes
// from /proc, with their children that they waited for, what init itself reaped, and the
// files in memory.
func count() *tally {
	t := &tally{}
	for _, dir := range []string{"/tmp", "/out"} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err == nil {
			t.Memory += (st.Blocks - st.Bfree) * uint64(st.Bsize)
		}
	}
	var reaped syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &reaped); err == nil {
		t.CPUNanos = uint64(reaped.Utime.Nano() + reaped.Stime.Nano())
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // its pattern is good
	for _, path := range stats {
		if path == "/proc/1/stat" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		var n [4]uint64
		var pages uint64
		// After the name: state, 10 fields, utime, stime, cutime, cstime, 6 fields, vsize, rss.
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		if len(fields) < 22 {
			continue
		}
		for i := range n {
			_, _ = fmt.Sscan(string(fields[11+i]), &n[i])
			t.CPUNanos += n[i] * tickNanos
		}
		_, _ = fmt.Sscan(string(fields[21]), &pages)
		t.Memory += pages * uint64(os.Getpagesize())
	}
	return t
}
