package protocol

import "net/netip"

// special are what IANA's registries of special-purpose addresses (RFC 6890) keep from the
// public internet, or that lead to such an address: 6to4, Teredo and the translation of IPv4.
// What of IPv6 is in none of unicast needs no entry, such as 64:ff9b::/96.
var special = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

// unicast is all of IPv6 that is routed on the public internet.
var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, t := range texts {
		list = append(list, netip.MustParsePrefix(t))
	}
	return list
}

// PublicIP tells whether an address is one of the public internet (SPEC §5.8, §5.10): not a
// machine's own, its network's, or one that providers keep for themselves, in whatever form.
// What a machine has on its own network under public addresses only it can know.
func PublicIP(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	if a = a.Unmap(); a.Is6() && !unicast.Contains(a) || !a.IsValid() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
