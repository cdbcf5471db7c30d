//go:build linux

package namespaces

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// hidden is what of /proc tells of the host, or acts on it.
var hidden = []string{
	"acpi", "asound", "bus", "cmdline", "config.gz", "diskstats", "driver", "dma", "execdomains", "fb", "interrupts", "iomem", "ioports",
	"kallsyms", "kcore", "key-users", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags", "latency_stats", "locks",
	"mdstat", "modules", "mtrr", "pagetypeinfo", "partitions", "sched_debug", "schedstat", "scsi", "slabinfo", "softirqs",
	"swaps", "sysrq-trigger", "sysvipc", "timer_list", "timer_stats", "vmallocinfo", "vmcore", "zoneinfo",
}

// sealed is what of /proc is kept from being written.
var sealed = []string{"sys", "irq", "fs", "tty", "pressure"}

// placeProc mounts this process namespace's own /proc without what tells of the host.
func placeProc() error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := os.Mkdir(at("proc"), 0o555); err != nil {
		return err
	}
	if err := unix.Mount("proc", at("proc"), "proc", flags, ""); err != nil {
		return fmt.Errorf("%w (in a container, its own /proc may be covered in parts; run the rig on the host)", err)
	}
	for _, name := range sealed {
		path := filepath.Join(at("proc"), name)
		if err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); errors.Is(err, unix.ENOENT) {
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := seal(path, flags); err != nil {
			return fmt.Errorf("seal %s: %w", name, err)
		}
	}
	for _, name := range hidden {
		path := filepath.Join(at("proc"), name)
		info, err := os.Lstat(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && info.IsDir() {
			err = memory(path, flags|unix.MS_RDONLY, "size=4k,nr_inodes=2,mode=0555")
		} else if err == nil {
			err = unix.Mount("/dev/null", path, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	return nil
}
