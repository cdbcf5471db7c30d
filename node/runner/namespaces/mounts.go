//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

const (
	// maxTopLevel caps the entries of an image's top directory.
	maxTopLevel = 4096
	// pageBytes is the least that a file in memory takes; larger pages only round further.
	pageBytes = 4096
	// stage is where the new root is put together, in the sandbox's own mount namespace.
	stage = "/tmp"
)

// ours are the top-level names that the sandbox gives; an image's own are not seen.
var ours = []string{"proc", "sys", "dev", "tmp", "run", "in", "out", imageDir, scratchDir, nodesDir, runner.DriverDir[1:]}

const (
	imageDir   = ".image"   // while the root is put together
	scratchDir = ".scratch" // likewise
)

// buildRoot puts the job's root together, makes it this process's, and returns the
// directories that a job may write and, where the job has outputs, /out itself.
func buildRoot(s *setup, root, in *os.File, rest *given) (writable []string, out *os.File, err error) {
	const none = unix.MS_NOSUID | unix.MS_NODEV
	steps := []struct {
		what string
		do   func() error
	}{
		{"keep mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"make the root", func() error { return memory(stage, none, "mode=0755,size=1m,nr_inodes=8192") }},
		{"take the image's files", func() error { return placeImage(root) }},
		{"mount /proc", placeProc},
		{"make /dev", placeDevices},
		{"pass on the cards", func() error { return placeCards(&s.Devices, s.RootFD, rest) }},
		{"seal /dev", func() error { return seal(at("dev"), unix.MS_NOSUID|unix.MS_NOEXEC) }},
		{"make the scratch directories", func() (err error) { writable, err = placeScratch(s); return err }},
		{"place /in", func() error { return placeInput(in) }},
		{"make /out", func() error { return placeOutput(s) }},
		{"seal the root", func() error { return errors.Join(os.MkdirAll(at("sys"), 0o555), seal(stage, none)) }},
		{"enter the root", enterRoot},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	if info, err := os.Lstat("/var/tmp"); err == nil && info.IsDir() {
		if err := unix.Mount("/tmp", "/var/tmp", "", unix.MS_BIND, ""); err != nil {
			return nil, nil, fmt.Errorf("make /var/tmp: %w", err)
		}
		writable = append(writable, "/var/tmp")
	}
	if !s.HasOut {
		return writable, nil, nil
	}
	out, err = os.Open("/out")
	return append(writable, "/out"), out, err
}

func at(name string) string { return filepath.Join(stage, name) }

// memory mounts a file system in memory, with none of its pages taken yet.
func memory(dir string, flags uintptr, options string) error {
	return unix.Mount("tmpfs", dir, "tmpfs", flags, options)
}

// seal makes a mount read-only with other flags, keeping those that it has: a user
// namespace may not take away what the host set.
func seal(dir string, flags uintptr) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	for _, f := range []struct{ have, keep uintptr }{
		{unix.ST_NOSUID, unix.MS_NOSUID}, {unix.ST_NODEV, unix.MS_NODEV}, {unix.ST_NOEXEC, unix.MS_NOEXEC},
		{unix.ST_NOATIME, unix.MS_NOATIME}, {unix.ST_NODIRATIME, unix.MS_NODIRATIME}, {unix.ST_RELATIME, unix.MS_RELATIME},
	} {
		if uintptr(st.Flags)&f.have != 0 {
			flags |= f.keep
		}
	}
	return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// attach puts a mount that has no place yet into a new one, sealed.
func attach(f *os.File, dir string) error {
	place := func() error { return os.Mkdir(dir, 0o755) }
	if info, err := f.Stat(); err != nil {
		return err
	} else if !info.IsDir() {
		place = func() error { return touch(dir) }
	}
	if err := place(); err != nil {
		return err
	}
	if err := unix.MoveMount(int(f.Fd()), "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	return seal(dir, unix.MS_NOSUID|unix.MS_NODEV)
}

// placeImage gives each entry of the image's top directory a place in the root: so the
// image need not have the sandbox's own directories, and is not written to. A root that is
// one file is Probe's program.
func placeImage(root *os.File) error {
	if info, err := root.Stat(); err != nil {
		return err
	} else if !info.IsDir() {
		return attach(root, at(probeName))
	}
	if err := attach(root, at(imageDir)); err != nil {
		return err
	}
	dir, err := os.Open(at(imageDir))
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxTopLevel + 1)
	if len(entries) > maxTopLevel {
		return fmt.Errorf("the image has over %d entries in its top directory", maxTopLevel)
	}
	if err != nil && len(entries) > 0 {
		return err
	}
	for _, e := range entries {
		if slices.Contains(ours, e.Name()) {
			continue
		}
		if err := placeEntry(e); err != nil {
			return fmt.Errorf("%q: %w", e.Name(), err)
		}
	}
	if err := unix.Unmount(at(imageDir), unix.MNT_DETACH); err != nil {
		return err
	}
	return os.Remove(at(imageDir))
}

func placeEntry(e os.DirEntry) error {
	from, to := filepath.Join(at(imageDir), e.Name()), at(e.Name())
	switch {
	case e.Type()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case e.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
	case e.Type().IsRegular():
		if err := touch(to); err != nil {
			return err
		}
	default:
		return nil // a device or a pipe, which no image needs
	}
	return unix.Mount(from, to, "", unix.MS_BIND, "")
}

func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	return f.Close()
}

// placeDevices makes a /dev of the host's harmless devices, which a user namespace may not
// make itself.
func placeDevices() error {
	dev := at("dev")
	if err := os.Mkdir(dev, 0o755); err != nil {
		return err
	}
	if err := memory(dev, unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=64k,nr_inodes=128"); err != nil {
		return err
	}
	for name := range harmless {
		path := filepath.Join(dev, name)
		if err := touch(path); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := seal(path, unix.MS_NOSUID|unix.MS_NOEXEC); err != nil {
			return fmt.Errorf("seal %s: %w", name, err)
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(dev, "shm"), 0o755)
}

// placeScratch makes the directories that a job writes to and that go with it. They are one
// file system, so that one limit holds for all.
func placeScratch(s *setup) ([]string, error) {
	dir := at(scratchDir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	// Inodes are kernel memory, one for every 4 KiB at most.
	if err := memory(dir, unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=0755,size=%d,nr_inodes=%d",
		max(s.ScratchBytes, pageBytes), max(s.ScratchBytes/pageBytes, 64))); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		from, to string
		mode     os.FileMode
	}{{"tmp", "tmp", 0o777 | os.ModeSticky}, {"run", "run", 0o755}, {"shm", "dev/shm", 0o777 | os.ModeSticky}} {
		from, to := filepath.Join(dir, d.from), at(d.to)
		if err := errors.Join(os.Mkdir(from, 0o755), os.Chown(from, int(s.UID), int(s.GID)), os.Chmod(from, d.mode)); err != nil {
			return nil, err
		}
		if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return nil, err
		}
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return nil, err
	}
	return []string{"/tmp", "/run", "/dev/shm"}, os.Remove(dir)
}

func placeInput(in *os.File) error {
	if in == nil {
		return os.Mkdir(at("in"), 0o555)
	}
	return attach(in, at("in"))
}

// placeOutput makes /out: a file system that has no room for more than the job may write.
// The last page of each file, and one file too many, are let in: the look at the end tells
// to the byte.
func placeOutput(s *setup) error {
	dir := at("out")
	if err := os.Mkdir(dir, 0o555); err != nil || !s.HasOut {
		return err
	}
	return memory(dir, unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("mode=0755,uid=%d,gid=%d,size=%d,nr_inodes=%d", s.UID, s.GID,
		s.OutputBytes+uint64(s.OutputFiles+2)*pageBytes, s.OutputFiles+2))
}

// enterRoot makes the stage this process's root and lets go of the host's.
func enterRoot() error {
	if err := unix.Chdir(stage); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}
