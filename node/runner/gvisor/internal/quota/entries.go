//go:build linux

package quota

import (
	"fmt"
	"os"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// forever is how long the kernel may believe what it was told: all changes go through it.
const forever = 24 * time.Hour

// proc is a path that leads to an open file and nowhere else.
func proc(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// Lookup finds an entry of a directory.
func (d *Directory) Lookup(_ <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	_, status := d.find(d.node(header.NodeId), name, out)
	return status
}

// find tells the kernel of an entry.
func (d *Directory) find(parent *node, name string, out *fuse.EntryOut) (*node, fuse.Status) {
	fd, err := unix.Openat(parent.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, fuse.ToStatus(err)
	}
	key := inode{st.Dev, st.Ino}
	d.mu.Lock()
	n := d.inodes[key]
	if n == nil {
		n = &node{id: d.next, fd: fd, inode: key}
		d.next++
		d.nodes[n.id], d.inodes[key] = n, n
	} else {
		unix.Close(fd)
	}
	n.lookups++
	d.mu.Unlock()
	out.NodeId, out.Generation = n.id, 1
	attr(&st, &out.Attr)
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(forever)
	return n, fuse.OK
}

// Forget lets go of what the kernel no longer knows.
func (d *Directory) Forget(id, lookups uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nodes[id]
	if n == nil || id == fuse.FUSE_ROOT_ID {
		return
	}
	if n.lookups -= min(lookups, n.lookups); n.lookups > 0 {
		return
	}
	delete(d.nodes, id)
	delete(d.inodes, n.inode)
	if n.orphan {
		d.bury(n)
	}
	unix.Close(n.fd)
}

// bury gives back what a file without a name took. The caller holds mu.
func (d *Directory) bury(n *node) {
	var st unix.Stat_t
	if unix.Fstat(n.fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		d.bytes -= min(uint64(st.Size), d.bytes)
	}
	d.files -= min(1, d.files)
	d.orphans--
	close(d.freed)
	d.freed = make(chan struct{})
}

// made gives a new entry its owner and rights, and tells the kernel of it.
func (d *Directory) made(parent *node, name string, caller *fuse.InHeader, mode uint32, out *fuse.EntryOut) (*node, fuse.Status) {
	n, status := d.find(parent, name, out)
	if !status.Ok() {
		return nil, status
	}
	err := unix.Fchownat(n.fd, "", int(caller.Uid), int(caller.Gid), unix.AT_EMPTY_PATH)
	if err == nil && mode&unix.S_IFMT != unix.S_IFLNK {
		err = unix.Chmod(proc(n.fd), mode&0o7777) // this process has a mask of its own
	}
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(n.fd, &st)
	}
	if err != nil {
		d.Forget(n.id, 1)
		return nil, fuse.ToStatus(err)
	}
	attr(&st, &out.Attr)
	return n, fuse.OK
}

// add makes an entry, if there is room for one more.
func (d *Directory) add(caller *fuse.InHeader, name string, mode uint32, out *fuse.EntryOut, do func(dir int) error) (*node, fuse.Status) {
	if status := d.take(0, 1); !status.Ok() {
		return nil, status
	}
	parent := d.node(caller.NodeId)
	if err := do(parent.fd); err != nil {
		d.give(0, 1)
		return nil, fuse.ToStatus(err)
	}
	return d.made(parent, name, caller, mode, out)
}

// Mkdir makes a directory.
func (d *Directory) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	_, status := d.add(&in.InHeader, name, in.Mode, out, func(dir int) error { return unix.Mkdirat(dir, name, 0o700) })
	return status
}

// Mknod makes an empty file, a pipe or a socket, and no device.
func (d *Directory) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	kind := in.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		return fuse.EPERM
	}
	_, status := d.add(&in.InHeader, name, in.Mode, out, func(dir int) error { return unix.Mknodat(dir, name, kind|0o600, 0) })
	return status
}

// Symlink makes a link that only the kernel follows, inside the mount.
func (d *Directory) Symlink(_ <-chan struct{}, header *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	_, status := d.add(header, name, unix.S_IFLNK, out, func(dir int) error { return unix.Symlinkat(target, dir, name) })
	return status
}

// Readlink reads a link.
func (d *Directory) Readlink(_ <-chan struct{}, header *fuse.InHeader) ([]byte, fuse.Status) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.node(header.NodeId).fd, "", buf)
	if err != nil {
		return nil, fuse.ToStatus(err)
	}
	return buf[:n], fuse.OK
}

// Link gives a file one more name.
func (d *Directory) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	if status := d.take(0, 1); !status.Ok() {
		return status
	}
	parent := d.node(in.NodeId)
	if err := unix.Linkat(unix.AT_FDCWD, proc(d.node(in.Oldnodeid).fd), parent.fd, name, unix.AT_SYMLINK_FOLLOW); err != nil {
		d.give(0, 1)
		return fuse.ToStatus(err)
	}
	_, status := d.find(parent, name, out)
	return status
}

// Unlink takes a file's name away.
func (d *Directory) Unlink(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return d.remove(header, name, 0)
}

// Rmdir removes an empty directory.
func (d *Directory) Rmdir(_ <-chan struct{}, header *fuse.InHeader, name string) fuse.Status {
	return d.remove(header, name, unix.AT_REMOVEDIR)
}

func (d *Directory) remove(header *fuse.InHeader, name string, flags int) fuse.Status {
	parent := d.node(header.NodeId)
	var st unix.Stat_t
	err := unix.Fstatat(parent.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = unix.Unlinkat(parent.fd, name, flags)
	}
	if err != nil {
		return fuse.ToStatus(err)
	}
	d.lose(&st, flags)
	return fuse.OK
}

// lose accounts for an entry that is no more. A directory has two links and more.
func (d *Directory) lose(st *unix.Stat_t, flags int) {
	if flags&unix.AT_REMOVEDIR != 0 || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		d.give(0, 1)
		return
	}
	d.gone(st)
}

// Rename moves an entry, and removes the one that had the name.
func (d *Directory) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if in.Flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL
	}
	source, target := d.node(in.NodeId), d.node(in.Newdir)
	var moved, st unix.Stat_t
	if err := unix.Fstatat(source.fd, from, &moved, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fuse.ToStatus(err)
	}
	replaced := unix.Fstatat(target.fd, to, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && in.Flags&unix.RENAME_EXCHANGE == 0 &&
		(st.Dev != moved.Dev || st.Ino != moved.Ino) // else nothing happens
	if err := unix.Renameat2(source.fd, from, target.fd, to, uint(in.Flags)); err != nil {
		return fuse.ToStatus(err)
	}
	if replaced {
		d.lose(&st, 0)
	}
	return fuse.OK
}

// OpenDir opens a directory.
func (d *Directory) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	fd, err := unix.Open(proc(d.node(in.NodeId).fd), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fuse.ToStatus(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	out.Fh = d.next
	d.handles[out.Fh] = handle{fd: fd}
	return fuse.OK
}

// ReadDir lists a directory as it was when its list was begun.
func (d *Directory) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	d.mu.Lock()
	h := d.handles[in.Fh]
	d.mu.Unlock()
	if in.Offset == 0 {
		var err error
		if h.entries, err = list(h.fd); err != nil {
			return fuse.ToStatus(err)
		}
		d.mu.Lock()
		d.handles[in.Fh] = h
		d.mu.Unlock()
	}
	for i := in.Offset; i < uint64(len(h.entries)); i++ {
		e := h.entries[i]
		e.Off = i + 1
		if !out.AddDirEntry(e) {
			break
		}
	}
	return fuse.OK
}

// list reads an open directory, of which there are no more entries than files are allowed.
func list(fd int) ([]fuse.DirEntry, error) {
	dir, err := os.Open(proc(fd))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	entries := []fuse.DirEntry{{Name: ".", Mode: unix.S_IFDIR}, {Name: "..", Mode: unix.S_IFDIR}}
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil { // else it has just gone
			entries = append(entries, fuse.DirEntry{Name: name, Mode: st.Mode, Ino: st.Ino})
		}
	}
	return entries, nil
}

// ReleaseDir closes a directory.
func (d *Directory) ReleaseDir(in *fuse.ReleaseIn) {
	d.mu.Lock()
	h := d.handles[in.Fh]
	delete(d.handles, in.Fh)
	d.mu.Unlock()
	unix.Close(h.fd)
}

// FsyncDir does what fsync(2) does.
func (d *Directory) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	d.mu.Lock()
	h := d.handles[in.Fh]
	d.mu.Unlock()
	return fuse.ToStatus(unix.Fsync(h.fd))
}
