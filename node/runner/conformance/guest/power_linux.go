package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() {
	attempts["set-user-ID program"] = func(a *aims) { setUserID(a) }
	attempts["new namespaces"] = newNamespaces
	attempts["mounts"] = mounts
	attempts["another root"] = pivot
	attempts["out of chroot"] = chroot
	attempts["tracing the host's processes"] = trace
	attempts["capabilities"] = capabilities
	attempts["signals to everybody"] = signalAll
	attempts["signals to the host's processes"] = signalHost
	attempts["priorities of the host's processes"] = priorities
	actions["canary"] = canary
	actions["elevated"] = func(args []string) error {
		a, err := aimsOf(args[0])
		if err != nil {
			return err
		}
		fmt.Println("elevated to", os.Geteuid())
		readSecret(a)
		deviceNodes(a)
		kernelSettings(a)
		signalHost(a)
		return nil
	}
}

// setUserID gives up root and takes it back through a program of the image's.
func setUserID(a *aims) {
	text := fmt.Sprintf(`{"Secret":%q,"Token":%q,"Canary":%d,"Block":%d}`, a.Secret, a.Token, a.Canary, a.Block)
	cmd := exec.Command("/suid", "elevated", text)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	}
	said("set-user-ID", cmd.Run())
}

func newNamespaces(a *aims) {
	runtime.LockOSThread()
	for name, flag := range map[string]int{"user": unix.CLONE_NEWUSER, "mount": unix.CLONE_NEWNS, "network": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP} {
		said("unshare "+name, unix.Unshare(flag))
	}
	cmd := exec.Command("/proc/self/exe", "elevated", fmt.Sprintf(`{"Secret":%q,"Token":%q,"Canary":%d,"Block":%d}`, a.Secret, a.Token, a.Canary, a.Block))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	said("clone", cmd.Run())
	mounts(a)
	configureNetwork(a)
}

// mounts tries what would show on the host if it shared any mount with the job.
func mounts(a *aims) {
	said("shared", unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""))
	for _, dir := range []string{"/out", "/tmp", "/in", "/"} {
		at := strings.TrimSuffix(dir, "/") + "/" + a.Token + "mount"
		_ = os.Mkdir(at, 0o755)
		if unix.Mount("tmpfs", at, "tmpfs", 0, "") != nil {
			at = dir
		}
		said("tmpfs at "+at, unix.Mount(a.Token, at, "tmpfs", 0, ""))
		said("bind at "+at, unix.Mount("/", at, "", unix.MS_BIND|unix.MS_REC, ""))
		show(at + a.Secret)
		said("proc at "+at, unix.Mount("proc", at, "proc", 0, ""))
		show(at + "/1/root" + a.Secret)
		put(at+"/sys/kernel/core_pattern", "|/tmp/"+a.Token)
		said("sysfs at "+at, unix.Mount("sysfs", at, "sysfs", 0, ""))
		put(at+"/class/net/"+a.Link+"/ifalias", a.Token)
		_ = unix.Unmount(at, unix.MNT_DETACH)
	}
	for _, kind := range []string{"ext4", "xfs", "btrfs", "vfat"} {
		for _, disk := range []string{"/dev/vda", "/dev/sda", "/dev/nvme0n1p1", "/dev/root"} {
			if unix.Mount(disk, "/tmp", kind, unix.MS_RDONLY, "") == nil {
				fmt.Println("BREACH", disk)
			}
		}
	}
	for _, p := range []string{"/proc", "/sys", "/etc/hosts", "/in", "/out", "/dev", "/"} {
		said("unmount "+p, unix.Unmount(p, unix.MNT_DETACH))
	}
	show(a.Secret)
	fd, err := unix.Fsopen("tmpfs", 0)
	said("fsopen", err)
	_ = fd
	_, err = unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)
	said("open_tree", err)
}

func pivot(a *aims) {
	_ = os.MkdirAll("/tmp/new/old", 0o755)
	_ = unix.Mount("tmpfs", "/tmp/new", "tmpfs", 0, "")
	_ = os.MkdirAll("/tmp/new/old", 0o755)
	said("pivot_root", unix.PivotRoot("/tmp/new", "/tmp/new/old"))
	said("pivot_root in place", unix.PivotRoot(".", "."))
	for _, p := range []string{"/old", "/old/..", "/..", ".", ".."} {
		show(p + a.Secret)
	}
}

// chroot is the way out that is as old as the call.
func chroot(a *aims) {
	_ = os.Mkdir("/tmp/jail", 0o755)
	root, err := unix.Open("/", unix.O_RDONLY, 0)
	if err != nil {
		return
	}
	said("chroot", unix.Chroot("/tmp/jail"))
	said("back", unix.Fchdir(root))
	for range 40 {
		_ = unix.Chdir("..")
	}
	said("chroot up", unix.Chroot("."))
	show(a.Secret)
	show("/proc/1/root" + a.Secret)
	show("/home")
}

// trace attaches to processes that it did not start, and looks into their memory.
func trace(a *aims) {
	runtime.LockOSThread()
	for _, pid := range []int{1, a.Canary, os.Getppid()} {
		err := unix.PtraceAttach(pid)
		said(fmt.Sprint("attach to ", pid), err)
		if err == nil {
			_, _ = unix.Wait4(pid, nil, unix.WALL, nil)
			if pid == a.Canary {
				_, err := unix.PtracePokeData(pid, 0, []byte{0})
				said("poke", err)
			}
			_ = unix.PtraceDetach(pid)
		}
		said("seize", unix.PtraceSeize(pid))
		var b [64]byte
		local := unix.Iovec{Base: &b[0]}
		local.SetLen(len(b))
		n, err := unix.ProcessVMReadv(pid, []unix.Iovec{local}, []unix.RemoteIovec{{Base: 0x400000, Len: len(b)}}, 0)
		fmt.Printf("memory of %d: %d bytes, %v\n", pid, n, err)
		if f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0); err == nil {
			n, err := f.ReadAt(b[:], 0x400000)
			fmt.Printf("memory of %d: %d bytes, %v\n", pid, n, err)
		}
	}
	show(fmt.Sprintf("/proc/%d/environ", a.Canary))
}

// capabilities takes all that there are, and then tries what they are good for.
func capabilities(a *aims) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	all := [2]unix.CapUserData{
		{Effective: 0xffffffff, Permitted: 0xffffffff, Inheritable: 0xffffffff},
		{Effective: 0x1ff, Permitted: 0x1ff, Inheritable: 0x1ff},
	}
	said("capset", unix.Capset(&header, &all[0]))
	for c := range 41 {
		_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(c), 0, 0)
	}
	said("securebits", unix.Prctl(unix.PR_SET_SECUREBITS, 0, 0, 0, 0))
	said("no seccomp", unix.Prctl(unix.PR_SET_SECCOMP, 0, 0, 0, 0))
	for id := range 3 {
		_ = unix.Setresuid(id, id, id)
	}
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "Seccomp") || strings.HasPrefix(line, "NoNew") {
			fmt.Print(line)
		}
	}
	readSecret(a)
	deviceNodes(a)
}

// signalAll sends a signal that nobody dies of: the host's canary tells when it came.
func signalAll(*aims) {
	signal.Ignore(unix.SIGWINCH)
	said("to all", unix.Kill(-1, unix.SIGWINCH))
	for pid := 1; pid < 5000; pid++ {
		_ = unix.Kill(pid, unix.SIGWINCH)
		_ = unix.Kill(-pid, unix.SIGWINCH)
	}
}

func signalHost(a *aims) {
	for _, s := range []unix.Signal{unix.SIGWINCH, unix.SIGSTOP, unix.SIGTERM, unix.SIGKILL} {
		said(fmt.Sprint("to the canary ", s), unix.Kill(a.Canary, s))
		said(fmt.Sprint("to its thread ", s), unix.Tgkill(a.Canary, a.Canary, s))
	}
	fd, err := unix.PidfdOpen(a.Canary, 0)
	said("pidfd", err)
	if err == nil {
		said("by pidfd", unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0))
	}
	put(fmt.Sprintf("/proc/%d/oom_score_adj", a.Canary), "1000")
}

func priorities(a *aims) {
	said("priority", unix.Setpriority(unix.PRIO_PROCESS, a.Canary, 19))
	said("of all", unix.Setpriority(unix.PRIO_USER, 0, 19))
	said("limit", unix.Prlimit(a.Canary, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: 3}, nil))
	var set unix.CPUSet
	set.Set(0)
	said("affinity", unix.SchedSetaffinity(a.Canary, &set))
	said("better for itself", unix.Setpriority(unix.PRIO_PROCESS, 0, -20))
	param := struct{ priority int32 }{99}
	_, _, e := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_FIFO, uintptr(unsafe.Pointer(&param)))
	said("real time", orNil(e))
}

// canary is a process of the host's that tells of every signal and waits.
func canary([]string) error {
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SIGWINCH, unix.SIGTERM, unix.SIGCONT)
	fmt.Println("here")
	for s := range c {
		fmt.Println("signal", s)
	}
	return nil
}

// hold opens what only a kernel that the host shares would give, and keeps it, so that the
// host can look for it in the job's descriptors.
func hold([]string) error {
	size := uint32(unsafe.Sizeof(unix.PerfEventAttr{}))
	for _, pid := range []int{0, -1} {
		attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: size, Config: unix.PERF_COUNT_SW_CPU_CLOCK}
		_, err := unix.PerfEventOpen(&attr, pid, min(0, -1-pid), -1, 0)
		said("perf_event_open", err)
	}
	var params [120]byte
	_, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&params)), 0)
	said("io_uring_setup", orNil(e))
	for _, flags := range []uintptr{0, 1} {
		_, _, e = unix.Syscall(unix.SYS_USERFAULTFD, flags, 0, 0)
		said("userfaultfd", orNil(e))
	}
	attr := [4]uint32{unix.BPF_MAP_TYPE_ARRAY, 4, 4, 1}
	_, _, e = unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	said("bpf", orNil(e))
	_, err := unix.FanotifyInit(0, 0)
	said("fanotify_init", err)
	_, err = unix.Fsopen("tmpfs", 0)
	said("fsopen", err)
	fmt.Println("held")
	time.Sleep(time.Hour)
	return nil
}
