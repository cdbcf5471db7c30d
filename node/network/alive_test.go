package network

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
)

// A rig whose machine dies says nothing, and QUIC would wait for half a minute. Who
// has work there learns it from its probes; other connections are left alone.
func TestPeerThatVanishesIsMissedWhereThereIsWork(t *testing.T) {
	const work = libp2pproto.ID("/work/1")
	cfg := local(t)
	cfg.Vital, cfg.Probe = work, 500*time.Millisecond
	requester := start(t, cfg)
	deadRig, deadCable := requester.reach(t, work)
	idleRig, idleCable := requester.reach(t, "/other/1")
	liveRig, _ := requester.reach(t, work)
	deadCable.cut.Store(true)
	idleCable.cut.Store(true)
	if _, err := deadRig.Read(make([]byte, 1)); err == nil {
		t.Error("a rig that is gone has answered")
	}
	if idleRig.Conn().IsClosed() {
		t.Error("a connection without work was closed")
	}
	echo(t, liveRig)
}

// reach connects to a new node by QUIC over a cable and opens a stream that echoes.
func (n *node) reach(t *testing.T, proto libp2pproto.ID) (network.Stream, *cable) {
	t.Helper()
	cfg := local(t)
	cfg.ListenAddrs = cfg.ListenAddrs[1:]
	rig := start(t, cfg)
	rig.Host().SetStreamHandler(proto, func(s network.Stream) {
		defer s.Reset()
		_, _ = io.Copy(s, s) // until either end is gone
	})
	port, err := rig.Host().Network().ListenAddresses()[0].ValueForProtocol(ma.P_UDP)
	if err != nil {
		t.Fatal(err)
	}
	c := newCable(t, port)
	if err := n.Host().Connect(t.Context(), peer.AddrInfo{ID: rig.Host().ID(), Addrs: []ma.Multiaddr{c.addr}}); err != nil {
		t.Fatal(err)
	}
	s, err := n.Host().NewStream(t.Context(), rig.Host().ID(), proto)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Reset() })
	echo(t, s)
	return s, c
}

func echo(t *testing.T, s network.Stream) {
	t.Helper()
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// cable is a UDP path to a node. When it is cut nobody is told.
type cable struct {
	addr ma.Multiaddr
	cut  atomic.Bool
}

func newCable(t *testing.T, port string) *cable {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.ResolveUDPAddr("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: ma.StringCast("/ip4/127.0.0.1/udp/" + strconv.Itoa(socket.LocalAddr().(*net.UDPAddr).Port) + "/quic-v1")}
	var carrier sync.WaitGroup
	carrier.Go(func() {
		var near *net.UDPAddr
		for buf := make([]byte, 1<<16); ; {
			n, from, err := socket.ReadFromUDP(buf)
			if err != nil {
				return
			}
			to := near
			if from.Port != far.Port {
				near, to = from, far
			}
			if to != nil && !c.cut.Load() {
				_, _ = socket.WriteToUDP(buf[:n], to) // may be lost, as packets are
			}
		}
	})
	t.Cleanup(func() {
		socket.Close()
		carrier.Wait()
	})
	return c
}
