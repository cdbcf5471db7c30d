package network

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// TestLANIsNotDialled: whoever says that a peer is on this node's own machine or LAN, by
// number or by name, has nobody there dialled; where the user or mDNS says so it is.
func TestLANIsNotDialled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	heard := make(chan struct{}, 8)
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			heard <- struct{}{}
		}
	}()
	id := func() peer.ID {
		id, err := PeerID(newKey(t).Public())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	port := l.Addr().(*net.TCPAddr).Port
	here := ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port))
	cfg, boot := local(t), id()
	cfg.LocalNet, cfg.Server = false, true
	cfg.ListenAddrs = []string{"/ip4/127.0.0.1/tcp/0"}
	cfg.Bootstrap = []string{here.String() + "/p2p/" + boot.String()}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	dial := func(p peer.ID, a ma.Multiaddr) {
		t.Helper()
		if err := n.Host().Connect(t.Context(), peer.AddrInfo{ID: p, Addrs: []ma.Multiaddr{a}}); err == nil {
			t.Fatal("nobody is connected")
		}
	}
	for _, a := range []ma.Multiaddr{here, ma.StringCast(fmt.Sprintf("/ip6/::ffff:127.0.0.1/tcp/%d", port)),
		ma.StringCast(fmt.Sprintf("/dns4/localhost/tcp/%d", port))} {
		dial(id(), a)
		if len(heard) > 0 {
			t.Fatalf("%s was dialled", a)
		}
	}
	heardSoon := func(who string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(30 * time.Second):
			t.Errorf("%s was not dialled", who)
		}
	}
	dial(boot, here)
	heardSoon("a bootstrap peer")
	near := peer.AddrInfo{ID: id(), Addrs: []ma.Multiaddr{here}}
	n.gater.found(near)
	dial(near.ID, here)
	heardSoon("what mDNS found")
	for text, want := range map[string]bool{
		"/ip4/8.8.8.8/tcp/4001": true, "/ip4/10.0.0.1/tcp/4001": false, "/ip6/64:ff9b::a00:1/tcp/1": false, "/dns4/a.example/tcp/1": false,
		"/p2p/" + boot.String() + "/p2p-circuit": true, "/ip4/192.168.0.1/tcp/1/p2p/" + boot.String() + "/p2p-circuit": false,
	} {
		if got := n.gater.InterceptAddrDial(id(), ma.StringCast(text)); got != want {
			t.Errorf("%s: may be dialled is %v", text, got)
		}
	}
}
