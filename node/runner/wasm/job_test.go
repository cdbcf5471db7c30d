package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// TestDeterminism compares all that a guest can see of time, randomness and
// its files between two runners and two hosts' directories.
func TestDeterminism(t *testing.T) {
	var outputs []string
	for host := range 2 {
		in := t.TempDir()
		names := []string{"b", "a", "c"}
		for i := range names { // made in another order, at another time
			name := names[(i+host)%len(names)]
			path := filepath.Join(in, name)
			if err := os.WriteFile(path, []byte(name), 0o600<<host>>host); err != nil {
				t.Fatal(err)
			}
			then := time.Unix(int64(1e9*(host+1)), 0)
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
		}
		s := guest("facts")
		s.InDir = in
		s.Seed = [32]byte{1, 2, 3}
		res, stdout, stderr := do(t, newRunner(t), s)
		if res.ExitCode != 0 || res.Failure != nil || !strings.Contains(stdout, "2026-01-01 ") {
			t.Fatalf("result %+v: %s%s", res, stdout, stderr)
		}
		outputs = append(outputs, stdout)
	}
	if outputs[0] != outputs[1] {
		t.Errorf("outputs differ:\n%s\n%s", outputs[0], outputs[1])
	}
	s := guest("facts")
	s.Seed = [32]byte{9}
	s.InDir = t.TempDir()
	_, other, _ := do(t, newRunner(t), s)
	if first, _, _ := strings.Cut(other, " "); strings.HasPrefix(outputs[0], first) {
		t.Error("another seed gave the same randomness")
	}
}

func TestConcurrentJobs(t *testing.T) {
	r := newRunner(t, func(c *Config) { c.Warm = 2 })
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			text := fmt.Sprint("job ", i)
			var out bytes.Buffer
			j, err := r.Start(context.Background(), guest("echo", text), &out, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if res, err := j.Wait(); err != nil || res.Failure != nil || out.String() != text+"\n" {
				t.Errorf("%s: %+v, %v, %q", text, res, err, out.String())
			}
		})
	}
	wg.Wait()
}

func TestProbe(t *testing.T) {
	r := newRunner(t)
	caps, err := r.Probe(context.Background())
	if err != nil || r.Name() != "wasm" {
		t.Fatalf("caps %+v, %v", caps, err)
	}
}

func TestStartNeedsRun(t *testing.T) {
	r, err := New(Config{DataDir: t.TempDir(), SandboxPath: sandboxPath})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Start(context.Background(), wat("empty"), nil, nil); !errors.Is(err, runner.ErrNotRunning) {
		t.Fatalf("error %v, want runner.ErrNotRunning", err)
	}
}

func TestRunEndsItsJobs(t *testing.T) {
	r, err := New(Config{DataDir: t.TempDir(), SandboxPath: sandboxPath})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var j runner.Job
	waitFor(t, "the start", func() bool {
		j, err = r.Start(context.Background(), wat("loop"), nil, nil)
		return err == nil
	})
	cancel()
	if res, _ := j.Wait(); res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
		t.Fatalf("result %+v", res)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestSpecLimits(t *testing.T) {
	r := newRunner(t)
	tests := map[string]func(*runner.Spec){
		"memory limit of 0":        func(s *runner.Spec) { s.MemoryBytes = 0 },
		"memory limit of 42949":    func(s *runner.Spec) { s.MemoryBytes = MaxMemoryBytes + 1 },
		"deadline 0s":              func(s *runner.Spec) { s.Deadline = 0 },
		"over 262144 bytes":        func(s *runner.Spec) { s.Args = []string{strings.Repeat("a", runner.MaxArgBytes)} },
		"not UTF-8":                func(s *runner.Spec) { s.Args = []string{"\xff"} },
		"without NUL":              func(s *runner.Spec) { s.Env = []string{"A=\x00"} },
		"not KEY=value":            func(s *runner.Spec) { s.Env = []string{"A"} },
		"file limit -1":            func(s *runner.Spec) { s.OutputFiles = -1 },
		"neither a module nor":     func(s *runner.Spec) { s.Module = nil },
		"not in the compile cache": func(s *runner.Spec) { s.Module, s.ModuleSHA256 = nil, [32]byte{1} },
	}
	for want, change := range tests {
		s := wat("empty")
		change(&s)
		if _, err := r.Start(context.Background(), s, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestCollectorWithoutMemory has the words with which the runtime died of a guest's
// tables one time in ten, which blamed the rig.
func TestCollectorWithoutMemory(t *testing.T) {
	for crash, kind := range map[string]runner.FailureKind{
		"fatal error: runtime: out of memory\n": runner.FailureMemory,
		"SIGSEGV: segmentation violation\nPC=0x4335dd m=3 sigcode=1 addr=0x0\n\ngoroutine 0 gp=0xe8cd4e972c0 m=3 mp=0xe8cd4ec3008 [idle]:\n" +
			"runtime.(*spanQueue).tryDrain(0x400?, 0xe8cd4f1c000?, 0x0?)\n\truntime/mgcmark_greenteagc.go:520 +0x5d\n": runner.FailureMemory,
		"SIGSEGV: segmentation violation\nPC=0x59073e m=1 sigcode=1 addr=0x8\n": runner.FailureInternal,
	} {
		if f, _ := verdict(nil, crash, 1<<20); f == nil || f.Kind != kind {
			t.Errorf("%.60q is %v, want %s", crash, f, kind)
		}
	}
}
