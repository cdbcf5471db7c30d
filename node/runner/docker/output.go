package docker

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node/runner"
)

// A job's /out is memory inside the container, with a size and a number of files that the
// kernel holds: a bound directory could be filled with files that are deleted and still
// open, which nobody sees from outside. When the program has ended, the helper sends what
// is there as an archive, and the rig writes files of its own.

// outputPage is what a file may waste of /out at its end.
const outputPage = 4096

// outputMount is the options of /out. A job can pass its limits by a little, so that this
// is seen to.
func outputMount(s *runner.Spec) string {
	files := uint64(s.OutputFiles) + 2
	return fmt.Sprintf("rw,exec,nosuid,nodev,mode=1777,size=%d,nr_inodes=%d", min(s.OutputBytes, 1<<50)+files*outputPage, files+1)
}

// packEnd follows an archive: one that is cut between two files looks whole.
const packEnd = 'e'

// pack writes what is under a directory as an archive. Nothing changes it meanwhile.
func pack(dir string, out io.Writer) error {
	w := tar.NewWriter(out)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: filepath.ToSlash(name), Mode: int64(info.Mode().Perm()), Typeflag: tar.TypeFifo} // a rig takes none
		switch {
		case info.IsDir():
			h.Typeflag = tar.TypeDir
		case info.Mode().IsRegular():
			h.Typeflag, h.Size = tar.TypeReg, info.Size()
		}
		if err := w.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(w, f)
		return errors.Join(err, f.Close())
	})
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		_, err = out.Write([]byte{packEnd})
	}
	return err
}

// unpack writes an archive's files into the job's output directory, within its limits. They
// are the rig's own, whatever they were inside.
func unpack(s *runner.Spec, r io.Reader) *runner.Failure {
	over := func(format string, a ...any) *runner.Failure {
		return &runner.Failure{Kind: runner.FailureOutput, Detail: fmt.Sprintf(format, a...)}
	}
	broken := func(err error) *runner.Failure {
		return &runner.Failure{Kind: runner.FailureInternal, Detail: "write the output: " + err.Error()}
	}
	root, err := os.OpenRoot(s.OutDir)
	if err != nil {
		return broken(err)
	}
	defer root.Close()
	in := tar.NewReader(r)
	for files, bytes := 1, uint64(0); ; files++ {
		h, err := in.Next()
		name := ""
		if h != nil {
			name = filepath.FromSlash(h.Name)
		}
		switch {
		case errors.Is(err, io.EOF):
			var last [1]byte
			if _, err := io.ReadFull(r, last[:]); err != nil || last[0] != packEnd {
				return over("output cannot be read to its end")
			}
			return nil
		case err != nil:
			return over("output cannot be read to its end: %.200s", err)
		case files > s.OutputFiles:
			return over("output has more than %d files", s.OutputFiles)
		case h.Typeflag == tar.TypeDir:
			if err := root.Mkdir(name, 0o755); err != nil {
				return broken(err)
			}
			continue
		case h.Typeflag != tar.TypeReg:
			return over("output %.100q is not a regular file", h.Name)
		}
		if bytes += uint64(h.Size); bytes > s.OutputBytes {
			return over("output is over %d bytes", s.OutputBytes)
		}
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600|fs.FileMode(h.Mode)&0o155)
		if err != nil {
			return broken(err)
		}
		if _, err := io.Copy(f, in); err != nil {
			f.Close()
			return over("output cannot be read to its end: %.200s", err)
		}
		if err := f.Close(); err != nil {
			return broken(err)
		}
	}
}
