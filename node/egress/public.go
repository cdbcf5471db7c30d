package egress

import (
	"net"
	"net/netip"

	"github.com/rerig/rerig/protocol"
)

// Public tells whether an address is another machine's on the public internet: not of this
// machine or its network, of which IPv6 has public addresses too, or what providers keep for
// themselves, in whatever form.
func Public(a netip.Addr) bool {
	own, err := net.InterfaceAddrs()
	return err == nil && public(a, own)
}

// public is Public on a machine whose interfaces have these addresses.
func public(a netip.Addr, own []net.Addr) bool {
	if !protocol.PublicIP(a) {
		return false
	}
	ip := net.IP(a.Unmap().AsSlice())
	for _, o := range own {
		if n, ok := o.(*net.IPNet); !ok || n.Contains(ip) {
			return false // near, or nobody can tell
		}
	}
	return true
}
