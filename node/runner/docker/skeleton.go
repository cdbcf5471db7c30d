package docker

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/moby/moby/api/types/mount"

	"github.com/rerig/rerig/node/runner"
)

// Limits of a root's skeleton.
const (
	maxTop      = 256      // entries of the root directory
	maxEtcFiles = 1 << 14  // files under /etc
	maxEtcBytes = 32 << 20 // bytes under /etc
)

// helperPath is where a container finds Config.Helper.
const helperPath = "/.rerig-helper"

// A skeleton is all of a root that is imported as an image. Docker cannot take a directory
// as a container's root, and importing a whole root would copy gigabytes for every image
// and keep them twice. So the image holds what a bind cannot give: the top level's links,
// a mount point for each of its other entries, and a copy of /etc, in which Docker itself
// mounts hosts, hostname and resolv.conf. All else is bound read-only from the root, which
// costs nothing and shares the page cache with every other job and engine.
type skeleton struct {
	tar    []byte
	name   string        // of the image: equal skeletons have equal ones
	mounts []mount.Mount // what is bound from the root
}

// own are the top-level names that the container has from Docker or from the job.
var own = map[string]fs.FileMode{
	"proc": 0o555, "sys": 0o555, "dev": 0o755, "tmp": 0o1777, "run": 0o755, "in": 0o755, "out": 0o777,
}

// newSkeleton reads a root's top level and its /etc. A root that no container can have is
// the job's failure.
func newSkeleton(root string) (*skeleton, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("read the container's root: %w", err)
	}
	if len(entries) > maxTop {
		return nil, badRoot("its top level has more than %d entries", maxTop)
	}
	var buf bytes.Buffer
	w := &skeletonWriter{tar: tar.NewWriter(&buf)}
	for _, name := range []string{"dev", "in", "out", "proc", "run", "sys", "tmp"} {
		w.put(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(own[name])}, nil)
	}
	w.put(&tar.Header{Typeflag: tar.TypeReg, Name: helperPath[1:], Mode: 0o555}, nil)
	s := &skeleton{}
	for _, entry := range entries {
		name := entry.Name()
		if _, ok := own[name]; ok || name == helperPath[1:] {
			continue
		}
		if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\\' }) {
			return nil, badRoot("its top level has an entry %q", name)
		}
		if err := s.top(w, root, entry); err != nil {
			return nil, err
		}
	}
	if w.err == nil {
		w.err = w.tar.Close()
	}
	if w.err != nil {
		return nil, fmt.Errorf("write the container's skeleton: %w", w.err)
	}
	s.tar = buf.Bytes()
	s.name = fmt.Sprintf("rerig-skeleton:%x", sha256.Sum256(s.tar))
	return s, nil
}

// top takes one entry of the root directory.
func (s *skeleton) top(w *skeletonWriter, root string, entry fs.DirEntry) error {
	name, at := entry.Name(), filepath.Join(root, entry.Name())
	info, err := os.Lstat(at)
	if err != nil {
		return fmt.Errorf("read the container's root: %w", err)
	}
	switch {
	case info.Mode().Type() == fs.ModeSymlink:
		return w.link(name, at)
	case info.IsDir() && name == "etc":
		return w.tree(root, name)
	case info.IsDir():
		w.put(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: modeBits(info)}, nil)
	case info.Mode().IsRegular():
		w.put(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: modeBits(info)}, nil)
	default:
		return badRoot("its entry %q is neither file, directory nor link", name)
	}
	s.mounts = append(s.mounts, bind(at, "/"+name, true))
	return nil
}

// bind mounts a host path, without what is mounted beneath it there.
func bind(from, to string, readOnly bool) mount.Mount {
	return mount.Mount{
		Type: mount.TypeBind, Source: from, Target: to, ReadOnly: readOnly,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate, NonRecursive: true},
	}
}

// skeletonWriter writes a skeleton's archive, without times, so that equal roots give equal
// bytes. It keeps its first error.
type skeletonWriter struct {
	tar   *tar.Writer
	files int
	bytes int64
	err   error
}

func (w *skeletonWriter) put(h *tar.Header, body []byte) {
	if w.err != nil {
		return
	}
	h.Size = int64(len(body))
	if w.err = w.tar.WriteHeader(h); w.err == nil {
		_, w.err = w.tar.Write(body)
	}
}

func (w *skeletonWriter) link(name, at string) error {
	target, err := os.Readlink(at)
	if err != nil {
		return fmt.Errorf("read the container's root: %w", err)
	}
	w.put(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
	return nil
}

// tree copies a directory, following no link.
func (w *skeletonWriter) tree(root, dir string) error {
	in, err := os.OpenRoot(root)
	if err != nil {
		return fmt.Errorf("read the container's root: %w", err)
	}
	defer in.Close()
	return fs.WalkDir(in.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the container's /etc: %w", err)
		}
		if w.files++; w.files > maxEtcFiles {
			return badRoot("its /etc has more than %d files", maxEtcFiles)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("read the container's /etc: %w", err)
		}
		switch {
		case d.IsDir():
			w.put(&tar.Header{Typeflag: tar.TypeDir, Name: path.Clean(name) + "/", Mode: modeBits(info)}, nil)
		case d.Type() == fs.ModeSymlink:
			return w.link(name, filepath.Join(root, filepath.FromSlash(name)))
		case d.Type().IsRegular():
			if w.bytes += info.Size(); w.bytes > maxEtcBytes {
				return badRoot("its /etc is over %d bytes", maxEtcBytes)
			}
			body, err := in.ReadFile(filepath.FromSlash(name))
			if err != nil {
				return fmt.Errorf("read the container's /etc: %w", err)
			}
			w.put(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: modeBits(info)}, body)
		default:
			return badRoot("its %q is neither file, directory nor link", name)
		}
		return nil
	})
}

// modeBits are the permissions. A set-user-ID bit would do nothing in the container.
func modeBits(info fs.FileInfo) int64 { return int64(info.Mode().Perm()) }

func badRoot(format string, a ...any) *runner.Failure {
	return &runner.Failure{Kind: runner.FailureBadModule, Detail: "the image's root cannot be used: " + fmt.Sprintf(format, a...)}
}
