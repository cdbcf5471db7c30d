package hardware

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Edits are what a sandbox must be given of the host so that a program in it can use
// cards: nothing else makes a card reachable.
type Edits struct {
	Nodes  []Node
	Mounts []Mount
	// Env holds KEY=value entries; an engine puts LD_LIBRARY_PATH before the image's own.
	Env []string
	// Sys are the directories of sysfs in which the libraries of AMD's and Intel's drivers look
	// their cards up, and Links the symbolic links by which they find them. An engine that
	// shows sysfs needs neither.
	Sys   []Mount
	Links []SysLink
}

// SysLink is a symbolic link inside.
type SysLink struct{ Inside, Target string }

// Node is a character device, by the numbers that it had when it was looked at.
type Node struct {
	Host, Inside string
	Major, Minor uint32
}

// Mount is a file of the host that the sandbox sees read-only.
type Mount struct{ Host, Inside string }

// nvidiaDir is where the driver's files are inside. It is at the top because sandboxes
// place nothing below an image's own directories, which jobs share.
const nvidiaDir = "/.driver"

// Edits are what these cards need together. Its errors name the file that is missing and
// what makes it. Only compute and the tools that watch it are in: no display, no video.
//
// Unproven: no test has opened a real card through them.
func (s Sources) Edits(cards []Card) (Edits, error) {
	var all Edits
	for _, vendor := range []string{VendorNVIDIA, VendorAMD, VendorIntel} {
		of := slices.DeleteFunc(slices.Clone(cards), func(c Card) bool { return c.Vendor != vendor })
		if len(of) == 0 {
			continue
		}
		e, err := s.common(&of[0])
		if err != nil {
			return Edits{}, err
		}
		for i := range of {
			own, err := s.own(&of[i])
			if err != nil {
				return Edits{}, err
			}
			e.Nodes = append(e.Nodes, own...)
			if vendor == VendorNVIDIA {
				continue
			}
			if err := s.told(&e, &of[i], own[0]); err != nil {
				return Edits{}, err
			}
		}
		all.Nodes = append(all.Nodes, e.Nodes...)
		all.Mounts = append(all.Mounts, e.Mounts...)
		all.Env = append(all.Env, e.Env...)
		all.Sys = append(all.Sys, e.Sys...)
		all.Links = append(all.Links, e.Links...)
	}
	return all, nil
}

// common is what all cards of one vendor share.
func (s Sources) common(c *Card) (e Edits, err error) {
	switch c.Vendor {
	case VendorNVIDIA:
		for _, path := range []string{"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"} {
			n, err := s.node(path)
			if err != nil {
				return Edits{}, fmt.Errorf("%w; `nvidia-modprobe -u -c 0` makes it", err)
			}
			e.Nodes = append(e.Nodes, n)
		}
		if e.Mounts, err = s.nvidiaLibraries(c.DriverVersion); err != nil {
			return Edits{}, err
		}
		if tool := s.findTool("nvidia-smi"); tool != "" {
			e.Mounts = append(e.Mounts, Mount{tool, nvidiaDir + "/bin/nvidia-smi"})
		}
		// "void" keeps other container tools from adding cards of their own.
		e.Env = []string{"LD_LIBRARY_PATH=" + nvidiaDir + "/lib64", "NVIDIA_VISIBLE_DEVICES=void"}
	case VendorAMD:
		n, err := s.node("/dev/kfd")
		if err != nil {
			return Edits{}, fmt.Errorf("%w; the amdgpu driver makes it where its compute part is built in", err)
		}
		e.Nodes = []Node{n}
		if kfd := filepath.Join(s.Sys, "devices/virtual/kfd"); isDirectory(kfd) { // ROCm's list of all cards
			e.Sys = []Mount{{kfd, "/sys/devices/virtual/kfd"}}
			e.Links = []SysLink{{"/sys/class/kfd/kfd", "../../devices/virtual/kfd/kfd"}}
		}
	}
	return e, nil
}

// told adds what sysfs tells of a card: its PCI device, found by its render node's numbers
// (libdrm, drmGetDevice) and by its address.
func (s Sources) told(e *Edits, c *Card, n Node) error {
	dir, err := filepath.EvalSymlinks(filepath.Join(s.Sys, "bus/pci/devices", c.Address))
	if err != nil {
		return fmt.Errorf("find card %s in sysfs: %w", c.Address, err)
	}
	sys, err := filepath.EvalSymlinks(s.Sys)
	if err != nil {
		return fmt.Errorf("find sysfs: %w", err)
	}
	at, err := filepath.Rel(sys, dir)
	if err != nil || !filepath.IsLocal(at) {
		return fmt.Errorf("card %s is not in sysfs but in %s", c.Address, dir)
	}
	e.Sys = append(e.Sys, Mount{dir, path.Join("/sys", at)})
	e.Links = append(e.Links, SysLink{fmt.Sprintf("/sys/dev/char/%d:%d", n.Major, n.Minor), path.Join("../..", at, "drm", path.Base(n.Inside))})
	if place := path.Join("bus/pci/devices", c.Address); at != place {
		e.Links = append(e.Links, SysLink{"/sys/" + place, path.Join("../../..", at)})
	}
	return nil
}

func isDirectory(name string) bool {
	st, err := os.Stat(name)
	return err == nil && st.IsDir()
}

// own is the card's own device file: of AMD's and Intel's the render node, which can
// neither set a display mode nor see other programs' memory.
func (s Sources) own(c *Card) ([]Node, error) {
	prefix := "/dev/dri/renderD"
	if c.Vendor == VendorNVIDIA {
		prefix = "/dev/nvidia"
	}
	for _, path := range c.Nodes {
		if strings.HasPrefix(path, prefix) {
			n, err := s.node(path)
			if err != nil {
				return nil, err
			}
			return []Node{n}, nil
		}
	}
	return nil, fmt.Errorf("card %s (%s) has no device file: its driver is not loaded", c.Address, c.Name())
}

// node looks at a device file of the host.
func (s Sources) node(path string) (Node, error) {
	host := filepath.Join(s.Dev, strings.TrimPrefix(path, "/dev/"))
	major, minor, err := deviceNumbers(host)
	if err != nil {
		return Node{}, fmt.Errorf("device file %s: %w", path, err)
	}
	return Node{Host: host, Inside: path, Major: major, Minor: minor}, nil
}

// errNoDevice is something else in a device file's place.
var errNoDevice = errors.New("not a character device")
