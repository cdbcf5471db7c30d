package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	libnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// publicNode has data for everybody and is connected to the peer that will ask.
func publicNode(t *testing.T, asks host.Host, data []byte) (n *node, c string) {
	t.Helper()
	n = startNode(t, Config{})
	c = addBytes(t, n.Store, data)
	if err := n.Publish(c); err != nil {
		t.Fatal(err)
	}
	connect(t, asks, n.host)
	return n, c
}

func TestManySourcesShareTheWork(t *testing.T) {
	asks := startNode(t, Config{})
	want := noise(48<<20, 1)
	var c string
	var nodes []*node
	var peers []peer.ID
	for range 3 {
		n, id := publicNode(t, asks.host, want)
		nodes, peers, c = append(nodes, n), append(peers, n.host.ID()), id
	}
	path, err := asks.Fetch(t.Context(), c, 48<<20, From(peers...))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
	for i, n := range nodes {
		if n.net.Stats().MessagesSent == 0 {
			t.Errorf("source %d of 3 sent nothing", i)
		}
	}
}

// TestSourcesHaveDifferentParts: no source has all of it.
func TestSourcesHaveDifferentParts(t *testing.T) {
	asks, origin := startNode(t, Config{}), startNode(t, Config{})
	want := noise(8<<20, 2)
	root, list := fileBlocks(t, origin, want)
	var peers []peer.ID
	for i := range 2 {
		h := newHost(t)
		_, store := plainDAG(t, h)
		connect(t, asks.host, h)
		put(t, store, list[0]) // the root
		for n := 1 + i; n < len(list); n += 2 {
			put(t, store, list[n])
		}
		peers = append(peers, h.ID())
	}
	path, err := asks.Fetch(t.Context(), root.String(), 8<<20, From(peers...))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
}

// TestSilentSourceHoldsNobodyUp: the stall is an hour, so a fetch that waits for the
// silent one would not end within this test.
func TestSilentSourceHoldsNobodyUp(t *testing.T) {
	asks := startNode(t, Config{StallAfter: time.Hour})
	silent := newHost(t)
	silent.SetStreamHandler(bsnet.ProtocolBitswap, func(s libnet.Stream) { _, _ = io.Copy(io.Discard, s) })
	connect(t, asks.host, silent)
	good, c := publicNode(t, asks.host, noise(24<<20, 3))
	if _, err := asks.Fetch(t.Context(), c, 24<<20, From(silent.ID(), good.host.ID())); err != nil {
		t.Fatal(err)
	}
}

// liar is a bitswap peer that answers every want with bytes of its own.
type liar struct {
	net   network.BitSwapNetwork
	t     *testing.T
	wants atomic.Int32
}

func startLiar(t *testing.T, asks host.Host) *liar {
	t.Helper()
	h := newHost(t)
	l := &liar{net: bsnet.NewFromIpfsHost(h), t: t}
	l.net.Start(l)
	t.Cleanup(l.net.Stop)
	connect(t, asks, h)
	return l
}

func (l *liar) ReceiveMessage(ctx context.Context, from peer.ID, m bsmsg.BitSwapMessage) {
	for _, e := range m.Wantlist() {
		if e.Cancel {
			continue
		}
		answer := bsmsg.New(false)
		answer.AddBlock(rawBlock(l.t, noise(1<<20, byte(l.wants.Add(1)))))
		_ = l.net.SendMessage(ctx, from, answer) // who has noticed hangs up
	}
}

func (l *liar) ReceiveError(error)       {}
func (l *liar) PeerConnected(peer.ID)    {}
func (l *liar) PeerDisconnected(peer.ID) {}

// TestLiarIsRemembered: the fetch goes on without it, and the next one does not ask it.
func TestLiarIsRemembered(t *testing.T) {
	asks := startNode(t, Config{StallAfter: time.Hour})
	l := startLiar(t, asks.host)
	want := noise(12<<20, 4)
	good, c := publicNode(t, asks.host, want)
	from := From(l.net.Self(), good.host.ID())
	path, err := asks.Fetch(t.Context(), c, 12<<20, from)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
	if !asks.wants.blame.has(l.net.Self(), time.Now()) {
		t.Fatal("the liar is not remembered")
	}
	told := l.wants.Load()
	again := addBytes(t, good.Store, noise(6<<20, 5))
	if err := good.Publish(again); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), again, 6<<20, from); err != nil {
		t.Fatal(err)
	}
	if now := l.wants.Load(); now != told {
		t.Errorf("the liar was asked for %d more blocks", now-told)
	}
	lost := rawCID(t, []byte("only the liar is asked")).String()
	if _, err := asks.Fetch(t.Context(), lost, 100, From(l.net.Self())); !errors.Is(err, ErrLied) {
		t.Errorf("got %v, want ErrLied", err)
	}
}

func TestBlameIsBoundedAndExpires(t *testing.T) {
	var b blame
	start := time.Now()
	name := func(i int) peer.ID { return peer.ID([]byte{byte(i >> 8), byte(i)}) }
	for i := range maxBlamed + 1 {
		b.add(name(i), start.Add(time.Duration(i)*time.Millisecond))
	}
	if len(b.until) != maxBlamed || b.has(name(0), start) || !b.has(name(maxBlamed), start) {
		t.Errorf("%d remembered, the first %v, the last %v", len(b.until), b.has(name(0), start), b.has(name(maxBlamed), start))
	}
	if b.has(name(1), start.Add(blameFor+time.Millisecond)) {
		t.Error("blamed beyond its time")
	}
}

// routed is three nodes in a row, each with a routing table: the first and the last do
// not know each other.
func routed(t *testing.T, advertise bool) (first, last *node) {
	t.Helper()
	hosts := []host.Host{newHost(t), newHost(t), newHost(t)}
	tables := make([]*dht.IpfsDHT, len(hosts))
	for i, h := range hosts {
		d, err := dht.New(h, dht.Mode(dht.ModeServer), dht.ProtocolPrefix("/test"), dht.DisableAutoRefresh(), dht.DisableValues())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		tables[i] = d
	}
	connect(t, hosts[0], hosts[1])
	connect(t, hosts[1], hosts[2])
	for _, d := range tables {
		poll(t, "the routing table", func() bool { return d.RoutingTable().Size() > 0 })
	}
	first = startNode(t, Config{Host: hosts[0], Routing: tables[0], Advertise: advertise})
	return first, startNode(t, Config{Host: hosts[2], Routing: tables[2]})
}

// TestNeighboursFindWhatIsPublic: what is published is found by who was never told where
// it is, and what is private is not, though it is asked for.
func TestNeighboursFindWhatIsPublic(t *testing.T) {
	has, asks := routed(t, true)
	want := noise(3<<20, 6)
	private := addBytes(t, has.Store, noise(1000, 7))
	if err := has.Share(private, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	c := addBytes(t, has.Store, want)
	if _, err := asks.Fetch(t.Context(), c, 3<<20, Sources{Find: true}); !errors.Is(err, ErrNotFound) {
		t.Errorf("before it was public: %v, want ErrNotFound", err)
	}
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	var path string
	poll(t, "the public file", func() (ok bool) {
		var err error
		path, err = asks.Fetch(t.Context(), c, 3<<20, Sources{Find: true})
		return err == nil
	})
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
	if _, err := asks.Fetch(t.Context(), private, 1000, Sources{Find: true}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a private file was advertised: %v", err)
	}
}

func TestNothingIsAdvertisedUnasked(t *testing.T) {
	has, asks := routed(t, false)
	c := addBytes(t, has.Store, noise(1000, 8))
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), c, 1000, Sources{Find: true}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// TestAdvertisingIsBounded: the roots used last are told of, each once in its time.
func TestAdvertisingIsBounded(t *testing.T) {
	s := startNode(t, Config{})
	var cids []cid.Cid
	for i := range 5 {
		c, err := cid.Decode(addBytes(t, s.Store, noise(100, byte(i))))
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 { // the first stays private
			if err := s.Publish(c.String()); err != nil {
				t.Fatal(err)
			}
		}
		cids = append(cids, c)
	}
	start := time.Now()
	if got := s.index.unadvertised(start, 3); !slices.Equal(got, []cid.Cid{cids[4], cids[3], cids[2]}) {
		t.Errorf("got %v", got)
	}
	s.index.advertised(cids[3], start)
	if got := s.index.unadvertised(start, 3); !slices.Equal(got, []cid.Cid{cids[4], cids[2]}) {
		t.Errorf("after one was told of: %v", got)
	}
	if got := s.index.unadvertised(start.Add(time.Second), 9); len(got) != 4 {
		t.Errorf("when it is due again: %v", got)
	}
}

// TestFetchGoesOnAfterARestart loses the source half way, starts again on the same
// directory, and finds a source that has the other half only.
func TestFetchGoesOnAfterARestart(t *testing.T) {
	source, store, asks := hostilePeer(t, testStall)
	want := noise(4<<20, 7)
	root, list := fileBlocks(t, startNode(t, Config{}), want)
	put(t, store, list[:3]...) // the root and two leaves of four
	part := filepath.Join(asks.disk.partial(root), partialData)
	poll(t, "half of the file", func() bool {
		_, err := asks.Fetch(t.Context(), root.String(), 4<<20, From(source))
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
		return bytes.HasPrefix(readFile(t, part), want[:2<<20])
	})
	asks.stop()
	again := startNode(t, Config{Dir: asks.cfg.Dir})
	h := newHost(t)
	_, rest := plainDAG(t, h)
	put(t, rest, list[3:]...)
	connect(t, again.host, h)
	path, err := again.Fetch(t.Context(), root.String(), 4<<20, From(h.ID()))
	if err != nil {
		t.Fatalf("what was there was asked for again: %v", err)
	}
	if !bytes.Equal(readFile(t, path), want) {
		t.Error("fetched other bytes")
	}
}

// fileBlocks is a file's root block and then its leaves.
func fileBlocks(t *testing.T, origin *node, data []byte) (cid.Cid, []blocks.Block) {
	t.Helper()
	root, err := cid.Decode(addBytes(t, origin.Store, data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := origin.readBlock(root)
	if err != nil {
		t.Fatal(err)
	}
	list := []blocks.Block{newBlock(t, raw, root)}
	for at := 0; at < len(data); at += leafBytes {
		list = append(list, rawBlock(t, data[at:min(at+leafBytes, len(data))]))
	}
	return root, list
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(testStall)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in %s", what, testStall)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
