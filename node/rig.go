package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/egress"
	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/link"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/protocol"
)

// Defaults of a rig's configuration.
const (
	defaultTick  = 1000 // CPU milliseconds
	defaultQueue = 64
)

// rig is the selling half of a node.
type rig struct {
	cfg      *RigConfig
	engines  *engines
	provider *provider.Provider
	served   *served // nil where no models are
	server   *exchange.Server
	dials    *exchange.DialServer
	links    *link.Links
	cards    *cards    // nil where none are sold
	governed *governed // nil where nobody governs them
	readings *readings
	answers  *answers
	offering atomic.Bool // the self-test passed and the offer is out

	ratesMu sync.Mutex // guards what follows
	rates   map[protocol.Hash]lookedAt
}

func (n *Node) openRig() (*rig, error) {
	cfg := *n.cfg.Rig
	hw, err := hardware.Detect(n.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	hw.GPUs = append(hw.GPUs, cfg.Simulated...)
	fillRig(&cfg, hw, n.key.Address())
	r := &rig{cfg: &cfg, rates: map[protocol.Hash]lookedAt{}, answers: &answers{clock: n.cfg.Clock}}
	engines, modules, err := n.openEngines(&cfg)
	if err != nil {
		return nil, err
	}
	r.engines = engines
	if r.served, err = n.openServed(&cfg, engines); err != nil {
		return nil, err
	}
	r.links = link.New(link.Config{Host: n.net.Host(), Network: n.cfg.Profile.Name, LocalNet: n.cfg.Profile.Local, Logger: n.log})
	r.cards = newCards(&cfg, n.cfg.DataDir, n.log)
	p := n.cfg.Profile
	allowed, err := egress.ParsePolicy(cfg.AllowEgress)
	if err != nil {
		return nil, err
	}
	var reach func(string) bool
	if !allowed.None() {
		reach = allowed.Allows
	}
	r.provider, err = provider.New(provider.Config{Key: n.key, Egress: reach, Network: p.Name, Payee: cfg.Payee,
		Markets:   []protocol.Market{p.Market()},
		Prices:    cfg.prices(),
		TickUnits: cfg.TickUnits, Engines: []string{protocol.EngineWASM}, Hardware: hw, Region: cfg.Region,
		Slots: cfg.Slots, Queue: cfg.Queue, MemoryMiB: cfg.MemoryMiB, WorkDir: filepath.Join(n.cfg.DataDir, "jobs"),
		Book: inBook{n.journal, n.ends, n.sawJob}, Entered: n.sawJob, Chain: n.settle, Artifacts: artifacts{n.artifacts},
		Programs: &programs{artifacts{n.artifacts}, engines.images},
		Sandbox:  &sandbox{engines: engines.byName(), empty: modules.EmptyDir(), links: r.links, log: n.log, cards: r.cards}, Clock: n.cfg.Clock, Changed: n.discovery.Refresh, Halted: n.treasury.Halted, Models: r.models(), Answered: r.answers.note, Logger: n.log})
	if err != nil {
		return nil, err
	}
	if r.cards != nil {
		r.cards.sell = r.provider.SellCards
	}
	_, src, _ := CardLedger(n.cfg.DataDir, cfg.Sysroot)
	r.readings = newReadings(src, n)
	if r.governed, err = n.openGoverned(r); err != nil {
		return nil, err
	}
	r.readings.tariff = r.tariff
	if r.cards != nil {
		r.cards.governed = r.governed
	}
	r.server, err = exchange.NewServer(n.net.Host(), p.Name, exchange.DefaultLimits(),
		func(ctx context.Context, st *exchange.Stream) { r.provider.Handle(ctx, st) })
	if err != nil {
		return nil, err
	}
	r.dials, err = exchange.NewDialServer(n.net.Host(), p.Name, exchange.DefaultDialLimits(), r.provider.Dial)
	return r, err
}

// prices are what the rig takes for the time of its processors and of its cards.
func (cfg *RigConfig) prices() []protocol.Price {
	list := []protocol.Price{{Unit: protocol.UnitCPUMillis, PerMillion: cfg.Price}}
	if !cfg.GPUPrice.IsZero() {
		list = append(list, protocol.Price{Unit: protocol.UnitGPUMillis, PerMillion: cfg.GPUPrice})
	}
	return list
}

// models are what the provider sells sessions with; nil where that is none.
func (r *rig) models() provider.Models {
	if r.served == nil {
		return nil
	}
	return r.served
}

// watched reports whether a job of this rig, if it is one, waits at the other end.
func (n *Node) watched(c network.Conn) bool { return n.rig != nil && n.rig.server.Watched(c) }

func fillRig(cfg *RigConfig, hw protocol.Hardware, own protocol.Address) {
	if cfg.Payee.IsZero() {
		cfg.Payee = own
	}
	if cfg.TickUnits == 0 {
		cfg.TickUnits = defaultTick
	}
	if cfg.Slots == 0 {
		cfg.Slots = runtime.NumCPU()
	}
	if cfg.Queue == 0 {
		cfg.Queue = defaultQueue
	}
	if cfg.MemoryMiB == 0 {
		cfg.MemoryMiB = hw.MemoryMiB / 4 // WASM modules get what they can address of it
	}
	if cfg.ModelMemoryMiB == 0 {
		cfg.ModelMemoryMiB = hw.MemoryMiB / 2
	}
	for i := range cfg.Serve {
		if cfg.Serve[i].Tick == 0 {
			cfg.Serve[i].Tick = defaultModelTick
		}
	}
}

// run proves the sandbox, then offers and serves until ctx ends. A rig whose
// self-test fails offers nothing and says why (SPEC §4.2).
func (r *rig) run(ctx context.Context, n *Node) (err error) {
	var reading errgroup.Group // ends with ctx
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		err = errors.Join(err, reading.Wait())
	}()
	reading.Go(func() error { return r.readings.run(ctx) })
	names, err := r.engines.proveModules(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // the node is going away; the sandbox may be fine
		}
		return fmt.Errorf("sandbox self-test failed, so this rig offers nothing: %w; see `rerig doctor`", err)
	}
	r.provider.Sell(names, nil)
	n.discovery.Advertise(func(d discovery.Draft) (protocol.SignedOffer, error) {
		return n.signOffer(r.provider.Offer(protocol.Offer{Network: d.Network, Seq: d.Seq, Issued: d.Issued,
			Expires: d.Expires, Addrs: d.Addrs}, d.Final))
	})
	r.offering.Store(true)
	others := make(chan struct{}) // closed when the other engines have had their self-test
	go func() {
		defer close(others)
		more, dialled := r.engines.proveOthers(ctx)
		if len(more) > 0 {
			r.provider.SellLinks(r.engines.linked)
			r.provider.Sell(slices.Concat(names, more), dialled)
		}
		var serving sync.WaitGroup // a pack may have to be fetched first
		defer serving.Wait()
		models := r.engines.models
		if !slices.Contains(more, protocol.EngineModel) {
			models = nil
		}
		serving.Go(func() { r.served.prove(ctx, models, n.token()) })
		if r.served == nil || r.served.packs == nil {
			serving.Wait()
		}
		if n.cfg.Proved != nil {
			n.cfg.Proved()
		}
		if r.cards != nil && slices.Contains(more, protocol.EngineContainer) {
			r.cards.run(ctx, r.engines.byName()[protocol.EngineContainer])
		}
	}()
	var serving errgroup.Group // each ends with ctx
	serving.Go(func() error { return r.server.Run(ctx) })
	serving.Go(func() error { return r.dials.Run(ctx) })
	serving.Go(func() error { return r.links.Run(ctx) })
	err = serving.Wait()
	<-others
	n.discovery.Advertise(nil)
	return err
}
