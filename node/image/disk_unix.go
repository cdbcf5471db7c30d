//go:build unix

package image

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// give makes an image's user the owner, where this process may.
func give(f *os.File, uid, gid uint32) error {
	err := f.Chown(int(uid), int(gid))
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) { // not in this user namespace
		return nil
	}
	return err
}

func setTime(f *os.File, seconds int64) error {
	at := time.Unix(seconds, 0)
	return os.Chtimes(f.Name(), at, at)
}

// dirFD is a directory of the root that is being laid out. Every call takes one name in
// it, so that nothing but that directory can be reached.
type dirFD int

func openDir(path string) (dirFD, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return dirFD(fd), os.NewSyscallError("open directory", err)
}

func (d dirFD) close() { _ = unix.Close(int(d)) }

// mkdir makes a directory and opens it.
func (d dirFD) mkdir(name string) (dirFD, error) {
	if err := unix.Mkdirat(int(d), name, 0o700); err != nil {
		return -1, os.NewSyscallError("mkdirat", err)
	}
	fd, err := unix.Openat(int(d), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	return dirFD(fd), os.NewSyscallError("openat", err)
}

// link gives a layer's file a name.
func (d dirFD) link(files dirFD, number, name string) error {
	return os.NewSyscallError("linkat", unix.Linkat(int(files), number, int(d), name, 0))
}

func (d dirFD) symlink(n *node, name string, own bool) error {
	if err := unix.Symlinkat(n.target, int(d), name); err != nil {
		return os.NewSyscallError("symlinkat", err)
	}
	if own {
		_ = unix.Fchownat(int(d), name, int(n.uid), int(n.gid), unix.AT_SYMLINK_NOFOLLOW) // a symlink's owner matters to nobody
	}
	return nil
}

// finish gives a directory what its layer says of it.
func (d dirFD) finish(n *node, own bool) error {
	if own {
		if err := unix.Fchown(int(d), int(n.uid), int(n.gid)); err != nil && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL) {
			return os.NewSyscallError("fchown", err)
		}
	}
	// Its owner may always empty it, or eviction could not.
	if err := unix.Fchmod(int(d), n.mode&0o755|0o700); err != nil {
		return os.NewSyscallError("fchmod", err)
	}
	at := unix.NsecToTimeval(n.time * int64(time.Second))
	return os.NewSyscallError("futimes", unix.Futimes(int(d), []unix.Timeval{at, at}))
}
