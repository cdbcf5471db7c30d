//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// maxRootEntries caps the entries at the top of a container's root: each takes a mount.
const maxRootEntries = 1000

// stageRoot mounts a container's files read-only below target, in the namespace of the
// sandbox's init. target itself is a file system in memory: gVisor makes the directories
// in it on which it mounts, and would make them in source, which jobs share.
func stageRoot(source, target string) error {
	top, err := os.Open(source)
	if err != nil {
		return fmt.Errorf("open the container's root: %w", err)
	}
	defer top.Close()
	entries, err := top.ReadDir(maxRootEntries + 1)
	if err != nil && err != io.EOF { //nolint:errorlint // ReadDir's own
		return fmt.Errorf("read the container's root: %w", err)
	}
	if len(entries) > maxRootEntries {
		return fmt.Errorf("the container's root has more than %d entries at the top", maxRootEntries)
	}
	if err := unix.Mount("root", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=4m"); err != nil {
		return fmt.Errorf("mount the sandbox's root: %w", err)
	}
	for _, e := range entries {
		if e.Name() == "in" || e.Name() == "out" || "/"+e.Name() == runner.DriverDir {
			continue // the job's own are mounted there
		}
		if err := stage(filepath.Join(source, e.Name()), filepath.Join(target, e.Name()), e.Type()); err != nil {
			return fmt.Errorf("put %q into the sandbox's root: %w", e.Name(), err)
		}
	}
	for _, name := range []string{"in", "out", "tmp"} {
		if err := os.Mkdir(filepath.Join(target, name), 0o755); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}

// stage puts one entry of the top into place. Devices, sockets and pipes are left out.
func stage(source, target string, kind os.FileMode) error {
	switch {
	case kind&os.ModeSymlink != 0:
		to, err := os.Readlink(source)
		if err != nil {
			return err
		}
		return os.Symlink(to, target)
	case kind.IsDir():
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
	case kind.IsRegular():
		f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		f.Close()
	default:
		return nil
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	// In a user namespace the flags that the mount has may not be taken away.
	var fs unix.Statfs_t
	if err := unix.Statfs(target, &fs); err != nil {
		return err
	}
	const (
		kept     = unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME
		relatime = 0x1000 // the one that statfs(2) numbers in another way
	)
	flags := uintptr(fs.Flags)&kept | unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	if fs.Flags&relatime != 0 {
		flags |= unix.MS_RELATIME
	}
	return unix.Mount("", target, "", flags, "")
}
