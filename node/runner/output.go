package runner

import (
	"errors"
	"fmt"
	"io/fs"
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
