package artifact

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/ipld/merkledag"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	format "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peerstore"
)

func TestFetchFile(t *testing.T) {
	has, asks := pair(t)
	for _, size := range []int{0, 100, leafBytes, leafBytes + 1, 30 << 20} {
		want := noise(size, 1)
		src := filepath.Join(t.TempDir(), "input")
		writeFile(t, src, want)
		c, n, err := has.AddFile(t.Context(), src)
		if err != nil {
			t.Fatal(err)
		}
		if n != uint64(size) {
			t.Errorf("AddFile said %d bytes, want %d", n, size)
		}
		if err := has.Share(c, asks.host.ID()); err != nil {
			t.Fatal(err)
		}
		path, err := asks.Fetch(t.Context(), c, uint64(size), From(has.host.ID()))
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if !bytes.Equal(readFile(t, path), want) {
			t.Errorf("%d bytes: fetched other bytes", size)
		}
		if got, ok := asks.Path(c); !ok || got != path {
			t.Errorf("Path after Fetch: %q, %v", got, ok)
		}
	}
}

func TestFetchedFileIsCached(t *testing.T) {
	has, asks := pair(t)
	c := addBytes(t, has.Store, noise(3<<20, 2))
	if err := has.Share(c, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := asks.Fetch(t.Context(), c, 3<<20, From(has.host.ID())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sent := has.net.Stats().MessagesSent
	has.stop()
	if _, err := asks.Fetch(t.Context(), c, 3<<20, From(has.host.ID())); err != nil {
		t.Errorf("second fetch needed the peer: %v", err)
	}
	if sent > 8 { // four blocks; eight fetches of their own would need thirty-two
		t.Errorf("%d messages for eight fetches of one file at once", sent)
	}
	var limit *LimitError
	if _, err := asks.Fetch(t.Context(), c, 1, Sources{}); !errors.As(err, &limit) || limit.Limit != 1 {
		t.Errorf("cached file over the limit: %v", err)
	}
}

func TestPrivateAndPublic(t *testing.T) {
	has, friend := pair(t)
	stranger := startNode(t, Config{})
	connect(t, has.host, stranger.host)
	data := noise(2<<20+7, 3)
	c := addBytes(t, has.Store, data)

	fetch := func(n *node) error {
		_, err := n.Fetch(t.Context(), c, 4<<20, From(has.host.ID()))
		if err == nil {
			err = n.Remove(c)
		}
		return err
	}
	if err := fetch(friend); !errors.Is(err, ErrNotFound) {
		t.Errorf("before Share: %v, want ErrNotFound", err)
	}
	if err := has.Share(c, friend.host.ID()); err != nil {
		t.Fatal(err)
	}
	if err := fetch(friend); err != nil {
		t.Errorf("after Share: %v", err)
	}
	if err := fetch(stranger); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger got %v, want ErrNotFound", err)
	}
	if err := has.Share(c, friend.host.ID()); err != nil { // for a second job
		t.Fatal(err)
	}
	has.Unshare(c, friend.host.ID())
	if err := fetch(friend); err != nil {
		t.Errorf("after one Unshare of two: %v", err)
	}
	has.Unshare(c, friend.host.ID())
	if err := fetch(friend); !errors.Is(err, ErrNotFound) {
		t.Errorf("after Unshare: %v, want ErrNotFound", err)
	}
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	if err := fetch(stranger); err != nil {
		t.Errorf("after Publish: %v", err)
	}
}

// TestPlainIPFSNode fetches with boxo alone, as any IPFS node would.
func TestPlainIPFSNode(t *testing.T) {
	has := startNode(t, Config{})
	data := noise(5<<20+1, 4)
	c := addBytes(t, has.Store, data)
	if err := has.Publish(c); err != nil {
		t.Fatal(err)
	}
	plain := newHost(t)
	dag, _ := plainDAG(t, plain)
	connect(t, plain, has.host)

	id, err := cid.Decode(c)
	if err != nil {
		t.Fatal(err)
	}
	root, err := dag.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r, err := uio.NewDagReader(t.Context(), root, dag)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("a plain IPFS node read %d bytes, %v", len(got), err)
	}
}

// plainDAG is what an IPFS node has: a block store in memory behind
// bitswap, which serves everybody.
func plainDAG(t *testing.T, h host.Host) (format.DAGService, blockstore.Blockstore) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	swap := bitswap.New(ctx, bsnet.NewFromIpfsHost(h), nil, store)
	t.Cleanup(func() { _ = swap.Close(); cancel() })
	return merkledag.NewDAGService(blockservice.New(store, swap)), store
}

// TestOnlyTheNamedPeerIsAsked: nobody else learns what a job reads, and the
// named peer is dialled if need be.
func TestOnlyTheNamedPeerIsAsked(t *testing.T) {
	has, asks, bystander := startNode(t, Config{}), startNode(t, Config{}), newHost(t)
	var told atomic.Bool
	bystander.SetStreamHandler(bsnet.ProtocolBitswap, func(s network.Stream) {
		told.Store(true)
		_ = s.Reset()
	})
	connect(t, asks.host, bystander)
	asks.host.Peerstore().AddAddrs(has.host.ID(), has.host.Addrs(), peerstore.TempAddrTTL)
	c := addBytes(t, has.Store, noise(3<<20, 5))
	if err := has.Share(c, asks.host.ID()); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Fetch(t.Context(), c, 3<<20, From(has.host.ID())); err != nil {
		t.Fatal(err)
	}
	if told.Load() {
		t.Error("a bystander was asked for the content")
	}
}
