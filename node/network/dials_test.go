package network

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/rerig/rerig/protocol"
)

// TestRoomForDials: one peer may have as many streams of the dialling protocol as a job
// has connections.
func TestRoomForDials(t *testing.T) {
	t.Parallel()
	const dials = libp2pproto.ID("/test/dial/1")
	cfg := local(t)
	cfg.Dials = dials
	rig := start(t, cfg)
	cfg = local(t)
	cfg.Dials, cfg.Bootstrap = dials, rig.addrs(t)
	peer := start(t, cfg)
	opened := make(chan network.Stream, protocol.MaxDials)
	rig.Host().SetStreamHandler(dials, func(s network.Stream) { opened <- s })
	eventually(t, "a connection", func() bool { return peer.knows(rig) })
	for i := range protocol.MaxDials {
		s, err := peer.Host().NewStream(t.Context(), rig.Host().ID(), dials)
		if err == nil {
			_, err = s.Write([]byte{1})
		}
		if err != nil {
			t.Fatalf("stream %d: %v", i+1, err)
		}
		got := <-opened
		if _, err := got.Read(make([]byte, 1)); err != nil {
			t.Fatalf("stream %d at the rig: %v", i+1, err)
		}
		// What a dialled connection buffers, beside the muxer's own windows.
		if err := got.Scope().ReserveMemory(36<<10, network.ReservationPriorityAlways); err != nil {
			t.Fatalf("memory of stream %d at the rig: %v", i+1, err)
		}
	}
}
