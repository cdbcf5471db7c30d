//go:build linux

package namespaces

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// maxOpenFiles is each process's limit, unless it is lower already.
const maxOpenFiles = 65536

// lowerLimits sets what init and all that it starts may have, never above what it has.
// Processes are counted by user: as root, the job's are not init's.
func lowerLimits(s *setup) error {
	limits := []struct {
		name  string
		which int
		most  uint64
	}{
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"open files", unix.RLIMIT_NOFILE, maxOpenFiles},
		{"processes", unix.RLIMIT_NPROC, s.UserProcesses},
	}
	for _, l := range limits {
		if l.which == unix.RLIMIT_NPROC && l.most == 0 {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(l.which, &now); err != nil {
			return fmt.Errorf("look at the limit of %s: %w", l.name, err)
		}
		if err := unix.Setrlimit(l.which, &unix.Rlimit{Cur: min(now.Cur, l.most), Max: min(now.Max, l.most)}); err != nil {
			return fmt.Errorf("lower the limit of %s: %w", l.name, err)
		}
	}
	return nil
}

// userProcesses is the limit by user that goes with a job's processes; 0 for none. Init
// must fit in it too. Before Linux 5.14 a user's processes outside of the sandbox count,
// which is nobody's business when the user is the rig's own.
func userProcesses(processes int, root bool) uint64 {
	if root {
		return uint64(max(processes, initProcesses))
	}
	var name unix.Utsname
	var major, minor int
	if err := unix.Uname(&name); err != nil {
		return 0
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil || major < 5 || major == 5 && minor < 14 {
		return 0
	}
	return uint64(processes + initProcesses)
}
