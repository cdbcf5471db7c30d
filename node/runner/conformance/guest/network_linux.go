package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	attempts["loopback of the host"] = func(a *aims) {
		reach(a, "127.0.0.1", "[::1]", "0.0.0.0", "127.1.2.3", "[::ffff:127.0.0.1]", "localhost")
	}
	attempts["address of the host"] = func(a *aims) {
		reach(a, a.Address, "255.255.255.255", "239.1.1.1", "[ff02::1%lo]", "192.168.1.1", "10.0.0.1")
	}
	attempts["link-local metadata"] = func(a *aims) { reach(a, "169.254.169.254", "169.254.170.2", "[fd00:ec2::254]") }
	attempts["name servers"] = nameServers
	attempts["raw sockets"] = rawSockets
	attempts["packet sockets"] = packetSockets
	attempts["hypervisor socket"] = hypervisor
	attempts["network configuration"] = configureNetwork
	attempts["abstract sockets of the host"] = abstractSockets
	attempts["namespaces of the host's processes"] = enterNamespaces
}

// reach tries to say something to each host, in every way that a program ordinarily would.
func reach(a *aims, hosts ...string) {
	for _, host := range hosts {
		for _, network := range []string{"tcp", "udp"} {
			c, err := net.DialTimeout(network, fmt.Sprint(host, ":", a.Port), 500*time.Millisecond)
			if err == nil {
				_, err = c.Write([]byte(a.Token))
				_ = c.Close()
			}
			said(network+" "+host, err)
		}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	_ = unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, a.Link)
	for _, host := range hosts {
		if ip := net.ParseIP(host).To4(); ip != nil {
			said("datagram to "+host, unix.Sendto(fd, []byte(a.Token), 0, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(ip)}))
		}
	}
}

// nameServers asks for a name that shows in the question.
func nameServers(a *aims) {
	_, err := net.LookupHost(a.Token + ".example.org")
	breach("name", err)
	show("/etc/resolv.conf")
	question := []byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, byte(len(a.Token))}
	question = append(append(question, a.Token...), 0, 0, 1, 0, 1)
	for _, server := range []string{"127.0.0.1", "127.0.0.53", "8.8.8.8", "1.1.1.1", a.Address, "224.0.0.251"} {
		c, err := net.DialTimeout("udp", server+":53", time.Second)
		if err == nil {
			_, err = c.Write(question)
		}
		said("ask "+server, err)
	}
}

// rawSockets sends packets of its own making.
func rawSockets(a *aims) {
	ip := net.ParseIP(a.Address).To4()
	for name, protocol := range map[string]int{"icmp": unix.IPPROTO_ICMP, "raw": unix.IPPROTO_RAW, "udp": unix.IPPROTO_UDP} {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, protocol)
		said(name+" socket", err)
		if err != nil {
			continue
		}
		packet := append([]byte{8, 0, 0, 0, 0, 0, 0, 0}, a.Token...)
		if protocol == unix.IPPROTO_RAW {
			packet = datagram([4]byte(ip), a)
		}
		for _, to := range [][4]byte{[4]byte(ip), {127, 0, 0, 1}} {
			said("send", unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: to}))
		}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	if err == nil {
		err = unix.Sendto(fd, append([]byte{8, 0, 0, 0, 0, 0, 0, 0}, a.Token...), 0, &unix.SockaddrInet4{Addr: [4]byte(ip)})
	}
	said("ping", err)
}

// datagram is an IPv4 packet with a UDP datagram that holds the token.
func datagram(to [4]byte, a *aims) []byte {
	b := make([]byte, 28, 64)
	b[0], b[8], b[9] = 0x45, 64, unix.IPPROTO_UDP
	copy(b[12:], to[:])
	copy(b[16:], to[:])
	binary.BigEndian.PutUint16(b[20:], uint16(a.Port))
	binary.BigEndian.PutUint16(b[22:], uint16(a.Port))
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(a.Token)))
	b = append(b, a.Token...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

func packetSockets(a *aims) {
	const all = 0x0300 // ETH_P_ALL in network order
	for _, kind := range []int{unix.SOCK_RAW, unix.SOCK_DGRAM} {
		fd, err := unix.Socket(unix.AF_PACKET, kind, all)
		said("packet socket", err)
		if err != nil {
			continue
		}
		for index := 1; index < 64; index++ {
			frame := append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 0}, datagram([4]byte{255, 255, 255, 255}, a)...)
			if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Protocol: 8, Ifindex: index, Halen: 6}); err == nil {
				fmt.Println("sent by interface", index)
			}
		}
	}
	links, err := net.Interfaces()
	fmt.Println("interfaces", links, err)
	for _, l := range links {
		if l.Name == a.Link {
			fmt.Println("BREACH interface", l.Name)
		}
	}
}

// hypervisor speaks to the machine below the host.
func hypervisor(a *aims) {
	for _, cid := range []uint32{1, 2} {
		fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)
		if err == nil {
			_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 1})
			err = unix.Connect(fd, &unix.SockaddrVM{CID: cid, Port: uint32(a.Port)})
			if errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ETIMEDOUT) {
				err = nil // it was asked
			}
		}
		breach(fmt.Sprint("vsock ", cid), err)
	}
}

// configureNetwork makes an interface and gives addresses, as whoever holds a network can.
func configureNetwork(a *aims) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	said("netlink", err)
	if err == nil {
		said("new interface", newLink(fd, "r"+a.Token[:8]))
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return
	}
	for _, name := range []string{"lo:1", a.Link + ":1"} {
		req, err := unix.NewIfreq(name)
		if err != nil {
			continue
		}
		if err := req.SetInet4Addr([]byte{198, 51, 100, 77}); err != nil {
			continue
		}
		said("address of "+name, unix.IoctlIfreq(s, unix.SIOCSIFADDR, req))
	}
	put("/sys/class/net/"+a.Link+"/ifalias", a.Token)
	put("/proc/sys/net/ipv4/ip_forward", "1")
}

// newLink asks for a dummy interface (rtnetlink(7)).
func newLink(fd int, name string) error {
	attr := func(kind uint16, body []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(body)))
		b = append(binary.NativeEndian.AppendUint16(b, kind), body...)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	body := make([]byte, 16) // struct ifinfomsg
	body = append(body, attr(unix.IFLA_IFNAME, append([]byte(name), 0))...)
	body = append(body, attr(unix.IFLA_LINKINFO, attr(unix.IFLA_INFO_KIND, []byte("dummy")))...)
	m := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	m = binary.NativeEndian.AppendUint16(m, unix.RTM_NEWLINK)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	m = append(append(m, make([]byte, 8)...), body...)
	if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
	b := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err == nil && n >= 20 {
		if code := int32(binary.NativeEndian.Uint32(b[16:])); code != 0 {
			err = unix.Errno(-code)
		}
	}
	return err
}

func abstractSockets(a *aims) {
	for _, name := range []string{"@" + a.Token, filepath.Join(filepath.Dir(a.Secret), "socket"), "/run/dbus/system_bus_socket", "/var/run/docker.sock"} {
		for _, network := range []string{"unix", "unixgram"} {
			c, err := net.Dial(network, name)
			if err == nil {
				_, err = c.Write([]byte(a.Token))
			}
			said(network+" "+name, err)
		}
	}
}

// enterNamespaces joins whatever namespace it finds, and tries the host's loopback there.
func enterNamespaces(a *aims) {
	runtime.LockOSThread() // the thread is thrown away with the process
	list, _ := filepath.Glob("/proc/[0-9]*/ns/*")
	for _, kind := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup"} {
		list = append(list, fmt.Sprintf("/proc/%d/ns/%s", a.Canary, kind))
	}
	for _, p := range list {
		fd, err := unix.Open(p, unix.O_RDONLY, 0)
		if err == nil {
			err = unix.Setns(fd, 0)
			_ = unix.Close(fd)
		}
		if err == nil || strings.Contains(p, fmt.Sprint(a.Canary)) {
			said("enter "+p, err)
		}
	}
	pid, _, e := unix.Syscall(unix.SYS_PIDFD_OPEN, uintptr(a.Canary), 0, 0)
	if e == 0 {
		said("enter by pidfd", unix.Setns(int(pid), unix.CLONE_NEWNS|unix.CLONE_NEWNET|unix.CLONE_NEWUTS))
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err == nil {
		err = unix.Sendto(fd, []byte(a.Token), 0, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}})
	}
	said("loopback there", err)
	said("name there", unix.Sethostname([]byte(a.Token)))
	fd, err = unix.Open(a.Secret, unix.O_RDONLY, 0)
	if err == nil {
		b := make([]byte, 256)
		n, _ := unix.Read(fd, b)
		fmt.Printf("secret there: %q\n", b[:max(n, 0)])
	}
}
