package discovery

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/rerig/rerig/protocol"
)

func TestRequesterFindsRigsThatFitAndWhyOthersDoNot(t *testing.T) {
	boot, big, small, requester := start(t), start(t), start(t), start(t)
	for _, n := range []*node{big, small, requester} {
		n.join(t, boot)
	}
	big.advertise(vram(24<<10), price(500))
	small.advertise(vram(8<<10), price(100), func(o *protocol.Offer) { o.Region = "us" })

	requester.finds(t, protocol.Filter{}, big, small)
	requester.finds(t, protocol.Filter{MinVRAMMiB: 12 << 10}, big)
	requester.finds(t, protocol.Filter{Region: "us"}, small)
	requester.finds(t, protocol.Filter{Engine: "container"})
	found := requester.finds(t, protocol.Filter{Unit: protocol.UnitGPUMillis, MaxPrice: protocol.NewAmount(200)}, small)
	if len(found.Skipped) != 1 || found.Skipped[0].Reason != protocol.ReasonPriceFloor || found.Skipped[0].Count != 1 {
		t.Errorf("skipped: %+v, want one for its price", found.Skipped)
	}
	if !strings.Contains(found.Skipped[0].Detail, "500 > 200") {
		t.Errorf("the detail does not say by how much: %q", found.Skipped[0].Detail)
	}
	found = requester.finds(t, protocol.Filter{MinFree: 3})
	if len(found.Skipped) != 1 || found.Skipped[0].Reason != protocol.ReasonBusy || found.Skipped[0].Count != 2 {
		t.Errorf("skipped: %+v, want both rigs as busy", found.Skipped)
	}
}

func TestTwoNodesAreANetwork(t *testing.T) {
	rig, requester := start(t), start(t)
	rig.advertise() // before it knows anyone
	requester.join(t, rig)
	found := requester.finds(t, protocol.Filter{}, rig)
	id, err := requester.Connect(t.Context(), foundOffer(found, rig))
	if err != nil || id != rig.host.ID() {
		t.Errorf("connected to %s: %v", id, err)
	}
}

func TestOfferIsPutAtNodesThatComeLater(t *testing.T) {
	rig := start(t)
	rig.advertise()
	late := start(t)
	late.join(t, rig)
	eventually(t, "the latecomer holds the offer itself", func() bool { return len(late.Cached(protocol.Filter{})) == 1 })
}

func TestRestartedIndexNodeHoldsTheOfferAgain(t *testing.T) {
	boot, rig := start(t), start(t)
	rig.join(t, boot)
	rig.advertise()
	held := func() bool { return len(boot.Cached(protocol.Filter{})) == 1 }
	eventually(t, "the index node holds the offer", held)
	boot.stop()
	boot.host.Close()
	eventually(t, "the rig notices", func() bool {
		return rig.host.Network().Connectedness(boot.host.ID()) == network.NotConnected
	})
	boot = startKey(t, boot.key)
	rig.join(t, boot)
	eventually(t, "the restarted index node holds it again", held)
}

func TestRequesterConnectsToARigItOnlyHeardOf(t *testing.T) {
	boot, rig, requester := start(t), start(t), start(t)
	rig.join(t, boot)
	requester.join(t, boot)
	rig.advertise()
	found := requester.finds(t, protocol.Filter{}, rig)
	if _, err := requester.Connect(t.Context(), foundOffer(found, rig)); err != nil {
		t.Fatal(err)
	}
	if requester.host.Network().Connectedness(rig.host.ID()) != network.Connected {
		t.Error("not connected to the rig")
	}
	if _, err := rig.Connect(t.Context(), foundOffer(found, rig)); err == nil {
		t.Error("a rig connected to itself")
	}
}

func TestExpiredOffersAreNotReturned(t *testing.T) {
	c := newClock()
	boot, rig, requester := start(t, c.set), start(t, c.set), start(t, c.set)
	rig.join(t, boot)
	requester.join(t, boot)
	rig.advertise()
	requester.finds(t, protocol.Filter{}, rig)
	rig.stop() // or it would renew; its last offer lives on while the clock stands
	requester.finds(t, protocol.Filter{}, rig)
	c.advance(DefaultTiming().OfferLife)
	found := requester.finds(t, protocol.Filter{})
	if len(found.Skipped) != 1 || found.Skipped[0].Reason != protocol.ReasonOfferExpired || found.Skipped[0].Count != 1 {
		t.Errorf("skipped %+v", found.Skipped)
	}
	c.advance(keptExpired)
	for _, n := range []*node{boot, rig, requester} {
		n.index.sweep(c.now())
	}
	if found := requester.finds(t, protocol.Filter{}); len(found.Skipped) != 0 {
		t.Errorf("still skipped %+v", found.Skipped)
	}
	if got := requester.Cached(protocol.Filter{}); len(got) != 0 {
		t.Errorf("%d expired offers cached", len(got))
	}
}

func TestRefreshPublishesTheNewPrice(t *testing.T) {
	boot, rig, requester := start(t), start(t), start(t)
	rig.join(t, boot)
	requester.join(t, boot)
	rig.advertise(price(100))
	before := foundOffer(requester.finds(t, protocol.Filter{}, rig), rig)
	rig.advertise(price(70))
	eventually(t, "the new price is found", func() bool {
		o := foundOffer(requester.find(t, protocol.Filter{}), rig)
		return o != nil && o.Seq > before.Seq && o.Prices[0].PerMillion == protocol.NewAmount(70)
	})
}

func TestOfferIsRenewedBeforeItExpires(t *testing.T) {
	brief := func(c *Config) { c.Timing.OfferLife, c.Timing.Refresh = 10*time.Second, 50*time.Millisecond }
	rig, requester := start(t, brief), start(t)
	requester.join(t, rig)
	rig.advertise()
	first := foundOffer(requester.finds(t, protocol.Filter{}, rig), rig)
	eventually(t, "a later offer is found", func() bool {
		o := foundOffer(requester.find(t, protocol.Filter{}), rig)
		return o != nil && o.Seq > first.Seq
	})
}

func TestStoppedRigWithdrawsItsOffer(t *testing.T) {
	boot, rig, requester := start(t), start(t), start(t)
	rig.join(t, boot)
	requester.join(t, boot)
	rig.advertise()
	requester.finds(t, protocol.Filter{MinFree: 1}, rig)
	rig.stop()
	requester.finds(t, protocol.Filter{MinFree: 1})
}

func TestRestartedRigReplacesItsOffer(t *testing.T) {
	boot, requester := start(t), start(t)
	requester.join(t, boot)
	rig := start(t)
	rig.join(t, boot)
	rig.advertise(price(100))
	requester.finds(t, protocol.Filter{}, rig)
	rig.stop()
	rig.host.Close()

	rig = startKey(t, rig.key)
	rig.join(t, boot)
	rig.advertise(price(60))
	eventually(t, "the restarted rig's offer is found", func() bool {
		o := foundOffer(requester.find(t, protocol.Filter{MinFree: 1}), rig)
		return o != nil && o.Prices[0].PerMillion == protocol.NewAmount(60)
	})
}

func TestOffersOutliveADeadIndexNode(t *testing.T) {
	boot, other, rig, requester := start(t), start(t), start(t), start(t)
	for _, n := range []*node{other, rig, requester} {
		n.join(t, boot)
	}
	requester.join(t, other)
	rig.join(t, other)
	rig.advertise()
	requester.finds(t, protocol.Filter{}, rig)
	boot.stop()
	boot.host.Close()
	requester.finds(t, protocol.Filter{}, rig)
}

func TestPrivateAddressesDropped(t *testing.T) {
	boot, rig, requester := start(t, public), start(t, public), start(t, public)
	rig.join(t, boot)
	requester.join(t, boot)
	rig.advertise(func(o *protocol.Offer) {
		if len(o.Addrs) > 0 {
			t.Errorf("the rig would publish %v", o.Addrs)
		}
		o.Addrs = []string{"/ip4/192.168.1.9/tcp/4001", "/ip4/127.0.0.1/tcp/4001", "/ip4/1.1.1.1/tcp/4001"}
	})
	found := requester.finds(t, protocol.Filter{}, rig)
	if got := foundOffer(found, rig).Addrs; !slices.Equal(got, []string{"/ip4/1.1.1.1/tcp/4001"}) {
		t.Errorf("addresses kept: %v", got)
	}
	if hints := boot.closer(&boot.cells.list[0][0], ""); len(hints) != 0 {
		t.Errorf("hints with private addresses: %v", hints)
	}
	hint := protocol.PeerHint{ID: []byte(newIDOf(t, newKey(t))), Addrs: []string{"/ip4/10.0.0.1/tcp/4001"}}
	if id, ok := requester.heed(hint); ok {
		t.Errorf("a hint at a private address is heeded: %s", id)
	}
}

func TestNetworksNeverMix(t *testing.T) {
	here, there := start(t), start(t, func(c *Config) { c.Network = "other" })
	there.advertise()
	here.advertise()
	here.join(t, there)
	eventually(t, "each has its own offer", func() bool {
		return len(here.Cached(protocol.Filter{})) == 1 && len(there.Cached(protocol.Filter{})) == 1
	})
	here.finds(t, protocol.Filter{}, here)
	there.finds(t, protocol.Filter{}, there)
	if _, err := here.ask(t.Context(), there.host.ID(), protocol.IndexRequest{}); !unspoken(err) {
		t.Errorf("the other network answers: %v", err)
	}
}

func TestEqualSearchesShareOneWalk(t *testing.T) {
	rig, requester := start(t), start(t, func(c *Config) { c.Timing.Fresh = time.Hour })
	requester.join(t, rig)
	rig.advertise()
	requester.finds(t, protocol.Filter{}, rig)
	if err := requester.host.Network().ClosePeer(rig.host.ID()); err != nil {
		t.Fatal(err)
	}
	rig.host.Close()
	requester.finds(t, protocol.Filter{}, rig)
}

func TestLargerNetworkFindsEveryRig(t *testing.T) {
	const size = 24 // more than the replicas of a key
	nodes := []*node{start(t)}
	for len(nodes) < size {
		n := start(t)
		n.join(t, nodes[0], nodes[len(nodes)/2])
		nodes = append(nodes, n)
	}
	rigs := nodes[size-5:]
	for _, r := range rigs {
		r.advertise()
	}
	nodes[1].finds(t, protocol.Filter{MinVRAMMiB: 8 << 10}, rigs...)
}

// BenchmarkFind is a search on a warm network of one bootstrap node, two rigs and
// a requester: it is on the path of every job.
func BenchmarkFind(b *testing.B) {
	busy := limits(func(l *Limits) { l.PeerRate, l.PeerBurst = 1e9, 1<<30 })
	boot, rig1, rig2, requester := start(b, busy), start(b, busy), start(b, busy), start(b)
	for _, n := range []*node{rig1, rig2, requester} {
		n.join(b, boot)
	}
	rig1.advertise()
	rig2.advertise(vram(0))
	requester.finds(b, protocol.Filter{}, rig1, rig2)
	for _, filter := range []protocol.Filter{{}, {MinVRAMMiB: 8 << 10}} {
		name := "CPU"
		if filter.MinVRAMMiB > 0 {
			name = "GPU"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if found := requester.find(b, filter); len(found.Offers) == 0 {
					b.Fatal("no offers")
				}
			}
		})
	}
}
