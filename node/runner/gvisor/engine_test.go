//go:build linux

package gvisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/cgroup"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

// What the tests build once.
var (
	rigProgram     string // static; its main calls Main
	sandboxProgram string // what rerig embeds
	guestRoot      string // a container's root with the program /guest
)

// In a test that runs again as another user these say where they are.
const (
	rigEnv   = "GVISOR_TEST_RIG"
	guestEnv = "GVISOR_TEST_GUEST"
)

func TestMain(m *testing.M) {
	if rigProgram, guestRoot = os.Getenv(rigEnv), os.Getenv(guestEnv); rigProgram != "" {
		sandboxProgram = filepath.Join(filepath.Dir(rigProgram), "sandbox")
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "gvisor")
	if err != nil {
		panic(err)
	}
	_ = os.Chmod(dir, 0o755) // for the tests as another user
	rigProgram, sandboxProgram, guestRoot = filepath.Join(dir, "rig"), filepath.Join(dir, "sandbox"), filepath.Join(dir, "root")
	for out, pkg := range map[string]string{rigProgram: "./internal/rig", sandboxProgram: "./sandbox", filepath.Join(guestRoot, "guest"): "./internal/guest"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if text, err := cmd.CombinedOutput(); err != nil {
			panic(string(text))
		}
	}
	// A cancelled Run leaves nothing behind, so neither may the tests.
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// open runs an engine with control groups until the test ends.
func open(t testing.TB) *Engine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run the tests as root, as CI does")
	}
	p, err := cgroup.Open("gvisortest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return run(t, Config{DataDir: t.TempDir(), Program: rigProgram, Sandbox: sandboxProgram, Parent: p})
}

// run runs an engine until the test ends.
func run(t testing.TB, cfg Config) *Engine {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, e.Close()); err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(e.jobs)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
	select {
	case <-e.Started():
	case err := <-done:
		t.Fatal(err)
	}
	return e
}

// spec is a job that runs the tests' guest.
func spec(args ...string) runner.Spec {
	return runner.Spec{
		Root: guestRoot, Args: append([]string{"/guest"}, args...),
		MemoryBytes: 128 << 20, StdoutBytes: 1 << 20, Deadline: time.Minute,
	}
}

// do runs a job to its end.
func do(t testing.TB, e *Engine, s runner.Spec) (runner.Result, string) {
	t.Helper()
	var out bytes.Buffer
	j, err := e.Start(t.Context(), s, &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	res, err := j.Wait()
	if err != nil {
		t.Fatal(err, out.String())
	}
	return res, out.String()
}

func TestProbe(t *testing.T) {
	t.Parallel()
	caps, err := open(t).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, noTun := os.Stat("/dev/net/tun")
	if want := (runner.Caps{Pause: true, Dial: true, MemoryLimit: true, CPULimit: true, ProcessLimit: true, Interface: noTun == nil}); caps != want {
		t.Errorf("got %+v, want %+v", caps, want)
	}
}

func TestOutputAndExitCode(t *testing.T) {
	t.Parallel()
	e := open(t)
	s := spec("echo", "to both")
	s.Env = []string{"CODE=3"}
	res, out := do(t, e, s)
	if res.ExitCode != 3 || res.Failure != nil || strings.Count(out, "to both\n") != 2 {
		t.Errorf("exit code %d, %v, said %q", res.ExitCode, res.Failure, out)
	}
}

// TestHosts checks that a program which looks up names finds its own loopback.
func TestHosts(t *testing.T) {
	t.Parallel()
	e := open(t)
	s := spec("read", "/etc/hosts")
	s.Root = t.TempDir()
	if err := os.MkdirAll(filepath.Join(s.Root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Root, "etc/hosts"), []byte("10.1.2.3 builder\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(guestRoot, "guest"), filepath.Join(s.Root, "guest")); err != nil {
		t.Fatal(err)
	}
	if res, out := do(t, e, s); res.Failure != nil || out != hosts {
		t.Errorf("%+v, said %q", res, out)
	}
}

// TestReadySandboxDies has a job start although the process that waited for it was killed.
func TestReadySandboxDies(t *testing.T) {
	e := open(t)
	var ready []int
	for end := time.Now().Add(20 * time.Second); len(ready) == 0; {
		if time.Now().After(end) {
			t.Fatal("no sandbox is kept ready")
		}
		ready = children(t)
	}
	for _, pid := range ready {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(20 * time.Second); slices.ContainsFunc(ready, lives); {
		if time.Now().After(end) {
			t.Fatal("a killed process does not end")
		}
	}
	if res, out := do(t, e, spec("nothing")); res.Failure != nil || res.ExitCode != 0 {
		t.Errorf("%+v, said %q", res, out)
	}
}

// children lists this process's that are a sandbox's first.
func children(t *testing.T) (pids []int) {
	for _, pid := range tree(os.Getpid())[1:] {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.HasPrefix(string(b), line.InitName+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// lives tells whether a child has not ended, with all its threads.
func lives(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == 0
}
