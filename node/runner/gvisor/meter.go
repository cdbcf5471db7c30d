//go:build linux

package gvisor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
)

// meter counts what a job uses: in its control group, where the machine counts there, else
// by looking at its processes. Whoever uses it holds the job's mu.
type meter struct {
	group   *cgroup.Group // or nil
	counted bool          // the group counts
	pid     int           // init's

	begun  bool
	base   time.Duration // CPU time before the program began
	cpu    time.Duration // as last seen, base included
	memory uint64        // the most seen
}

// in has a meter read a group.
func (m *meter) in(g *cgroup.Group) {
	_, _, err := g.Usage()
	m.group, m.counted = g, err == nil
}

// begin notes what starting the sandbox has taken.
func (m *meter) begin() {
	m.look()
	m.begun, m.base = true, m.cpu
}

// look reads the counters of a sandbox that has not been reaped.
func (m *meter) look() {
	cpu, memory, err := m.read()
	if err != nil {
		cpu, memory = treeUsage(m.pid)
	}
	m.cpu, m.memory = max(m.cpu, cpu), max(m.memory, memory)
}

// end reads the counters for the last time.
func (m *meter) end(s *os.ProcessState) {
	cpu, memory, err := m.read()
	if err != nil {
		cpu = s.UserTime() + s.SystemTime() // init's, which may be more than was seen
	}
	m.cpu, m.memory = max(m.cpu, cpu), max(m.memory, memory)
}

// read reads the group's counters.
func (m *meter) read() (cpu time.Duration, memory uint64, err error) {
	if !m.counted {
		return 0, 0, cgroup.ErrNoCounter
	}
	return m.group.Usage()
}

// outOfMemory tells whether the kernel killed a process of the job for its memory.
func (m *meter) outOfMemory() bool { return m.group != nil && m.group.OOM() }

// usage is what the job has used: CPU time beyond its sandbox's start, and memory with that of
// gVisor's own, up to its limit.
func (m *meter) usage(memoryLimit uint64) runner.Usage {
	if !m.begun {
		return runner.Usage{}
	}
	return runner.Usage{
		CPUMillis:       uint64((m.cpu - m.base + time.Millisecond - 1) / time.Millisecond),
		PeakMemoryBytes: min(m.memory, memoryLimit),
	}
}

// treeUsage adds up what a process and its descendants use now, and the CPU time of
// descendants that were reaped.
func treeUsage(pid int) (cpu time.Duration, memory uint64) {
	for _, p := range tree(pid) {
		cpu += liveCPU(p) + reapedCPU(p)
		memory += privateMemory(p)
	}
	return cpu, memory + filesInMemory(pid)
}

// filesInMemory is what the files without a name that a sandbox holds take, in bytes: gVisor
// keeps a job's memory in one, where the same page may belong to several processes.
func filesInMemory(pid int) (bytes uint64) {
	seen := map[uint64]bool{}
	eachFile(pid, func(f *unix.Stat_t) {
		if unix.Major(f.Dev) == 0 && f.Nlink == 0 && f.Mode&unix.S_IFMT == unix.S_IFREG && !seen[f.Ino] {
			seen[f.Ino] = true
			bytes += uint64(f.Blocks) * 512
		}
	})
	return bytes
}

// eachFile visits every file that a process or a descendant of it holds open.
func eachFile(pid int, visit func(*unix.Stat_t)) {
	for _, p := range tree(pid) {
		dir := fmt.Sprintf("/proc/%d/fd", p)
		files, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, f := range files {
			var s unix.Stat_t
			if unix.Stat(dir+"/"+f.Name(), &s) == nil {
				visit(&s)
			}
		}
	}
}

// maxTree caps the processes that are looked at for one job: more than gVisor has
// for the most that a job may start here.
const maxTree = 4096

// tree lists a process and its descendants.
func tree(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < maxTree; i++ {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", all[i]))
		if err != nil {
			continue
		}
		for _, t := range threads {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", all[i], t.Name()))
			if err != nil {
				continue
			}
			for child := range strings.FieldsSeq(string(b)) {
				if n, err := strconv.Atoi(child); err == nil {
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// liveCPU is the CPU time of a live process, its dead threads included, from the
// kernel's scheduler.
func liveCPU(pid int) time.Duration {
	const schedClock = 2 // CPUCLOCK_SCHED in the low bits of a process's clock id
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// reapedCPU is the CPU time of a process's children that it has waited for.
func reapedCPU(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// proc_pid_stat(5): the name, in parentheses, may hold anything; cutime and cstime are
	// fields 16 and 17, in ticks of 10 ms.
	_, rest, _ := strings.Cut(string(b[max(strings.LastIndexByte(string(b), ')'), 0):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[13], 10, 64)
	system, _ := strconv.ParseInt(fields[14], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// privateMemory is the memory that a process alone holds, in bytes.
func privateMemory(pid int) uint64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	var bytes uint64
	for line := range strings.Lines(string(b)) {
		if text, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			bytes = kib << 10
		}
	}
	return bytes
}
