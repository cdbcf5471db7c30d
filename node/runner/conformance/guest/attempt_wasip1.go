package main

import (
	"fmt"
	"os"
	"strings"
)

// tryAll runs each in this process: there is no other.
func tryAll(a *aims, _ string) error {
	for _, name := range a.Tries {
		attempts[name](a)
	}
	fmt.Println("tried")
	return nil
}

func init() {
	attempts["read a file of the host's"] = func(a *aims) {
		for _, p := range ways(a) {
			show(p)
		}
	}
	attempts["change a file of the host's"] = func(a *aims) {
		for _, p := range ways(a) {
			put(p, "changed")
			said("remove "+p, os.Remove(p))
			said("truncate "+p, os.Truncate(p, 0))
			said("write "+p, os.WriteFile(p+".new", []byte("new"), 0o644))
		}
	}
	attempts["link to a file of the host's"] = func(a *aims) {
		for i, p := range ways(a) {
			said("symlink to "+p, os.Symlink(p, fmt.Sprint("/out/soft", i)))
			said("link to "+p, os.Link(p, fmt.Sprint("/out/hard", i)))
			show(fmt.Sprint("/out/soft", i))
			show(fmt.Sprint("/out/hard", i))
		}
	}
	attempts["change the input"] = func(*aims) {
		put("/in/data", "changed")
		said("remove", os.Remove("/in/data"))
		said("make", os.Mkdir("/in/new", 0o755))
		said("rename", os.Rename("/in/data", "/in/moved"))
	}
	attempts["descriptors it was not given"] = func(*aims) {
		for fd := uintptr(3); fd < 64; fd++ {
			f := os.NewFile(fd, "")
			b := make([]byte, 4096)
			n, err := f.Read(b)
			fmt.Printf("read %d: %q, %v\n", fd, b[:max(n, 0)], err)
			_, err = f.WriteString("changed")
			said("write", err)
		}
	}
	attempts["environment of the host's processes"] = func(*aims) {
		fmt.Println(os.Environ(), os.Args)
		for _, p := range []string{"/proc/self/environ", "/proc/1/environ", "/proc/self/cmdline"} {
			show(p)
		}
	}
}

// ways are paths that might lead to the host's secret.
func ways(a *aims) []string {
	up := strings.Repeat("../", 20)
	return []string{
		a.Secret, "/in/" + up + a.Secret, "/out/" + up + a.Secret, up + a.Secret, "/in/../secret", "/out/../secret", "../secret",
		"/in/link", "/in/dirlink/secret", "/in/uplink/secret", "/in/fifo", "/dev/mem", "/proc/self/root" + a.Secret,
	}
}
