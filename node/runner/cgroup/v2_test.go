//go:build linux

package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// script is a v2 hierarchy made of plain files, which knows what the kernel's does with a
// few of them. It stands in for controllers that this machine has under v1.
type script struct {
	t    *testing.T
	proc string
	root string
}

// newScript makes a hierarchy in which this process lives in a service's group.
func newScript(t *testing.T, own string) *script {
	t.Helper()
	s := &script{t: t, proc: t.TempDir(), root: t.TempDir()}
	s.put(s.proc, "mountinfo", "30 24 0:26 / "+s.root+" rw shared:9 - cgroup2 cgroup2 rw\n"+
		"31 24 0:27 / /proc rw - proc proc rw\n")
	s.put(s.proc, "cgroup", "0::"+own+"\n")
	dir := s.root
	s.put(dir, "cgroup.controllers", "cpuset cpu io memory pids\n")
	s.put(dir, "cgroup.subtree_control", "")
	s.put(dir, "cgroup.procs", "1\n")
	for part := range strings.SplitSeq(strings.Trim(own, "/"), "/") {
		dir = filepath.Join(dir, part)
		if err := s.mkdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *script) put(dir, file, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// mkdir makes a group as the kernel would: with its control files.
func (s *script) mkdir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for file, text := range map[string]string{
		"cgroup.controllers": "cpuset cpu io memory pids\n", "cgroup.subtree_control": "", "cgroup.procs": "",
		"cgroup.events": "populated 0\nfrozen 0\n", "cgroup.kill": "",
		"cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n", "cpu.max": "max 100000\n",
		"memory.max": "max\n", "memory.swap.max": "max\n", "memory.peak": "4096\n",
		"memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 0\n", "pids.max": "max\n",
	} {
		s.put(dir, file, text)
	}
	return nil
}

// rmdir removes a group unless there are groups or processes in it.
func (s *script) rmdir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.IsDir() }) {
		return unix.EBUSY
	}
	return os.RemoveAll(dir)
}

func (s *script) open() *Parent {
	s.t.Helper()
	trees, err := findTrees(s.proc)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := open(trees, "rig", s.mkdir, s.rmdir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return p
}

func (s *script) want(dir, file, want string) {
	s.t.Helper()
	if got, err := read(dir, file); got != want || err != nil {
		s.t.Errorf("%s is %q, want %q (%v)", file, got, want, err)
	}
}

// TestScriptedV2 writes v2's limits where they belong, and reads its counters.
func TestScriptedV2(t *testing.T) {
	s := newScript(t, "/user.slice/app.slice/rig.service")
	others := filepath.Join(s.root, "user.slice/app.slice/rig.service")
	s.put(others, "cgroup.procs", "4194303\n4194302\n") // a shell: not ours to move
	p := s.open()
	for _, c := range []string{memory, cpu, pids, cpuacct} {
		if !p.serves(c) {
			t.Errorf("%s is not enforced", c)
		}
	}
	if got := filepath.Dir(p.trees[0].dir); got != filepath.Join(s.root, "user.slice/app.slice") {
		t.Errorf("groups go to %s", got)
	}
	g, err := p.New("job", Limits{MemoryBytes: 1 << 30, CPUs: 2, Processes: 64})
	if err != nil {
		t.Fatal(err)
	}
	dir := g.dirs[0].path
	s.want(dir, "memory.max", "1073741824")
	s.want(dir, "memory.swap.max", "0")
	s.want(dir, "cpu.max", "200000 100000")
	s.want(dir, "pids.max", "64")
	if used, peak, err := g.Usage(); used != 1500*time.Microsecond || peak != 4096 || err != nil {
		t.Errorf("usage %s, %d, %v", used, peak, err)
	}
	if g.OOM() {
		t.Error("out of memory without a kill")
	}
	s.put(dir, "memory.events", "oom 1\noom_kill 1\n")
	if !g.OOM() {
		t.Error("a kill went unseen")
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group is still there: %v", err)
	}
}

// TestScriptedV2StepsDown has the service's group to itself: it moves to a leaf, so that
// the group may hand its controllers on.
func TestScriptedV2StepsDown(t *testing.T) {
	s := newScript(t, "/system.slice/rig.service")
	own := filepath.Join(s.root, "system.slice/rig.service")
	self := strconv.Itoa(os.Getpid())
	s.put(own, "cgroup.procs", self+"\n")
	p := s.open()
	if filepath.Dir(p.trees[0].dir) != own {
		t.Errorf("groups go to %s", p.trees[0].dir)
	}
	s.want(p.trees[0].own, "cgroup.procs", self)
	if !strings.HasSuffix(p.trees[0].own, "-"+daemonGroup) {
		t.Errorf("this process went to %s", p.trees[0].own)
	}
}

// TestSweepLeavesOthersAlone has a service with the same word in its name beside the
// groups: nothing of it is ended or removed.
func TestSweepLeavesOthersAlone(t *testing.T) {
	s := newScript(t, "/system.slice/rig.service")
	theirs := filepath.Join(s.root, "system.slice/rig-web.service")
	dead := filepath.Join(s.root, "system.slice/rig-4194303-ABCDEFGHIJKL")
	for _, dir := range []string{theirs, filepath.Join(theirs, "worker"), dead, filepath.Join(dead, "job")} {
		if err := s.mkdir(dir); err != nil {
			t.Fatal(err)
		}
	}
	s.open()
	s.want(filepath.Join(theirs, "worker"), "cgroup.kill", "")
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dead daemon's group is still there: %v", err)
	}
}

// TestScriptedV2WithoutMemory does not claim what a machine lacks.
func TestScriptedV2WithoutMemory(t *testing.T) {
	s := newScript(t, "/rig.service")
	for _, dir := range []string{s.root, filepath.Join(s.root, "rig.service")} {
		s.put(dir, "cgroup.controllers", "cpu pids\n")
	}
	m, c, n, _ := s.open().Enforces()
	if m || !c || !n {
		t.Errorf("enforces memory %v, CPU %v, processes %v", m, c, n)
	}
}

// TestReadOnlyMachine enforces nothing, says so, and still makes groups.
func TestReadOnlyMachine(t *testing.T) {
	s := newScript(t, "/rig.service")
	trees, err := findTrees(s.proc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(trees, "rig", func(string) error { return os.ErrPermission }, s.rmdir)
	if err != nil {
		t.Fatal(err)
	}
	if m, c, n, f := p.Enforces(); m || c || n || f {
		t.Error("a machine without writable groups enforces something")
	}
	g, err := p.New("job", Limits{MemoryBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Usage(); !errors.Is(err, ErrNoCounter) {
		t.Errorf("usage: %v", err)
	}
	if err := g.Freeze(); !errors.Is(err, ErrNoFreezer) {
		t.Errorf("freeze: %v", err)
	}
	if err := errors.Join(g.Add(os.Getpid()), g.Kill(), g.Close(), p.Close()); err != nil {
		t.Error(err)
	}
}

// TestRealV2 freezes, counts and kills under the kernel's own v2 hierarchy, which serves
// that even where v1 has the controllers.
func TestRealV2(t *testing.T) {
	trees, err := findTrees("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	all, err := realV2()
	if err != nil || all == nil {
		t.Skipf("needs a mounted v2 hierarchy: mount cgroup2 (%v)", err)
	}
	if len(trees) == 1 && trees[0].v2 {
		t.Skip("needs a machine whose controllers are v1's: this one's TestFreeze is v2")
	}
	p, err := open([]*tree{all}, "cgrouptest2", func(dir string) error { return os.Mkdir(dir, 0o755) }, unix.Rmdir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if !p.serves(freezer) || !p.serves(cpuacct) {
		t.Skip("needs a writable v2 hierarchy with cgroup.freeze: run as root on Linux 5.2 or later")
	}
	testFreeze(t, p)
	if !p.serves(devices) {
		t.Skip("needs a kernel with CONFIG_CGROUP_BPF and the right to use bpf(2): run as root")
	}
	testDevices(t, p)
}

// realV2 is this machine's v2 hierarchy with what every group of it has.
func realV2() (*tree, error) {
	own, err := ownGroups("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(b)) {
		if t := parseMount(line, own); t != nil && t.v2 {
			t.has = slices.Clone(always)
			return t, nil
		}
	}
	return nil, nil
}
