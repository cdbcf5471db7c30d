package requester

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// gangGrace is how long the other members of a gang may go on when one has failed, to see its
// connections break, say so and end by themselves.
const gangGrace = 10 * time.Second

// gang is orders whose jobs run together as the members of one private link (SPEC §5.8), each
// on a rig of its own. One that fails ends the others.
type gang struct {
	key    protocol.LinkKey
	over   <-chan struct{} // closed when the node ends
	hiring sync.Mutex      // held while a rig is chosen: each member needs another

	mu      sync.Mutex // guards what follows; owner: gang
	runs    []*Run     // by rank
	rigs    map[protocol.Address]bool
	members []protocol.LinkMember // by rank; without a peer where it has not agreed yet
	tell    []func(protocol.Message)
	agreed  int
	failed  bool
}

// Place is a run's in its gang, as its user sees it.
type Place struct {
	Rank int `json:"rank"`
	Size int `json:"size"`
	// First tells that this member failed before any other, which were stopped then.
	First bool `json:"failed_first,omitempty"`
}

// SubmitGang starts buying orders that are the members of one link, by rank, and returns at
// once. Their specs have their places; there are no retries: a rig that fails ends them all.
func (r *Requester) SubmitGang(orders []Order) ([]*Run, error) {
	g := &gang{key: make(protocol.LinkKey, protocol.LinkKeyBytes), over: r.ctx.Done(), rigs: map[protocol.Address]bool{},
		members: make([]protocol.LinkMember, len(orders)), tell: make([]func(protocol.Message), len(orders))}
	if _, err := rand.Read(g.key); err != nil {
		return nil, fmt.Errorf("draw a link key: %w", err)
	}
	if r.ctx.Err() != nil {
		return nil, errors.New("submit: node is shutting down")
	}
	for rank := range orders {
		o := orders[rank]
		if l := o.Spec.Link; l == nil || int(l.Rank) != rank || int(l.Size) != len(orders) || o.Retries != 0 {
			return nil, &protocol.FieldError{Field: "gang", Limit: "orders by rank, in one link, without retries"}
		}
		o.gang = g
		if err := o.check(); err != nil {
			return nil, fmt.Errorf("rank %d: %w", rank, err)
		}
		run, err := newRun(o, r.cfg.Dir, r.cfg.Clock())
		if err != nil {
			return nil, err
		}
		run.status.Gang = &Place{Rank: rank, Size: len(orders)}
		g.runs = append(g.runs, run)
	}
	for _, run := range g.runs {
		r.launch(run)
	}
	return g.runs, nil
}

// hire chooses a rig that no other member has.
func (g *gang) hire(choose func() (*quoted, func(*Status))) (*quoted, func(*Status)) {
	if g == nil {
		return choose()
	}
	g.hiring.Lock()
	defer g.hiring.Unlock()
	q, fail := choose()
	if q != nil {
		g.mu.Lock()
		g.rigs[q.offer.Rig] = true
		g.mu.Unlock()
	}
	return q, fail
}

// has tells whether a rig is another member's.
func (g *gang) has(rig protocol.Address) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rigs[rig]
}

// linkKey is nil where there is no gang.
func (g *gang) linkKey() protocol.LinkKey {
	if g == nil {
		return nil
	}
	return g.key
}

// agree notes that a member's accept is sent. The last one's has every rig told of all.
func (g *gang) agree(rank int, m protocol.LinkMember, tell func(protocol.Message)) {
	g.mu.Lock()
	g.members[rank], g.tell[rank] = m, tell
	g.agreed++
	all := g.agreed == len(g.members)
	g.mu.Unlock()
	if !all { // nothing changes after the last
		return
	}
	var told sync.WaitGroup
	for _, tell := range g.tell {
		told.Go(func() { tell(&protocol.Link{Members: g.members}) })
	}
	told.Wait()
}

// ending notes a member's end, and in its status that it is the first to fail; the others
// are to be stopped then.
func (g *gang) ending(st *Status) (failed bool) {
	if g == nil || st.Succeeded() && st.ExitCode == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed {
		return false
	}
	g.failed = true
	place := *st.Gang // others may have the old one
	place.First = true
	st.Gang = &place
	return true
}

// stop stops every member, where all had begun after gangGrace; one that has ended does not
// care.
func (g *gang) stop() {
	g.mu.Lock()
	begun := g.agreed == len(g.members)
	g.mu.Unlock()
	if begun {
		g.await(gangGrace)
	}
	for _, run := range g.runs {
		run.Stop()
	}
}

// await waits until every member has ended, and for so long at most.
func (g *gang) await(most time.Duration) {
	late := time.NewTimer(most)
	defer late.Stop()
	for _, run := range g.runs {
		select {
		case <-run.ended:
		case <-late.C:
			return
		case <-g.over:
			return
		}
	}
}
