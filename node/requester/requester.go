// Package requester is the buying side (SPEC §5–§7): it finds offers, asks the
// best rigs for quotes, funds a channel, follows the job, checks every receipt
// and result, and pays by the tick. Start at Requester.Submit; hire.go chooses a
// rig, session.go follows one attempt from quote to settled, listen.go what the rig says.
package requester

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	askedRigs    = 3                // rigs asked for a quote at once
	quoteWait    = 8 * time.Second  // for a rig's answer
	banFor       = 60 * time.Second // a rig that failed is not asked again for this long
	shutdownWait = 5 * time.Second  // a shutdown waits so long for output files
	maxOffers    = protocol.MaxFindLimit
	keptRuns     = 1024 // ended runs remembered in memory; the journal has them all
	fundMultiple = 4    // budgets put into a new channel, so that the next jobs need no transaction
)

// Config is everything a requester needs. New checks it.
type Config struct {
	Key     protocol.Signer  // signs agreements and vouchers
	Payer   protocol.Address // funds the channels; zero is Key's
	Network string
	Market  protocol.Market
	Dir     string                       // outputs and logs, one directory per run
	Deposit protocol.Amount              // least amount a channel is funded with at a time; 0 is four budgets
	Ceiling protocol.Amount              // most of it, unless a job lacks more; 0 is any
	Text    func(protocol.Amount) string // an amount as people read it

	Offers    Market
	Book      Book
	Chain     Chain
	Artifacts Artifacts
	Clock     func() time.Time
	Logger    *slog.Logger
}

// ErrClosing is returned for an order that comes when the node is about to end.
var ErrClosing = errors.New("node is shutting down")

// Order is a job to be bought.
type Order struct {
	Name     string
	Run      protocol.Hash // its ID; zero draws one
	Group    protocol.Hash // that it is a member of; zero is none
	Index    int           // in the group
	Spec     protocol.JobSpec
	Key      protocol.JobKey // of what the spec has sealed; in no record
	Unit     protocol.Unit
	Budget   protocol.Amount // hard cap over all attempts
	MaxPrice protocol.Amount // per million units; 0 is no limit
	Region   string
	Rig      protocol.Address // only this rig; zero is any
	Retries  int              // further rigs tried after a rig's fault

	gang *gang // that it is a member of, or nil; by SubmitGang
}

func (o *Order) check() error {
	if err := o.Spec.Check(); err != nil {
		return err
	}
	switch {
	case !o.Unit.Valid():
		return &protocol.FieldError{Field: "order.unit", Limit: "a unit of SPEC §5.4", Got: string(o.Unit)}
	case (o.Spec.Sealed != 0) != (len(o.Key) == protocol.JobKeyBytes):
		return &protocol.FieldError{Field: "order.key", Limit: "a key where something is sealed, none otherwise"}
	case (o.Spec.Link != nil) != (o.gang != nil):
		return &protocol.FieldError{Field: "order.spec.link", Limit: "of orders that are submitted together"}
	case o.Budget.IsZero():
		return &protocol.FieldError{Field: "order.budget", Limit: "more than zero; give --budget"}
	case o.Retries < 0 || o.Retries > 16:
		return &protocol.FieldError{Field: "order.retries", Limit: "0 to 16", Got: fmt.Sprint(o.Retries)}
	case len(o.Name) > protocol.MaxNameBytes:
		return &protocol.FieldError{Field: "order.name", Limit: fmt.Sprintf("at most %d bytes", protocol.MaxNameBytes)}
	}
	return nil
}

// filter is what the order asks of an offer.
func (o *Order) filter(m protocol.Market) protocol.Filter {
	if o.Spec.OfServed() {
		return protocol.Filter{Model: o.Spec.Module, Region: o.Region, Market: &m, Unit: o.Unit, MaxPrice: o.MaxPrice}
	}
	r := o.Spec.Resources
	return protocol.Filter{Engine: o.Spec.Engine, Region: o.Region, MinVRAMMiB: r.VRAMMiB, MinGPUs: r.GPUs, MinMemMiB: r.MemoryMiB,
		MinDiskMiB: r.DiskMiB, MinCores: r.CPUs, Egress: o.Spec.Egress, Market: &m, Unit: o.Unit, MaxPrice: o.MaxPrice}
}

// price is what an offer asks for the order, and its tick.
func (o *Order) price(v *protocol.Offer) (price protocol.Price, tick uint64, ok bool) {
	if o.Spec.OfServed() {
		m, ok := v.Serves(o.Spec.Module)
		return m.Price(), m.Tick, ok && o.Unit == protocol.UnitTokenOut
	}
	price, ok = v.Price(o.Unit)
	return price, v.TickUnits, ok
}

// Requester buys work.
type Requester struct {
	cfg   Config
	funds channelLocks
	used  channelSet // channels open already
	bans  banList
	wg    sync.WaitGroup // one per run under way
	ctx   context.Context
	stop  context.CancelFunc

	mu   sync.Mutex // guards runs and order; owner: Requester
	runs map[protocol.Hash]*Run
	past []protocol.Hash // ended runs, oldest first
}

// New checks the configuration.
func New(cfg Config) (*Requester, error) {
	if cfg.Market.Domain.ChainID == 0 || cfg.Market.Domain.Escrow.IsZero() {
		return nil, errors.New("requester market: chain ID and escrow not set; check the network profile")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make runs directory: %w", err)
	}
	if err := syncDir(filepath.Dir(cfg.Dir)); err != nil {
		return nil, fmt.Errorf("keep runs directory: %w", err)
	}
	if cfg.Payer.IsZero() {
		cfg.Payer = cfg.Key.Address()
	}
	r := &Requester{cfg: cfg, runs: map[protocol.Hash]*Run{}}
	r.bans.clock = cfg.Clock
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r, nil
}

// Run keeps the requester alive until ctx ends; then runs under way are stopped
// and waited for.
func (r *Requester) Run(ctx context.Context) error {
	<-ctx.Done()
	r.stop()
	r.wg.Wait()
	return nil
}

// Submit starts buying the order and returns at once.
func (r *Requester) Submit(o Order) (*Run, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if r.ctx.Err() != nil {
		return nil, fmt.Errorf("submit: %w", ErrClosing)
	}
	run, err := newRun(o, r.cfg.Dir, r.cfg.Clock())
	if err != nil {
		return nil, err
	}
	r.launch(run)
	return run, nil
}

// launch starts buying.
func (r *Requester) launch(run *Run) {
	r.mu.Lock()
	r.runs[run.id] = run
	r.mu.Unlock()
	r.wg.Go(func() {
		r.buy(r.ctx, run)
		r.forgetOld(run.id)
	})
}

// Get finds a run of this process by its ID.
func (r *Requester) Get(id protocol.Hash) *Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[id]
}

// Runs lists the runs this process knows, in no order.
func (r *Requester) Runs() []*Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*Run, 0, len(r.runs))
	for _, run := range r.runs {
		out = append(out, run)
	}
	return out
}

// RunDir is where a run keeps stdout, stderr and its output files.
func (r *Requester) RunDir(id protocol.Hash) string { return runDir(r.cfg.Dir, id) }

func runDir(dir string, id protocol.Hash) string { return filepath.Join(dir, id.String()[2:18]) }

func (r *Requester) forgetOld(id protocol.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past = append(r.past, id)
	if len(r.past) > keptRuns {
		delete(r.runs, r.past[0])
		r.past = r.past[1:]
	}
}
