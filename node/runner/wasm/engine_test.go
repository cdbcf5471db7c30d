package wasm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/runner"
)

// Built once by TestMain.
var (
	sandboxPath string // the child, from ./sandbox
	guestPath   string // testdata/guest for wasip1, stripped
	rigPath     string // testdata/rig, for the conformance suite
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "runner-test-")
	if err == nil {
		sandboxPath, guestPath = filepath.Join(dir, "rerig-sandbox.exe"), filepath.Join(dir, "guest.wasm")
		err = build(sandboxPath, "./sandbox")
	}
	if err == nil {
		err = build(guestPath, "./testdata/guest", "GOOS=wasip1", "GOARCH=wasm")
	}
	if err == nil {
		rigPath = filepath.Join(dir, "rig")
		err = build(rigPath, "./testdata/rig")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(out, pkg string, env ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// newRunner runs a runner for one test.
func newRunner(t testing.TB, change ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{DataDir: t.TempDir(), SandboxPath: sandboxPath, Warm: 1}
	for _, c := range change {
		c(&cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	running, done := make(chan struct{}), make(chan error, 1)
	go func() {
		close(running)
		done <- r.Run(ctx)
	}()
	<-running
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	waitFor(t, "Run", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.running })
	return r
}

// waitFor polls until what holds, for at most a minute.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within a minute", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// guest is a job for testdata/guest with room enough.
func guest(args ...string) runner.Spec {
	s := module(guestPath)
	s.Args = append([]string{"guest"}, args...)
	return s
}

func module(path string) runner.Spec {
	b, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return runner.Spec{
		Module: b, MemoryBytes: 128 << 20, StdoutBytes: 1 << 20,
		OutputBytes: 1 << 20, OutputFiles: 16, Deadline: time.Minute,
	}
}

func wat(name string) runner.Spec { return module(filepath.Join("testdata", name+".wasm")) }

// do runs a job to its end.
func do(t testing.TB, r *Engine, s runner.Spec) (res runner.Result, stdout, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	j, err := r.Start(context.Background(), s, &o, &e)
	if err != nil {
		t.Fatal(err)
	}
	res, err = j.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return res, o.String(), e.String()
}

// atRest tells whether no job runs and the pool is full and ready.
func atRest(r *Engine) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ready := 0
	for _, c := range r.idle {
		if c.ready {
			ready++
		}
	}
	return ready == r.config.Warm && len(r.all) == r.config.Warm
}
