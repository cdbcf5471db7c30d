// Package provider is the selling side (SPEC §5–§7): it quotes, admits jobs to a
// bounded queue, stages and runs them in the sandbox, meters, signs receipts and
// books vouchers. Start at Provider.Handle, which serves one job stream; quote.go
// holds what a rig agrees to, session.go one job from accept to settled.
package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	requestWait = 30 * time.Second // for the first message of a stream
	sampleEvery = 10 * time.Millisecond
	workspace   = 1 << 20 // bytes of scratch kept free beside the job's own quota
)

// Config is everything a provider needs. New checks it.
type Config struct {
	Key       protocol.Signer
	Network   string
	Payee     protocol.Address  // earnings go here and nowhere else
	Markets   []protocol.Market // where payment is taken
	Prices    []protocol.Price
	TickUnits uint64   // units per receipt
	Engines   []string // sold from the start; Sell changes them
	Hardware  protocol.Hardware
	Region    string
	Slots     int    // jobs that run at once
	Queue     int    // jobs that may wait
	MemoryMiB uint32 // most memory one job may have
	WorkDir   string // scratch of jobs; wiped at start

	Book      Book
	Chain     Chain
	Artifacts Artifacts
	Programs  Programs
	Sandbox   Sandbox
	Models    Models // nil where none are served
	// Egress tells whether jobs may reach host:port; nil is that they reach nothing.
	Egress  func(host string) bool
	Clock   func() time.Time
	Changed func() // slots were taken or freed: the offer is stale
	// Halted is why no new job is taken at present through a channel, or with the
	// zero hash through any; nil is that they are. It may be nil itself.
	Halted func(channel protocol.Hash) error
	// Answered is told what came of each request; it may be nil.
	Answered func(protocol.Answer)
	// Entered is told each state of a job that has money behind it; it may be nil.
	Entered func(*protocol.Record)
	Logger  *slog.Logger
}

func (c *Config) check() error {
	switch {
	case c.Slots < 1 || c.Slots > 1024:
		return fmt.Errorf("provider slots: 1 to 1024, got %d", c.Slots)
	case c.Queue < 0 || c.Queue > 4096:
		return fmt.Errorf("provider queue: 0 to 4096, got %d", c.Queue)
	case c.Payee.IsZero():
		return errors.New("provider payee: not set; give --payout 0x… (the address that gets the earnings)")
	case len(c.Prices) == 0 || len(c.Markets) == 0 || len(c.Engines) == 0:
		return errors.New("provider: at least one price, market and engine")
	case c.TickUnits == 0:
		return errors.New("provider tick: at least one unit")
	}
	return nil
}

// Provider sells this rig's work.
type Provider struct {
	cfg   Config
	slots *slots

	mu       sync.Mutex // guards what follows; owner: Provider
	sessions map[protocol.Hash]*session
	draining bool
	engines  []string
	linked   []string       // those whose jobs may be in a private link
	dialled  []string       // those whose services can be reached
	gpus     []protocol.GPU // that SellCards set
	gap      protocol.DriverGap
}

// New checks the configuration and clears the scratch of an earlier run.
func New(cfg Config) (*Provider, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := resetDir(cfg.WorkDir); err != nil {
		return nil, err
	}
	p := &Provider{cfg: cfg, sessions: map[protocol.Hash]*session{}, engines: cfg.Engines}
	p.slots = newSlots(cfg.Slots, cfg.Queue)
	return p, nil
}

// Offer is what the rig sells now. The draft has what discovery decides: network,
// sequence number, life and addresses; with final no slot is free.
func (p *Provider) Offer(draft protocol.Offer, final bool) protocol.Offer {
	o := draft
	engines, _ := p.sold()
	o.Version, o.Rig, o.Payee = protocol.Version, p.cfg.Key.Address(), p.cfg.Payee
	o.Markets, o.Prices, o.Engines = p.cfg.Markets, p.prices(), engines
	o.Models = p.served()
	o.Hardware, o.Region, o.TickUnits = p.hardware(), p.cfg.Region, p.cfg.TickUnits
	o.Slots = uint16(p.cfg.Slots)
	o.Opt, o.Egress = p.extensions(), p.cfg.Egress != nil && p.links("")
	if !final && p.halted(protocol.Hash{}) == nil {
		o.FreeSlots = uint16(p.slots.free())
	}
	return o
}

// Sell sets the engines that offers list and jobs may name from now on, and which of
// them services may name: those whose jobs' ports were seen to be reached.
func (p *Provider) Sell(engines, dialled []string) {
	p.mu.Lock()
	p.engines, p.dialled = slices.Clone(engines), slices.Clone(dialled)
	p.mu.Unlock()
	p.cfg.Changed()
}

func (p *Provider) sold() (engines, dialled []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.engines, p.dialled
}

// Drain refuses new jobs; those under way go on.
func (p *Provider) Drain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draining = true
}

// halted is why no new job is taken at present.
func (p *Provider) halted(channel protocol.Hash) error {
	if p.cfg.Halted == nil {
		return nil
	}
	return p.cfg.Halted(channel)
}

// Active is the number of jobs between accept and end.
func (p *Provider) Active() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

// Stop ends a job here, as the miner's wish. It reports whether the job was known.
func (p *Provider) Stop(job protocol.Hash) bool {
	p.mu.Lock()
	s := p.sessions[job]
	p.mu.Unlock()
	if s == nil {
		return false
	}
	s.post(protocol.StopAsked{Reason: protocol.ReasonDraining})
	return true
}

// Handle serves one job stream until it ends. When ctx ends the job is stopped
// and billed up to there.
func (p *Provider) Handle(ctx context.Context, st Stream) {
	log := p.cfg.Logger.With("peer", st.Peer())
	s, err := p.negotiate(ctx, st)
	if err != nil {
		var refusal *refusalError
		if errors.As(err, &refusal) {
			log.Info("job refused", "reason", refusal.reason, "detail", refusal.detail)
			p.answered(protocol.Answer{Reason: refusal.reason, Detail: refusal.detail})
			if st.Send(&protocol.Refusal{Reason: refusal.reason, Detail: protocol.ClipDetail(refusal.detail)}) == nil {
				_ = st.Close() // the refusal is on its way; nothing else to do
				return
			}
		}
		st.Reset()
		return
	}
	p.answered(protocol.Answer{Taken: s != nil})
	if s == nil { // the requester took another quote
		_ = st.Close()
		return
	}
	defer p.forget(s)
	s.run(ctx)
}

func (p *Provider) answered(a protocol.Answer) {
	if p.cfg.Answered != nil {
		p.cfg.Answered(a)
	}
}

func (p *Provider) forget(s *session) {
	p.mu.Lock()
	delete(p.sessions, s.rec.Job.ID)
	p.mu.Unlock()
}

// admit registers the session, or refuses it. A place in the queue is taken only
// when the channel was seen to be funded, so that empty promises take none.
func (p *Provider) admit(s *session) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return refuse(protocol.ReasonDraining, "rig is shutting down")
	}
	if p.halted(s.rec.Channel.ID()) != nil { // why is its owner's to know
		return refuse(protocol.ReasonDraining, "rig takes no new jobs at present")
	}
	if p.sessions[s.rec.Job.ID] != nil {
		return refuse(protocol.ReasonMalformed, "job %s is already here", s.rec.Job.ID)
	}
	p.sessions[s.rec.Job.ID] = s
	return nil
}

// refusalError ends a negotiation with a reason for the requester.
type refusalError struct {
	reason protocol.Reason
	detail string
}

func (e *refusalError) Error() string { return string(e.reason) + ": " + e.detail }

// Refusal is the reason's code, and the text beside it.
func (e *refusalError) Refusal() (protocol.Reason, string) { return e.reason, e.detail }

func refuse(r protocol.Reason, format string, args ...any) error {
	return &refusalError{r, fmt.Sprintf(format, args...)}
}
