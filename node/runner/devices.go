package runner

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Caps of what one job gets of a machine's cards.
const (
	// MaxDeviceNodes is how many device files there are at most: sixteen cards with what
	// they share, and room.
	MaxDeviceNodes = 32
	// MaxDriverFiles is how many files of drivers there are at most; one of NVIDIA's has 30.
	MaxDriverFiles = 128
)

// DriverDir is where drivers' files are inside. It is at the top of a container's root,
// because everything below an image's own directories is shared with other jobs.
const DriverDir = "/.driver"

// ErrNoCards is returned by engines for a job with cards that they cannot pass on.
var ErrNoCards = errors.New("this engine passes no cards on")

// Devices are what a container gets of the machine's cards, and all that it gets of them.
// The zero value is nothing.
type Devices struct {
	// Names are the cards' CDI names, for an engine that adds devices by itself.
	Names []string
	// Nodes are device files.
	Nodes []DeviceNode
	// Files are the driver's, read-only.
	Files []DriverFile
	// Sys are the directories of the kernel's own that tell a driver's libraries of its
	// cards, read-only, and SysLinks how they are found, for an engine that shows no /sys.
	Sys      []DriverFile
	SysLinks []SysLink
	// NVIDIA is the version of NVIDIA's driver where that has the cards, and "" for
	// every other.
	NVIDIA string
	// Env holds KEY=value entries that go with the files.
	Env []string
}

// DeviceNode is a character device. An engine gives a job the device of these numbers and
// never what may have taken its place on the host.
type DeviceNode struct {
	Host, Inside string
	Major, Minor uint32
}

// DriverFile is a file, or a directory in Sys, of the host that a job may read.
type DriverFile struct{ Host, Inside string }

// SysLink is a symbolic link in a job's /sys.
type SysLink struct{ Inside, Target string }

// None reports whether there is nothing to pass on.
func (d *Devices) None() bool { return len(d.Nodes) == 0 && len(d.Files) == 0 && len(d.Names) == 0 }

// check refuses what would place anything but device files in /dev and drivers' files in
// DriverDir.
func (d *Devices) check() error {
	if len(d.Nodes) > MaxDeviceNodes || len(d.Files)+len(d.Sys) > MaxDriverFiles || max(len(d.Names), len(d.SysLinks)) > MaxDeviceNodes {
		return fmt.Errorf("%d device files and %d driver files: at most %d and %d", len(d.Nodes), len(d.Files)+len(d.Sys), MaxDeviceNodes, MaxDriverFiles)
	}
	seen := map[string]bool{}
	for _, n := range d.Nodes {
		if !within("/dev", n.Inside) || !path.IsAbs(n.Host) || seen[n.Inside] {
			return fmt.Errorf("device file %q for %q: it must be one path of its own below /dev", n.Host, n.Inside)
		}
		seen[n.Inside] = true
	}
	for _, f := range d.Files {
		if !within(DriverDir, f.Inside) || !path.IsAbs(f.Host) || seen[f.Inside] {
			return fmt.Errorf("driver file %q for %q: it must be one path of its own below %s", f.Host, f.Inside, DriverDir)
		}
		seen[f.Inside] = true
	}
	return d.checkSys(seen)
}

func (d *Devices) checkSys(seen map[string]bool) error {
	for _, f := range d.Sys {
		if !within("/sys", f.Inside) || !path.IsAbs(f.Host) || seen[f.Inside] {
			return fmt.Errorf("directory %q for %q: it must be one path of its own below /sys", f.Host, f.Inside)
		}
		seen[f.Inside] = true
	}
	for _, l := range d.SysLinks {
		if !within("/sys", l.Inside) || !within("/sys", path.Join(path.Dir(l.Inside), l.Target)) || path.IsAbs(l.Target) || seen[l.Inside] {
			return fmt.Errorf("link %q to %q: it must be one path of its own below /sys, to another", l.Inside, l.Target)
		}
		seen[l.Inside] = true
	}
	return nil
}

func within(dir, name string) bool {
	return strings.HasPrefix(name, dir+"/") && path.Clean(name) == name && !strings.ContainsRune(name, 0)
}
