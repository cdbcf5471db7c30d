//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// openTree makes a mount of a directory that has no place yet, for attach.
func openTree(dir string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		err = errors.New("this kernel has no open_tree: Linux 5.2 or later is needed")
	}
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", filepath.Base(dir), err)
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// give shows a mount's files as those of other owners, by the mapping of a user namespace,
// and tells whether the kernel and the file system can (Linux 5.12 and later, most of
// them); where not, the files stay as they are.
func give(tree *os.File, users *os.File) (bool, error) {
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(users.Fd())}
	err := unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &attr)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return false, nil
	}
	return err == nil, err
}

// letRead has everybody read the files of a directory: a job's inputs, where they cannot be
// given to it. The host's users are kept out by the directories above.
func letRead(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if d.IsDir() {
			mode |= 0o111
		}
		if mode == info.Mode().Perm() {
			return nil
		}
		return root.Chmod(path, mode)
	})
}

// runnable refuses an image whose programs the host's mount would keep from starting.
func runnable(root string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		return fmt.Errorf("look at the image's files: %w", err)
	}
	if st.Flags&unix.ST_NOEXEC != 0 {
		return errors.New("the image's files are on a file system that is mounted noexec: put the rig's data elsewhere, or mount it with exec")
	}
	return nil
}

// ownerBecomes makes a user namespace in which this process's user is another of the host's
// users: what a mount needs to show the rig's files as a job's own. It starts a
// process that is stopped before its first instruction, and ends it.
func ownerBecomes(program string, uid, gid uint32) (*os.File, error) {
	runtime.LockOSThread() // whoever traces is a thread
	defer runtime.UnlockOSThread()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(program, []string{initName}, &syscall.ProcAttr{
		Dir: "/", Env: []string{}, Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER, Ptrace: true, Pdeathsig: syscall.SIGKILL,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: int(uid), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: int(gid), Size: 1}},
		}})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for { // first its stop, then its end
		var status syscall.WaitStatus
		if _, waited := syscall.Wait4(pid, &status, 0, nil); errors.Is(waited, syscall.EINTR) {
			continue
		} else if waited != nil || status.Exited() || status.Signaled() {
			return f, err
		}
	}
}
