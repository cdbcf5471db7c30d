package network

import (
	"testing"

	ma "github.com/multiformats/go-multiaddr"
)

func TestTCPIsDialledFirst(t *testing.T) {
	var addrs []ma.Multiaddr
	for _, s := range []string{"/ip4/192.0.2.1/udp/4001/quic-v1", "/ip4/192.0.2.1/tcp/4001", "/ip4/127.0.0.1/udp/4001/quic-v1", "/ip4/127.0.0.1/tcp/4001"} {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			t.Fatal(err)
		}
		addrs = append(addrs, a)
	}
	ranked := rankTCPFirst(addrs)
	if len(ranked) != len(addrs) {
		t.Fatalf("%d of %d addresses are dialled", len(ranked), len(addrs))
	}
	for _, d := range ranked {
		_, err := d.Addr.ValueForProtocol(ma.P_TCP)
		if tcp := err == nil; tcp && d.Delay != 0 || !tcp && d.Delay < quicHeadStart {
			t.Errorf("%s is dialled after %s", d.Addr, d.Delay)
		}
	}
	for _, d := range rankTCPFirst(addrs[:1]) {
		if d.Delay != 0 {
			t.Errorf("QUIC alone waits %s", d.Delay)
		}
	}
}
