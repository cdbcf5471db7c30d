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

// keep gives an open file a number.
func (d *Directory) keep(h handle) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	d.handles[d.next] = h
	return d.next
}

func (d *Directory) file(fh uint64) handle {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.handles[fh]
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
	if st.Nlink == 0 && !d.counts(n) {
		return fuse.Status(unix.ESTALE)
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

// counts tells whether a file without a name still takes its room.
func (d *Directory) counts(n *node) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return n.orphan
}

// Create makes a file and opens it.
func (d *Directory) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	fd := -1
	n, status := d.add(&in.InHeader, name, in.Mode, &out.EntryOut, func(dir int) (err error) {
		fd, err = unix.Openat(dir, name, openFlags(in.Flags)|unix.O_CREAT|unix.O_EXCL, 0o600)
		return err
	})
	if !status.Ok() {
		if fd >= 0 {
			unix.Close(fd)
		}
		return status
	}
	d.mu.Lock()
	n.opens++
	d.mu.Unlock()
	out.Fh, out.OpenFlags = d.keep(handle{node: n, fd: fd}), fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

// openFlags are those that mean something here. The kernel computes where a file's end is.
func openFlags(flags uint32) int {
	return int(flags)&unix.O_ACCMODE | unix.O_NOFOLLOW | unix.O_CLOEXEC
}

// Open opens a file. One that has lost its name counts again.
func (d *Directory) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n := d.node(in.NodeId)
	fd, err := unix.Open(proc(n.fd), openFlags(in.Flags)&^unix.O_NOFOLLOW, 0)
	if err != nil {
		return fuse.ToStatus(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return fuse.ToStatus(err)
	}
	d.mu.Lock()
	status := fuse.OK
	if st.Nlink == 0 && !n.orphan {
		if status = d.room(uint64(st.Size), 1); status.Ok() {
			n.orphan = true
		}
	}
	if status.Ok() {
		n.opens++
	}
	d.mu.Unlock()
	if !status.Ok() {
		unix.Close(fd)
		return d.tell(status, false)
	}
	if in.Flags&unix.O_TRUNC != 0 {
		status = d.resize(n, 0)
	}
	out.Fh, out.OpenFlags = d.keep(handle{node: n, fd: fd}), fuse.FOPEN_KEEP_CACHE // nobody changes it below
	if !status.Ok() {
		d.Release(nil, &fuse.ReleaseIn{Fh: out.Fh})
	}
	return status
}

// Release closes a file, and gives back what it took when it has no name.
func (d *Directory) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.handles[in.Fh]
	if !ok {
		return
	}
	delete(d.handles, in.Fh)
	if h.node.opens--; h.node.opens == 0 && h.node.orphan {
		var st unix.Stat_t
		if unix.Fstat(h.fd, &st) == nil {
			d.bytes -= min(uint64(st.Size), d.bytes)
		}
		d.files -= min(1, d.files)
		h.node.orphan = false
	}
	unix.Close(h.fd)
}

// Read reads from a file.
func (d *Directory) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n, err := unix.Pread(d.file(in.Fh).fd, buf[:min(len(buf), int(in.Size))], int64(in.Offset))
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return fuse.ReadResultData(buf[:n]), fuse.OK
}

// Write writes all of data to a file, or nothing when there is no room for it.
func (d *Directory) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	h := d.file(in.Fh)
	h.node.size.Lock()
	defer h.node.size.Unlock()
	var st unix.Stat_t
	if err := unix.Fstat(h.fd, &st); err != nil {
		return 0, fuse.ToStatus(err)
	}
	was := uint64(st.Size)
	end := in.Offset + uint64(len(data))
	if end > was {
		if status := d.take(end-was, 0); !status.Ok() {
			return 0, status
		}
	}
	n, err := unix.Pwrite(h.fd, data, int64(in.Offset))
	if end > was && n < len(data) { // the disk itself is full
		d.give(min(end-was, uint64(len(data)-max(n, 0))), 0)
	}
	if err != nil {
		return 0, fuse.ToStatus(err)
	}
	return uint32(n), fuse.OK
}

// Fsync brings a file to the disk.
func (d *Directory) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return fuse.ToStatus(unix.Fsync(d.file(in.Fh).fd))
}

// Fallocate is refused: it takes all of a disk at once.
func (d *Directory) Fallocate(<-chan struct{}, *fuse.FallocateIn) fuse.Status {
	return fuse.Status(unix.EOPNOTSUPP)
}
