package artifact

import (
	"context"
	"slices"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Routing finds peers that have public content, and tells that we have it. kad-dht's
// IpfsDHT is one.
type Routing interface {
	// FindProvidersAsync sends up to count peers, as they are found, and closes the
	// channel when there are no more or ctx ends. The host can dial them by then: which
	// of their addresses are to be believed is the routing's business.
	FindProvidersAsync(ctx context.Context, c cid.Cid, count int) <-chan peer.AddrInfo
	// Provide says that this node has c; announce tells the peers closest to it too.
	Provide(ctx context.Context, c cid.Cid, announce bool) error
}

// Sources says where content that is not here may come from. The zero value asks nobody.
type Sources struct {
	// Peers are asked first. They need not have all of it.
	Peers []peer.ID
	// Find asks also whoever Config.Routing finds to have it. That tells strangers what
	// is read, so it is for public content only.
	Find bool
}

// From are sources that nobody else learns of.
func From(peers ...peer.ID) Sources { return Sources{Peers: peers} }

// gather is a getter over this disk and the sources. The caller must call done when it
// asks for nothing more.
func (s *Store) gather(ctx context.Context, root cid.Cid, from Sources) (get getter, done func()) {
	peers := slices.DeleteFunc(slices.Clone(from.Peers), func(p peer.ID) bool {
		return p == "" || p == s.cfg.Host.ID()
	})
	var routing Routing
	if from.Find {
		routing = s.cfg.Routing
	}
	if len(peers) == 0 && routing == nil {
		return s.local, func() {}
	}
	ses := newSession(ctx, s, root, routing)
	for _, p := range peers {
		ses.join(p)
	}
	return func(ctx context.Context, c cid.Cid) ([]byte, error) {
		data, err := s.local(ctx, c)
		if err == nil {
			return data, nil
		}
		select {
		case <-s.started:
		case <-s.ended:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return ses.get(ctx, c)
	}, ses.close
}

// local is a getter of what is kept here.
func (s *Store) local(_ context.Context, c cid.Cid) ([]byte, error) {
	if checkHash(c, nil) == nil {
		return nil, nil // bitswap cannot send the empty block, and need not
	}
	return s.readBlock(c)
}
