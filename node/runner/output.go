package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxOutputPath is how long the path of an output may be below the output directory, in
// bytes. A job can make directories deeper than any path; the rest of a rig works with paths.
const MaxOutputPath = 1024

// CheckOutput looks at what a job left in its output directory. The sandbox
// may enforce the same limits while the job runs; this is the last look, from
// outside, before anybody reads a file there.
func CheckOutput(s *Spec) *Failure {
	var files int
	var bytes uint64
	err := filepath.WalkDir(s.OutDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.OutDir {
			return err
		}
		name, _ := filepath.Rel(s.OutDir, path)
		if files++; files > s.OutputFiles {
			return &Failure{FailureOutput, fmt.Sprintf("output has more than %d files", s.OutputFiles)}
		}
		if len(name) > MaxOutputPath {
			return &Failure{FailureOutput, fmt.Sprintf("output %.40q… has a path of over %d bytes", name, MaxOutputPath)}
		}
		if d.IsDir() {
			return nil
		}
		if !d.Type().IsRegular() {
			return &Failure{FailureOutput, fmt.Sprintf("output %q is not a regular file", name)}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if bytes += uint64(info.Size()); bytes > s.OutputBytes {
			return &Failure{FailureOutput, fmt.Sprintf("output is over %d bytes", s.OutputBytes)}
		}
		return nil
	})
	var over *Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &over):
		return over
	}
	return &Failure{FailureInternal, "check the output: " + err.Error()}
}

// OpenOutput opens a regular file in a running job's output directory, which the job may
// change as it likes meanwhile: no link leads out of it, and no pipe holds the reader up.
func OpenOutput(dir, name string) (*os.File, error) {
	if dir == "" {
		return nil, fmt.Errorf("open output %q: %w", name, fs.ErrNotExist)
	}
	top, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the outputs: %w", err)
	}
	defer top.Close()
	info, err := top.Lstat(name) // before it is opened: devices do things when they are
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, fmt.Errorf("open output %q: %w", name, err)
	}
	f, err := top.OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, fmt.Errorf("open output %q: %w", name, err)
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(info, now) {
		err = errors.New("it is being replaced")
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, fmt.Errorf("open output %q: %w", name, err)
	}
	return f, nil
}
