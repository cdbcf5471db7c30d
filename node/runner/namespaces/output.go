//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// keepOutput copies the job's /out to its directory on the host. No process of the job is
// left that could change it meanwhile.
func (j *Job) keepOutput() *runner.Failure {
	// The kernel's own name for an open directory, which needs no path to the dead mount.
	top := fmt.Sprintf("/proc/self/fd/%d/.", j.outTop.Fd())
	inside := j.spec
	inside.OutDir = top
	if f := runner.CheckOutput(&inside); f != nil {
		return f
	}
	from, err := os.OpenRoot(top)
	if err == nil {
		defer from.Close()
		err = copyTree(from, j.spec.OutDir)
	}
	var over *runner.Failure
	if errors.As(err, &over) {
		return over
	}
	if err != nil {
		return &runner.Failure{Kind: runner.FailureInternal, Detail: "keep the outputs: " + err.Error()}
	}
	return nil
}

// copyTree copies directories and regular files; CheckOutput has seen that there is nothing
// else.
func copyTree(from *os.Root, to string) error {
	dest, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer dest.Close()
	return fs.WalkDir(from.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if d.IsDir() {
			return dest.Mkdir(path, 0o755)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return copyFile(from, dest, path, info)
	})
}

func copyFile(from, to *os.Root, path string, info fs.FileInfo) error {
	in, err := from.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return &runner.Failure{Kind: runner.FailureOutput, Detail: fmt.Sprintf("output %q is not readable by its owner", path)}
	}
	if err != nil {
		return err
	}
	defer in.Close()
	mode := fs.FileMode(0o644) | info.Mode().Perm()&0o111
	out, err := to.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	_, err = io.Copy(out, io.LimitReader(in, info.Size()))
	return errors.Join(err, out.Close())
}
