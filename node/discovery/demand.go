package discovery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/rerig/rerig/protocol"
)

const (
	tallyNodes   = 5                // index nodes asked per cell for what they counted
	tallyTimeout = 3 * time.Second  // for all of them
	tallyFresh   = 10 * time.Second // an answer is remembered so long
)

// demands is what was asked of this node, by cell (SPEC §4.5). It is safe for concurrent
// use.
type demands struct {
	mu    sync.Mutex // guards what is in the map, which itself never changes
	cells map[protocol.Hash]*protocol.Demand
}

func (d *demands) count(key protocol.Hash, f *protocol.Filter, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cells[key].Count(f, now)
}

func (d *demands) tally(key protocol.Hash, o *protocol.Offer, back time.Duration, now time.Time) protocol.Tally {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cells[key].Tally(o, back, now)
}

// tell is what was counted, for the rig whose offer it is and for nobody else.
func (d *Discovery) tell(from peer.ID, put *protocol.IndexPut, back []byte, now time.Time) protocol.Extensions {
	if _, known := d.cells.byKey[put.Key]; !known {
		return nil
	}
	v, err := d.book.verify(put.Offer, now)
	if err != nil {
		return nil
	}
	if id, err := peerID(v.Key); err != nil || id != from {
		return nil
	}
	time, err := protocol.DecodeTallyTime(back)
	if err != nil {
		return nil
	}
	t := d.index.demand.tally(put.Key, &v.Offer, time, now)
	b, err := t.Encode()
	if err != nil || len(b) > protocol.MaxExtBytes {
		return nil
	}
	return protocol.Extensions{protocol.TallyExtension: b}
}

// Tallied is what index nodes counted of the requests that could have come to this rig.
type Tallied struct {
	protocol.Tally
	Nodes int // that told, this one among them
}

// tallied is the last answer.
type tallied struct {
	sync.Mutex
	last Tallied
	back time.Duration
	at   time.Time
}

// Tally asks index nodes for what was asked in the time before now, held against the
// offer of this rig as it is. They are those of the largest cards' cells, which hear of
// every request, for there the small rigs learn what they miss. What a node says is a hint:
// the median counts. Without an offer it is an error.
func (d *Discovery) Tally(ctx context.Context, back time.Duration) (Tallied, error) {
	d.tallied.Lock()
	defer d.tallied.Unlock()
	now := d.cfg.Clock()
	if t := &d.tallied; t.back == back && !t.at.IsZero() && now.Sub(t.at) >= 0 && now.Sub(t.at) < min(tallyFresh, 10*d.cfg.Timing.Fresh) {
		return t.last, nil
	}
	own, err := d.ownOffer(now)
	if err != nil {
		return Tallied{}, err
	}
	value, err := protocol.EncodeTallyTime(back)
	if err != nil {
		return Tallied{}, err
	}
	t := d.askTallies(ctx, own, value, back)
	if ctx.Err() == nil && t.Nodes > 1 { // an answer cut short, or from this node alone, is none to keep
		d.tallied.last, d.tallied.back, d.tallied.at = t, back, now
	}
	return t, ctx.Err()
}

// ownOffer is what this rig published last.
func (d *Discovery) ownOffer(now time.Time) (*protocol.VerifiedOffer, error) {
	if o := d.own.Load(); o != nil && live(o, now) {
		return o, nil
	}
	return nil, errors.New("this rig offers nothing at present; see `rerig doctor`")
}

func (d *Discovery) askTallies(ctx context.Context, own *protocol.VerifiedOffer, back []byte, wanted time.Duration) Tallied {
	ctx, cancel := context.WithTimeout(ctx, tallyTimeout)
	defer cancel()
	var mu sync.Mutex // guards said and told
	said := make([][]protocol.Tally, salts)
	told := map[peer.ID]struct{}{}
	note := func(salt int, from peer.ID, t *protocol.Tally) {
		mu.Lock()
		defer mu.Unlock()
		said[salt] = append(said[salt], *t)
		told[from] = struct{}{}
	}
	var asking sync.WaitGroup
	for salt, c := range d.cells.list[len(d.cells.list)-1] {
		mine := d.index.demand.tally(c.key, &own.Offer, wanted, d.cfg.Clock())
		asking.Go(func() {
			var ends sync.WaitGroup
			defer ends.Wait()
			near := d.closest(ctx, &c)
			if len(near) < tallyNodes || mine.Asked > 0 { // else it is none of the cell's nodes
				note(salt, d.cfg.Host.ID(), &mine)
			}
			for _, id := range near {
				ends.Go(func() {
					if t := d.askTally(ctx, c.key, id, own, back); t != nil {
						note(salt, id, t)
					}
				})
			}
		})
	}
	asking.Wait()
	return Tallied{protocol.MergeTallies(said), len(told)}
}

// closest is the index nodes of a cell that are worth asking: where the routing table has
// all, without a search.
func (d *Discovery) closest(ctx context.Context, c *cell) []peer.ID {
	near := d.near(c)
	if d.cfg.Routing.RoutingTable().Size() >= replicas {
		if found, err := d.cfg.Routing.GetClosestPeers(ctx, string(c.key[:])); err == nil {
			near = found
		}
	}
	near = slices.DeleteFunc(near, func(p peer.ID) bool { return p == d.cfg.Host.ID() || d.doubtful(p) })
	return near[:min(len(near), tallyNodes)]
}

// askTally is nil where the node does not tell. It is asked by a put that it keeps where
// the cell is that of the offer, and else refuses and answers none the less.
func (d *Discovery) askTally(ctx context.Context, key protocol.Hash, id peer.ID, own *protocol.VerifiedOffer, back []byte) *protocol.Tally {
	reply, err := d.ask(ctx, id, protocol.IndexRequest{Put: &protocol.IndexPut{Key: key, Offer: own.Signed},
		Opt: protocol.Extensions{protocol.TallyExtension: back}})
	if err != nil {
		return nil
	}
	value, told := reply.Opt[protocol.TallyExtension]
	if !told {
		return nil
	}
	t, err := protocol.DecodeTally(value)
	if err != nil {
		d.log.Debug("index node tells a tally that does not hold", "peer", id, "err", err)
		return nil
	}
	return t
}
