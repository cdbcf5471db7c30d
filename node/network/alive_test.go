package network

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
)

// A rig whose machine dies says nothing, and libp2p would wait for half a minute. Who
// has work there learns it from its probes; other connections are left alone.
func TestPeerThatVanishesIsMissedWhereThereIsWork(t *testing.T) {
	const work, queue = libp2pproto.ID("/job-test/1"), libp2pproto.ID("/queue-test/1")
	for name, lay := range map[string]func(*testing.T, *node) *cable{"tcp": layTCP, "quic-v1": layUDP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := local(t)
			cfg.Vital, cfg.Probe = work, 500*time.Millisecond
			cfg.Watched = func(c network.Conn) bool { // as a rig does while a job waits for its turn
				return slices.ContainsFunc(c.GetStreams(), func(s network.Stream) bool { return s.Protocol() == queue })
			}
			requester := start(t, cfg)
			deadRig, deadCable := requester.reach(t, work, lay)
			idleRig, idleCable := requester.reach(t, "/other/1", lay)
			liveRig, _ := requester.reach(t, work, lay)
			deadQueue, queueCable := requester.reach(t, queue, lay)
			deadCable.cut.Store(true)
			queueCable.cut.Store(true)
			idleCable.cut.Store(true)
			if _, err := deadRig.Read(make([]byte, 1)); err == nil {
				t.Error("a rig that is gone has answered")
			}
			if _, err := deadQueue.Read(make([]byte, 1)); err == nil {
				t.Error("a requester that is gone has answered")
			}
			if idleRig.Conn().IsClosed() {
				t.Error("a connection without work was closed")
			}
			echo(t, liveRig)
		})
	}
}

// reach connects to a new node over a cable and opens a stream that echoes.
func (n *node) reach(t *testing.T, proto libp2pproto.ID, lay func(*testing.T, *node) *cable) (network.Stream, *cable) {
	t.Helper()
	rig := start(t, local(t))
	rig.Host().SetStreamHandler(proto, func(s network.Stream) {
		defer s.Reset()
		_, _ = io.Copy(s, s) // until either end is gone
	})
	c := lay(t, rig)
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

// cable is a path to a node. When it is cut nobody is told.
type cable struct {
	addr ma.Multiaddr
	cut  atomic.Bool
}

// listens is the node's port for a transport, as host:port.
func (n *node) listens(t *testing.T, transport int) string {
	t.Helper()
	for _, a := range n.Host().Network().ListenAddresses() {
		if port, err := a.ValueForProtocol(transport); err == nil {
			return "127.0.0.1:" + port
		}
	}
	t.Fatal("the node does not listen")
	return ""
}

func layTCP(t *testing.T, n *node) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port(l)))}
	far, err := net.Dial("tcp", n.listens(t, ma.P_TCP))
	if err != nil {
		t.Fatal(err)
	}
	var carriers sync.WaitGroup
	carriers.Go(func() {
		near, err := l.Accept()
		if err != nil {
			return
		}
		defer near.Close()
		carriers.Go(func() { _, _ = io.Copy(cutter{c, far}, near) })
		_, _ = io.Copy(cutter{c, near}, far)
	})
	t.Cleanup(func() {
		l.Close()
		far.Close()
		carriers.Wait()
	})
	return c
}

// cutter drops what is written to a cable that is cut.
type cutter struct {
	c  *cable
	to net.Conn
}

func (w cutter) Write(b []byte) (int, error) {
	if w.c.cut.Load() {
		return len(b), nil
	}
	return w.to.Write(b)
}

func layUDP(t *testing.T, n *node) *cable {
	t.Helper()
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.ResolveUDPAddr("udp4", n.listens(t, ma.P_UDP))
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{addr: ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", socket.LocalAddr().(*net.UDPAddr).Port))}
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
