package discovery

import (
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

// stranger is a host that speaks the protocol by hand.
func stranger(t *testing.T, index *node) host.Host {
	t.Helper()
	h, _ := newHost(t, newKey(t), testNet)
	if err := h.Connect(t.Context(), peer.AddrInfo{ID: index.host.ID(), Addrs: index.host.Addrs()}); err != nil {
		t.Fatal(err)
	}
	return h
}

func send(t *testing.T, from host.Host, to *node, frame []byte) (*protocol.IndexReply, error) {
	t.Helper()
	s, err := from.NewStream(t.Context(), to.host.ID(), to.proto)
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	return exchange(s, frame)
}

func put(t *testing.T, from host.Host, to *node, class int, o protocol.SignedOffer) (protocol.IndexStatus, string) {
	t.Helper()
	b, err := protocol.Encode(protocol.IndexRequest{Version: protocol.Version,
		Put: &protocol.IndexPut{Key: to.cells.list[class][0].key, Offer: o}})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := send(t, from, to, b)
	if err != nil {
		t.Fatal(err)
	}
	return reply.Status, reply.Detail
}

const class8GiB = 3

// kept is what put left in an index.
func kept(n *node) []*protocol.VerifiedOffer {
	offers, _ := n.index.find(n.cells.list[class8GiB][0].key, &protocol.Filter{}, protocol.MaxFindLimit, n.cfg.Clock())
	return offers
}

func TestForgedOffersRefused(t *testing.T) {
	c := newClock()
	index := start(t, c.set)
	from := stranger(t, index)
	key := newKey(t)

	flipped := signed(t, key, c.now())
	flipped.Offer = append([]byte{}, flipped.Offer...)
	flipped.Offer[len(flipped.Offer)/2] ^= 1
	stolen := signed(t, key, c.now())
	stolen.Signature = signed(t, newKey(t), c.now()).Signature
	other := signed(t, key, c.now(), func(o *protocol.Offer) { o.Network = "other" })
	expired := signed(t, key, c.now().Add(-time.Hour))
	future := signed(t, key, c.now().Add(time.Hour))
	forever := signed(t, key, c.now(), func(o *protocol.Offer) { o.Expires += uint64(time.Hour.Milliseconds()) })
	oversized := signed(t, key, c.now())
	oversized.Offer = append(oversized.Offer, make([]byte, protocol.MaxOfferBytes)...)

	for name, o := range map[string]protocol.SignedOffer{
		"one bit changed": flipped, "another's signature": stolen, "another network": other,
		"expired": expired, "from the future": future, "living too long": forever, "oversized": oversized,
	} {
		if status, detail := put(t, from, index, class8GiB, o); status != protocol.IndexBad || detail == "" {
			t.Errorf("%s: %s %q, want bad and why", name, status, detail)
		}
	}
	if status, detail := put(t, from, index, 0, signed(t, key, c.now())); status != protocol.IndexBad || !strings.Contains(detail, "class") {
		t.Errorf("an offer in another class's cell: %s %q", status, detail)
	}
	if got := kept(index); len(got) != 0 {
		t.Errorf("%d forged offers are kept", len(got))
	}
	if status, detail := put(t, from, index, class8GiB, signed(t, key, c.now())); status != protocol.IndexOK {
		t.Errorf("a good offer: %s %s", status, detail)
	}
}

func TestNewestOfferOfARigStays(t *testing.T) {
	c := newClock()
	index := start(t, c.set)
	from, key := stranger(t, index), newKey(t)
	old := signed(t, key, c.now(), price(1))
	c.advance(time.Second)
	if status, _ := put(t, from, index, class8GiB, signed(t, key, c.now(), price(2))); status != protocol.IndexOK {
		t.Fatal(status)
	}
	if status, _ := put(t, from, index, class8GiB, old); status != protocol.IndexStale {
		t.Errorf("an older offer: %s, want stale", status)
	}
	got := kept(index)
	if len(got) != 1 || got[0].Prices[0].PerMillion != protocol.NewAmount(2) {
		t.Errorf("kept %+v", got)
	}
}

func TestIndexCaps(t *testing.T) {
	for name, change := range map[string]func(*Limits){
		"offers of a cell": func(l *Limits) { l.CellOffers = 2 },
		"bytes of a node":  func(l *Limits) { l.Bytes = 900 },
		"offers to recall": func(l *Limits) { l.Known = 1; l.CellOffers = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			index := start(t, c.set, limits(change))
			from, key := stranger(t, index), newKey(t)
			var last protocol.IndexStatus
			for range 5 {
				last, _ = put(t, from, index, class8GiB, signed(t, newKey(t), c.now()))
			}
			if last != protocol.IndexFull {
				t.Fatalf("the fifth offer: %s, want full", last)
			}
			if n := len(kept(index)); n == 0 || n > 2 {
				t.Errorf("%d offers kept", n)
			}
			c.advance(11 * time.Minute)
			if status, detail := put(t, from, index, class8GiB, signed(t, key, c.now())); status != protocol.IndexOK {
				t.Errorf("after the others expired: %s %s", status, detail)
			}
			c.advance(time.Second)
			if status, detail := put(t, from, index, class8GiB, signed(t, key, c.now())); status != protocol.IndexOK {
				t.Errorf("a rig renewing its own: %s %s", status, detail)
			}
		})
	}
}

func TestBusyPeerIsToldToSlowDown(t *testing.T) {
	c := newClock()
	index := start(t, c.set, limits(func(l *Limits) { l.PeerRate, l.PeerBurst = 0.001, 3 }))
	from := stranger(t, index)
	o := signed(t, newKey(t), c.now())
	for i := range 4 {
		status, _ := put(t, from, index, class8GiB, o)
		if slower := status == protocol.IndexSlower; slower != (i == 3) {
			t.Errorf("request %d: %s", i, status)
		}
	}
	if status, _ := put(t, stranger(t, index), index, class8GiB, o); status != protocol.IndexOK {
		t.Errorf("another peer pays for it: %s", status)
	}
}

func TestMalformedRequests(t *testing.T) {
	index := start(t)
	from := stranger(t, index)
	for name, frame := range map[string][]byte{"empty": {}, "not CBOR": []byte("hello"), "no request": {0xa0}} {
		if reply, err := send(t, from, index, frame); err != nil || reply.Status != protocol.IndexBad {
			t.Errorf("%s: %+v, %v", name, reply, err)
		}
	}
	s, err := from.NewStream(t.Context(), index.host.ID(), index.proto)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Reset()
	if _, err := s.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(s); err == nil {
		t.Error("an announcement of 4 GiB is read, not reset")
	}
}

// TestLyingIndexNode has an index node answer with forged offers, offers that do
// not fit, and hints at the asker itself and at nobody.
func TestLyingIndexNode(t *testing.T) {
	c := newClock()
	requester := start(t, c.set)
	liar, _ := newHost(t, newKey(t), testNet)
	forged := signed(t, newKey(t), c.now())
	forged.Signature[5] ^= 1
	over, elsewhere := signed(t, newKey(t), c.now().Add(-time.Hour)), newKey(t)
	foreign, err := protocol.SignOffer(offer(Draft{Network: "elsewhere", Seq: 1, Issued: uint64(c.now().UnixMilli()),
		Expires: uint64(c.now().Add(time.Minute).UnixMilli())}, elsewhere.Address()), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	honest := newKey(t)
	reply := protocol.IndexReply{Version: protocol.Version, Status: protocol.IndexOK,
		Offers: []protocol.SignedOffer{
			forged, over, foreign, signed(t, newKey(t), c.now(), func(o *protocol.Offer) { o.Region = "us" }), signed(t, honest, c.now())},
		Closer: []protocol.PeerHint{
			{ID: []byte(requester.host.ID()), Addrs: []string{"/ip4/127.0.0.1/tcp/1"}},
			{ID: []byte("nonsense"), Addrs: []string{"/ip4/127.0.0.1/tcp/1"}},
			{ID: []byte(liar.ID()), Addrs: []string{"nonsense"}},
		},
		Skipped: []protocol.SkipCount{{Reason: "made up", Detail: strings.Repeat("x", protocol.MaxDetailBytes), Count: ^uint32(0)}},
	}
	b, err := protocol.Encode(reply)
	if err != nil {
		t.Fatal(err)
	}
	liar.SetStreamHandler(requester.proto, func(s network.Stream) {
		defer s.Close()
		if _, err := protocol.ReadFrame(s, protocol.MaxIndexFrame); err == nil {
			protocol.WriteFrame(s, b, protocol.MaxIndexFrame)
		}
	})
	if err := requester.host.Connect(t.Context(), peer.AddrInfo{ID: liar.ID(), Addrs: liar.Addrs()}); err != nil {
		t.Fatal(err)
	}
	var found Found
	eventually(t, "the liar answers", func() bool {
		found = requester.find(t, protocol.Filter{Region: "eu"})
		return found.Asked == 1
	})
	if len(found.Offers) != 1 || found.Offers[0].Rig != honest.Address() {
		t.Errorf("found %+v, want the honest rig alone", found.Offers)
	}
	skipped := map[protocol.Reason]uint32{}
	for _, s := range found.Skipped {
		skipped[s.Reason] = s.Count
		if s.Detail == "" || len(s.Detail) > maxSkipDetail {
			t.Errorf("%s: %q", s.Reason, s.Detail)
		}
	}
	want := map[protocol.Reason]uint32{"made up": ^uint32(0), protocol.ReasonBadSignature: 1, protocol.ReasonOfferExpired: 1,
		protocol.ReasonNetwork: 1, protocol.ReasonRegion: 1}
	if !maps.Equal(skipped, want) {
		t.Errorf("skipped %v, want %v", skipped, want)
	}
}

// TestSilentIndexNode has an index node take requests and never answer.
func TestSilentIndexNode(t *testing.T) {
	rig, requester := start(t), start(t)
	requester.join(t, rig)
	rig.advertise()
	silent, _ := newHost(t, newKey(t), testNet)
	silent.SetStreamHandler(requester.proto, func(s network.Stream) { io.Copy(io.Discard, s) })
	if err := requester.host.Connect(t.Context(), peer.AddrInfo{ID: silent.ID(), Addrs: silent.Addrs()}); err != nil {
		t.Fatal(err)
	}
	requester.finds(t, protocol.Filter{}, rig)
}

func TestOwnOfferMustBeOwn(t *testing.T) {
	rig := start(t)
	rig.Advertise(source(newKey(t)))
	rig.Advertise(source(rig.key))
	rig.finds(t, protocol.Filter{}, rig)
}
