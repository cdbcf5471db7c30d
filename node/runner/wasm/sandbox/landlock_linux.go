package main

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

const (
	// Rights over files in the first Landlock version: the one of Linux 5.13.
	landlockAll = unix.LANDLOCK_ACCESS_FS_EXECUTE | landlockRead | landlockWrite |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	landlockRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG
	// From Linux 5.19: without it a file cannot move between directories.
	landlockRefer = unix.LANDLOCK_ACCESS_FS_REFER
)

// confineFiles leaves this process the job's two directories and no other
// file. On a kernel without Landlock the guest's own view is all that confines
// it.
func confineFiles(req *frame.Request) error {
	version, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return nil
	}
	handled, write := uint64(landlockAll), uint64(landlockRead|landlockWrite)
	if version >= 2 {
		handled |= landlockRefer
		write |= landlockRefer
	}
	// Only the first field: later ones came with later versions.
	attr := struct{ fs uint64 }{handled}
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if e != 0 {
		return e
	}
	defer unix.Close(int(fd))
	err := errors.Join(allowBeneath(fd, req.In, landlockRead), allowBeneath(fd, req.Out, write))
	if err != nil {
		return err
	}
	if _, _, e := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); e != 0 {
		return e
	}
	return nil
}

func allowBeneath(ruleset uintptr, dir string, rights uint64) error {
	if dir == "" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(f.Fd())}
	_, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
