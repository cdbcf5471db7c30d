package treasury

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	watchEvery     = 10 * time.Second // before what failed is tried again
	reconcileEvery = time.Hour        // between looks at every channel
)

// watcher keeps both books of channels in step with the chain (SPEC §8.5): at the
// start, every hour and after a reorganisation from the state of every channel, in
// between from that of those the escrow has an event of. run alone uses it.
type watcher struct {
	t *Treasury

	last   map[sideKey]protocol.ChannelState // as of the last look at a channel
	seen   uint64                            // newest block whose events were looked at
	reorgs uint64                            // as of then
	full   time.Time                         // last look at every channel; zero when one is due
}

// sideKey names a channel of one book.
type sideKey struct {
	role    protocol.Role
	channel protocol.Hash
}

func newWatcher(t *Treasury) *watcher {
	return &watcher{t: t, last: map[sideKey]protocol.ChannelState{}}
}

// run looks whenever the chain has news. It never stops serving, and nothing that
// is sent holds it up: what fails is tried again.
func (w *watcher) run(ctx context.Context) error {
	again := time.NewTicker(watchEvery)
	defer again.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.t.cfg.Own.News():
		case <-again.C:
			if !failed && w.t.cfg.Clock().Sub(w.full) < reconcileEvery {
				continue
			}
		}
		if !w.t.cfg.Own.Online() {
			continue
		}
		err := w.look(ctx)
		if failed = err != nil; failed && ctx.Err() == nil {
			w.t.log.Warn("channels not checked", "err", err)
		}
		select {
		case w.t.looked <- struct{}{}:
		default: // the settler is about to look anyway
		}
	}
}

// errLess is why every channel is looked at.
var errLess = errors.New("the chain has less of a channel than the journal")

// look reads the channels that may have changed and brings the books in step.
func (w *watcher) look(ctx context.Context) error {
	head := w.t.cfg.Own.Head()
	all := w.full.IsZero() || w.t.alarms.any() || w.t.cfg.Clock().Sub(w.full) >= reconcileEvery || head.Reorgs != w.reorgs || head.Number < w.seen
	began := w.t.cfg.Clock()
	all, err := w.lookAt(ctx, head.Number, all)
	if !all && errors.Is(err, errLess) {
		all, err = w.lookAt(ctx, head.Number, true)
	}
	switch {
	case err != nil:
		w.full = time.Time{}
		return err
	case all:
		w.full = began
	}
	w.seen, w.reorgs = head.Number, head.Reorgs
	return nil
}

// lookAt looks at all channels, or at those that may have changed; it reports whether
// it was all.
func (w *watcher) lookAt(ctx context.Context, head uint64, all bool) (bool, error) {
	in, err := w.t.cfg.Book.InChannels(ctx)
	if err != nil {
		return all, err
	}
	out, err := w.t.cfg.Book.OutChannels(ctx)
	if err != nil {
		return all, err
	}
	if !all {
		if in, out, all, err = w.touched(ctx, in, out, head); err != nil {
			return all, err
		}
	}
	return all, w.reconcile(ctx, in, out, head, all)
}

// touched is the channels of which the escrow has an event since the last look, that
// are closing, or whose state somebody else wrote into the book: it may be of a block
// that this node never sees. Events count again until they are as deep as the
// profile's confirmations, since only then money counts as funded.
func (w *watcher) touched(ctx context.Context, in []protocol.InChannel, out []protocol.OutChannel, head uint64) ([]protocol.InChannel, []protocol.OutChannel, bool, error) {
	if len(in)+len(out) == 0 {
		return nil, nil, false, nil
	}
	ids := make([]protocol.Hash, 0, len(in)+len(out))
	for _, c := range in {
		ids = append(ids, c.Channel.ID())
	}
	for _, c := range out {
		ids = append(ids, c.Channel.ID())
	}
	from := w.seen + 1
	from -= min(from, w.t.cfg.Confirmations)
	changed, all, err := w.t.cfg.Own.Touched(ctx, ids, min(from, head), head)
	if all || err != nil {
		return in, out, all, err
	}
	var someIn []protocol.InChannel
	for i, c := range in {
		if changed[ids[i]] || c.State.ClosesAt != 0 || c.State != w.last[sideKey{protocol.RoleRig, ids[i]}] {
			someIn = append(someIn, c)
		}
	}
	var someOut []protocol.OutChannel
	for i, c := range out {
		id := ids[len(in)+i]
		if changed[id] || c.State.ClosesAt != 0 || c.State != w.last[sideKey{protocol.RoleRequester, id}] {
			someOut = append(someOut, c)
		}
	}
	return someIn, someOut, false, nil
}

// reconcile holds channels against the chain and writes what it says into the books.
func (w *watcher) reconcile(ctx context.Context, in []protocol.InChannel, out []protocol.OutChannel, head uint64, all bool) error {
	channels := make([]protocol.Channel, 0, len(in)+len(out))
	for _, c := range in {
		channels = append(channels, c.Channel)
	}
	for _, c := range out {
		channels = append(channels, c.Channel)
	}
	states, err := w.t.cfg.Own.Channels(ctx, channels, head)
	if err != nil {
		return err
	}
	// The books are read anew: vouchers may have come in or gone out since, and one
	// that is on the chain is in a book before.
	for i, c := range in {
		now, err := w.t.cfg.Book.InChannel(ctx, c.Channel.ID())
		if err == nil {
			err = w.book(ctx, side{protocol.RoleRig, now.Domain, now.Channel, now.State, now.Best.Voucher.Cumulative}, states[i], all)
		}
		if err != nil {
			return err
		}
	}
	for i, c := range out {
		now, err := w.t.cfg.Book.OutChannel(ctx, c.Channel.ID())
		if err == nil {
			err = w.book(ctx, side{protocol.RoleRequester, now.Domain, now.Channel, now.State, now.Promised}, states[len(in)+i], all)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// side is a channel as one of the two books has it. granted is what its vouchers
// let the payee claim in this epoch.
type side struct {
	role    protocol.Role
	domain  protocol.Domain
	channel protocol.Channel
	state   protocol.ChannelState
	granted protocol.Amount
}

// book writes one channel's state. Where the chain has less than the book, which may
// be of a later block, the newest block decides; and only a look at everything, which
// follows at once, takes its word, since an endpoint may lag.
func (w *watcher) book(ctx context.Context, c side, st protocol.ChannelState, all bool) error {
	id := c.channel.ID()
	if less(st, c.state) {
		newest, err := w.t.cfg.Own.Channel(ctx, c.channel)
		switch {
		case err != nil:
			return fmt.Errorf("read channel %s: %w", id.Short(), err)
		case !less(newest, c.state):
			return nil // the next look has that block
		case !all:
			return errLess
		}
		st = newest
	}
	w.alarm(id, c, st)
	kept, err := w.write(ctx, c, st)
	if kept && err == nil { // else the next look reads it again
		w.last[sideKey{c.role, id}] = st
	}
	return err
}

// less reports whether a state has less of a channel than another: what was there is
// gone.
func less(st, was protocol.ChannelState) bool {
	return st.Epoch < was.Epoch || st.Epoch == was.Epoch && (st.Claimed.Less(was.Claimed) || st.Funded.Less(was.Funded))
}

// write reports whether the book has the state: not where somebody has written a later
// one meanwhile.
func (w *watcher) write(ctx context.Context, c side, st protocol.ChannelState) (kept bool, err error) {
	was := c.state
	if st.Epoch < was.Epoch || st.Epoch == was.Epoch && st.Claimed.Less(was.Claimed) {
		w.t.log.Warn("the chain took back what the journal had of a channel", "channel", c.channel.ID().Short(), "epoch", st.Epoch,
			"claimed", st.Claimed, "before", was.Claimed)
		return true, w.t.cfg.Book.Rewind(ctx, c.role, c.domain, c.channel, st)
	}
	return w.t.cfg.Book.Follow(ctx, c.role, c.domain, c.channel, was, st)
}

// alarm holds a channel's chain state against its book, and tells the market when
// the rig stops or begins to take jobs.
func (w *watcher) alarm(id protocol.Hash, c side, st protocol.ChannelState) {
	halted := w.t.alarms.selling(protocol.Hash{}) != nil
	if a := w.t.alarms.check(id, c, st); a != nil {
		w.t.log.Error("journal and chain disagree", "alarm", a)
	}
	if w.t.cfg.Changed != nil && halted != (w.t.alarms.selling(protocol.Hash{}) != nil) {
		w.t.cfg.Changed()
	}
}
