//go:build linux

// Package quota holds a directory to a number of bytes and files, whoever writes there and
// however fast: Mount covers it with a file system (FUSE) that keeps everything in the
// directory below and has no room for more. It needs /dev/fuse and the right to mount.
//
// The kernel names one entry of one directory at a time, and every operation here begins at
// an open directory and follows no link: nothing reaches beyond the directory.
package quota

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	// maxWrite is the most that one request writes or reads, in bytes.
	maxWrite = 256 << 10
	// block is what sizes are told in, in bytes.
	block = 4096
	// device is what go-fuse opens.
	device = "/dev/fuse"
	// maxName is the longest name, in bytes.
	maxName = 255
	// forgetTime is how long the kernel may take to forget a file that lost its name, before
	// there is no room for another one: it says so by a message that it does not wait for.
	forgetTime = 300 * time.Millisecond
)

// Directory is a covered directory.
type Directory struct {
	fuse.RawFileSystem // answers what is not here: not implemented
	server             *fuse.Server
	maxBytes           uint64
	maxFiles           uint64
	over               func(files bool)

	mu      sync.Mutex    // guards what follows, and the fields of nodes that say so
	bytes   uint64        // sizes of all files
	files   uint64        // entries of all directories, and files without a name that are in use
	orphans int           // files without a name that are in use
	freed   chan struct{} // closed when one of them goes, and made anew
	nodes   map[uint64]*node
	inodes  map[inode]*node
	handles map[uint64]handle
	next    uint64 // ID of the next node or handle
}

// node is a file or directory that the kernel knows.
type node struct {
	id    uint64
	fd    int // opened with O_PATH, which reads and writes nothing, until it is ready
	inode inode

	size  sync.Mutex  // held while the file's size changes
	ready atomic.Bool // fd reads and writes

	lookups uint64 // how often the kernel was told of it; guarded by Directory.mu
	orphan  bool   // it has no name and still counts, because it is in use; guarded by Directory.mu
}

// inode tells files of the file system below apart.
type inode struct{ dev, ino uint64 }

// handle is an open directory. Files have none: see Open.
type handle struct {
	fd      int
	entries []fuse.DirEntry // as they were at the last beginning
}

// Mount covers dir, of which all that is in it already counts. over is called each time that
// a write finds no room, or one more file. The file system ends with the
// calling process or by Close.
func Mount(dir string, bytes uint64, files int, over func(files bool)) (*Directory, error) {
	d := &Directory{
		RawFileSystem: fuse.NewDefaultRawFileSystem(), maxBytes: bytes, maxFiles: uint64(max(files, 0)), over: over,
		freed: make(chan struct{}), nodes: map[uint64]*node{}, inodes: map[inode]*node{}, handles: map[uint64]handle{}, next: fuse.FUSE_ROOT_ID + 1,
	}
	if err := d.count(dir); err != nil {
		return nil, fmt.Errorf("look at what %s holds: %w", dir, err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	d.nodes[fuse.FUSE_ROOT_ID] = &node{id: fuse.FUSE_ROOT_ID, fd: fd, lookups: 1}
	d.server, err = fuse.NewServer(d, dir, &fuse.MountOptions{
		AllowOther: true, Options: []string{"default_permissions"}, FsName: "out", Name: "quota",
		MaxWrite: maxWrite, DisableXAttrs: true, DisableReadDirPlus: true, DisableSplice: true,
		ExplicitDataCacheControl: true, // nobody changes a file below
		DirectMountStrict:        true, DirectMountFlags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC,
	})
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("mount a file system over %s: %w", dir, err)
	}
	if err := keepDevices(); err != nil {
		return nil, errors.Join(err, d.server.Unmount())
	}
	go d.server.Serve() // ends with the mount
	if err := d.server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the file system over %s: %w", dir, err), d.Close())
	}
	return d, nil
}

// keepDevices keeps programs that this process starts from inheriting the file of a mount,
// which go-fuse leaves open to them: who has it can answer for the file system, and keeps it
// alive when this process ends. Nothing may be started meanwhile.
func keepDevices() error {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("look for the file of the mount: %w", err)
	}
	for _, f := range files {
		if to, err := os.Readlink("/proc/self/fd/" + f.Name()); err != nil || to != device {
			continue // one that was closed, too
		}
		n, err := strconv.Atoi(f.Name())
		if err != nil {
			return fmt.Errorf("look for the file of the mount: %w", err)
		}
		unix.CloseOnExec(n)
	}
	return nil
}

// Close uncovers the directory again. Nothing may be open there.
func (d *Directory) Close() error {
	if err := d.server.Unmount(); err != nil {
		return fmt.Errorf("unmount the output directory: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.nodes {
		unix.Close(n.fd)
	}
	d.nodes = nil
	return nil
}

// count adds up what is there before anybody writes.
func (d *Directory) count(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		d.files++
		if info.Mode().IsRegular() {
			d.bytes += uint64(info.Size())
		}
		return nil
	})
}

// take reserves room, and says so when there is none.
func (d *Directory) take(bytes, files uint64) fuse.Status {
	over := time.NewTimer(forgetTime)
	defer over.Stop()
	for waits := true; ; {
		d.mu.Lock()
		status, freed := d.room(bytes, files), d.freed
		waits = waits && d.orphans > 0 && bytes <= d.maxBytes
		d.mu.Unlock()
		if status.Ok() || !waits {
			return d.tell(status, files > 0)
		}
		select {
		case <-freed:
		case <-over.C:
			waits = false
		}
	}
}

// room reserves room. The caller holds mu.
func (d *Directory) room(bytes, files uint64) fuse.Status {
	if d.files+files > d.maxFiles && files > 0 || bytes > 0 && bytes > d.maxBytes-min(d.bytes, d.maxBytes) {
		return fuse.Status(unix.ENOSPC)
	}
	d.bytes += bytes
	d.files += files
	return fuse.OK
}

// tell reports that there was no room.
func (d *Directory) tell(status fuse.Status, files bool) fuse.Status {
	if !status.Ok() {
		d.over(files)
	}
	return status
}

// give gives room back.
func (d *Directory) give(bytes, files uint64) {
	d.mu.Lock()
	d.bytes -= min(bytes, d.bytes)
	d.files -= min(files, d.files)
	d.mu.Unlock()
}

// gone gives back what an entry took that has just lost its name, as soon as the kernel
// forgets it: until then it is open, mapped or otherwise in use, and takes its room on the disk.
func (d *Directory) gone(st *unix.Stat_t) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.inodes[inode{st.Dev, st.Ino}]; n != nil && st.Nlink == 1 {
		n.orphan = true
		d.orphans++
		return
	}
	d.files -= min(1, d.files)
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1 {
		d.bytes -= min(uint64(st.Size), d.bytes)
	}
}

// node finds what the kernel calls by an ID, which it does only between Lookup and Forget.
func (d *Directory) node(id uint64) *node {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nodes[id]
}

// StatFs tells how much room there is.
func (d *Directory) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	out.Bsize, out.Frsize, out.NameLen = block, block, maxName
	out.Blocks = (d.maxBytes + block - 1) / block
	out.Bfree = (d.maxBytes - min(d.bytes, d.maxBytes)) / block
	out.Files, out.Ffree = d.maxFiles, d.maxFiles-min(d.files, d.maxFiles)
	out.Bavail = out.Bfree
	return fuse.OK
}
