package provider

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

// negotiate answers the quote request and waits for the accept. It returns nil
// and no error when the requester went away after the quote, which costs nothing:
// the rig keeps no quote, it knows its own signature again.
func (p *Provider) negotiate(ctx context.Context, st Stream) (*session, error) {
	m, err := st.RecvBefore(p.cfg.Clock().Add(requestWait))
	if err != nil {
		return nil, badMessage(err)
	}
	req, ok := m.(*protocol.QuoteRequest)
	if !ok {
		return nil, refuse(protocol.ReasonMalformed, "first message is type %d, want a quote request", m.Type())
	}
	spec, quote, err := p.quote(req, st.Key().Address())
	if err != nil {
		return nil, err
	}
	if err := st.Send(quote); err != nil {
		return nil, err
	}
	m, err = st.RecvBefore(time.UnixMilli(int64(quote.Agreement.AcceptBy)))
	if err != nil {
		if bad := badMessage(err); errors.As(bad, new(*refusalError)) {
			return nil, bad
		}
		return nil, nil
	}
	acc, ok := m.(*protocol.Accept)
	if !ok {
		return nil, refuse(protocol.ReasonMalformed, "message type %d after a quote, want an accept", m.Type())
	}
	if err := errors.Join(checkKey(spec, acc), checkLinkKey(spec, acc)); err != nil {
		return nil, err
	}
	if err := p.checkAccept(ctx, acc, quote); err != nil {
		return nil, err
	}
	s := newSession(p, st, spec, req.Spec, acc)
	if err := p.admit(s); err != nil {
		return nil, err
	}
	return s, nil
}

// badMessage turns a peer's malformed message into a refusal.
func badMessage(err error) error {
	var bad interface{ Reason() protocol.Reason }
	if errors.As(err, &bad) {
		return refuse(bad.Reason(), "%v", err)
	}
	return err
}

// quote decides whether and at what price the rig would run the job.
func (p *Provider) quote(req *protocol.QuoteRequest, requester protocol.Address) (*protocol.JobSpec, *protocol.Quote, error) {
	spec, err := protocol.DecodeSpec(req.Spec)
	if err != nil {
		return nil, nil, refuse(protocol.ReasonMalformed, "%v", err)
	}
	price, tick, err := p.sells(spec, req.Unit)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(p.cfg.Markets, req.Market) {
		return nil, nil, refuse(protocol.ReasonMarket, "token %s of escrow %s on chain %d is not taken here",
			req.Market.Token, req.Market.Domain.Escrow, req.Market.Domain.ChainID)
	}
	if price.Buys(req.Budget) == 0 {
		return nil, nil, refuse(protocol.ReasonOverBudget, "the budget of %s buys no %s at %s per million",
			req.Budget, price.Unit, price.PerMillion)
	}
	if requester == p.cfg.Key.Address() {
		return nil, nil, refuse(protocol.ReasonMalformed, "a rig does not hire itself")
	}
	if p.slots.full(needOf(spec)) {
		return nil, nil, refuse(protocol.ReasonBusy, "%d jobs run and %d wait, no place left", p.cfg.Slots, p.cfg.Queue)
	}
	sum, err := protocol.SpecCID(req.Spec)
	if err != nil {
		return nil, nil, err
	}
	var specHash protocol.Hash
	copy(specHash[:], sum.Hash()[len(sum.Hash())-32:])
	ch := protocol.Channel{Payer: req.Payer, Signer: req.Signer, Payee: p.cfg.Payee,
		Operator: p.cfg.Key.Address(), Token: req.Market.Token}
	now := p.cfg.Clock()
	accept := now.Add(protocol.QuoteLife)
	q := &protocol.Quote{Channel: ch, Ahead: uint16(min(p.slots.ahead(needOf(spec)), 1<<16-1)), Agreement: protocol.Agreement{
		Domain: req.Market.Domain, Requester: requester, Rig: p.cfg.Key.Address(), Channel: ch.ID(),
		SpecHash: specHash, Price: price, TickUnits: tick, MaxTotal: req.Budget,
		QuotedAt: uint64(now.UnixMilli()), AcceptBy: uint64(accept.UnixMilli()),
		Deadline: uint64(accept.Add(protocol.QueueWait + protocol.StagingWait + spec.Limits.RunTime()).UnixMilli()),
		Nonce:    req.Nonce,
	}}
	q.RigSig, err = p.cfg.Key.Sign(q.Agreement.ID())
	return spec, q, err
}

// sells finds what a job costs here: by the rig's prices or, of a session with a served
// model, by the model's.
func (p *Provider) sells(spec *protocol.JobSpec, unit protocol.Unit) (price protocol.Price, tick uint64, err error) {
	prices, tick := p.listed(), p.cfg.TickUnits
	if spec.OfServed() {
		list := p.served()
		i := slices.IndexFunc(list, func(m protocol.Served) bool { return m.CID == spec.Module })
		if i < 0 {
			return price, 0, refuse(protocol.ReasonEngine, "model %s is not served here", spec.Module)
		}
		prices, tick = []protocol.Price{list[i].Price()}, list[i].Tick
	} else if err := p.fits(spec); err != nil {
		return price, 0, err
	} else if unit != spec.Resources.Unit() {
		return price, 0, refuse(protocol.ReasonEngine, "a job of %d GPUs is sold in %s, not %s", spec.Resources.GPUs, spec.Resources.Unit(), unit)
	}
	i := slices.IndexFunc(prices, func(pr protocol.Price) bool { return pr.Unit == unit })
	if i < 0 {
		return price, 0, refuse(protocol.ReasonEngine, "%s is not sold here for such a job", unit)
	}
	return prices[i], tick, nil
}

// served are the models that this rig keeps servers for.
func (p *Provider) served() []protocol.Served {
	if p.cfg.Models == nil {
		return nil
	}
	return p.cfg.Models.Served()
}

// fits lists, as one refusal, what the job needs and the rig does not have.
func (p *Provider) fits(spec *protocol.JobSpec) error {
	engines, dialled := p.sold()
	r, hw := spec.Resources, p.cfg.Hardware
	switch {
	case !slices.Contains(engines, spec.Engine):
		return refuse(protocol.ReasonEngine, "engine %q not in %v", spec.Engine, engines)
	case spec.Kind == protocol.KindService && !slices.Contains(dialled, spec.Engine):
		return refuse(protocol.ReasonEngine, "services in engine %q cannot be reached here", spec.Engine)
	case r.MemoryMiB > p.cfg.MemoryMiB:
		return refuse(protocol.ReasonResources, "memory for one job %d < %d MiB", p.cfg.MemoryMiB, r.MemoryMiB)
	case r.DiskMiB > hw.DiskMiB:
		return refuse(protocol.ReasonResources, "disk %d < %d MiB", hw.DiskMiB, r.DiskMiB)
	case r.CPUs > hw.Cores:
		return refuse(protocol.ReasonResources, "CPUs %d < %d", hw.Cores, r.CPUs)
	case places(spec) > p.cfg.Slots:
		return refuse(protocol.ReasonResources, "slots %d < %d CPUs", p.cfg.Slots, r.CPUs)
	case spec.Link != nil && !p.links(spec.Engine):
		return refuse(protocol.ReasonEngine, "private links are not carried here for engine %q", spec.Engine)
	}
	if err := p.egress(spec); err != nil {
		return err
	}
	if err := p.fitsCards(spec); err != nil {
		return err
	}
	need := spec.Limits.OutputBytes + workspace
	switch protocol.EngineFamily(spec.Engine) {
	case protocol.EngineContainer:
		need += 2*spec.ModuleSize + uint64(r.DiskMiB)<<20 // packed and unpacked, and what it writes
	case protocol.EngineModel:
		need += 2 * spec.ModuleSize // as it came, and where the job reads it
	}
	for _, in := range spec.Inputs {
		need += in.Size
		if spec.Sealed.Has(protocol.SealedFiles) {
			need += in.Size // until it is opened
		}
	}
	if need > uint64(hw.DiskMiB)<<20 {
		return refuse(protocol.ReasonInputTooBig, "image, inputs and outputs of %d bytes, disk %d MiB", need, hw.DiskMiB)
	}
	return nil
}

// places is how many slots a job takes: one for each core that it gets, and none for a
// session with a served model, whose server is not the session's.
func places(spec *protocol.JobSpec) int {
	switch {
	case spec.OfServed():
		return 0
	case spec.Engine == protocol.EngineWASM:
		return 1
	}
	return max(int(spec.Resources.CPUs), 1)
}

// needOf is what a job takes while it runs.
func needOf(spec *protocol.JobSpec) need {
	return need{slots: places(spec), cards: int(spec.Resources.GPUs), vramMiB: spec.Resources.VRAMMiB}
}

// checkAccept holds the accept against the quote (SPEC §5.3).
func (p *Provider) checkAccept(ctx context.Context, acc *protocol.Accept, q *protocol.Quote) error {
	now := uint64(p.cfg.Clock().UnixMilli())
	if now > acc.Agreement.AcceptBy {
		return refuse(protocol.ReasonQuoteExpired, "accepted %d ms after accept_by", now-acc.Agreement.AcceptBy)
	}
	if acc.Agreement != q.Agreement || acc.Channel != q.Channel || !bytes.Equal(acc.RigSig[:], q.RigSig[:]) {
		return refuse(protocol.ReasonMalformed, "accept differs from the quote")
	}
	id := acc.Agreement.ID()
	forged := make(chan error, 1) // one core checks it while the journal is read
	go func() {
		_, err := protocol.CheckSignature("accept.payer_sig", id, acc.PayerSig, acc.Agreement.Requester)
		forged <- err
	}()
	known, err := p.cfg.Book.Known(ctx, id)
	if err := <-forged; err != nil {
		return refuse(protocol.ReasonBadSignature, "%v", err)
	}
	if err != nil {
		return refuse(protocol.ReasonJournal, "rig cannot read its journal")
	}
	if known {
		return refuse(protocol.ReasonMalformed, "job %s was here before", id)
	}
	return nil
}
