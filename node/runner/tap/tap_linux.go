package tap

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const device = "/dev/net/tun"

// Open makes the interface in the network namespace of a process, with an IPv4 address, and
// returns its far end: each read and each write is one Ethernet frame. The interface goes
// when the file is closed; until then the namespace stays. It takes the host's root, and the
// process must not end meanwhile.
func Open(pid int, addr netip.Prefix) (*os.File, error) {
	if !addr.Addr().Is4() {
		return nil, fmt.Errorf("give a job the address %s: only IPv4 is known", addr)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: this rig is not root", ErrNotHere)
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return nil, fmt.Errorf("find a sandbox's network: %w", err)
	}
	defer namespace.Close()
	type made struct {
		file *os.File
		err  error
	}
	done := make(chan made, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread that has entered another namespace ends with the goroutine
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- made{nil, fmt.Errorf("enter a sandbox's network: %w", err)}
			return
		}
		f, err := open(addr)
		done <- made{f, err}
	}()
	m := <-done
	return m.file, m.err
}

// open makes the interface in the calling thread's network namespace.
func open(addr netip.Prefix) (*os.File, error) {
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil, fmt.Errorf("%w: %s is missing; load the module tun", ErrNotHere, device)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	request, err := unix.NewIfreq(Name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err == nil {
		err = configure(addr)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make a job's network interface: %w", err)
	}
	return os.NewFile(uintptr(fd), Name), nil
}

// configure gives the interface its address, its longest packet and no IPv6, and raises it.
func configure(addr netip.Prefix) error {
	// A kernel without IPv6 has no such setting.
	off := "/proc/sys/net/ipv6/conf/" + Name + "/disable_ipv6"
	if err := os.WriteFile(off, []byte("1"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ip := addr.Addr().As4()
	for _, step := range []struct {
		call uint
		set  func(*unix.Ifreq) error
	}{
		{unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(MTU); return nil }},
		{unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(ip[:]) }},
		{unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr(net.CIDRMask(addr.Bits(), 32)) }},
		{unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		request, err := unix.NewIfreq(Name)
		if err == nil {
			err = step.set(request)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, step.call, request)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
