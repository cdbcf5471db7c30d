package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// limits is what a miner counts on of a job that takes too much.
var limits = []check{
	{name: "memory", run: memory},
	{name: "deadline", run: atDeadline},
	{name: "flood of output", run: flood},
	{name: "pause and resume", run: pauseAndResume},
	{name: "deadline while paused", run: deadlineWhilePaused},
	{name: "output bytes", run: outputOver("fill", fmt.Sprint(outputBytes), " bytes")},
	{name: "sparse output", run: outputOver("sparse", fmt.Sprint(outputBytes), " bytes")},
	{name: "output files", run: outputOver("litter", fmt.Sprint(outputFiles), " files")},
	{name: "output under load", run: outputUnderLoad},
	{name: "scratch", run: scratch},
}

func memory(s *suite, t testing.TB) error {
	r, err := s.fails(s.job("grow"), runner.FailureMemory, fmt.Sprint(memoryBytes))
	if err != nil {
		return err
	}
	if peak := r.result.Usage.PeakMemoryBytes; peak > memoryBytes || peak < memoryBytes/2 {
		return fmt.Errorf("peak memory %d, want half of the limit %d at least, and not over it", peak, memoryBytes)
	}
	return s.next()
}

// next is the job after one that was ended: the engine must be as it was.
func (s *suite) next() error {
	if out, err := s.well(s.job("echo", "next")); err != nil || out != "next\n" {
		return fmt.Errorf("the next job said %q, %w", out, err)
	}
	return nil
}

func atDeadline(s *suite, t testing.TB) error {
	spec := s.job("spin")
	spec.Deadline = 300 * time.Millisecond
	if _, err := s.fails(spec, runner.FailureDeadline, "300ms"); err != nil {
		return err
	}
	spec = s.job("sleep")
	spec.Deadline = 300 * time.Millisecond
	if s.WASM { // whose sleep is the clock's alone
		spec.Args[1] = "spin"
	}
	_, err := s.fails(spec, runner.FailureDeadline, "300ms")
	return err
}

func flood(s *suite, t testing.TB) error {
	r, err := s.fails(s.job("flood"), runner.FailureStdout, fmt.Sprint(stdoutBytes))
	if err != nil {
		return err
	}
	if n := len(r.stdout.String()) + len(r.stderr.String()); n > stdoutBytes {
		return fmt.Errorf("%d bytes were delivered, over the limit of %d", n, stdoutBytes)
	}
	return s.next()
}

// pauses starts an endless job and pauses it. Whether it can is what Probe says too.
func (s *suite) pauses(spec runner.Spec) (*running, error) {
	r, err := s.start(spec)
	if err != nil {
		return nil, err
	}
	if err := r.wait("spinning"); err != nil {
		return nil, err
	}
	err = r.Pause()
	if caps, probed := s.engine.Probe(context.Background()); probed != nil {
		err = fmt.Errorf("probe: %w", probed)
	} else if caps.Pause != (err == nil) {
		err = fmt.Errorf("Pause says %v, and Probe that it can pause: %v", err, caps.Pause)
	}
	if err != nil {
		r.Stop()
		_, _ = r.end() // Pause's error is the one to tell
		return nil, err
	}
	return r, nil
}

func pauseAndResume(s *suite, t testing.TB) error {
	r, err := s.pauses(s.job("spin"))
	if errors.Is(err, runner.ErrPauseUnsupported) && s.WASM {
		return nil // Windows
	}
	if err != nil {
		return err
	}
	defer r.Stop()
	var paused runner.Usage
	if err := eventually("the halt", func() error {
		before := paused
		paused = r.Usage()
		time.Sleep(20 * time.Millisecond) // what a job that is not halted would use
		if now := r.Usage(); now != paused || before != paused {
			return fmt.Errorf("a paused job used %+v, then %+v", paused, now)
		}
		return nil
	}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.WaitUsage(ctx, paused.CPUMillis+1); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("WaitUsage of a paused job: %v", err)
	}
	if err := r.Resume(); err != nil {
		return err
	}
	if err := r.WaitUsage(context.Background(), paused.CPUMillis+20); err != nil {
		return fmt.Errorf("a resumed job: %w", err)
	}
	if err := r.Pause(); err != nil {
		return fmt.Errorf("pause it again: %w", err)
	}
	r.Stop()
	res, err := r.end()
	if err != nil || res.Failure == nil || res.Failure.Kind != runner.FailureKilled {
		return fmt.Errorf("a paused job that is stopped: %s", r.ending())
	}
	return nil
}

// deadlineWhilePaused: a pause takes nothing from a job's time, and gives it none.
func deadlineWhilePaused(s *suite, t testing.TB) error {
	spec := s.job("spin")
	spec.Deadline = 2 * time.Second
	r, err := s.pauses(spec)
	if errors.Is(err, runner.ErrPauseUnsupported) && s.WASM {
		return nil // Windows
	}
	if err != nil {
		return err
	}
	defer r.Stop()
	select {
	case <-r.done:
		return fmt.Errorf("a paused job ended: %s", r.ending())
	case <-time.After(2*time.Second + 200*time.Millisecond):
	}
	used := r.Usage().CPUMillis
	if err := r.Resume(); err != nil {
		return err
	}
	res, err := r.end()
	if err != nil || res.Failure == nil || res.Failure.Kind != runner.FailureDeadline {
		return fmt.Errorf("a resumed job: %s, want that its deadline ends it", r.ending())
	}
	if res.Usage.CPUMillis <= used {
		return fmt.Errorf("a resumed job used %d ms, and %d before its pause", res.Usage.CPUMillis, used)
	}
	return nil
}

// outputOver passes a limit of the output directory, which must hold in the directory itself
// while the job runs: it is the host's disk.
func outputOver(action, limit, unit string) func(*suite, testing.TB) error {
	return func(s *suite, t testing.TB) error {
		spec := s.job(action)
		spec.OutDir = t.TempDir()
		r, err := s.fails(spec, runner.FailureOutput, limit+unit)
		if err != nil {
			return err
		}
		if err := s.within(spec.OutDir); err != nil {
			return fmt.Errorf("%w, %s", err, r.ending())
		}
		return s.next()
	}
}

// outputUnderLoad has a job write many files at once as fast as it can, while others keep
// every core busy: whoever looks now and then comes late.
func outputUnderLoad(s *suite, t testing.TB) error {
	for range 2 * runtime.NumCPU() {
		r, err := s.start(s.job("spin"))
		if err != nil {
			return err
		}
		defer func() { r.Stop(); <-r.done }()
		if err := r.wait("spinning"); err != nil {
			return err
		}
	}
	return outputOver("torrent", fmt.Sprint(outputBytes), " bytes")(s, t)
}

// What an output directory may hold beyond its limits: the rest of each file's last block;
// and what it may where the engine only looks there now and then.
const (
	outputSlack      = 1 << 20
	outputSlackFiles = 1
	lookSlack        = 512 << 20
	lookSlackFiles   = 4096
)

// within checks that a job that passed a limit of its output directory has written no more.
func (s *suite) within(dir string) error {
	mostBytes, mostFiles := int64(outputBytes+outputSlack), outputFiles+outputSlackFiles
	if s.Looks {
		mostBytes, mostFiles = outputBytes+lookSlack, outputFiles+lookSlackFiles
	}
	if bytes, files := held(dir); bytes > mostBytes || files > mostFiles {
		return fmt.Errorf("%d bytes in %d files were written to the host", bytes, files)
	}
	return nil
}

// held is how much disk a directory takes, and how many files it has.
func held(dir string) (bytes int64, files int) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return nil //nolint:nilerr // what is gone takes nothing
		}
		files++
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			bytes += blocks(info)
		}
		return nil
	})
	return bytes, files
}

// scratch: what a job writes elsewhere is bounded too, and reaches nobody.
func scratch(s *suite, t testing.TB) error {
	if s.WASM {
		out, err := s.well(s.job("scratch", "/tmp/fill"))
		if err == nil && !strings.HasPrefix(out, "wrote 0,") {
			err = fmt.Errorf("a module wrote outside of /out: %q", out)
		}
		return err
	}
	for _, name := range []string{"/tmp/fill", "/dev/shm/fill", "/fill", "/data/fill", "/var/tmp/fill"} {
		r, err := s.do(s.job("scratch", name))
		if err != nil {
			return err
		}
		var wrote int64
		out := r.stdout.String()
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if _, err := fmt.Sscanf(lines[len(lines)-1], "wrote %d,", &wrote); err != nil {
			return fmt.Errorf("fill %s: %s", name, r.ending())
		}
		if wrote > scratchBytes+1<<20 {
			return fmt.Errorf("a job wrote %d bytes to %s, over its %d: %s", wrote, name, scratchBytes, r.ending())
		}
		if f := r.result.Failure; f != nil && f.Kind != runner.FailureMemory {
			return fmt.Errorf("a job that fills %s: %s", name, r.ending())
		}
		if _, err := os.Lstat(filepath.Join(s.guest.root, name)); err == nil {
			return fmt.Errorf("%s was made in the root that all jobs share", name)
		}
	}
	return s.next()
}
