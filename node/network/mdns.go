package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

const lanDials = 16 // LAN peers dialled at once; more are dropped and announced again

// lan connects to peers that mDNS found. Its dials end with ctx or stop.
type lan struct {
	n     *Network
	ctx   context.Context // lives as long as Run; the library's callback carries none
	dials sync.WaitGroup
	slots chan struct{} // one element per running dial
}

// HandlePeerFound implements mdns.Notifee.
func (l *lan) HandlePeerFound(p peer.AddrInfo) {
	if p.ID == l.n.host.ID() || l.n.connected(p.ID) || l.ctx.Err() != nil {
		return
	}
	select {
	case l.slots <- struct{}{}:
	default:
		return
	}
	l.n.gater.found(p)
	l.dials.Go(func() {
		defer func() { <-l.slots }()
		if err := l.n.dial(l.ctx, p); err != nil {
			l.n.log.Debug("LAN peer does not answer", "peer", p.ID, "err", err)
		}
	})
}

// startMDNS announces the node on the LAN under a service name of its network's
// own; the name is hashed because DNS-SD allows 15 characters.
func (n *Network) startMDNS(ctx context.Context) (stop func() error, err error) {
	sum := sha256.Sum256([]byte(n.cfg.Network))
	l := &lan{n: n, ctx: ctx, slots: make(chan struct{}, lanDials)}
	service := mdns.NewMdnsService(n.host, "_rr-"+hex.EncodeToString(sum[:6])+"._udp", l)
	if err := service.Start(); err != nil {
		return nil, errors.Join(err, service.Close())
	}
	return func() error {
		err := service.Close() // no callback after this
		l.dials.Wait()
		return err
	}, nil
}
