package main

import (
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	wsys "github.com/tetratelabs/wazero/experimental/sys"
	"github.com/tetratelabs/wazero/sys"
)

// mountFile is an open file or directory of a mountFS. It keeps the offset
// itself, so that each read or write is one positioned call.
type mountFile struct {
	wsys.UnimplementedFile
	fs     *mountFS
	f      *os.File
	name   string
	off    int64
	append bool

	dir     bool
	entries []wsys.Dirent // of a directory, once read
	read    bool
}

var _ wsys.File = (*mountFile)(nil)

func (m *mountFile) Dev() (uint64, wsys.Errno)    { return m.fs.device, 0 }
func (m *mountFile) Ino() (sys.Inode, wsys.Errno) { return inode(m.name), 0 }
func (m *mountFile) IsDir() (bool, wsys.Errno)    { return m.dir, 0 }
func (m *mountFile) IsAppend() bool               { return m.append }
func (m *mountFile) Close() wsys.Errno            { return errno(m.f.Close()) }

func (m *mountFile) SetAppend(enable bool) wsys.Errno {
	m.append = enable
	return 0
}

func (m *mountFile) Stat() (sys.Stat_t, wsys.Errno) {
	info, err := m.f.Stat()
	if err != nil {
		return sys.Stat_t{}, errno(err)
	}
	return m.fs.stat(m.name, info), 0
}

func (m *mountFile) Read(p []byte) (int, wsys.Errno) {
	n, e := m.Pread(p, m.off)
	m.off += int64(n)
	return n, e
}

func (m *mountFile) Pread(p []byte, off int64) (int, wsys.Errno) {
	if m.dir {
		return 0, wsys.EISDIR
	}
	if off < 0 {
		return 0, wsys.EINVAL
	}
	n, err := m.f.ReadAt(p, off)
	if err == io.EOF {
		err = nil
	}
	return n, errno(err)
}

func (m *mountFile) Seek(offset int64, whence int) (int64, wsys.Errno) {
	if m.dir {
		if offset != 0 || whence != io.SeekStart {
			return 0, wsys.EINVAL
		}
		m.entries, m.read = nil, false
		return 0, 0
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += m.off
	case io.SeekEnd:
		st, e := m.Stat()
		if e != 0 {
			return 0, e
		}
		offset += st.Size
	default:
		return 0, wsys.EINVAL
	}
	if offset < 0 {
		return 0, wsys.EINVAL
	}
	m.off = offset
	return offset, 0
}

// Readdir lists by name, so that the order is the same on every rig.
func (m *mountFile) Readdir(n int) ([]wsys.Dirent, wsys.Errno) {
	if !m.dir {
		return nil, wsys.EBADF
	}
	if !m.read {
		if _, err := m.f.Seek(0, io.SeekStart); err != nil {
			return nil, errno(err)
		}
		list, err := m.f.ReadDir(-1)
		if err != nil {
			return nil, errno(err)
		}
		slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, d := range list {
			m.entries = append(m.entries, wsys.Dirent{
				Name: d.Name(), Type: d.Type(), Ino: inode(path.Join(m.name, d.Name())),
			})
		}
		m.read = true
	}
	if n <= 0 || n > len(m.entries) {
		n = len(m.entries)
	}
	out := m.entries[:n]
	m.entries = m.entries[n:]
	return out, 0
}

func (m *mountFile) Write(p []byte) (int, wsys.Errno) {
	if m.append {
		if _, e := m.Seek(0, io.SeekEnd); e != 0 {
			return 0, e
		}
	}
	n, e := m.Pwrite(p, m.off)
	m.off += int64(n)
	return n, e
}

func (m *mountFile) Pwrite(p []byte, off int64) (int, wsys.Errno) {
	if m.dir {
		return 0, wsys.EISDIR
	}
	if m.fs.quota == nil {
		return 0, wsys.EBADF
	}
	end := off + int64(len(p))
	if off < 0 || end < off {
		return 0, wsys.EINVAL
	}
	if len(p) == 0 {
		return 0, 0
	}
	if e := m.resize(end, false); e != 0 {
		return 0, e
	}
	n, err := m.f.WriteAt(p, off)
	return n, errno(err)
}

func (m *mountFile) Truncate(size int64) wsys.Errno {
	if m.dir {
		return wsys.EISDIR
	}
	if m.fs.quota == nil {
		return wsys.EBADF
	}
	if size < 0 {
		return wsys.EINVAL
	}
	if e := m.resize(size, true); e != 0 {
		return e
	}
	return errno(m.f.Truncate(size))
}

// resize accounts for the file becoming size bytes long, or at least that long
// if it does not shrink.
func (m *mountFile) resize(size int64, shrinks bool) wsys.Errno {
	st, e := m.Stat()
	if e != 0 {
		return e
	}
	if size > st.Size || shrinks {
		m.fs.quota.resize(uint64(st.Size), uint64(size))
	}
	return 0
}

// Sync and Datasync do nothing: the runner syncs a result when it keeps it.
func (m *mountFile) Sync() wsys.Errno { return 0 }

// Datasync is like Sync.
func (m *mountFile) Datasync() wsys.Errno { return 0 }

// Utimens is like mountFS.Chmod.
func (m *mountFile) Utimens(int64, int64) wsys.Errno { return m.fs.ignore() }
