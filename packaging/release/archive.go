package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// member is a file of an archive.
type member struct {
	name string // with slashes
	from string
	mode fs.FileMode
}

// papers come with every archive.
func (r *Release) papers(dir string) []member {
	return []member{
		{path.Join(dir, "LICENSE"), filepath.Join(r.Source, "LICENSE"), 0o644},
		{path.Join(dir, "README.md"), filepath.Join(r.Source, "README.md"), 0o644},
	}
}

// manual is the program's, a page for each command.
func (r *Release) manual(dir string) (list []member) {
	pages, err := filepath.Glob(filepath.Join(r.Built, "man", "*.1"))
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, page := range pages { // sorted
		list = append(list, member{path.Join(dir, filepath.Base(page)), page, 0o644})
	}
	return list
}

// archives writes the tarballs and the zip.
func (r *Release) archives() error {
	for _, t := range []struct{ system, arch string }{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}, {"windows", "amd64"}} {
		dir := fmt.Sprintf("rerig-%s-%s-%s", r.number(), t.system, t.arch)
		program := member{path.Join(dir, "rerig"), r.binary(t.system, t.arch), 0o755}
		write, suffix := writeTarball, ".tar.gz"
		if t.system == "windows" {
			program.name += ".exe"
			write, suffix = writeZip, ".zip"
		}
		if err := write(r.out("%s", dir+suffix), r.Time, slices.Concat([]member{program}, r.papers(dir), r.manual(path.Join(dir, "man")))); err != nil {
			return err
		}
	}
	return nil
}

// writeTarball writes the members, whose owner is root, and the directories they are in.
func writeTarball(name string, at time.Time, members []member) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write tarball: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	top, _, _ := strings.Cut(members[0].name, "/")
	head := &tar.Header{Typeflag: tar.TypeDir, Name: top + "/", Mode: 0o755, ModTime: at, Uname: "root", Gname: "root"}
	if err := w.WriteHeader(head); err != nil {
		return fmt.Errorf("write tarball %s: %w", name, err)
	}
	for _, m := range members {
		err := pour(m.from, func(size int64) (io.Writer, error) {
			return w, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: m.name, Size: size, Mode: int64(m.mode),
				ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatUSTAR})
		})
		if err != nil {
			return fmt.Errorf("write tarball %s: %w", name, err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		return fmt.Errorf("write tarball %s: %w", name, err)
	}
	return nil
}

// writeZip writes the members.
func writeZip(name string, at time.Time, members []member) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write zip: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := zip.NewWriter(f)
	for _, m := range members {
		err := pour(m.from, func(int64) (io.Writer, error) {
			head := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: at}
			head.SetMode(m.mode)
			return w.CreateHeader(head)
		})
		if err != nil {
			return fmt.Errorf("write zip %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write zip %s: %w", name, err)
	}
	return nil
}

// pour copies a file to where open says, which is told its size in bytes.
func pour(from string, open func(size int64) (io.Writer, error)) (err error) {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	to, err := open(info.Size())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return err
}
