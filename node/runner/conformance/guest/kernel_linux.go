package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	attempts["core dump program"] = func(a *aims) {
		put("/proc/sys/kernel/core_pattern", "|/tmp/"+a.Token)
		put("/proc/1/root/proc/sys/kernel/core_pattern", "|/tmp/"+a.Token)
	}
	attempts["kernel settings"] = kernelSettings
	attempts["magic system request"] = func(*aims) { put("/proc/sysrq-trigger", "h") }
	attempts["kernel's memory"] = kernelMemory
	attempts["kernel's log"] = kernelLog
	attempts["release agent"] = releaseAgent
	attempts["control groups"] = controlGroups
	attempts["kernel file systems"] = kernelFileSystems
	attempts["making device nodes"] = deviceNodes
	attempts["devices that are there"] = devices
	attempts["clock"] = clock
	attempts["kernel modules"] = modules
	attempts["reboot"] = reboot
	attempts["swap"] = swap
	attempts["process accounting"] = accounting
	attempts["host name"] = func(a *aims) {
		said("host name", unix.Sethostname([]byte(a.Token)))
		said("domain name", unix.Setdomainname([]byte(a.Token)))
	}
	attempts["keys"] = keys
	attempts["input and output ports"] = ioPorts
	actions["hold"] = hold
}

func kernelSettings(a *aims) {
	for _, name := range []string{"kernel/hostname", "kernel/domainname", "kernel/modprobe", "kernel/hotplug", "kernel/poweroff_cmd"} {
		put("/proc/sys/"+name, "/"+a.Token)
	}
	for _, name := range []string{"kernel/panic", "vm/overcommit_memory", "fs/suid_dumpable", "vm/swappiness", "net/ipv4/ip_forward", "kernel/printk"} {
		put("/proc/sys/"+name, "1")
	}
	put("/proc/sys/fs/binfmt_misc/register", ":"+a.Token+":E::"+a.Token+"::/guest:")
	put("/sys/kernel/uevent_helper", "/tmp/"+a.Token)
	put("/proc/1/oom_score_adj", "-1000")
	put("/proc/self/oom_score_adj", "-1000")
	put("/proc/irq/default_smp_affinity", "1")
	put("/proc/mtrr", "disable=0")
	put("/proc/acpi/wakeup", a.Token)
	put("/proc/scsi/scsi", a.Token)
	put("/sys/kernel/mm/ksm/run", "0")
}

// kernelMemory looks where the kernel shows its own.
func kernelMemory(*aims) {
	for _, p := range []string{"/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/proc/kpagecount", "/proc/kpageflags", "/proc/vmallocinfo"} {
		f, err := os.Open(p)
		if err != nil {
			said(p, err)
			continue
		}
		b := make([]byte, 4096)
		n, err := f.Read(b)
		if n > 0 {
			fmt.Printf("BREACH %d bytes of %s\n", n, p)
		}
		said(p, err)
	}
	for _, p := range []string{"/proc/kallsyms", "/proc/timer_list", "/proc/sched_debug", "/proc/keys", "/proc/slabinfo", "/proc/config.gz"} {
		show(p)
	}
}

func kernelLog(a *aims) {
	b := make([]byte, 1<<20)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, b)
	log := string(b[:max(n, 0)])
	fmt.Printf("log: %.1000q %v\n", log, err)
	for line := range strings.Lines(log) {
		if strings.Contains(line, "conformance: ") { // where the witness has left the secret
			fmt.Printf("log: %q\n", line)
		}
	}
	show("/dev/kmsg")
	show("/proc/kmsg")
	put("/dev/kmsg", a.Token+" was here\n")
}

// releaseAgent names a program for the kernel to run outside, and has it run.
func releaseAgent(a *aims) {
	for _, controller := range []string{"rdma", "memory", "cpu", "cpuacct", "freezer", "pids", "devices"} {
		dir := "/tmp/" + a.Token + controller
		_ = os.MkdirAll(dir, 0o755)
		said("mount "+controller, unix.Mount("cgroup", dir, "cgroup", 0, controller))
		trap(dir, a)
		trap("/sys/fs/cgroup/"+controller, a)
	}
	said("mount version 2", unix.Mount("cgroup2", "/tmp/"+a.Token+"rdma", "cgroup2", 0, ""))
}

func trap(dir string, a *aims) {
	put(dir+"/release_agent", "/tmp/"+a.Token)
	put(dir+"/notify_on_release", "1")
	child := dir + "/" + a.Token
	if os.Mkdir(child, 0o755) == nil {
		put(child+"/notify_on_release", "1")
		put(child+"/cgroup.procs", fmt.Sprint(os.Getpid()))
	}
}

// controlGroups lifts its own limits, where it finds them.
func controlGroups(a *aims) {
	for _, dir := range []string{"/sys/fs/cgroup", "/proc/1/root/sys/fs/cgroup"} {
		for _, pattern := range []string{"/memory*", "/*/memory*", "/*/pids.max", "/pids.max", "/*/cpu.cfs_quota_us", "/cpu.max", "/*/devices.allow", "/cgroup.freeze"} {
			list, _ := filepath.Glob(dir + pattern)
			for _, p := range list {
				put(p, "max")
				put(p, "-1")
			}
		}
		said("mount", unix.Mount("cgroup2", dir, "cgroup2", 0, ""))
		said("make", os.Mkdir(dir+"/"+a.Token, 0o755))
		procs, _ := filepath.Glob(dir + "/*/cgroup.procs")
		for _, p := range append(procs, dir+"/cgroup.procs") {
			put(p, fmt.Sprint(os.Getpid()))
		}
	}
}

// kernelFileSystems mounts what shows or steers the host's kernel.
func kernelFileSystems(a *aims) {
	for _, kind := range []string{"debugfs", "tracefs", "securityfs", "bpf", "configfs", "efivarfs", "pstore", "fusectl", "binfmt_misc", "hugetlbfs", "devpts"} {
		dir := "/tmp/fs-" + kind
		_ = os.MkdirAll(dir, 0o755)
		err := unix.Mount(kind, dir, kind, 0, "")
		said("mount "+kind, err)
		if err != nil {
			continue
		}
		list, _ := os.ReadDir(dir)
		fmt.Println(kind, list)
		put(dir+"/trace_marker", a.Token)
		put(dir+"/register", ":"+a.Token+":E::"+a.Token+"::/guest:")
		if kind == "debugfs" || kind == "tracefs" || kind == "securityfs" || kind == "configfs" || kind == "efivarfs" || kind == "pstore" {
			fmt.Println("BREACH", kind)
		}
	}
}

// deviceNodes makes nodes for devices of the host's wherever it may write.
func deviceNodes(a *aims) {
	nodes := map[string][2]uint32{
		"mem": {unix.S_IFCHR, uint32(unix.Mkdev(1, 1))}, "kmsg": {unix.S_IFCHR, uint32(unix.Mkdev(1, 11))},
		"port": {unix.S_IFCHR, uint32(unix.Mkdev(1, 4))}, "disk": {unix.S_IFBLK, a.Block},
	}
	for _, dir := range []string{"/tmp", "/dev", "/out", "/dev/shm", "/", "/in"} {
		for name, node := range nodes {
			path := dir + "/" + a.Token + name
			err := unix.Mknod(path, node[0]|0o666, int(node[1]))
			said("make "+path, err)
			if err != nil {
				continue
			}
			if name == "kmsg" {
				put(path, a.Token+" was here\n")
				continue
			}
			f, err := os.Open(path)
			said("open "+path, err)
			if err == nil {
				n, err := f.Read(make([]byte, 512))
				said("read "+path, err)
				if n > 0 {
					fmt.Println("BREACH", n, "bytes of", name)
				}
			}
		}
	}
}

// devices are names under which a host keeps what a job must not have.
func devices(a *aims) {
	for _, name := range []string{
		"mem", "kmem", "port", "kmsg", "kvm", "vhost-net", "vhost-vsock", "vsock", "loop-control", "loop0", "mapper/control",
		"uinput", "input/event0", "vda", "sda", "nvme0n1", "xvda", "nvme0", "rtc", "rtc0", "hwrng", "vfio/vfio",
		"cpu/0/msr", "cpu/0/cpuid", "userfaultfd", "hpet", "mcelog", "autofs", "btrfs-control", "ppp", "tty0", "fb0",
	} {
		f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0)
		if err != nil {
			f, err = os.Open("/dev/" + name)
		}
		if err == nil {
			_ = f.Close()
		}
		breach("open /dev/"+name, err)
	}
	put("/dev/kmsg", a.Token+" was here\n")
}

// clock moves the machine's time by some seconds.
func clock(*aims) {
	later := time.Now().Add(20 * time.Second)
	spec := unix.NsecToTimespec(later.UnixNano())
	_, _, e := unix.Syscall(unix.SYS_CLOCK_SETTIME, unix.CLOCK_REALTIME, uintptr(unsafe.Pointer(&spec)), 0)
	said("clock_settime", orNil(e))
	val := unix.NsecToTimeval(later.UnixNano())
	_, _, e = unix.Syscall(unix.SYS_SETTIMEOFDAY, uintptr(unsafe.Pointer(&val)), 0, 0)
	said("settimeofday", orNil(e))
	_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_SETOFFSET, Time: unix.Timeval{Sec: 20}})
	said("adjtimex", err)
}

func orNil(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

// modules hands the kernel what is no module: one that looks at it would take a real one.
func modules(a *aims) {
	b, err := unix.BytePtrFromString("")
	if err != nil {
		return
	}
	garbage := []byte("\x7fELF no module, " + a.Token)
	_, _, e := unix.Syscall(unix.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&garbage[0])), uintptr(len(garbage)), uintptr(unsafe.Pointer(b)))
	looked("init_module", e)
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		return
	}
	_, _, e = unix.Syscall(unix.SYS_FINIT_MODULE, f.Fd(), uintptr(unsafe.Pointer(b)), 0)
	looked("finit_module", e)
	name, err := unix.BytePtrFromString(a.Token)
	if err != nil {
		return
	}
	_, _, e = unix.Syscall(unix.SYS_DELETE_MODULE, uintptr(unsafe.Pointer(name)), unix.O_NONBLOCK, 0)
	looked("delete_module", e)
	_, _, e = unix.Syscall6(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0, 0, 0)
	looked("kexec_load", e)
}

// looked takes a refusal for want of permission, or of the call itself, for one.
func looked(call string, e unix.Errno) {
	if e == unix.EPERM || e == unix.ENOSYS || e == unix.EACCES {
		said(call, e)
		return
	}
	fmt.Println("BREACH", call, e)
}

// reboot asks for the least of what the call does: whether Ctrl-Alt-Del restarts.
func reboot(*aims) {
	for _, command := range []int{unix.LINUX_REBOOT_CMD_CAD_ON, unix.LINUX_REBOOT_CMD_CAD_OFF} {
		said("reboot", unix.Reboot(command))
	}
	put("/proc/sys/kernel/ctrl-alt-del", "1")
}

func swap(a *aims) {
	name := "/tmp/" + a.Token + "swap"
	page := make([]byte, 64<<10)
	page[1024], page[1028] = 1, 15 // version and last page, of a version 1 area
	copy(page[4086:], "SWAPSPACE2")
	said("make", os.WriteFile(name, page, 0o600))
	p, err := unix.BytePtrFromString(name)
	if err != nil {
		return
	}
	_, _, e := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(p)), 0, 0)
	said("swapon", orNil(e))
	_, _, e = unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(p)), 0, 0)
	if e != unix.EPERM && e != unix.ENOSYS && e != unix.EINVAL {
		said("swapoff", orNil(e))
	}
}

func accounting(*aims) {
	err := unix.Acct("")
	said("no accounting", err)
	if os.WriteFile("/out/acct", nil, 0o600) == nil {
		err := unix.Acct("/out/acct")
		breach("accounting", err)
		if err == nil {
			_ = unix.Acct("")
		}
	}
}

func keys(a *aims) {
	for name, ring := range map[string]int{"session": unix.KEY_SPEC_SESSION_KEYRING, "user": unix.KEY_SPEC_USER_KEYRING, "user session": unix.KEY_SPEC_USER_SESSION_KEYRING} {
		_, err := unix.AddKey("user", a.Token+name, []byte("x"), ring)
		said("add to "+name, err)
	}
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", "host"+a.Token, 0)
	if err == nil {
		b := make([]byte, 256)
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, b, 0)
		fmt.Printf("key of the host's: %q %v\n", b[:max(n, 0)], err)
	}
	said("search", err)
	show("/proc/keys")
}
