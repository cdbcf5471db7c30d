//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/gvisor/internal/line"
)

// How often a job's output directory, and where no control group does it, its memory is
// looked at.
const (
	minLook = 10 * time.Millisecond
	maxLook = 250 * time.Millisecond
	// uncountedLook is how often a job's processes are looked at where no control group counts
	// their time: what they use after the last look before their end is not billed.
	uncountedLook = 20 * time.Millisecond
	// diskSpeed is the most that a job writes in a second, in bytes: the nearer its limit,
	// the sooner the next look.
	diskSpeed = 2 << 30
	// lookShare is how many times as long as a look took the pause after it is at least.
	lookShare = 10
)

// giveOutput lets the job's user write to its output directory.
func (j *Job) giveOutput() error {
	if j.spec.OutDir == "" || j.engine.rootless {
		return nil
	}
	if err := os.Chown(j.spec.OutDir, int(j.spec.UID), int(j.spec.GID)); err != nil {
		return fmt.Errorf("give the output directory to the job: %w", err)
	}
	return nil
}

// takeOutput makes a job's output the rig's own, with none of the rights that a job's file
// must not give, and all of those that it must not refuse.
func takeOutput(dir string) *runner.Failure {
	if dir == "" {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, os.Getuid(), os.Getgid())
		}
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Chmod(path, 0o700) // before it is read
		case d.Type().IsRegular():
			return os.Chmod(path, 0o600)
		}
		return nil
	})
	var at *fs.PathError
	if errors.As(err, &at) && at.Path != dir {
		return hidden(at.Path, at)
	}
	if err != nil {
		return &runner.Failure{Kind: runner.FailureInternal, Detail: "take over the job's output: " + err.Error()}
	}
	return nil
}

// hidden is the failure of a job that keeps its output from being looked at: by its rights,
// where the rig has none, or by a path that is longer than the kernel takes.
func hidden(path string, err error) *runner.Failure {
	name := filepath.Base(path)
	return &runner.Failure{Kind: runner.FailureOutput, Detail: fmt.Sprintf("output has an entry %q that cannot be read: %v", name, errors.Unwrap(err))}
}

// watch holds the job to the limits that no kernel holds it to, and counts what no kernel
// counts, until stop is closed.
func (j *Job) watch(stop <-chan struct{}) {
	select {
	case <-j.begun:
	case <-stop:
		return
	}
	if (j.spec.OutDir == "" || j.held) && j.limited() && j.meter.counted {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		begun := time.Now()
		if f := j.look(); f != nil {
			j.kill(f)
			return
		}
		left, f := j.overOutput()
		if f != nil {
			j.kill(f)
			return
		}
		pause := min(time.Duration(float64(left)/diskSpeed*float64(time.Second)), maxLook)
		if !j.meter.counted {
			pause = min(pause, uncountedLook)
		}
		timer.Reset(max(pause, minLook, lookShare*time.Since(begun)))
	}
}

// limited tells whether the kernel holds the job to its memory.
func (j *Job) limited() bool {
	p := j.engine.config.Parent
	if p == nil {
		return false
	}
	memory, _, _, _ := p.Enforces()
	return memory
}

// look counts what the job uses. It is the failure of a job that holds too much memory where no
// control group holds it to its limit.
func (j *Job) look() *runner.Failure {
	if j.limited() && j.meter.counted {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.reaped || j.paused != nil {
		return nil
	}
	j.meter.look()
	if !j.limited() && j.meter.memory > j.spec.MemoryBytes+sandboxMemory {
		return j.memoryFailure()
	}
	return nil
}

var errOver = errors.New("over the limit")

// overOutput is the failure of a job whose output is over its limit; else how many
// bytes are left.
func (j *Job) overOutput() (left uint64, f *runner.Failure) {
	if j.spec.OutDir == "" || j.held {
		return diskSpeed, nil
	}
	bytes, files := j.unlinked(), 0
	err := filepath.WalkDir(j.spec.OutDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was not just removed: it hides something
			f = hidden(path, err)
			return errOver
		}
		if err != nil || path == j.spec.OutDir {
			return nil //nolint:nilerr // it was removed meanwhile
		}
		if files++; files > j.spec.OutputFiles {
			f = j.overFull(line.FullFiles)
			return errOver
		}
		if info, err := d.Info(); err == nil && d.Type().IsRegular() {
			bytes += uint64(info.Size())
		}
		if bytes > j.spec.OutputBytes {
			f = j.overFull(line.FullBytes)
			return errOver
		}
		return nil
	})
	if err == nil && bytes > j.spec.OutputBytes { // all of it without a name
		f = j.overFull(line.FullBytes)
	}
	if f != nil {
		return 0, f
	}
	return j.spec.OutputBytes - bytes, nil
}

// overFull is the failure of a job whose output directory has no room for more.
func (j *Job) overFull(what string) *runner.Failure {
	if what == line.FullFiles {
		return &runner.Failure{Kind: runner.FailureOutput, Detail: fmt.Sprintf("output has more than %d files", j.spec.OutputFiles)}
	}
	return &runner.Failure{Kind: runner.FailureOutput, Detail: fmt.Sprintf("output is over %d bytes", j.spec.OutputBytes)}
}

// unlinked is the disk, in bytes, that files of the output's file system take which the
// sandbox holds open and nobody can find: a job may go on writing to what it removed.
func (j *Job) unlinked() (bytes uint64) {
	var home unix.Stat_t
	if j.spec.OutDir == "" || unix.Stat(j.spec.OutDir, &home) != nil {
		return 0
	}
	seen := map[uint64]bool{}
	eachFile(j.seat.cmd.Process.Pid, func(f *unix.Stat_t) {
		if f.Dev == home.Dev && f.Nlink == 0 && f.Mode&unix.S_IFMT == unix.S_IFREG && !seen[f.Ino] {
			seen[f.Ino] = true
			bytes += uint64(f.Blocks) * 512
		}
	})
	return bytes
}
