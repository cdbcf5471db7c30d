package network

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// A rig that restarts on free ports leaves a trail of addresses in caches and old
// offers. They are dialled at once, and the good one must get its turn.
func TestPeerWithManyStaleAddresses(t *testing.T) {
	stale := silent(t, 12)
	last := stale[len(stale)-1] // libp2p begins with the lowest port
	last.Close()
	cfg := local(t)
	cfg.ListenAddrs = []string{addrOf(last)}
	a, b := start(t, local(t)), start(t, cfg)
	info := peer.AddrInfo{ID: b.Host().ID()}
	for _, l := range stale {
		info.Addrs = append(info.Addrs, ma.StringCast(addrOf(l)))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.Host().Connect(ctx, info); err != nil {
		t.Fatal(err)
	}
}

// silent are listeners that accept connections and say nothing, as ones behind a
// firewall seem to, with rising ports, until the test ends.
func silent(t *testing.T, n int) (list []net.Listener) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b net.Listener) int { return port(a) - port(b) })
	return list
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func addrOf(l net.Listener) string { return fmt.Sprint("/ip4/127.0.0.1/tcp/", port(l)) }
