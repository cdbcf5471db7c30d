//go:build linux && (amd64 || arm64)

package namespaces

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// decide runs the filter as the kernel does, over a call's number and the low halves of its
// arguments.
func decide(t *testing.T, arch, call uint32, args ...uint32) uint32 {
	t.Helper()
	data := map[uint32]uint32{callField: call, archField: arch}
	for i, a := range args {
		data[argField+8*uint32(i)] = a
	}
	var a uint32
	code := filter()
	for pc := 0; pc < len(code); pc++ {
		in := code[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case load:
			a = data[in.K]
		case equal:
			jump(a == in.K)
		case over:
			jump(a > in.K)
		case anyBit:
			jump(a&in.K != 0)
		case ret:
			return in.K
		default:
			t.Fatalf("instruction %d has code %#x", pc, in.Code)
		}
	}
	t.Fatal("the filter has no end")
	return 0
}

// TestFilter checks what is decided over calls and their arguments.
func TestFilter(t *testing.T) {
	for _, c := range []struct {
		what string
		call uint32
		args []uint32
		want uint32
	}{
		{"a thread", unix.SYS_CLONE, []uint32{0x3d0f00}, allow},
		{"a fork", unix.SYS_CLONE, []uint32{unix.CLONE_CHILD_CLEARTID | unix.CLONE_CHILD_SETTID | uint32(unix.SIGCHLD)}, allow},
		{"a user namespace", unix.SYS_CLONE, []uint32{unix.CLONE_NEWUSER | uint32(unix.SIGCHLD)}, deny},
		{"a network", unix.SYS_CLONE, []uint32{unix.CLONE_NEWNET}, deny},
		{"clone3", unix.SYS_CLONE3, nil, unknown},
		{"io_uring", unix.SYS_IO_URING_SETUP, nil, deny},
		{"typing into a terminal", unix.SYS_IOCTL, []uint32{0, tiocsti}, deny},
		{"a terminal's size", unix.SYS_IOCTL, []uint32{0, unix.TIOCGWINSZ}, allow},
		{"a local socket", unix.SYS_SOCKET, []uint32{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allow},
		{"TCP", unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_STREAM, 0}, allow},
		{"TCP by name", unix.SYS_SOCKET, []uint32{unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP}, allow},
		{"MPTCP", unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, allow},
		{"SCTP", unix.SYS_SOCKET, []uint32{unix.AF_INET, unix.SOCK_SEQPACKET, unix.IPPROTO_SCTP}, family},
		{"interfaces", unix.SYS_SOCKET, []uint32{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allow},
		{"the audit system", unix.SYS_SOCKET, []uint32{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, family},
		{"the kernel's cryptography", unix.SYS_SOCKET, []uint32{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, family},
		{"the hypervisor", unix.SYS_SOCKET, []uint32{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, family},
		{"to ask for a personality", unix.SYS_PERSONALITY, []uint32{0xffffffff}, allow},
		{"an executable zero page", unix.SYS_PERSONALITY, []uint32{0x100000}, deny},
		{"a call of the future", 4000, nil, unknown},
		{"a call of x32", 0x40000000 | unix.SYS_READ, nil, unknown},
	} {
		if got := decide(t, auditArch, c.call, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.what, got, c.want)
		}
	}
	if got := decide(t, unix.AUDIT_ARCH_ARM, unix.SYS_READ); got != unix.SECCOMP_RET_KILL_PROCESS {
		t.Errorf("another ABI: %#x", got)
	}
}

// TestLists has every call decided once, and as its list says.
func TestLists(t *testing.T) {
	all := slices.Concat(allowed, allowedHere, refused)
	for n := range looked {
		all = append(all, n)
	}
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			t.Errorf("call %d is on two lists", all[i])
		}
	}
	for _, n := range slices.Concat(allowed, allowedHere) {
		if got := decide(t, auditArch, n); got != allow {
			t.Errorf("call %d is not allowed: %#x", n, got)
		}
	}
	for _, n := range refused {
		if got := decide(t, auditArch, n); got != deny {
			t.Errorf("call %d is not refused: %#x", n, got)
		}
	}
	if n := len(filter()); n > unix.BPF_MAXINSNS {
		t.Errorf("the filter has %d instructions, and the kernel takes %d", n, unix.BPF_MAXINSNS)
	}
}
