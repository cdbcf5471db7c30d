package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// basics is what every job counts on.
var basics = []check{
	{name: "exit code and output", run: exitAndOutput},
	{name: "files in and out", run: filesInAndOut},
	{name: "working directory and user", run: directoryAndUser},
	{name: "program that is not there", run: noProgram},
	{name: "program found by its name", run: byName},
	{name: "long arguments", run: longArguments},
	{name: "consumer that waits", run: slowConsumer},
	{name: "stop", run: stop},
	{name: "context", run: contextKills},
	{name: "consumer that breaks", run: brokenConsumer},
	{name: "not running", run: notRunning},
}

func exitAndOutput(s *suite, t testing.TB) error {
	spec := s.job("echo", "a", "b c", "ä\"'$x")
	spec.Env = []string{"K=v", "EMPTY=", "HOME=/job"} // gVisor adds a HOME where there is none
	r, err := s.do(spec)
	if err != nil {
		return err
	}
	if got, want := r.stdout.String(), "a b c ä\"'$x\n"; got != want {
		return fmt.Errorf("standard output %q, want %q: %s", got, want, r.ending())
	}
	if got, want := r.stderr.String(), "env [EMPTY= HOME=/job K=v]\n"; got != want {
		return fmt.Errorf("standard error %q, want %q", got, want)
	}
	for _, code := range []int{0, 1, 42, 255} {
		r, err := s.do(s.job("exit", fmt.Sprint(code)))
		if err != nil {
			return err
		}
		if r.result.Failure != nil || r.result.ExitCode != code {
			return fmt.Errorf("exit %d: %s", code, r.ending())
		}
	}
	if s.WASM {
		return nil
	}
	r, err = s.do(s.job("killself"))
	if err == nil && (r.result.Failure != nil || r.result.ExitCode != 128+9) {
		err = fmt.Errorf("a program that kills itself: %s, want exit code 137", r.ending())
	}
	return err
}

func filesInAndOut(s *suite, t testing.TB) error {
	in, out := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(in, "deep"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(in, "deep/data"), []byte("input"), 0o644); err != nil {
		return err
	}
	spec := s.job("files")
	spec.InDir, spec.OutDir = in, out
	if _, err := s.well(spec); err != nil {
		return err
	}
	for name, want := range map[string]string{"copy": "input", "a/b/final": "one two three"} {
		if b, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(b) != want {
			return fmt.Errorf("output %s is %q, %v, want %q", name, b, err, want)
		}
	}
	list, err := os.ReadDir(out)
	if err != nil || len(list) != 2 {
		return fmt.Errorf("the outputs are %v, %v, want a and copy", list, err)
	}
	return nil
}

func directoryAndUser(s *suite, t testing.TB) error {
	if s.WASM {
		return nil // WASI knows neither
	}
	out, err := s.well(s.job("whoami"))
	if err != nil || out != "/ 0 0 [0]\n" && out != "/ 0 0 []\n" {
		return fmt.Errorf("by default it runs as %q (directory, user, group, other groups), %w", out, err)
	}
	spec := s.job("whoami")
	spec.WorkDir, spec.UID, spec.GID, spec.OutDir = "/job", 1000, 1000, t.TempDir()
	out, err = s.well(spec)
	if err != nil || out != "/job 1000 1000 [1000]\n" && out != "/job 1000 1000 []\n" {
		return fmt.Errorf("as user 1000 in /job it runs as %q, %w", out, err)
	}
	spec.Args = []string{"/guest", "write", "/out/mine", "/tmp/mine"}
	if _, err := s.well(spec); err != nil {
		return fmt.Errorf("a user that is not root: %w", err)
	}
	return nil
}

// noProgram: what is no program is the job's fault, and is said before or at its end.
func noProgram(s *suite, t testing.TB) error {
	spec := s.job()
	if s.WASM {
		spec.Module, spec.ModuleSHA256 = []byte("#!/bin/sh\n"), [32]byte{}
		return s.isNone(spec)
	}
	// Nothing, a text, a directory, a name that no directory has, and a place that is none.
	for _, name := range []string{"/nowhere", "/etc/passwd", "/data", "nowhere"} {
		spec.Args = []string{name}
		if err := s.isNone(spec); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// isNone tells that a job fails for its program.
func (s *suite) isNone(spec runner.Spec) error {
	r, err := s.start(spec)
	f := new(runner.Failure)
	if err == nil {
		_, err = r.end()
		if f = r.result.Failure; err != nil {
			return err
		}
	} else if !errors.As(err, &f) {
		return fmt.Errorf("error %w, want a failure of the job", err)
	}
	if f == nil || f.Kind != runner.FailureBadModule {
		return fmt.Errorf("failure %v, want %s", f, runner.FailureBadModule)
	}
	return nil
}

// byName: images name their programs as a shell would, for the image's own PATH.
func byName(s *suite, t testing.TB) error {
	if s.WASM {
		return nil // a module is its program
	}
	spec := s.job("echo", "found")
	spec.Args[0], spec.Env = "guest", []string{"PATH=/nowhere:/data:/"}
	if out, err := s.well(spec); err != nil || out != "found\n" {
		return fmt.Errorf("it says %q, %w", out, err)
	}
	return nil
}

func longArguments(s *suite, t testing.TB) error {
	long := make([]string, 100)
	for i := range long {
		long[i] = strings.Repeat(fmt.Sprint(i%10), 2000)
	}
	out, err := s.well(s.job(append([]string{"echo"}, long...)...))
	if want := strings.Join(long, " ") + "\n"; err != nil || out != want {
		return fmt.Errorf("it says %s, %w", brief(out), err)
	}
	return nil
}

// slowConsumer: output that nobody takes holds the job back, and loses nothing.
func slowConsumer(s *suite, t testing.TB) error {
	out := waiting{newText(), make(chan struct{})}
	spec := s.job("flood")
	j, err := s.engine.Start(context.Background(), spec, out, nil)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	var res runner.Result
	go func() { // ends with the job
		res, err = j.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return fmt.Errorf("it ended before anybody took its output: %+v, failure %v, error %v", res, res.Failure, err)
	case <-time.After(300 * time.Millisecond):
	}
	close(out.open)
	<-ended
	if f := res.Failure; err != nil || f == nil || f.Kind != runner.FailureStdout || len(out.String()) != stdoutBytes {
		return fmt.Errorf("it wrote %d bytes and ended with %+v, failure %v, error %v", len(out.String()), res, f, err)
	}
	return nil
}

// waiting is an output that takes nothing until it is opened.
type waiting struct {
	*text
	open chan struct{}
}

func (w waiting) Write(p []byte) (int, error) {
	<-w.open
	return w.text.Write(p)
}

func stop(s *suite, t testing.TB) error {
	r, err := s.start(s.job("spin"))
	if err != nil {
		return err
	}
	if err := r.wait("spinning"); err != nil {
		return err
	}
	r.Stop()
	res, err := r.end()
	if err != nil || res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
		return fmt.Errorf("a stopped job: %s", r.ending())
	}
	if err := r.WaitUsage(context.Background(), 1<<40); !errors.Is(err, runner.ErrEnded) {
		return fmt.Errorf("WaitUsage of an ended job: %v, want that it has ended", err)
	}
	r.Stop() // again, and nothing
	return nil
}

func contextKills(s *suite, t testing.TB) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	j, err := s.engine.Start(ctx, s.job("spin"), nil, nil)
	if err != nil {
		return err
	}
	cancel(errors.New("channel underfunded"))
	res, err := j.Wait()
	if f := res.Failure; err != nil || f == nil || f.Kind != runner.FailureKilled || f.Detail != "channel underfunded" {
		return fmt.Errorf("result %+v, failure %v, error %v", res, res.Failure, err)
	}
	return nil
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("stream reset") }

// brokenConsumer: a job whose output nobody takes must not run on.
func brokenConsumer(s *suite, t testing.TB) error {
	j, err := s.engine.Start(context.Background(), s.job("flood"), brokenWriter{}, nil)
	if err != nil {
		return err
	}
	res, err := j.Wait()
	if f := res.Failure; err != nil || f == nil || f.Kind != runner.FailureKilled || !strings.Contains(f.Detail, "stream reset") {
		return fmt.Errorf("result %+v, failure %v, error %v", res, res.Failure, err)
	}
	return nil
}

func notRunning(s *suite, t testing.TB) error {
	e, stop, err := s.begin(t, t.TempDir())
	if err != nil {
		return err
	}
	if err := stop(); err != nil {
		return err
	}
	if _, err := e.Start(context.Background(), s.job("echo"), nil, nil); !errors.Is(err, runner.ErrNotRunning) {
		return fmt.Errorf("Start after Run: %v, want that it is not running", err)
	}
	return nil
}
