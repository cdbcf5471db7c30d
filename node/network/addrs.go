package network

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// PublicAddrs keeps the addresses that mean the same from anywhere: public IPs,
// DNS names, and relays at either. Private, loopback and link-local ones go.
func PublicAddrs(addrs []ma.Multiaddr) []ma.Multiaddr {
	return slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool { return !manet.IsPublicAddr(a) })
}

// parseAnnounced checks the addresses that the user says the node has. On a network
// that is not local a private one would be of no use, and is refused.
func parseAnnounced(addrs []string, local bool) ([]ma.Multiaddr, error) {
	if len(addrs) > maxAnnounced {
		return nil, fmt.Errorf("announced addresses: at most %d, got %d", maxAnnounced, len(addrs))
	}
	var out []ma.Multiaddr
	for _, s := range addrs {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("announced address %q: %w", s, err)
		}
		if !local && !manet.IsPublicAddr(a) {
			return nil, fmt.Errorf("announced address %s is private; give one that is reachable from everywhere", s)
		}
		out = append(out, a)
	}
	return out, nil
}

// advertised is what peers are told, out of the addresses libp2p found.
func (n *Network) advertised(found []ma.Multiaddr) []ma.Multiaddr {
	if !n.cfg.LocalNet {
		found = PublicAddrs(found)
	}
	return append(slices.Clone(found), n.announced...)
}

// parseBootstrap groups the addresses by peer and drops the node's own.
func parseBootstrap(addrs []string, self peer.ID) ([]peer.AddrInfo, error) {
	var out []peer.AddrInfo
	for _, s := range addrs {
		info, err := peer.AddrInfoFromString(s)
		if err != nil {
			return nil, fmt.Errorf("bootstrap address %q: %w; it must end in /p2p/<peer ID>", s, err)
		}
		if info.ID == self {
			continue
		}
		i := slices.IndexFunc(out, func(o peer.AddrInfo) bool { return o.ID == info.ID })
		if i < 0 {
			out = append(out, *info)
			continue
		}
		out[i].Addrs = append(out[i].Addrs, info.Addrs...)
	}
	return out, nil
}

// listen binds every address. One in use is an error, so that a second node on
// the same port is noticed; one that this machine does not have (IPv6 is often
// missing) is skipped as long as another works.
func (n *Network) listen() error {
	var failed []error
	for _, s := range n.cfg.ListenAddrs {
		addr, err := ma.NewMultiaddr(s)
		if err != nil {
			return fmt.Errorf("listen address %q: %w", s, err)
		}
		if err = probe(addr); err == nil {
			err = n.host.Network().Listen(addr)
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("listen on %s: the port is in use; stop the other program or choose another port (0 picks a free one): %w", s, err)
		}
		if err != nil {
			n.log.Warn("cannot listen", "addr", s, "err", err)
			failed = append(failed, fmt.Errorf("listen on %s: %w", s, err))
		}
	}
	if len(failed) == len(n.cfg.ListenAddrs) {
		return fmt.Errorf("no listen address works; check them against this machine's interfaces: %w", errors.Join(failed...))
	}
	return nil
}

// probe binds a TCP address and lets it go: libp2p itself listens with
// SO_REUSEPORT, under which two nodes would share a port without noticing.
func probe(addr ma.Multiaddr) error {
	netAddr, err := manet.ToNetAddr(addr)
	if err != nil || netAddr.Network() != "tcp" {
		return nil //nolint:nilerr // QUIC reports a port in use by itself
	}
	l, err := manet.Listen(addr)
	if err != nil {
		return err
	}
	return l.Close()
}
