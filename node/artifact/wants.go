package artifact

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// wants is the asking side of bitswap for peers that are known to have what we
// want: the job's other side and, for public content, whoever says so. boxo's own
// client finds out who has a block by asking every connected peer, which would tell
// strangers what a job reads and cost a round trip more; and it never says that a peer
// refused. So here one peer is asked for one block, and its answer or refusal is the
// answer; session is the choice between peers.
type wants struct {
	net   network.BitSwapNetwork
	stall time.Duration
	blame blame

	mu     sync.Mutex // guards what follows
	closed bool
	peers  map[peer.ID]*wantPeer // connected peers we asked before

	// errands are sessions' asks, which end with their contexts or with close, and
	// messages that take a want back, each under a second.
	errands sync.WaitGroup
}

// firstReask is how long a peer may be silent before it is asked again.
const firstReask = time.Second

// wantPeer is what we ask of one peer.
type wantPeer struct {
	send    chan struct{}         // of one token: who holds it may use sender
	sender  network.MessageSender // nil until the first message
	waiting map[cid.Cid][]chan reply
	heard   time.Time // last block or refusal we waited for; guarded by wants.mu
	asked   recent    // what it may send
	lies    int       // blocks that it was never asked for
}

// recent remembers the last maxRecent blocks, so that one that comes twice, or after
// somebody else's, is not taken for a lie.
type recent struct {
	ring []cid.Cid
	next int
	set  map[cid.Cid]int // how often each is in ring
}

const maxRecent = 1024

func (r *recent) add(c cid.Cid) {
	if r.set == nil {
		r.set = map[cid.Cid]int{}
	}
	r.set[c]++
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, c)
		return
	}
	old := r.ring[r.next]
	if r.set[old]--; r.set[old] == 0 {
		delete(r.set, old)
	}
	r.ring[r.next] = c
	r.next = (r.next + 1) % maxRecent
}

// reply is sent once; the channel has room for it, so nobody waits for the asker.
type reply struct {
	data []byte
	err  error
}

func newWants(net network.BitSwapNetwork, stall time.Duration) *wants {
	return &wants{net: net, stall: stall, peers: map[peer.ID]*wantPeer{}}
}

// get asks p for a block and waits for it. The bytes match the CID: bitswap
// carries no block's name, its receiver computes it.
func (w *wants) get(ctx context.Context, p peer.ID, c cid.Cid) ([]byte, error) {
	answer := make(chan reply, 1)
	wp, first, err := w.enter(p, c, answer)
	if err != nil {
		return nil, err
	}
	defer w.leave(ctx, wp, c, answer)
	if first {
		if err := w.tell(ctx, wp, p, c); err != nil {
			err = fmt.Errorf("ask %s for %s: %w", p, c, err)
			w.mu.Lock()
			wp.answer(c, reply{err: err})
			if wp.sender == nil && len(wp.waiting) == 0 && w.peers[p] == wp {
				delete(w.peers, p) // never reached: nothing will say that it left
			}
			w.mu.Unlock()
			return nil, err
		}
	}
	return w.await(ctx, wp, p, c, answer)
}

// await waits for the answer. A silent peer is asked again, ever less often: a
// bitswap server drops a want that comes while it still clears away the same
// block's last delivery, and nothing tells us.
func (w *wants) await(ctx context.Context, wp *wantPeer, p peer.ID, c cid.Cid, answer chan reply) ([]byte, error) {
	again := min(firstReask, w.stall/4)
	timer := time.NewTimer(again)
	defer timer.Stop()
	for {
		select {
		case r := <-answer:
			if r.err != nil {
				return nil, fmt.Errorf("fetch %s from %s: %w", c, p, r.err)
			}
			return r.data, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			w.mu.Lock()
			quiet := time.Since(wp.heard)
			w.mu.Unlock()
			switch {
			case quiet >= w.stall:
				return nil, fmt.Errorf("fetch %s from %s: %w for %s", c, p, ErrStalled, w.stall)
			case quiet >= again:
				if err := w.tell(ctx, wp, p, c); err != nil {
					return nil, fmt.Errorf("ask %s for %s again: %w", p, c, err)
				}
				again *= 2
			}
			timer.Reset(min(again, w.stall-quiet))
		}
	}
}

// enter queues an asker and tells whether it is the first for this block.
func (w *wants) enter(p peer.ID, c cid.Cid, answer chan reply) (*wantPeer, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, false, ErrClosed
	}
	if w.blame.has(p, time.Now()) {
		return nil, false, fmt.Errorf("fetch %s from %s: %w", c, p, ErrLied)
	}
	wp := w.peers[p]
	if wp == nil {
		wp = &wantPeer{send: make(chan struct{}, 1), waiting: map[cid.Cid][]chan reply{}}
		w.peers[p] = wp
	}
	if len(wp.waiting) == 0 {
		wp.heard = time.Now()
	}
	if wp.waiting[c] == nil {
		wp.asked.add(c)
	}
	wp.waiting[c] = append(wp.waiting[c], answer)
	return wp, len(wp.waiting[c]) == 1, nil
}

// leave takes an asker out; the last one tells the peer not to bother.
func (w *wants) leave(ctx context.Context, wp *wantPeer, c cid.Cid, answer chan reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(wp.waiting[c], func(a chan reply) bool { return a == answer })
	if len(list) > 0 {
		wp.waiting[c] = list
		return
	}
	if _, unanswered := wp.waiting[c]; !unanswered {
		return
	}
	delete(wp.waiting, c)
	sender := wp.sender
	if sender == nil || w.closed {
		return
	}
	// Best effort and without waiting: a peer that does not read would hold us.
	select {
	case wp.send <- struct{}{}:
		w.errands.Go(func() {
			defer func() { <-wp.send }()
			m := bsmsg.New(false)
			m.Cancel(c)
			ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer stop()
			_ = sender.SendMsg(ctx, m)
		})
	default:
	}
}

// tell sends the want over the stream to p, opening it the first time.
func (w *wants) tell(ctx context.Context, wp *wantPeer, p peer.ID, c cid.Cid) error {
	select {
	case wp.send <- struct{}{}:
		defer func() { <-wp.send }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, w.stall)
	defer cancel()
	w.mu.Lock()
	sender := wp.sender
	w.mu.Unlock()
	if sender == nil {
		var err error
		sender, err = w.net.NewMessageSender(ctx, p, &network.MessageSenderOpts{MaxRetries: 2, SendTimeout: w.stall})
		if err != nil {
			return err
		}
		w.mu.Lock()
		wp.sender = sender
		w.mu.Unlock()
	}
	m := bsmsg.New(false)
	m.AddEntry(c, 1, pb.Message_Wantlist_Block, true)
	return sender.SendMsg(ctx, m)
}

// receive gives the blocks and refusals of a message to those who wait. A block that
// the peer was not asked for is dropped; as bitswap carries no names, that is what wrong
// bytes look like. A peer that sends them while it owes others is not waited for.
func (w *wants) receive(from peer.ID, m bsmsg.BitSwapMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wp := w.peers[from]
	if wp == nil {
		return
	}
	for _, b := range m.Blocks() {
		if wp.asked.set[b.Cid()] == 0 && len(wp.waiting) > 0 {
			wp.lies++
		}
		r := reply{data: b.RawData()}
		if n := len(r.data); n > maxBlockBytes {
			r = reply{err: &LimitError{Field: "block bytes", Limit: maxBlockBytes, Got: uint64(n)}}
		}
		wp.answer(b.Cid(), r)
	}
	for _, c := range m.DontHaves() {
		wp.answer(c, reply{err: ErrNotFound})
	}
	if wp.lies > liesToBear {
		w.blame.add(from, time.Now())
		w.fail(from, ErrLied)
	}
}

// spawn runs f, which close waits for, and tells whether it may still.
func (w *wants) spawn(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.errands.Go(f)
	}
	return !w.closed
}

// answer is the end of a want. wants.mu must be held.
func (wp *wantPeer) answer(c cid.Cid, r reply) {
	list, ok := wp.waiting[c]
	if !ok {
		return
	}
	delete(wp.waiting, c)
	wp.heard = time.Now()
	for _, ch := range list {
		ch <- r
	}
}

var errConnectionLost = errors.New("connection lost; try again")

// disconnected fails what was asked of a peer that went away.
func (w *wants) disconnected(p peer.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail(p, errConnectionLost)
}

// fail ends all wants of a peer. mu must be held.
func (w *wants) fail(p peer.ID, err error) {
	wp := w.peers[p]
	if wp == nil {
		return
	}
	delete(w.peers, p)
	for c := range wp.waiting {
		wp.answer(c, reply{err: err})
	}
	if wp.sender != nil {
		_ = wp.sender.Reset()
	}
}

// close fails every want, present and to come, and ends the streams.
func (w *wants) close() {
	w.mu.Lock()
	w.closed = true
	for p := range w.peers {
		w.fail(p, ErrClosed)
	}
	w.mu.Unlock()
	w.errands.Wait()
}
