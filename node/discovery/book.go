package discovery

import (
	"slices"
	"sync"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/rerig/rerig/protocol"
)

// book remembers verified offers, the newest of each rig, so that the replicas of
// one offer cost one signature check. It is safe for concurrent use.
type book struct {
	network  string
	localNet bool
	limit    int

	mu   sync.Mutex // guards both maps, which hold the same offers
	rigs map[protocol.Address]*protocol.VerifiedOffer
	ids  map[protocol.Hash]*protocol.VerifiedOffer
}

func newBook(network string, localNet bool, limit int) *book {
	return &book{
		network: network, localNet: localNet, limit: limit,
		rigs: make(map[protocol.Address]*protocol.VerifiedOffer),
		ids:  make(map[protocol.Hash]*protocol.VerifiedOffer),
	}
}

// verify checks an offer completely, or finds that this very one was checked
// before and still lives. The result's addresses are only those of use here; its
// signed bytes are untouched.
func (b *book) verify(s protocol.SignedOffer, now time.Time) (*protocol.VerifiedOffer, error) {
	id := s.ID()
	b.mu.Lock()
	v := b.ids[id]
	b.mu.Unlock()
	if v != nil && v.Signed.Signature == s.Signature && live(v, now) {
		return v, nil
	}
	v, err := s.Verify(b.network, now)
	if err != nil {
		return nil, err
	}
	v.Addrs = texts(b.usable(multiaddrs(v.Addrs)))
	b.add(v, id, now)
	return v, nil
}

func (b *book) add(v *protocol.VerifiedOffer, id protocol.Hash, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.rigs[v.Rig]
	if old != nil && old.Seq >= v.Seq {
		return
	}
	if old != nil {
		delete(b.ids, old.Signed.ID())
	} else if len(b.rigs) >= b.limit {
		b.sweepLocked(now)
		for rig, o := range b.rigs { // any one will do: it is only a cache
			if len(b.rigs) < b.limit {
				break
			}
			b.forgetLocked(rig, o)
		}
	}
	b.rigs[v.Rig], b.ids[id] = v, v
}

func (b *book) forgetLocked(rig protocol.Address, o *protocol.VerifiedOffer) {
	delete(b.rigs, rig)
	delete(b.ids, o.Signed.ID())
}

func (b *book) sweep(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweepLocked(now)
}

func (b *book) sweepLocked(now time.Time) {
	for rig, o := range b.rigs {
		if !live(o, now) {
			b.forgetLocked(rig, o)
		}
	}
}

func (b *book) match(f *protocol.Filter, now time.Time) []*protocol.VerifiedOffer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*protocol.VerifiedOffer
	for _, o := range b.rigs {
		if live(o, now) && len(f.Mismatches(&o.Offer)) == 0 {
			out = append(out, o)
		}
	}
	return out
}

// usable keeps the addresses that this node may dial, pass on or publish: all of
// them on a local network, else those that are public.
func (b *book) usable(addrs []ma.Multiaddr) []ma.Multiaddr {
	if b.localNet {
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool { return !manet.IsPublicAddr(a) })
}

func live(o *protocol.VerifiedOffer, now time.Time) bool { return o.Expires > uint64(now.UnixMilli()) }

// multiaddrs parses what it can; a malformed address is one address less.
func multiaddrs(texts []string) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, s := range texts[:min(len(texts), protocol.MaxAddrs)] {
		if len(s) > protocol.MaxAddrBytes {
			continue
		}
		if a, err := ma.NewMultiaddr(s); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// texts writes at most as many addresses as an offer or a hint may hold.
func texts(addrs []ma.Multiaddr) []string {
	out := make([]string, 0, min(len(addrs), protocol.MaxAddrs))
	for _, a := range addrs {
		if s := a.String(); len(s) <= protocol.MaxAddrBytes && len(out) < protocol.MaxAddrs {
			out = append(out, s)
		}
	}
	return out
}
