package main

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// dropStartup unmaps this program's code and constants from memory. Most of what starting
// touched (gVisor's tables, codecs, curves) an idle node never reads again; what it does
// comes back from the file by itself. Only what is read-only and was never changed goes,
// so nothing is lost: a loader writes addresses into pages before it locks them. Where the
// system does not tell or allow, everything stays as it is.
func dropStartup() {
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var from, to uintptr // of the mapping whose lines these are
	known := false
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		if a, b, ok, begins := readOnly(lines.Text(), own); begins {
			from, to, known = a, b, ok
		}
		if f := strings.Fields(lines.Text()); known && len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" {
			// golang.org/x/sys has no madvise for memory that Go did not make a slice of.
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}

// readOnly reads a line of /proc/PID/smaps. One with which a mapping begins has its range;
// ok says that it is a private one of the file that cannot be written.
func readOnly(line, file string) (from, to uintptr, ok, begins bool) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return 0, 0, false, false
	}
	first, last, found := strings.Cut(f[0], "-")
	a, err1 := strconv.ParseUint(first, 16, 64)
	b, err2 := strconv.ParseUint(last, 16, 64)
	if !found || err1 != nil || err2 != nil {
		return 0, 0, false, false
	}
	ok = len(f) == 6 && f[5] == file && (f[1] == "r--p" || f[1] == "r-xp") && a < b
	return uintptr(a), uintptr(b), ok, true
}
