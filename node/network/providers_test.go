package network

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ipfs/go-cid"
	ds "github.com/ipfs/go-datastore"
	dsq "github.com/ipfs/go-datastore/query"
	"github.com/libp2p/go-libp2p-kad-dht/records"
)

// TestProviderRecordsAreBounded: neither a crowd nor a single peer fills the store, and
// what is over a bound takes an older record's place.
func TestProviderRecordsAreBounded(t *testing.T) {
	r := newProviderRecords()
	name := func(kind string, i int) string { return fmt.Sprint(kind, i) }
	add := func(content, provider string) ds.Key {
		k := ds.NewKey(records.ProvidersKeyPrefix + content + "/" + provider)
		if err := r.Put(context.Background(), k, []byte("now")); err != nil {
			t.Fatal(err)
		}
		return k
	}
	list := func(prefix string) int {
		res, err := r.Query(context.Background(), dsq.Query{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		all, err := res.Rest()
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for i := range 2 * maxRecordsOfPeer {
		add(name("greedy", i), "ONE")
	}
	if r.count != maxRecordsOfPeer {
		t.Errorf("%d records of one peer, want %d", r.count, maxRecordsOfPeer)
	}
	for i := range 2 * maxRecordsOfKey {
		add("POPULAR", name("P", i))
	}
	if n := list(records.ProvidersKeyPrefix + "POPULAR"); n != maxRecordsOfKey {
		t.Errorf("%d records of one key, want %d", n, maxRecordsOfKey)
	}
	var last ds.Key
	for i := range 2 * maxRecords {
		last = add(name("K", i), name("Q", i))
	}
	if r.count != maxRecords || list(records.ProvidersKeyPrefix) != maxRecords {
		t.Errorf("%d records in all, %d listed, want %d", r.count, list(records.ProvidersKeyPrefix), maxRecords)
	}
	if ok, _ := r.Has(context.Background(), last); !ok {
		t.Error("the newest record is not there")
	}
	if err := r.Delete(context.Background(), last); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(context.Background(), last); !errors.Is(err, ds.ErrNotFound) || r.count != maxRecords-1 {
		t.Errorf("after Delete: %v, %d records", err, r.count)
	}
}

// TestContentIsFoundByItsProviders: what one node provides another finds, with an
// address to dial, through a third.
func TestContentIsFoundByItsProviders(t *testing.T) {
	middle := start(t, local(t))
	cfg := local(t)
	cfg.Bootstrap = middle.addrs(t)
	has := start(t, cfg)
	cfg = local(t)
	cfg.Bootstrap = middle.addrs(t)
	asks := start(t, cfg)
	eventually(t, "both know the middle", func() bool { return has.knows(middle) && asks.knows(middle) })
	c, err := cid.Decode("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")
	if err != nil {
		t.Fatal(err)
	}
	if err := has.DHT().Provide(t.Context(), c, true); err != nil {
		t.Fatal(err)
	}
	for info := range asks.DHT().FindProvidersAsync(t.Context(), c, 1) {
		if info.ID == has.Host().ID() && len(asks.Host().Peerstore().Addrs(info.ID)) > 0 {
			return
		}
	}
	t.Error("the provider was not found")
}
