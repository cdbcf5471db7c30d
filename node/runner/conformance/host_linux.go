package conformance

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// groupMounts is where control groups may be mounted, by controller; "" is version 2's.
func groupMounts(controllers string) []string {
	if controllers == "" {
		return []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}
	}
	list := []string{filepath.Join("/sys/fs/cgroup", strings.TrimPrefix(controllers, "name="))}
	for c := range strings.SplitSeq(controllers, ",") {
		list = append(list, filepath.Join("/sys/fs/cgroup", c))
	}
	return list
}

// memberships are the lines of a process's cgroup file: controllers and path.
func memberships(pid int) map[string]string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	of := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			of[f[1]] = f[2]
		}
	}
	return of
}

// ownGroups lists the directories of the groups that a process is in and this one is not.
func ownGroups(pid int, holds func(controllers string) bool) []string {
	mine := memberships(os.Getpid())
	var dirs []string
	for controllers, path := range memberships(pid) {
		if path == mine[controllers] || path == "/" || !holds(controllers) {
			continue
		}
		for _, m := range groupMounts(controllers) {
			dir := filepath.Join(m, path)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				dirs = append(dirs, dir)
				break
			}
		}
	}
	slices.Sort(dirs) // a hybrid machine has several, and the same one must be taken each time
	return dirs
}

// cpuGroup finds the group that counts a process's CPU time, if it is not this process's
// too, and its nanoseconds.
func cpuGroup(pid int) (dir string, ns uint64) {
	for _, d := range ownGroups(pid, func(c string) bool { return c == "" || strings.Contains(c, "cpuacct") }) {
		if b, err := os.ReadFile(filepath.Join(d, "cpuacct.usage")); err == nil {
			ns, _ = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
			return d, ns
		}
		b, err := os.ReadFile(filepath.Join(d, "cpu.stat"))
		var us uint64
		if _, scan := fmt.Sscanf(string(b), "usage_usec %d", &us); err == nil && scan == nil {
			return d, us * 1000
		}
	}
	return "", 0
}

// groups lists the control groups of this engine's processes, and those that they are in.
func (s *suite) groups() []string {
	mine := memberships(os.Getpid())
	var list []string
	for _, p := range s.sandboxes() {
		for _, dir := range ownGroups(p.pid, func(string) bool { return true }) {
			list = append(list, dir)
			parent := filepath.Dir(dir)
			if _, err := os.Stat(filepath.Join(filepath.Dir(parent), "cgroup.procs")); err != nil {
				continue // the mount itself
			}
			used := false
			for _, path := range mine {
				used = used || path != "/" && strings.HasSuffix(parent, path)
			}
			if !used {
				list = append(list, parent)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// strangers are this engine's processes that are not children of this one: of a rig that
// was killed.
func (s *suite) strangers() []process {
	table := processTable()
	return slices.DeleteFunc(s.sandboxes(), func(p process) bool { return below(table, p.pid, os.Getpid()) })
}

// mountsUnder lists the host's mounts in a directory.
func mountsUnder(dir string) []string {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	var list []string
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir) {
			list = append(list, f[4])
		}
	}
	return list
}

func filesUnder(dir string) int {
	n := 0
	_ = filepath.WalkDir(dir, func(string, fs.DirEntry, error) error { n++; return nil }) // what goes meanwhile is not there
	return n
}

// interfaces lists the host's network interfaces.
func interfaces() []string {
	var names []string
	list, _ := net.Interfaces()
	for _, l := range list {
		names = append(names, l.Name)
	}
	return names
}
