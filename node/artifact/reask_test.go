package artifact

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p/core/peer"
)

// forgetful is a bitswap peer that drops the first want it gets, as a server does
// that still clears away the same block's last delivery.
type forgetful struct {
	net  network.BitSwapNetwork
	data []byte
	t    *testing.T
	got  atomic.Int32
}

func (f *forgetful) ReceiveMessage(ctx context.Context, from peer.ID, m bsmsg.BitSwapMessage) {
	if len(m.Wantlist()) == 0 || m.Wantlist()[0].Cancel || f.got.Add(1) == 1 {
		return
	}
	answer := bsmsg.New(false)
	answer.AddBlock(rawBlock(f.t, f.data))
	if err := f.net.SendMessage(ctx, from, answer); err != nil {
		f.t.Error(err)
	}
}

func (f *forgetful) ReceiveError(error)       {}
func (f *forgetful) PeerConnected(peer.ID)    {}
func (f *forgetful) PeerDisconnected(peer.ID) {}

func TestSilentPeerIsAskedAgain(t *testing.T) {
	host := newHost(t)
	f := &forgetful{net: bsnet.NewFromIpfsHost(host), data: []byte("on the second call"), t: t}
	f.net.Start(f)
	defer f.net.Stop()
	asks := startNode(t, Config{})
	connect(t, asks.host, host)
	path, err := asks.Fetch(t.Context(), rawCID(t, f.data).String(), 100, From(host.ID()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, path), f.data) {
		t.Error("other bytes came")
	}
}
