//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/node/runner"
)

// nodesDir is where the device files of cards are while the root is put together.
const nodesDir = ".nodes"

// cardFiles opens what the job gets of cards: a file system with their device files, and
// the driver's files as mounts, in the setup's order. Another user than root leaves that to
// init.
//
// The device files are new ones, which only this job sees and may open whatever the host's
// own ones allow to whom: their numbers say which cards they are.
func (b *sandbox) cardFiles(d *runner.Devices) (files []*os.File, err error) {
	if b.user < 0 {
		return nil, nil
	}
	if len(d.Nodes) > 0 {
		nodes, err := makeNodes(d.Nodes)
		if err != nil {
			return nil, err
		}
		files = append(files, nodes)
	}
	for _, f := range slices.Concat(d.Files, d.Sys) {
		tree, err := openTree(f.Host)
		if err != nil {
			return files, err
		}
		files = append(files, tree)
	}
	return files, nil
}

// makeNodes makes a file system in memory that has no place yet, and in it the device files
// under their numbers in the list.
func makeNodes(list []runner.DeviceNode) (_ *os.File, err error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a place for device files: %w", err)
	}
	defer unix.Close(fs)
	if err := errors.Join(unix.FsconfigSetString(fs, "mode", "0755"), unix.FsconfigSetString(fs, "size", "64k"),
		unix.FsconfigCreate(fs)); err != nil {
		return nil, fmt.Errorf("make a place for device files: %w", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a place for device files: %w", err)
	}
	dir := os.NewFile(uintptr(fd), "nodes")
	for i, n := range list {
		name := strconv.Itoa(i)
		err := unix.Mknodat(fd, name, unix.S_IFCHR|0o600, int(unix.Mkdev(n.Major, n.Minor)))
		if err == nil {
			err = unix.Fchmodat(fd, name, 0o666, 0)
		}
		if err != nil {
			dir.Close()
			return nil, fmt.Errorf("make device file %s: %w", n.Inside, err)
		}
	}
	return dir, nil
}

// given hands out the files that came with a job, in their order.
type given struct{ files []*os.File }

func (g *given) next() (*os.File, error) {
	if len(g.files) == 0 {
		return nil, errors.New("the job came without its files")
	}
	f := g.files[0]
	g.files = g.files[1:]
	return f, nil
}

// placeCards puts the device files of cards into /dev, the driver's files into their
// directory, and what the kernel tells of the cards into /sys. What the daemon did not open, init does by the host's paths.
func placeCards(d *runner.Devices, opened bool, rest *given) error {
	if opened && len(d.Nodes) > 0 {
		if err := placeNodes(d.Nodes, rest); err != nil {
			return err
		}
	} else {
		for _, n := range d.Nodes {
			if err := placeOwnNode(n); err != nil {
				return fmt.Errorf("%s: %w", n.Inside, err)
			}
		}
	}
	for _, f := range slices.Concat(d.Files, d.Sys) {
		tree, err := driverFile(f, opened, rest)
		if err != nil {
			return err
		}
		err = os.MkdirAll(at(filepath.Dir(f.Inside)), 0o755)
		if err == nil {
			err = attach(tree, at(f.Inside))
		}
		tree.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", f.Inside, err)
		}
	}
	for _, l := range d.SysLinks {
		if err := errors.Join(os.MkdirAll(at(filepath.Dir(l.Inside)), 0o755), os.Symlink(l.Target, at(l.Inside))); err != nil {
			return err
		}
	}
	return nil
}

func driverFile(f runner.DriverFile, opened bool, rest *given) (*os.File, error) {
	if opened {
		return rest.next()
	}
	return openTree(f.Host)
}

// placeNodes binds each of the daemon's device files to its place.
func placeNodes(list []runner.DeviceNode, rest *given) error {
	nodes, err := rest.next()
	if err != nil {
		return err
	}
	defer nodes.Close()
	dir := at(nodesDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := unix.MoveMount(int(nodes.Fd()), "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	for i, n := range list {
		if err := bindNode(filepath.Join(dir, strconv.Itoa(i)), n.Inside); err != nil {
			return fmt.Errorf("%s: %w", n.Inside, err)
		}
	}
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return err
	}
	return os.Remove(dir)
}

// placeOwnNode binds a device file of the host, if it still is the device that it was.
func placeOwnNode(n runner.DeviceNode) error {
	if err := bindNode(n.Host, n.Inside); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(at(n.Inside), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(n.Major, n.Minor) {
		return errors.New("it is another device than it was: start the rig again")
	}
	return nil
}

func bindNode(from, inside string) error {
	to := at(inside)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := touch(to); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	return seal(to, unix.MS_NOSUID|unix.MS_NOEXEC)
}
