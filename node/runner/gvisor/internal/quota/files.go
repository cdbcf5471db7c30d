//go:build linux

package quota

import (
	"syscall"
	"time"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// attr is a file's attributes as the kernel takes them.
func attr(st *unix.Stat_t, out *fuse.Attr) {
	out.FromStat((*syscall.Stat_t)(unsafe.Pointer(st))) // the same structure by another name
}

// GetAttr tells a file's attributes.
func (d *Directory) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return d.stat(d.node(in.NodeId), out)
}

func (d *Directory) stat(n *node, out *fuse.AttrOut) fuse.Status {
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return fuse.ToStatus(err)
	}
	attr(&st, &out.Attr)
	out.SetTimeout(forever)
	return fuse.OK
}

// SetAttr changes a file's attributes.
func (d *Directory) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n := d.node(in.NodeId)
	if size, ok := in.GetSize(); ok {
		if status := d.resize(n, size); !status.Ok() {
			return status
		}
	}
	uid, changeUser := in.GetUID()
	gid, changeGroup := in.GetGID()
	if changeUser || changeGroup {
		user, group := -1, -1 // as they are
		if changeUser {
			user = int(uid)
		}
		if changeGroup {
			group = int(gid)
		}
		if err := unix.Fchownat(n.fd, "", user, group, unix.AT_EMPTY_PATH); err != nil {
			return fuse.ToStatus(err)
		}
	}
	if mode, ok := in.GetMode(); ok { // after the owner, whose change takes rights away
		if err := unix.Chmod(proc(n.fd), mode&0o7777); err != nil {
			return fuse.ToStatus(err)
		}
	}
	if err := setTimes(n, in); err != nil {
		return fuse.ToStatus(err)
	}
	return d.stat(n, out)
}

func setTimes(n *node, in *fuse.SetAttrIn) error {
	as := func(t time.Time, ok bool) unix.Timespec {
		if !ok {
			return unix.Timespec{Nsec: unix.UTIME_OMIT}
		}
		return unix.NsecToTimespec(t.UnixNano())
	}
	atime, readAt := in.GetATime()
	mtime, writtenAt := in.GetMTime()
	if !readAt && !writtenAt {
		return nil
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, proc(n.fd), []unix.Timespec{as(atime, readAt), as(mtime, writtenAt)}, 0)
}

// resize cuts a file off or makes it longer.
func (d *Directory) resize(n *node, size uint64) fuse.Status {
	n.size.Lock()
	defer n.size.Unlock()
	var st unix.Stat_t
	if err := unix.Fstat(n.fd, &st); err != nil {
		return fuse.ToStatus(err)
	}
	was := uint64(st.Size)
	if size > was {
		if status := d.take(size-was, 0); !status.Ok() {
			return status
		}
	}
	if err := unix.Truncate(proc(n.fd), int64(size)); err != nil {
		if size > was {
			d.give(size-was, 0)
		}
		return fuse.ToStatus(err)
	}
	if size < was {
		d.give(was-size, 0)
	}
	return fuse.OK
}

// Create makes a file, which is ready at once.
func (d *Directory) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	fd := -1
	n, status := d.add(&in.InHeader, name, in.Mode, &out.EntryOut, func(dir int) (err error) {
		fd, err = unix.Openat(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if status.Ok() {
		n.become(fd)
		out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	} else if fd >= 0 {
		unix.Close(fd)
	}
	return status
}

// Open tells the kernel not to ask: who may open what it knows by itself, and each file here
// is read and written through one descriptor. Nor is it told of an end then (FUSE_NO_OPEN_SUPPORT).
func (d *Directory) Open(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	return fuse.ENOSYS
}

// Flush tells the kernel not to ask: nothing is held back here.
func (d *Directory) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.ENOSYS }

// file finds a file and makes it ready to be read and written.
func (d *Directory) file(id uint64) (*node, fuse.Status) {
	n := d.node(id)
	if n.ready.Load() {
		return n, fuse.OK
	}
	fd, err := unix.Open(proc(n.fd), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	n.become(fd)
	return n, fuse.OK
}

// become puts an open file in place of the one that only names it: others may use it meanwhile,
// and a node never has two.
func (n *node) become(fd int) {
	if unix.Dup3(fd, n.fd, unix.O_CLOEXEC) == nil {
		n.ready.Store(true)
	}
	unix.Close(fd)
}

// Read reads from a file.
func (d *Directory) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	f, status := d.file(in.NodeId)
	if !status.Ok() {
		return nil, status
	}
	n, err := unix.Pread(f.fd, buf[:min(len(buf), int(in.Size))], int64(in.Offset))
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// Write writes all of data to a file, or nothing when there is no room for it.
func (d *Directory) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	f, status := d.file(in.NodeId)
	if !status.Ok() {
		return 0, status
	}
	f.size.Lock()
	defer f.size.Unlock()
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		return 0, fuse.ToStatus(err)
	}
	was := uint64(st.Size)
	end := max(in.Offset+uint64(len(data)), was)
	if end > was {
		if status := d.take(end-was, 0); !status.Ok() {
			return 0, status
		}
	}
	n, err := unix.Pwrite(f.fd, data, int64(in.Offset))
	if n < len(data) { // the disk itself is full
		is := was
		if n > 0 {
			is = max(in.Offset+uint64(n), was)
		}
		d.give(end-is, 0)
	}
	if err != nil {
		return 0, fuse.ToStatus(err)
	}
	return uint32(n), fuse.OK
}

// Fsync brings a file to the disk.
func (d *Directory) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	f, status := d.file(in.NodeId)
	if !status.Ok() {
		return status
	}
	return fuse.ToStatus(unix.Fsync(f.fd))
}

// Fallocate is refused: it takes all of a disk at once.
func (d *Directory) Fallocate(<-chan struct{}, *fuse.FallocateIn) fuse.Status {
	return fuse.Status(unix.EOPNOTSUPP)
}
