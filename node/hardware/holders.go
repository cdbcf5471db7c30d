package hardware

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// watchers are programs that have cards open without working on them. They are told by
// the file that they run, because a process names itself.
var watchers = map[string]bool{"nvidia-persistenced": true, "Xorg": true, "Xwayland": true, "nvidia-smi": true, "rocm-smi": true,
	"systemd-logind": true, "gnome-shell": true, "sddm-greeter": true, "nv-hostengine": true}

// readHolders finds the processes that have a card's device files open. It sees those of
// other users, and in containers, only as root.
func (s Sources) readHolders(cards []Card) {
	nodes := map[string][]*Card{}
	for i := range cards {
		for _, n := range cards[i].Nodes {
			nodes[n] = append(nodes[n], &cards[i])
		}
	}
	if len(nodes) == 0 {
		return
	}
	for _, name := range names(s.Proc) {
		pid, err := strconv.Atoi(name)
		if err != nil || pid <= 0 || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join(s.Proc, name, "fd")
		for i, fd := range names(dir) {
			if i == maxOpenable {
				break
			}
			to, err := os.Readlink(filepath.Join(dir, fd))
			if err != nil {
				continue
			}
			for _, c := range nodes[to] {
				h := Holder{PID: pid, Name: clean(text(s.Proc, name, "comm"))}
				h.VRAMMiB = s.drmMemory(c, name, fd)
				// NVIDIA's own list says which of its holders compute; an open render
				// node is all that the others tell.
				h.Compute = strings.HasPrefix(to, "/dev/dri/renderD") && c.Driver != "nvidia" && !s.watches(name)
				c.hold(h)
			}
		}
	}
}

// watches reports whether a process is a display server, a login manager or a monitor.
func (s Sources) watches(pid string) bool {
	exe, err := os.Readlink(filepath.Join(s.Proc, pid, "exe"))
	if err != nil || !strings.HasPrefix(exe, "/usr/") && !strings.HasPrefix(exe, "/opt/rocm") && !strings.HasPrefix(exe, "/lib/systemd/") {
		return false
	}
	return watchers[filepath.Base(exe)]
}

// drmMemory is the memory that an open descriptor stands for, which newer drivers tell
// (the kernel's Documentation/gpu/drm-usage-stats).
func (s Sources) drmMemory(c *Card, pid, fd string) *uint32 {
	b, err := readFile(filepath.Join(s.Proc, pid, "fdinfo", fd), maxListing)
	if err != nil {
		return nil
	}
	var vram *uint32
	mine := true
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "drm-pdev":
			mine = value == c.Address
		case "drm-memory-vram", "drm-resident-vram0":
			if kib, ok := quantity(value, "KiB"); ok {
				vram = ptr(uint32(kib >> 10))
			} else if mib, ok := quantity(value, "MiB"); ok {
				vram = ptr(uint32(mib))
			}
		}
	}
	if !mine {
		return nil
	}
	return vram
}
