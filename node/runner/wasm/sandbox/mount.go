package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero"
	wsys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

// mount opens the job's two directories for the guest.
func mount(req *frame.Request) (wazero.FSConfig, error) {
	mounts := wazero.NewFSConfig()
	if req.In != "" {
		root, err := os.OpenRoot(req.In)
		if err != nil {
			return nil, fmt.Errorf("open the input directory: %w", err)
		}
		mounts = mounts.(sysfs.FSConfig).WithSysFSMount(&mountFS{root: root, device: 1}, "/in")
	}
	if req.Out != "" {
		root, err := os.OpenRoot(req.Out)
		if err != nil {
			return nil, fmt.Errorf("open the output directory: %w", err)
		}
		q := &quota{bytes: req.OutputBytes, files: req.OutputFiles}
		mounts = mounts.(sysfs.FSConfig).WithSysFSMount(&mountFS{root: root, device: 2, quota: q}, "/out")
	}
	return mounts, nil
}

// mountFS is one host directory as the guest sees it. wazero's own directory
// mount follows symbolic links out of the directory, and a guest can make
// those; this one goes through os.Root, makes none, and shows nothing that
// differs between hosts (times, owners, inode numbers, directory order).
type mountFS struct {
	wsys.UnimplementedFS
	root   *os.Root
	device uint64
	quota  *quota // nil for the input, which is read-only
}

func (m *mountFS) OpenFile(name string, flag wsys.Oflag, _ fs.FileMode) (wsys.File, wsys.Errno) {
	if strings.HasSuffix(name, "/") { // which only a directory's name may
		if flag&wsys.O_CREAT != 0 {
			return nil, wsys.EISDIR
		}
		flag |= wsys.O_DIRECTORY
	}
	name = path.Clean(name)
	const access = wsys.O_RDONLY | wsys.O_RDWR | wsys.O_WRONLY
	open := os.O_RDONLY
	switch flag & access {
	case wsys.O_RDWR:
		open = os.O_RDWR
	case wsys.O_WRONLY:
		open = os.O_WRONLY
	}
	changes := open != os.O_RDONLY || flag&(wsys.O_CREAT|wsys.O_TRUNC) != 0
	if m.quota == nil && changes {
		return nil, wsys.EROFS
	}
	info, err := m.root.Lstat(name)
	exists := err == nil
	if exists && info.Mode().Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
		return nil, wsys.EACCES // a pipe or device would block or reach the host
	}
	if flag&wsys.O_CREAT != 0 {
		open |= os.O_CREATE
		if !exists {
			m.quota.addFile()
		}
	}
	if flag&wsys.O_EXCL != 0 {
		open |= os.O_EXCL
	}
	f, err := m.root.OpenFile(name, open, 0o600)
	if err != nil {
		return nil, errno(err)
	}
	file := &mountFile{fs: m, f: f, name: name, append: flag&wsys.O_APPEND != 0}
	st, e := file.Stat()
	switch {
	case e != 0:
	case flag&wsys.O_DIRECTORY != 0 && !st.Mode.IsDir():
		e = wsys.ENOTDIR
	case flag&wsys.O_TRUNC != 0:
		e = file.Truncate(0)
	}
	if e != 0 {
		f.Close()
		return nil, e
	}
	file.dir = st.Mode.IsDir()
	return file, 0
}

func (m *mountFS) Lstat(name string) (sys.Stat_t, wsys.Errno) {
	info, err := m.root.Lstat(name)
	if err != nil {
		return sys.Stat_t{}, errno(err)
	}
	return m.stat(name, info), 0
}

func (m *mountFS) Stat(name string) (sys.Stat_t, wsys.Errno) {
	info, err := m.root.Stat(name)
	if err != nil {
		return sys.Stat_t{}, errno(err)
	}
	return m.stat(name, info), 0
}

// stat hides what differs between hosts.
func (m *mountFS) stat(name string, info fs.FileInfo) sys.Stat_t {
	const start = clockStart * 1e9
	st := sys.Stat_t{
		Dev: m.device, Ino: inode(name), Nlink: 1,
		Mode: info.Mode().Type() | 0o600,
		Atim: start, Mtim: start, Ctim: start,
	}
	if info.Mode().IsRegular() {
		st.Size = info.Size()
	} else if info.IsDir() {
		st.Mode |= 0o100
	}
	return st
}

func inode(name string) sys.Inode {
	h := fnv.New64a()
	h.Write([]byte(path.Clean(name)))
	return h.Sum64() | 1 // zero means unknown
}

func (m *mountFS) Mkdir(name string, _ fs.FileMode) wsys.Errno {
	if m.quota == nil {
		return wsys.EROFS
	}
	if _, err := m.root.Lstat(name); err == nil {
		return wsys.EEXIST
	}
	m.quota.addFile()
	return errno(m.root.Mkdir(name, 0o700))
}

// Rename replaces what is there already, as rename(2) does: a file by a file, and an empty
// directory by a directory, which os.Root would not.
func (m *mountFS) Rename(from, to string) wsys.Errno {
	if m.quota == nil {
		return wsys.EROFS
	}
	source, err := m.root.Lstat(from)
	if err != nil {
		return errno(err)
	}
	if from, to = path.Clean(from), path.Clean(to); from == to {
		return 0
	}
	if source.IsDir() && strings.HasPrefix(to, from+"/") {
		return wsys.EINVAL
	}
	if target, err := m.root.Lstat(to); err == nil {
		switch {
		case source.IsDir() && !target.IsDir():
			return wsys.ENOTDIR
		case !source.IsDir() && target.IsDir():
			return wsys.EISDIR
		case target.IsDir():
			if err := m.root.Remove(to); err != nil {
				return errno(err)
			}
		}
	}
	return errno(m.root.Rename(from, to))
}

func (m *mountFS) Rmdir(name string) wsys.Errno  { return m.remove(name, true) }
func (m *mountFS) Unlink(name string) wsys.Errno { return m.remove(name, false) }

func (m *mountFS) remove(name string, dir bool) wsys.Errno {
	if m.quota == nil {
		return wsys.EROFS
	}
	info, err := m.root.Lstat(name)
	switch {
	case err != nil:
		return errno(err)
	case dir && !info.IsDir():
		return wsys.ENOTDIR
	case !dir && info.IsDir():
		return wsys.EISDIR
	}
	return errno(m.root.Remove(name))
}

// Chmod and Utimens succeed and change nothing: modes and times are not part
// of a result.
func (m *mountFS) Chmod(string, fs.FileMode) wsys.Errno { return m.ignore() }

// Utimens is like Chmod.
func (m *mountFS) Utimens(string, int64, int64) wsys.Errno { return m.ignore() }

func (m *mountFS) ignore() wsys.Errno {
	if m.quota == nil {
		return wsys.EROFS
	}
	return 0
}

// Link, Symlink and Readlink are refused: a result has files and directories.
func (m *mountFS) Link(string, string) wsys.Errno { return wsys.EPERM }

// Symlink is like Link.
func (m *mountFS) Symlink(string, string) wsys.Errno { return wsys.EPERM }

// Readlink is like Link.
func (m *mountFS) Readlink(string) (string, wsys.Errno) { return "", wsys.EINVAL }

// errno is the guest's view of a host error. os.Root has no code for a path
// that leaves the directory; the guest sees EPERM.
func errno(err error) wsys.Errno {
	e := wsys.UnwrapOSError(err)
	if e == wsys.EIO && !errors.As(err, new(syscall.Errno)) {
		return wsys.EPERM
	}
	return e
}
