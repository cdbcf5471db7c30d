package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one process of the host.
type process struct {
	pid, parent int
	state       string // R, S, Z …
	name        string
	ticks       uint64 // CPU time, its waited-for children's included, in 1/100 s
}

// processTable reads the host's processes from /proc.
func processTable() map[int]process {
	table := map[int]process{}
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue // gone
		}
		begin, end := strings.IndexByte(string(b), '('), strings.LastIndexByte(string(b), ')')
		f := strings.Fields(string(b[end+1:]))
		p := process{name: string(b[begin+1 : end]), state: f[0]}
		p.pid, _ = strconv.Atoi(strings.TrimSpace(string(b[:begin])))
		p.parent, _ = strconv.Atoi(f[1])
		for _, i := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime
			n, _ := strconv.ParseUint(f[i], 10, 64)
			p.ticks += n
		}
		table[p.pid] = p
	}
	return table
}

// below tells whether a process descends from an ancestor.
func below(table map[int]process, pid, ancestor int) bool {
	for range len(table) {
		p, ok := table[pid]
		if !ok || p.parent == 0 {
			return false
		}
		if pid = p.parent; pid == ancestor {
			return true
		}
	}
	return false
}

// sandboxes lists the processes of this engine's jobs: all that descend from this process,
// and all that run the guest or the sandbox's program, wherever their parents are.
func (s *suite) sandboxes() []process {
	table := processTable()
	var programs []os.FileInfo
	for _, path := range []string{filepath.Join(s.guest.root, "guest"), filepath.Join(s.guest.root, "suid"), s.Binary, s.Rig} {
		if info, err := os.Stat(path); err == nil && filepath.IsAbs(path) {
			programs = append(programs, info)
		}
	}
	var list []process
	for pid, p := range table {
		if pid == os.Getpid() || p.name == "canary" {
			continue
		}
		runs := func(program os.FileInfo) bool {
			exe, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
			return err == nil && os.SameFile(exe, program)
		}
		if below(table, pid, os.Getpid()) || slices.ContainsFunc(programs, runs) {
			list = append(list, p)
		}
	}
	return list
}

// gone waits until no process of a job is left, no zombie either. It is for an engine that
// keeps none between jobs, and for checks that run alone.
func (s *suite) gone() error {
	return eventually("the end of the job's processes", func() error {
		if list := s.sandboxes(); len(list) > 0 {
			return fmt.Errorf("left over: %+v", list)
		}
		return nil
	})
}
