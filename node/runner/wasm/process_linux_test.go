package wasm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node/runner"
)

const orphanEnv = "RERIG_TEST_ORPHAN"

// orphanMain is a rig for TestKilledRigLeavesNoChild: it starts an endless
// job, names its children, and waits to be killed.
func orphanMain(dir string) {
	r, err := New(Config{DataDir: dir, SandboxPath: os.Getenv("RERIG_TEST_SANDBOX"), Warm: 1})
	if err != nil {
		panic(err)
	}
	go func() {
		if err := r.Run(context.Background()); err != nil {
			panic(err)
		}
	}()
	var j runner.Job
	for j == nil {
		if j, err = r.Start(context.Background(), wat("loop"), nil, nil); err != nil && !errors.Is(err, runner.ErrNotRunning) {
			panic(err)
		}
		runtime.Gosched()
	}
	if err := j.WaitUsage(context.Background(), 10); err != nil {
		panic(err)
	}
	for len(childrenOf(os.Getpid())) < 2 {
		runtime.Gosched()
	}
	fmt.Println(strings.Trim(fmt.Sprint(childrenOf(os.Getpid())), "[]"))
	select {}
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	var list []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, t := range tasks {
		b, _ := os.ReadFile(t)
		for _, f := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// processHalted tells whether a signal has stopped the process.
func processHalted(pid int) bool {
	state := processState(pid)
	return state == "T" || state == ""
}

func processState(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	state, _, _ := strings.Cut(rest, " ")
	return state
}

func TestKilledRigLeavesNoChild(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orphanEnv+"="+t.TempDir(), "RERIG_TEST_SANDBOX="+sandboxPath)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	pids := strings.Fields(line)
	if len(pids) < 2 {
		t.Fatalf("the rig had children %q, want a job and a warm one", line)
	}
	for _, p := range pids {
		pid, err := strconv.Atoi(p)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the end of child "+p, func() bool {
			state := processState(pid)
			return state == "" || state == "Z" // a zombie waits for this machine's init
		})
	}
}

// TestManyJobsLeaveNothing runs more jobs than any leak could hide in.
func TestManyJobsLeaveNothing(t *testing.T) {
	r := newRunner(t, func(c *Config) { c.Warm = 2 })
	count := func() (fds, files, goroutines int) {
		waitFor(t, "rest", func() bool { return atRest(r) })
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.Walk(r.config.DataDir, func(string, os.FileInfo, error) error { files++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return len(list), files, runtime.NumGoroutine()
	}
	specs := []runner.Spec{wat("empty"), wat("trap"), guest("exit", "3")}
	for _, s := range specs {
		do(t, r, s)
	}
	fds, files, goroutines := count()
	for i := range 240 {
		do(t, r, specs[i%24%2+i%24/23])
	}
	for range 10 {
		j, err := r.Start(context.Background(), wat("loop"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		j.Stop()
		if _, err := j.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "the same number of goroutines", func() bool { _, _, g := count(); return g <= goroutines })
	fds2, files2, _ := count()
	if fds2 > fds || files2 > files+3 { // the loop's module is new
		t.Errorf("descriptors %d then %d, files %d then %d", fds, fds2, files, files2)
	}
}

// TestMetering compares a job's bill with what the kernel says the child used,
// less what it had used before its guest began.
func TestMetering(t *testing.T) {
	r := newRunner(t)
	do(t, r, guest("exit", "0"))
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &before); err != nil {
		t.Fatal(err)
	}
	j, err := r.Start(context.Background(), guest("burn", "60"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var last runner.Usage
	for _, mark := range []uint64{1, 50, 100, 200} {
		if err := j.WaitUsage(context.Background(), mark); err != nil {
			t.Fatal(err)
		}
		now := j.Usage()
		if now.CPUMillis < mark || now.CPUMillis < last.CPUMillis || now.PeakMemoryBytes == 0 {
			t.Fatalf("usage %+v after %+v at mark %d", now, last, mark)
		}
		last = now
	}
	res, err := j.Wait()
	if err != nil || res.Failure != nil {
		t.Fatal(res, err)
	}
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &after); err != nil {
		t.Fatal(err)
	}
	ms := func(u syscall.Rusage) uint64 { return uint64(u.Utime.Nano()+u.Stime.Nano()) / 1e6 }
	kernel := ms(after) - ms(before)
	billed, base := res.Usage.CPUMillis, uint64(j.(*Job).base.Milliseconds())
	// (The module was compiled before: that is in no job's figure.)
	if billed+base < kernel*9/10 || billed+base > kernel*11/10+1 {
		t.Errorf("billed %d ms and %d ms before, the kernel says %d ms", billed, base, kernel)
	}
}

// TestChildIsStripped looks at a running child from outside.
func TestChildIsStripped(t *testing.T) {
	r := newRunner(t)
	t.Setenv("RERIG_SECRET", "x")
	j, err := r.Start(context.Background(), wat("loop"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Stop()
	if err := j.WaitUsage(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprintf("/proc/%d/", j.(*Job).child.proc.Pid)
	if env, err := os.ReadFile(proc + "environ"); err != nil || len(env) != 0 {
		t.Errorf("environment %q, %v", env, err)
	}
	cwd, err := os.Readlink(proc + "cwd")
	if err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(cwd); err != nil || len(list) != 0 {
		t.Errorf("working directory %s holds %v, %v", cwd, list, err)
	}
	links, err := filepath.Glob(proc + "fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		to, err := os.Readlink(l)
		if err != nil {
			continue // closed meanwhile
		}
		if !slices.ContainsFunc([]string{"pipe:", "anon_inode:"}, func(p string) bool { return strings.HasPrefix(to, p) }) {
			t.Errorf("child has %s open", to)
		}
	}
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("status lacks %q", want)
		}
	}
}
