package discovery

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

const (
	walkTimeout     = 15 * time.Second // one search for the closest peers of a key
	withdrawLife    = 2 * time.Second  // life of the last offer; it only replaces the one before
	withdrawTimeout = time.Second
)

// Draft is what discovery decides about an offer; the rig fills in the rest.
type Draft struct {
	Network string
	Seq     uint64   // greater than that of every offer before, also over restarts
	Issued  uint64   // unix milliseconds
	Expires uint64   // unix milliseconds
	Addrs   []string // where the node may be dialled; empty while it knows no such address
	Final   bool     // the rig is going: say that no slot is free
}

// Source draws up the rig's offer as it is now, from a draft, and signs it.
type Source func(Draft) (protocol.SignedOffer, error)

// Advertise publishes what source draws up, now and again before it expires, until
// another source replaces it; nil stops, and the offer published last expires by
// itself. It returns at once: Run does the work.
func (d *Discovery) Advertise(source Source) {
	d.source.Lock()
	d.source.draw = source
	d.source.Unlock()
	d.Refresh()
}

// Refresh publishes the offer again soon, because prices, slots or models changed.
// Calls in quick succession are one.
func (d *Discovery) Refresh() { signal(d.changed) }

// publisher is the state of the one goroutine that advertises.
type publisher struct {
	d      *Discovery
	offer  *protocol.VerifiedOffer // the newest; nil before the first
	seq    uint64
	walked time.Time                   // when the index nodes were last looked for
	nodes  [salts]map[peer.ID]struct{} // index nodes of each key
	acked  [salts]map[peer.ID]uint64   // seq of the offer each of them holds
	failed bool                        // an index node was lost since the last walk
	mu     sync.Mutex                  // guards nodes, acked and failed while puts run
}

// publish advertises until ctx ends, then withdraws.
func (d *Discovery) publish(ctx context.Context) {
	p := &publisher{d: d}
	var last time.Time // start of the last publication
	timer := time.NewTimer(0)
	<-timer.C // it is armed below
	defer timer.Stop()
	renew := false
	soon := func() { timer.Reset(max(0, d.cfg.Timing.Debounce-time.Since(last))) }
	for {
		select {
		case <-ctx.Done():
			p.withdraw(context.WithoutCancel(ctx))
			return
		case <-d.changed:
			renew = true
			soon()
			continue
		case <-d.met:
			// A large network has index nodes enough; a small one needs each, and
			// one that restarted holds nothing of what it acknowledged.
			if p.offer != nil && d.cfg.Routing.RoutingTable().Size() < replicas {
				p.walked = time.Time{}
				for _, acked := range p.acked {
					clear(acked)
				}
				soon()
			}
			continue
		case <-timer.C:
		}
		last = time.Now()
		if renew || p.due() {
			renew = false
			if err := p.renew(false); err != nil {
				d.log.Warn("offer not published", "err", err)
			}
		}
		p.spread(ctx)
		timer.Reset(p.pause())
	}
}

// due says whether the offer has lived the shortest refresh interval there is.
func (p *publisher) due() bool {
	if p.offer == nil {
		return true
	}
	age := p.d.cfg.Clock().UnixMilli() - int64(p.offer.Issued)
	return time.Duration(age)*time.Millisecond > p.d.cfg.Timing.Refresh*3/4
}

func (p *publisher) pause() time.Duration {
	if p.failed {
		return jitter(p.d.cfg.Timing.Retry)
	}
	return jitter(p.d.cfg.Timing.Refresh)
}

// jitter is t ± 20 %, so that nodes started together drift apart.
func jitter(t time.Duration) time.Duration {
	return time.Duration(float64(t) * (0.8 + 0.4*rand.Float64()))
}

// renew has the source draw up a new offer and puts it into the own index.
func (p *publisher) renew(final bool) error {
	p.d.source.Lock()
	draw := p.d.source.draw
	p.d.source.Unlock()
	if draw == nil {
		p.offer = nil
		return nil
	}
	now := p.d.cfg.Clock()
	life := p.d.cfg.Timing.OfferLife
	if final {
		life = withdrawLife
	}
	p.seq = max(p.seq+1, uint64(now.UnixMilli()))
	signed, err := draw(Draft{
		Network: p.d.cfg.Network, Seq: p.seq, Issued: uint64(now.UnixMilli()), Final: final,
		Expires: uint64(now.Add(life).UnixMilli()), Addrs: texts(p.d.book.usable(p.d.cfg.Host.Addrs())),
	})
	if err != nil {
		return fmt.Errorf("draw up offer: %w", err)
	}
	v, err := p.d.book.verify(signed, now)
	if err != nil {
		return fmt.Errorf("own offer: %w", err)
	}
	if id, err := peerID(v.Key); err != nil || id != p.d.cfg.Host.ID() {
		return fmt.Errorf("own offer: signed by rig %s, whose peer ID is not this node's", v.Rig)
	}
	if p.offer == nil || protocol.VRAMClass(p.offer.Hardware.VRAMMiB()) != protocol.VRAMClass(v.Hardware.VRAMMiB()) {
		p.walked = time.Time{} // other cells, other index nodes
		for salt := range p.nodes {
			p.nodes[salt], p.acked[salt] = make(map[peer.ID]struct{}), make(map[peer.ID]uint64)
		}
	}
	p.offer = v
	p.d.own.Store(v)
	for _, c := range p.cells() {
		p.d.index.put(&protocol.IndexPut{Key: c.key, Offer: v.Signed}, now)
	}
	return nil
}

func (p *publisher) cells() [salts]cell {
	return p.d.cells.list[protocol.VRAMClass(p.offer.Hardware.VRAMMiB())]
}

// spread puts the offer wherever it belongs and is not yet: first at the index
// nodes known already, then, when a walk is due, at the ones it finds.
func (p *publisher) spread(ctx context.Context) {
	if p.offer == nil {
		return
	}
	walk := p.failed || p.walked.IsZero() || time.Since(p.walked) > p.d.cfg.Timing.Rewalk
	p.failed = false
	if walk {
		for salt, c := range p.cells() {
			// On a small network the routing table is all there is to find, and
			// publishing must not wait for a walk past dead peers.
			if near := p.d.near(&c); p.d.cfg.Routing.RoutingTable().Size() < replicas {
				p.join(salt, near)
			}
		}
	}
	p.puts(ctx)
	if !walk {
		return
	}
	var walks sync.WaitGroup
	for salt, c := range p.cells() {
		walks.Go(func() { p.walk(ctx, salt, &c) })
	}
	walks.Wait()
	p.walked = time.Now()
	p.puts(ctx)
}

// walk replaces the index nodes of one key by the closest peers there are now.
func (p *publisher) walk(ctx context.Context, salt int, c *cell) {
	ctx, cancel := context.WithTimeout(ctx, walkTimeout)
	defer cancel()
	found, err := p.d.cfg.Routing.GetClosestPeers(ctx, string(c.key[:]))
	if err != nil || len(found) == 0 {
		p.join(salt, p.d.near(c)) // an empty routing table is no error to report
		return
	}
	p.mu.Lock()
	if len(found) >= replicas {
		clear(p.nodes[salt]) // those farther away now expire by themselves
	}
	p.mu.Unlock()
	p.join(salt, found)
}

func (p *publisher) join(salt int, list []peer.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range list {
		if id != p.d.cfg.Host.ID() && len(p.nodes[salt]) < 2*replicas {
			p.nodes[salt][id] = struct{}{}
		}
	}
	maps.DeleteFunc(p.acked[salt], func(id peer.ID, _ uint64) bool {
		_, member := p.nodes[salt][id]
		return !member
	})
}

// puts sends the offer to every index node that lacks it.
func (p *publisher) puts(ctx context.Context) {
	slots := make(chan struct{}, walkWidth) // one element per put under way
	var running sync.WaitGroup
	defer running.Wait()
	for salt, c := range p.cells() {
		for _, id := range p.lacking(salt) {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				defer func() { <-slots }()
				p.put(ctx, salt, c.key, id)
			})
		}
	}
}

func (p *publisher) lacking(salt int) (out []peer.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.nodes[salt] {
		if p.acked[salt][id] < p.offer.Seq {
			out = append(out, id)
		}
	}
	return out
}

func (p *publisher) put(ctx context.Context, salt int, key protocol.Hash, id peer.ID) {
	reply, err := p.d.ask(ctx, id, protocol.IndexRequest{Put: &protocol.IndexPut{Key: key, Offer: p.offer.Signed}})
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		delete(p.nodes[salt], id)
		p.failed = p.d.failed(ctx, id, err) || p.failed
		return
	}
	switch reply.Status {
	case protocol.IndexOK:
		p.acked[salt][id] = p.offer.Seq
	case protocol.IndexSlower:
		p.failed = true // tried again after Retry
	default:
		p.d.log.Warn("index node refused the offer", "peer", id, "status", reply.Status, "detail", reply.Detail)
		delete(p.nodes[salt], id)
	}
}

// withdraw replaces the offer by one that says the rig is going and expires in
// moments; nodes not connected drop the offer before it when that expires.
func (p *publisher) withdraw(ctx context.Context) {
	if p.offer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, withdrawTimeout)
	defer cancel()
	if err := p.renew(true); err != nil || p.offer == nil {
		p.d.log.Debug("offer not withdrawn, it expires by itself", "err", err)
		return
	}
	p.puts(network.WithNoDial(ctx, "withdraw")) // a node going down opens no connections
}
