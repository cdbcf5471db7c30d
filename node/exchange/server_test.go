package exchange

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testNet = "test"

func newHost(t *testing.T) host.Host {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	id, err := crypto.UnmarshalSecp256k1PrivateKey(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(id), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// served is a server's end of a stream and what became of it.
type served struct {
	*Stream
	gone   chan struct{} // closed when it ended
	server *Server
}

// serve runs a server that holds every stream until its end.
func serve(t *testing.T, l Limits) (rig host.Host, opened chan served) {
	t.Helper()
	rig, opened = newHost(t), make(chan served, l.Streams)
	var s *Server
	s, err := NewServer(rig, testNet, l, func(_ context.Context, st *Stream) {
		v := served{st, make(chan struct{}), s}
		defer close(v.gone)
		for first := true; ; first = false {
			if _, err := st.Recv(); err != nil {
				return
			}
			if first {
				opened <- v
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		rig.Network().Close() // ends the handlers
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return rig, opened
}

// open opens a stream and says a word on it, which the server gets or not.
func open(t *testing.T, from, rig host.Host) *Stream {
	t.Helper()
	if err := from.Connect(t.Context(), peer.AddrInfo{ID: rig.ID(), Addrs: rig.Addrs()}); err != nil {
		t.Fatal(err)
	}
	st, err := Dial(t.Context(), from, testNet, rig.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Reset)
	if err := st.Send(&protocol.Stop{Reason: protocol.ReasonStopped}); err != nil {
		t.Fatal(err)
	}
	return st
}

func accepted(t *testing.T, opened chan served) served {
	t.Helper()
	select {
	case v := <-opened:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("the server did not take the stream")
		panic("unreachable")
	}
}

// refused holds that the other end of a stream is gone.
func refused(t *testing.T, st *Stream) {
	t.Helper()
	if m, err := st.RecvBefore(time.Now().Add(30 * time.Second)); err == nil {
		t.Errorf("got %T", m)
	}
}

// TestCrowdMakesRoom: the places that a peer takes with streams that lead to no job go
// to newcomers, the oldest first; streams that jobs depend on stay, and with nothing
// else to give up a newcomer is refused.
func TestCrowdMakesRoom(t *testing.T) {
	rig, opened := serve(t, Limits{Streams: 4, StreamsPerPeer: 3})
	crowd, honest := newHost(t), newHost(t)
	var theirs []*Stream
	var held []served
	for range 3 {
		theirs = append(theirs, open(t, crowd, rig))
		held = append(held, accepted(t, opened))
	}
	refused(t, open(t, crowd, rig)) // a peer has three places

	open(t, honest, rig)
	held = append(held, accepted(t, opened))
	open(t, newHost(t), rig)
	held = append(held, accepted(t, opened))
	refused(t, theirs[0])
	<-held[0].gone

	for _, v := range held[1:] {
		v.Keep()
	}
	refused(t, open(t, newHost(t), rig))
	for i, v := range held[1:] {
		select {
		case <-v.gone:
			t.Errorf("stream %d was given up", i+1)
		default:
		}
	}
}

// TestWatchedConnections: those of streams with a job that waits, until it runs or is
// over.
func TestWatchedConnections(t *testing.T) {
	rig, opened := serve(t, DefaultLimits())
	one := newHost(t)
	open(t, one, rig)
	first := accepted(t, opened)
	st := open(t, one, rig)
	second := accepted(t, opened)
	open(t, newHost(t), rig)
	other := accepted(t, opened)
	watched := func(want bool) {
		t.Helper()
		if got := first.server.Watched(first.raw.Conn()); got != want {
			t.Errorf("watched is %v", got)
		}
		if other.server.Watched(other.raw.Conn()) {
			t.Error("a connection without a job is watched")
		}
	}
	watched(false)
	first.Watch(true)
	second.Watch(true)
	watched(true)
	first.Watch(false)
	watched(true)
	st.Reset()
	for deadline := time.Now().Add(30 * time.Second); second.server.Watched(second.raw.Conn()); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("watched still though the job is gone")
		}
	}
}
