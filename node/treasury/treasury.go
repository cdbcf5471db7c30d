// Package treasury minds the money of a node (SPEC §8.5): it keeps the journal's
// channels in step with the chain, collects what is due, takes back what is left in
// channels that close, funds within the cap, raises the alarms that stop new jobs, and
// accounts for all of it. Start at Run; what a user asks for are methods beside it.
package treasury

import (
	"context"
	"log/slog"
	"math/big"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/protocol"
)

// Config is what a Treasury works with. Amounts are base units of the market's token.
type Config struct {
	Book          Book
	Own           Chain // of the node's own key: collects
	Payer         Chain // of the key that pays: funds and closes; Own where that is the same
	Market        protocol.Market
	EscrowBlock   uint64          // block that deployed the escrow; nothing before it is read
	Confirmations uint64          // blocks until money counts as funded
	Exposure      protocol.Amount // most that all channels together may hold unclaimed; 0 is any
	// CollectFactor is how many times its fee a collection must bring in; 0 collects
	// from open channels on demand only.
	CollectFactor uint64
	// Worth is what wei are worth in base units, rounded up; nil where it is not known.
	Worth   func(wei protocol.Amount) *big.Int
	Text    func(protocol.Amount) string // an amount as people read it
	Changed func()                       // called when an alarm stops or lets go what the rig sells; nil for none
	Clock   func() time.Time
	Logger  *slog.Logger
}

// Treasury minds one node's money. Its methods may be called at any time and by many
// at once.
type Treasury struct {
	cfg     Config
	log     *slog.Logger
	alarms  alarms
	looked  chan struct{} // capacity 1; has the settler look at what is to be sent
	funding chan struct{} // capacity 1; full while a channel is funded
}

// New makes a treasury and starts nothing.
func New(cfg Config) *Treasury {
	return &Treasury{cfg: cfg, log: cfg.Logger, looked: make(chan struct{}, 1), funding: make(chan struct{}, 1)}
}

// Run watches the chain and settles what channels call for, until ctx ends. What
// fails is logged and tried again.
func (t *Treasury) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return newWatcher(t).run(ctx) })
	group.Go(func() error { return (&settler{t: t}).run(ctx) })
	return group.Wait()
}

// Alarms are the alarms that stand, by channel.
func (t *Treasury) Alarms() []Alarm { return t.alarms.list() }

// Halted is the *Alarm for which no new job is taken through a channel, or with the
// zero hash through any; nil where there is none.
func (t *Treasury) Halted(channel protocol.Hash) error { return t.alarms.selling(channel) }

// Addresses are those whose transactions the node sends: the payer's, and its own
// key's where that is another.
func (t *Treasury) Addresses() []protocol.Address {
	list := make([]protocol.Address, 0, 2)
	for _, c := range t.clients() {
		list = append(list, c.Address())
	}
	return list
}

// clients are those of the node's addresses, the payer's first.
func (t *Treasury) clients() []Chain {
	if t.cfg.Payer.Address() == t.cfg.Own.Address() {
		return []Chain{t.cfg.Own}
	}
	return []Chain{t.cfg.Payer, t.cfg.Own}
}

// clientOf is the client of a payer; one that is neither's is refused there.
func (t *Treasury) clientOf(payer protocol.Address) Chain {
	if payer == t.cfg.Own.Address() {
		return t.cfg.Own
	}
	return t.cfg.Payer
}
