//go:build linux

package cgroup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// role makes this test binary one of the processes that the tests look at.
const role = "CGROUP_TEST_ROLE"

func TestMain(m *testing.M) {
	switch what, arg, _ := strings.Cut(os.Getenv(role), " "); what {
	case "":
		goleak.VerifyTestMain(m)
	case "burn":
		for {
			runtime.Gosched()
		}
	case "hold": // memory, in bytes, touched; then says so
		var bytes int
		fmt.Sscan(arg, &bytes)
		b := make([]byte, bytes)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		fmt.Println("held")
		select {}
	case "fork": // until refused
		for {
			if err := exec.Command("/proc/self/exe").Start(); err != nil {
				fmt.Println(err)
				select {}
			}
		}
	case "own": // where it was born
		b, _ := os.ReadFile("/proc/self/cgroup")
		fmt.Print(string(b))
	case "leave": // a group behind
		p, err := Open(arg)
		if err == nil {
			var g *Group
			if g, err = p.New("job", Limits{}); err == nil {
				cmd := child("burn")
				err = errors.Join(g.Start(cmd), g.Freeze())
				fmt.Println(cmd.Process.Pid)
			}
		}
		if err != nil {
			fmt.Println(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
}

func child(what string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{role + "=" + what, "GOMAXPROCS=1"}
	return cmd
}

// parent opens a parent whose groups the kernel really limits, or skips.
func parent(t *testing.T, needs ...string) *Parent {
	t.Helper()
	return parentOf(t, "cgrouptest", needs...)
}

func parentOf(t *testing.T, prefix string, needs ...string) *Parent {
	t.Helper()
	p, err := Open(prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range needs {
		if !p.serves(c) {
			t.Skipf("needs the %s control group: run as root, with it mounted and writable", c)
		}
	}
	return p
}

func group(t *testing.T, p *Parent, l Limits) *Group {
	t.Helper()
	g, err := p.New("job", l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// run starts a child in the group and reaps it at the test's end.
func run(t *testing.T, g *Group, what string) (*exec.Cmd, *os.File) {
	t.Helper()
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := child(what)
	cmd.Stdout = w
	if err := g.Start(cmd); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() {
		_ = g.Kill()
		_ = cmd.Wait()
		out.Close()
	})
	return cmd, out
}

func line(t *testing.T, f *os.File) string {
	t.Helper()
	b := make([]byte, 4096)
	_ = f.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := f.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never saw " + what)
		}
	}
}

// TestBornInside checks that a child never is outside its group, and that the
// thread that made it is.
func TestBornInside(t *testing.T) {
	p := parent(t, freezer)
	g := group(t, p, Limits{})
	before, _ := os.ReadFile("/proc/self/cgroup")
	_, out := run(t, g, "own")
	where := line(t, out)
	for _, d := range g.dirs {
		rel := strings.TrimPrefix(d.path, d.mount)
		if !strings.Contains(where, rel+"\n") {
			t.Errorf("the child is not in %s:\n%s", rel, where)
		}
		tasks, err := os.ReadFile(filepath.Join(d.dir, "cgroup.procs"))
		if err != nil || slices.Contains(strings.Fields(string(tasks)), fmt.Sprint(os.Getpid())) {
			t.Errorf("this process is still inside: %s %v", tasks, err)
		}
	}
	if after, _ := os.ReadFile("/proc/self/cgroup"); string(after) != string(before) {
		t.Errorf("this process moved:\n%s%s", before, after)
	}
}

func TestMemoryLimit(t *testing.T) {
	p := parent(t, memory)
	g := group(t, p, Limits{MemoryBytes: 64 << 20})
	cmd, _ := run(t, g, "hold 268435456")
	err := cmd.Wait()
	if err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("a process over its memory ended with %v", err)
	}
	if !g.OOM() {
		t.Error("the group does not say that it ran out of memory")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	_, peak, err := g.Usage()
	if err != nil || peak < 60<<20 || peak > 66<<20 || !g.OOM() {
		t.Errorf("peak %d of 64 MiB, OOM %v, %v", peak, g.OOM(), err)
	}
}

func TestMemoryWithinLimit(t *testing.T) {
	p := parent(t, memory)
	g := group(t, p, Limits{MemoryBytes: 256 << 20})
	_, out := run(t, g, "hold 67108864")
	if got := line(t, out); got != "held\n" {
		t.Errorf("said %q", got)
	}
	if _, peak, err := g.Usage(); err != nil || peak < 64<<20 || g.OOM() {
		t.Errorf("peak %d for 64 MiB, OOM %v, %v", peak, g.OOM(), err)
	}
}

func TestProcessLimit(t *testing.T) {
	p := parent(t, pids)
	g := group(t, p, Limits{Processes: 40})
	_, out := run(t, g, "fork")
	if got := line(t, out); !strings.Contains(got, "resource temporarily unavailable") {
		t.Errorf("said %q", got)
	}
}

// TestUsageIsTheKernels compares the group's CPU time with the process's own.
func TestUsageIsTheKernels(t *testing.T) {
	p := parent(t, cpuacct)
	g := group(t, p, Limits{CPUs: 1})
	cmd, _ := run(t, g, "burn")
	eventually(t, "half a second of CPU time", func() bool { used, _, _ := g.Usage(); return used > 500*time.Millisecond })
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	used, _, _ := g.Usage()
	kernels := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if used < kernels*9/10 || used > kernels*11/10 {
		t.Errorf("counted %s for %s", used, kernels)
	}
}

// TestCPULimit looks at the quota, and at the kernel holding a process back: by a smaller
// one, because a busy machine may not give a group a whole core to exceed.
func TestCPULimit(t *testing.T) {
	p := parent(t, cpu)
	g := group(t, p, Limits{CPUs: 2})
	run(t, g, "burn")
	d, _ := g.with(cpu)
	if d.v2 {
		if got, err := read(d.path, "cpu.max"); got != "200000 100000" || err != nil {
			t.Errorf("cpu.max is %q, %v", got, err)
		}
		err := write(d.path, "cpu.max", "5000 100000")
		if err != nil {
			t.Fatal(err)
		}
	} else {
		if got, err := number(d.path, "cpu.cfs_quota_us"); got != 200_000 || err != nil {
			t.Errorf("the quota is %d, %v", got, err)
		}
		if err := write(d.path, "cpu.cfs_quota_us", "5000"); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the kernel holding the group back", func() bool {
		n, err := field(d.path, "cpu.stat", "nr_throttled")
		return err == nil && n > 0
	})
}

func TestFreeze(t *testing.T) {
	testFreeze(t, parent(t, freezer, cpuacct))
}

func testFreeze(t *testing.T, p *Parent) {
	g := group(t, p, Limits{})
	run(t, g, "burn")
	moving := func() bool {
		was, _, _ := g.Usage()
		eventuallyUsed := time.Now().Add(50 * time.Millisecond)
		for time.Now().Before(eventuallyUsed) {
			runtime.Gosched()
		}
		is, _, _ := g.Usage()
		return is > was
	}
	eventually(t, "the process running", moving)
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	if moving() {
		t.Error("a frozen group used CPU time")
	}
	if err := g.Thaw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process running again", moving)
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(); err != nil {
		t.Errorf("kill a frozen group: %v", err)
	}
}

// TestSweep leaves a halted job behind a killed daemon: the next Open ends it, and
// leaves alone the group of a daemon that lives.
func TestSweep(t *testing.T) {
	const prefix = "cgroupsweep"
	live := parentOf(t, prefix, freezer)
	kept := group(t, live, Limits{})
	survivor, _ := run(t, kept, "burn")

	out, err := child("leave " + prefix).Output()
	var orphan int
	if _, scan := fmt.Sscan(string(out), &orphan); scan != nil {
		t.Fatalf("%s %v %v", out, err, scan)
	}
	if err := unix.Kill(orphan, 0); err != nil {
		t.Fatalf("the orphan is gone before the sweep: %v", err)
	}
	p := parentOf(t, prefix)
	eventually(t, "the orphan's end", func() bool { return gone(orphan) })
	if gone(survivor.Process.Pid) {
		t.Error("a live daemon's process was swept")
	}
	for _, tr := range p.trees {
		left, _ := filepath.Glob(filepath.Join(tr.base, prefix+"-*"))
		if len(left) != 2 { // p's and live's
			t.Errorf("groups left: %v", left)
		}
	}
}

// gone tells whether a process has ended, reaped or not.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "a/b", "..", "a\nb"} {
		if _, err := (&Parent{}).New(name, Limits{}); err == nil {
			t.Errorf("New took the name %q", name)
		}
		if _, err := Open(name); err == nil && name != "a\nb" {
			t.Errorf("Open took the prefix %q", name)
		}
	}
}
