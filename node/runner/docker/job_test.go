package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/rerig/rerig/node/runner"
)

// run runs a job to its end.
func run(t *testing.T, e *Engine, s runner.Spec) (res runner.Result, stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	j, err := e.Start(t.Context(), s, &out, &errs)
	if err != nil {
		t.Fatal(err)
	}
	res, err = j.Wait()
	return res, out.String(), errs.String(), err
}

// wantFailure runs a job and wants it to fail.
func wantFailure(t *testing.T, e *Engine, s runner.Spec, kind runner.FailureKind) runner.Result {
	t.Helper()
	res, _, _, _ := run(t, e, s)
	if res.Failure == nil || res.Failure.Kind != kind {
		t.Fatalf("job ended with exit code %d, %v; want failure %q", res.ExitCode, res.Failure, kind)
	}
	return res
}

// wantNothingLeft wants the fake without containers and the engine without names.
func wantNothingLeft(t *testing.T, e *Engine, f *fakeEngine) {
	t.Helper()
	eventually(t, "every container is removed", func() bool { return f.only() == nil })
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.live)+len(e.jobs) != 0 {
		t.Errorf("the engine still holds %d names and %d jobs", len(e.live), len(e.jobs))
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
		time.Sleep(5 * time.Millisecond) // between looks; nothing is ordered by it
	}
}

func TestJobRunsAndIsRemoved(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int {
		c.print(streamStdout, "out1 ")
		c.print(streamStderr, "err")
		c.print(streamStdout, "out2")
		if err := os.WriteFile(filepath.Join(c.out, "result"), []byte("42"), 0o644); err != nil {
			t.Error(err)
		}
		return 3
	}
	e := newEngine(t, f)
	s := newSpec(t)
	for range 2 {
		s.OutDir = t.TempDir()
		res, out, errs, err := run(t, e, s)
		if err != nil || res.Failure != nil || res.ExitCode != 3 || out != "out1 out2" || errs != "err" {
			t.Errorf("job gave %d, %v, %q, %q, %v", res.ExitCode, res.Failure, out, errs, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(s.OutDir, "result")); err != nil || string(got) != "42" {
		t.Errorf("output is %q, %v", got, err)
	}
	wantNothingLeft(t, e, f)
	if n := len(f.seen("POST /images/create")); n != 1 {
		t.Errorf("the skeleton of one root was imported %d times, want once", n)
	}
}

// TestContainerIsLockedDown wants the request that makes a container exactly as written
// here: whatever is added to or taken from it changes what holds a job.
func TestContainerIsLockedDown(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := newEngine(t, f)
	s := newSpec(t)
	s.UID, s.GID = 1000, 1001
	e.kind = &kind{runtime: "runsc", cores: 4, caps: runner.Caps{MemoryLimit: true, CPULimit: true, ProcessLimit: true}}
	if res, _, _, err := run(t, e, s); err != nil || res.Failure != nil {
		t.Fatal(res, err)
	}
	golden, err := os.ReadFile("testdata/create.json")
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(f.bodies["POST /containers/create"], &got); err != nil {
		t.Fatal(err)
	}
	sk, err := newSkeleton(s.Root)
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("$ROOT", s.Root, "$IN", s.InDir, "$OUT", s.OutDir, "$HELPER", e.config.Helper, "$SKELETON", sk.name).Replace(string(golden))
	if err := json.Unmarshal([]byte(filled), &want); err != nil {
		t.Fatal(err)
	}
	gotText, _ := json.MarshalIndent(got, "", "\t")
	wantText, _ := json.MarshalIndent(want, "", "\t")
	if !bytes.Equal(gotText, wantText) {
		t.Errorf("the container's request is\n%s\nwant\n%s", gotText, wantText)
	}
	order := f.seen("POST /containers")
	for i, r := range order {
		order[i], _, _ = strings.Cut(r, "?")
	}
	if want := []string{"POST /containers/create", "POST /containers/create", "POST /containers/{id}/attach", "POST /containers/{id}/attach", "POST /containers/{id}/start"}; !slices.Equal(order[:5], want) {
		t.Errorf("requests were %q, want first %q", order, want)
	}
}

// TestSkeletonHoldsWhatCannotBeBound reads the imported archive.
func TestSkeletonHoldsWhatCannotBeBound(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := newEngine(t, f)
	s := newSpec(t)
	if res, _, _, err := run(t, e, s); err != nil || res.Failure != nil {
		t.Fatal(res, err)
	}
	entries := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(f.bodies["POST /images/create"])); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r)
		entries[h.Name] = fmt.Sprintf("%c %o %s%s", h.Typeflag, h.Mode, h.Linkname, body)
	}
	for name, want := range map[string]string{
		"proc/": "5 555 ", "tmp/": "5 1777 ", "in/": "5 755 ", "out/": "5 777 ", ".rerig-helper": "0 555 ",
		"bin": "2 777 usr/bin", "app": "0 644 ", "usr/": "5 755 ", "etc/": "5 755 ",
		"etc/passwd": "0 644 root:x:0:0::/:/bin/sh\n", "etc/ssl/ca": "0 644 ca", "etc/mtab": "2 777 /proc/mounts",
	} {
		if entries[name] != want {
			t.Errorf("skeleton has %q as %q, want %q", name, entries[name], want)
		}
	}
	for _, name := range []string{"tmp/old", "usr/bin/", "usr/bin/tool"} {
		if got, ok := entries[name]; ok {
			t.Errorf("skeleton has %q as %q, want none", name, got)
		}
	}
}

// TestHostileRoots wants images refused whose roots reach out of them or are too much.
func TestHostileRoots(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("host's"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("etc is a link to the host's", func(t *testing.T) {
		root := t.TempDir()
		if err := os.Symlink(filepath.Dir(secret), filepath.Join(root, "etc")); err != nil {
			t.Fatal(err)
		}
		sk, err := newSkeleton(root)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sk.tar, []byte("host's")) || len(sk.mounts) != 0 {
			t.Error("the skeleton follows a link out of the root")
		}
	})
	t.Run("a file in etc is a link to the host's", func(t *testing.T) {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(root, "etc", "x")); err != nil {
			t.Fatal(err)
		}
		if sk, err := newSkeleton(root); err != nil || bytes.Contains(sk.tar, []byte("host's")) {
			t.Error("the skeleton follows a link out of the root", err)
		}
	})
	refused := map[string]func(root string) error{
		"many entries": func(root string) error {
			for i := range maxTop + 1 {
				if err := os.Mkdir(filepath.Join(root, fmt.Sprint(i)), 0o755); err != nil {
					return err
				}
			}
			return nil
		},
		"a name that is no text": func(root string) error { return os.Mkdir(filepath.Join(root, "a\xff"), 0o755) },
		"a name with a newline":  func(root string) error { return os.Mkdir(filepath.Join(root, "a\nb"), 0o755) },
		"a large etc": func(root string) error {
			if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(root, "etc", "big"), nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(filepath.Join(root, "etc", "big"), maxEtcBytes+1)
		},
	}
	for name, prepare := range refused {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := prepare(root); err != nil {
				t.Fatal(err)
			}
			_, err := newSkeleton(root)
			if failure := new(runner.Failure); !errors.As(err, &failure) || failure.Kind != runner.FailureBadModule {
				t.Errorf("the root gave %v, want a bad module", err)
			}
		})
	}
}

func TestLimitsEndAJob(t *testing.T) {
	t.Parallel()
	forever := func(c *fakeContainer) int { <-c.killed; return 137 }
	tests := map[string]struct {
		program func(c *fakeContainer) int
		change  func(*runner.Spec)
		kind    runner.FailureKind
		code    int
	}{
		"deadline": {program: forever, change: func(s *runner.Spec) { s.Deadline = 50 * time.Millisecond }, kind: runner.FailureDeadline},
		"memory": {program: func(c *fakeContainer) int {
			c.setState(func(s *container.State) { s.OOMKilled = true })
			return 137
		}, kind: runner.FailureMemory, code: 137},
		"flood of output": {program: func(c *fakeContainer) int {
			for c.print(streamStdout, strings.Repeat("x", 1<<16)) == nil {
			}
			<-c.killed
			return 137
		}, change: func(s *runner.Spec) { s.StdoutBytes = 100 << 10 }, kind: runner.FailureStdout},
		"too much output at the end": {program: func(c *fakeContainer) int {
			c.print(streamStderr, strings.Repeat("x", 101))
			return 0
		}, change: func(s *runner.Spec) { s.StdoutBytes = 100 }, kind: runner.FailureStdout},
		"full output directory": {program: func(c *fakeContainer) int {
			os.WriteFile(filepath.Join(c.out, "big"), make([]byte, 2<<20), 0o644)
			return 0
		}, kind: runner.FailureOutput},
		"many output files": {program: func(c *fakeContainer) int {
			for i := range 20 {
				os.Mkdir(filepath.Join(c.out, fmt.Sprint(i)), 0o755)
			}
			return 0
		}, kind: runner.FailureOutput},
		"a link as output": {program: func(c *fakeContainer) int {
			os.Symlink("/etc/passwd", filepath.Join(c.out, "x"))
			return 0
		}, kind: runner.FailureOutput},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.program = test.program
			e := newEngine(t, f)
			s := newSpec(t)
			if test.change != nil {
				test.change(&s)
			}
			if res := wantFailure(t, e, s, test.kind); res.ExitCode != test.code {
				t.Errorf("exit code is %d, want %d", res.ExitCode, test.code)
			}
			wantNothingLeft(t, e, f)
		})
	}
}

// TestOutputLimitIsExact wants every byte of the limit and none over it.
func TestOutputLimitIsExact(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int {
		for range 100 {
			c.print(streamStdout, "x") // each in a frame of its own
		}
		return 0
	}
	e := newEngine(t, f)
	s := newSpec(t)
	s.StdoutBytes = 100
	if res, out, _, err := run(t, e, s); err != nil || res.Failure != nil || len(out) != 100 {
		t.Errorf("a job at its limit gave %v, %d bytes, %v", res.Failure, len(out), err)
	}
}

func TestBadProgram(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.refusal = "stat /app: no such file or directory"
	e := newEngine(t, f)
	_, err := e.Start(t.Context(), newSpec(t), nil, nil)
	failure := new(runner.Failure)
	if !errors.As(err, &failure) || failure.Kind != runner.FailureBadModule || !strings.Contains(failure.Detail, "no such file") {
		t.Errorf("a program that is not there gave %v", err)
	}
	wantNothingLeft(t, e, f)
}

func TestProgramThatCannotBeStarted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.lateRefusal = "start /app: exec format error"
	res := wantFailure(t, newEngine(t, f), newSpec(t), runner.FailureBadModule)
	if !strings.Contains(res.Failure.Detail, "exec format error") {
		t.Errorf("it is told as %v", res.Failure)
	}
}

func TestStopAndShutdown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(j runner.Job, cancelJob, cancelRun func()){
		"stop":             func(j runner.Job, _, _ func()) { j.Stop() },
		"its context":      func(_ runner.Job, cancel, _ func()) { cancel() },
		"the rig shutting": func(_ runner.Job, _, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
			self, _ := os.Executable()
			e, err := New(Config{Host: "unix://" + f.socket, Owner: "o", DataDir: t.TempDir(), Helper: self})
			if err != nil {
				t.Fatal(err)
			}
			runCtx, cancelRun := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- e.Run(runCtx) }() // ended below
			<-e.Started()
			ctx, cancel := context.WithCancel(t.Context())
			j, err := e.Start(ctx, newSpec(t), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			end(j, cancel, cancelRun)
			if res, err := j.Wait(); err != nil || res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
				t.Errorf("job ended with %v, %v; want it killed", res.Failure, err)
			}
			cancel()
			cancelRun()
			if err := <-done; err != nil {
				t.Error(err)
			}
			wantNothingLeft(t, e, f)
			if _, err := e.Start(t.Context(), newSpec(t), nil, nil); !errors.Is(err, runner.ErrNotRunning) {
				t.Errorf("a job after Run gave %v", err)
			}
		})
	}
}

func TestPauseHoldsTheDeadline(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
	e := newEngine(t, f)
	s := newSpec(t)
	s.Deadline = 300 * time.Millisecond
	j, err := e.Start(t.Context(), s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*s.Deadline)
	defer cancel()
	if err := j.WaitUsage(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a paused job gave %v", err)
	}
	if f.only().state.Paused == false || len(f.seen("POST /containers/{id}/kill")) != 0 {
		t.Error("a paused job met its deadline")
	}
	if err := j.Resume(); err != nil {
		t.Fatal(err)
	}
	if res, _ := j.Wait(); res.Failure == nil || res.Failure.Kind != runner.FailureDeadline {
		t.Errorf("job ended with %v, want its deadline", res.Failure)
	}
	if err := errors.Join(j.Pause(), j.Resume()); err != nil {
		t.Errorf("pausing a job that ended gave %v", err)
	}
}

// TestStopOfAPausedJob: a halted process takes no signal before it goes on.
func TestStopOfAPausedJob(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int {
		<-c.killed
		eventually(t, "the container goes on", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return !c.state.Paused
		})
		return 137
	}
	e := newEngine(t, f)
	j, err := e.Start(t.Context(), newSpec(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Pause(); err != nil {
		t.Fatal(err)
	}
	j.Stop()
	if res, err := j.Wait(); err != nil || res.Failure.Kind != runner.FailureKilled {
		t.Errorf("job ended with %v, %v", res.Failure, err)
	}
}

func TestUsageComesFromTheEngine(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	first := make(chan struct{})
	var once sync.Once
	plain := f.usage
	f.usage = func(c *fakeContainer) string {
		defer once.Do(func() { close(first) })
		return plain(c)
	}
	f.program = func(c *fakeContainer) int { <-c.killed; return 137 }
	f.special["POST /containers/{id}/start"] = func(http.ResponseWriter, *http.Request) bool {
		c := f.only()
		c.mu.Lock()
		c.cpu = uint64(90 * time.Millisecond) // of making the sandbox
		c.mu.Unlock()
		return false
	}
	e := newEngine(t, f)
	j, err := e.Start(t.Context(), newSpec(t), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-first
	c := f.only()
	c.mu.Lock()
	c.cpu += uint64(1500*time.Millisecond + 1)
	c.memory = 2_000_000
	c.mu.Unlock()
	if err := j.WaitUsage(t.Context(), 1500); err != nil {
		t.Error(err)
	}
	if got, want := j.Usage(), (runner.Usage{CPUMillis: 1501, PeakMemoryBytes: 4_000_000}); got != want {
		t.Errorf("usage is %+v, want %+v", got, want)
	}
	j.Stop()
	if err := j.WaitUsage(t.Context(), 1<<40); !errors.Is(err, runner.ErrEnded) {
		t.Errorf("waiting for a job that ended gave %v", err)
	}
	if res, _ := j.Wait(); res.Usage.CPUMillis != 1501 {
		t.Errorf("result has usage %+v", res.Usage)
	}
}

func TestManyJobsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.program = func(c *fakeContainer) int {
		c.print(streamStdout, c.config.Cmd[5])
		return len(c.config.Cmd[5])
	}
	e := newEngine(t, f)
	var all sync.WaitGroup
	s := newSpec(t)
	for i := range 40 {
		s := s
		s.OutDir = t.TempDir()
		s.Args = []string{"/app", fmt.Sprint(i)}
		all.Go(func() {
			var out bytes.Buffer
			j, err := e.Start(t.Context(), s, &out, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if res, err := j.Wait(); err != nil || res.Failure != nil || out.String() != s.Args[1] || res.ExitCode != len(s.Args[1]) {
				t.Error(res, err, out.String())
			}
		})
	}
	all.Wait()
	wantNothingLeft(t, e, f)
}
