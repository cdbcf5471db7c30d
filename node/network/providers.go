package network

import (
	"context"
	"strings"
	"sync"
	"time"

	ds "github.com/ipfs/go-datastore"
	dsq "github.com/ipfs/go-datastore/query"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p-kad-dht/records"
	ma "github.com/multiformats/go-multiaddr"
)

// Bounds of the provider records that a node keeps for others (SPEC §9). A record is some
// hundred bytes in memory, so all of them are a few megabytes.
const (
	maxRecords       = 8192
	maxRecordsOfPeer = 1024
	maxRecordsOfKey  = 32
	maxProviderAddrs = 16
	// recordAge is the life of a record, and of its provider's addresses, that is not
	// renewed. kad-dht's day or two would keep the addresses of rigs long gone.
	recordAge = 2 * time.Hour
)

// providerOptions make the DHT keep who has which public content, within bounds:
// kad-dht's own store and cache grow with whatever strangers send.
func providerOptions() []dht.Option {
	return []dht.Option{
		dht.ProviderDatastore(newProviderRecords()),
		dht.ProviderManagerOpts(records.Cache(noCache{}), records.ProvideValidity(recordAge),
			records.ProviderAddrTTL(recordAge), records.CleanupInterval(recordAge/4)),
	}
}

// fewAddrs bounds what a peer may say of where it is.
func fewAddrs(addrs []ma.Multiaddr) []ma.Multiaddr {
	return addrs[:min(len(addrs), maxProviderAddrs)]
}

// providerRecords is the DHT's datastore, in memory: every provider renews its records.
// One over a bound takes another's place, of the same key or, where the whole is full,
// any; a peer over its own bound is not heard. It is safe for concurrent use.
type providerRecords struct {
	mu     sync.Mutex // guards what follows; owner: providerRecords
	keys   map[string]map[ds.Key][]byte
	ofPeer map[string]int
	count  int
}

func newProviderRecords() *providerRecords {
	return &providerRecords{keys: map[string]map[ds.Key][]byte{}, ofPeer: map[string]int{}}
}

// parts are a record's content and its peer; kad-dht names it /providers/content/peer.
func parts(k ds.Key) (content, provider string) {
	s := k.String()
	i := strings.LastIndexByte(s, '/')
	return s[:i], s[i+1:]
}

// Put keeps or renews a record, within the bounds.
func (r *providerRecords) Put(_ context.Context, k ds.Key, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	content, provider := parts(k)
	if _, known := r.keys[content][k]; !known {
		if r.ofPeer[provider] >= maxRecordsOfPeer {
			return nil
		}
		if len(r.keys[content]) >= maxRecordsOfKey {
			r.drop(anyOf(r.keys[content]))
		}
		if r.count >= maxRecords {
			r.drop(anyOf(r.keys[anyOf(r.keys)]))
		}
		if r.keys[content] == nil {
			r.keys[content] = map[ds.Key][]byte{}
		}
		r.ofPeer[provider]++
		r.count++
	}
	r.keys[content][k] = value
	return nil
}

// Delete forgets a record.
func (r *providerRecords) Delete(_ context.Context, k ds.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(k)
	return nil
}

// drop forgets a record. mu must be held.
func (r *providerRecords) drop(k ds.Key) {
	content, provider := parts(k)
	if _, ok := r.keys[content][k]; !ok {
		return
	}
	delete(r.keys[content], k)
	if len(r.keys[content]) == 0 {
		delete(r.keys, content)
	}
	if r.ofPeer[provider]--; r.ofPeer[provider] == 0 {
		delete(r.ofPeer, provider)
	}
	r.count--
}

// anyOf is a key of the map; which one is anybody's guess.
func anyOf[K comparable, V any](m map[K]V) (key K) {
	for key = range m {
		break
	}
	return key
}

// Get is a record's value.
func (r *providerRecords) Get(_ context.Context, k ds.Key) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	content, _ := parts(k)
	v, ok := r.keys[content][k]
	if !ok {
		return nil, ds.ErrNotFound
	}
	return v, nil
}

// Has tells whether a record is kept.
func (r *providerRecords) Has(ctx context.Context, k ds.Key) (bool, error) {
	_, err := r.Get(ctx, k)
	return err == nil, nil
}

// GetSize is the size of a record's value.
func (r *providerRecords) GetSize(ctx context.Context, k ds.Key) (int, error) {
	v, err := r.Get(ctx, k)
	return len(v), err
}

// Query lists the records of one content, or all.
func (r *providerRecords) Query(_ context.Context, q dsq.Query) (dsq.Results, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []dsq.Entry
	add := func(m map[ds.Key][]byte) {
		for k, v := range m {
			list = append(list, dsq.Entry{Key: k.String(), Value: v, Size: len(v)})
		}
	}
	if q.Prefix != records.ProvidersKeyPrefix {
		add(r.keys[q.Prefix])
	} else {
		for _, m := range r.keys {
			add(m)
		}
	}
	return dsq.NaiveQueryApply(q, dsq.ResultsWithEntries(q, list)), nil
}

// Batch collects writes and does them one by one.
func (r *providerRecords) Batch(context.Context) (ds.Batch, error) { return ds.NewBasicBatch(r), nil }

// Sync has nothing to do.
func (r *providerRecords) Sync(context.Context, ds.Key) error { return nil }

// Close has nothing to do.
func (r *providerRecords) Close() error { return nil }

// noCache is no cache: the records are in memory as it is, and kad-dht's caches as many
// providers of a key as there are.
type noCache struct{}

// Add keeps nothing.
func (noCache) Add(_, _ any) bool { return false }

// Get finds nothing.
func (noCache) Get(any) (any, bool) { return nil, false }

// Contains finds nothing.
func (noCache) Contains(any) bool { return false }

// Peek finds nothing.
func (noCache) Peek(any) (any, bool) { return nil, false }

// Remove finds nothing.
func (noCache) Remove(any) bool { return false }

// RemoveOldest finds nothing.
func (noCache) RemoveOldest() (any, any, bool) { return nil, nil, false }

// GetOldest finds nothing.
func (noCache) GetOldest() (any, any, bool) { return nil, nil, false }

// Keys is empty.
func (noCache) Keys() []any { return nil }

// Len is zero.
func (noCache) Len() int { return 0 }

// Purge has nothing to do.
func (noCache) Purge() {}

// Resize has nothing to do.
func (noCache) Resize(int) int { return 0 }
