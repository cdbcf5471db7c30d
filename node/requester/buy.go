package requester

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rerig/rerig/protocol"
)

// buy tries rigs until one has done the job, the job itself fails, or budget and
// retries are used up.
func (r *Requester) buy(ctx context.Context, run *Run) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, run.Stop)()
	order := run.order
	defer r.dropSealed(&order.Spec) // when the pins below are gone
	for _, cid := range artifactsOf(&order.Spec) {
		defer r.cfg.Artifacts.Pin(cid)()
	}
	raw, specCID, err := protocol.EncodeSpec(&order.Spec)
	if err != nil {
		run.finish(failWith(protocol.ReasonMalformed, err.Error()))
		return
	}
	tried := map[protocol.Address]bool{}
	for attempt := 1; ; attempt++ {
		q, fail := order.gang.hire(func() (*quoted, func(*Status)) { return r.choose(ctx, run, &order, raw, tried) })
		if q == nil {
			if attempt == 1 {
				r.keepUnhired(run, raw, specCID.String(), fail)
			}
			run.finish(fail)
			return
		}
		tried[q.offer.Rig] = true
		run.begin()
		s := newSession(r, run, q, &order.Spec, raw, specCID.String(), attempt)
		s.run(ctx)
		job := &s.rec.Job
		spent, _ := run.Status()
		order.Budget = run.order.Budget.Minus(spent.Spent) // the cap holds over all attempts
		// A settled job may end so too: a rig that shuts down bills what it did.
		// A service that ran had its users, who must know that it is gone.
		lost := s.ran && order.Spec.Kind == protocol.KindService
		retry := job.Reason.RigFault() && attempt <= order.Retries && !stopped(run) && !lost
		if !retry {
			run.finish(func(st *Status) {})
			return
		}
		r.bans.add(q.offer.Rig)
		run.update(func(st *Status) {
			st.Tried = append(st.Tried, Tried(q.offer.Rig, job))
			st.State, st.Reason, st.Detail = protocol.StateQuoted, protocol.ReasonNone, ""
		})
		unpin, ok, err := r.resume(ctx, run, &order)
		if ok {
			defer unpin()
			raw, specCID, err = protocol.EncodeSpec(&order.Spec)
		}
		if err != nil {
			run.finish(failWith(protocol.ReasonJournal, err.Error()))
			return
		}
	}
}

// Tried says why an attempt failed, as Status.Tried has it.
func Tried(rig protocol.Address, job *protocol.Job) string {
	why := fmt.Sprintf("rig %s: %s", rig, job.Reason)
	if job.Detail != "" {
		why += ": " + job.Detail
	}
	return why
}

// keepUnhired journals a run that ended without a job, under its own ID, so that it
// is still told of after a restart.
func (r *Requester) keepUnhired(run *Run, raw []byte, specCID string, fail func(*Status)) {
	st, _ := run.Status()
	fail(&st)
	rec := protocol.Record{Job: protocol.Job{ID: run.id, Role: protocol.RoleRequester, State: st.State, Ended: true, Reason: st.Reason,
		Detail: protocol.ClipDetail(st.Detail), MaxTotal: st.Budget}, Name: st.Name, Spec: raw, SpecCID: specCID, Run: run.id,
		Created: st.Created, Updated: uint64(r.cfg.Clock().UnixMilli())}
	if err := r.cfg.Book.PutAndRelease(context.WithoutCancel(r.ctx), rec); err != nil {
		r.cfg.Logger.Warn("run not journaled yet", "run", run.id.Short(), "err", err)
	}
}

// choose finds offers and hires one of them; without one it says how the run ends.
func (r *Requester) choose(ctx context.Context, run *Run, o *Order, raw []byte, tried map[protocol.Address]bool) (*quoted, func(*Status)) {
	stopCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the function
		select {
		case <-run.stop:
			cancel()
		case <-stopCtx.Done():
		}
	}()
	run.phase("submit", r.cfg.Clock())
	offers, skipped, err := r.find(stopCtx, o, len(tried) > 0)
	run.phase("discovery", r.cfg.Clock())
	switch {
	case stopped(run):
		return nil, endWith(protocol.StateCancelled, protocol.ReasonStopped, "")
	case err != nil:
		return nil, failWith(protocol.ReasonNoOffers, err.Error())
	}
	run.update(func(st *Status) { st.Skipped = skipped })
	fresh := slices.DeleteFunc(slices.Clone(offers), func(v *protocol.VerifiedOffer) bool { return tried[v.Rig] || r.bans.has(v.Rig) })
	if len(fresh) == 0 { // rather a rig that failed a while ago than none, but never one of this run
		fresh = slices.DeleteFunc(offers, func(v *protocol.VerifiedOffer) bool { return tried[v.Rig] })
	}
	if len(fresh) == 0 {
		return nil, failWith(protocol.ReasonNoOffers, noOffers(skipped, len(tried)))
	}
	q, refused := r.hire(stopCtx, o, raw, fresh)
	run.phase("quote", r.cfg.Clock())
	if q == nil {
		if stopped(run) {
			return nil, endWith(protocol.StateCancelled, protocol.ReasonStopped, "")
		}
		return nil, failWith(protocol.ReasonNoOffers, "no rig took the job: "+strings.Join(refused, "; "))
	}
	return q, nil
}

// noOffers explains an empty market in one line.
func noOffers(skipped []protocol.SkipCount, tried int) string {
	if len(skipped) == 0 && tried == 0 {
		return "no rig is offering here; see `rerig market ls` and `rerig doctor`"
	}
	parts := make([]string, 0, len(skipped)+1)
	if tried > 0 {
		parts = append(parts, fmt.Sprintf("%d tried before", tried))
	}
	for _, s := range skipped {
		parts = append(parts, fmt.Sprintf("%d× %s (%s)", s.Count, s.Reason, s.Detail))
	}
	return "no rig fits: " + strings.Join(parts, ", ")
}

func failWith(reason protocol.Reason, detail string) func(*Status) {
	return endWith(protocol.StateFailed, reason, detail)
}

func endWith(state protocol.State, reason protocol.Reason, detail string) func(*Status) {
	return func(s *Status) { s.State, s.Reason, s.Detail = state, reason, detail }
}

func stopped(run *Run) bool {
	select {
	case <-run.stop:
		return true
	default:
		return false
	}
}

// banList remembers rigs that failed lately. It is capped: the oldest goes first.
type banList struct {
	clock func() time.Time
	mu    sync.Mutex // owner: banList
	until map[protocol.Address]time.Time
}

const maxBans = 1024

func (b *banList) add(rig protocol.Address) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = map[protocol.Address]time.Time{}
	}
	now := b.clock()
	for a, t := range b.until {
		if !now.Before(t) || len(b.until) >= maxBans {
			delete(b.until, a)
		}
	}
	b.until[rig] = now.Add(banFor)
}

func (b *banList) has(rig protocol.Address) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock().Before(b.until[rig])
}
