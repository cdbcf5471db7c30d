package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	fundingPoll = 500 * time.Millisecond // between looks at a channel that is not there yet
	fundingWait = 20 * time.Second       // our RPC endpoint may lag behind the requester's
)

// open saves the job and sets its budget aside. A channel the book knows well
// needs no chain: serving goes on while the chain is away (SPEC §10).
func (s *session) open(ctx context.Context) {
	s.rec.Updated = uint64(s.p.cfg.Clock().UnixMilli())
	free, ok, err := s.p.cfg.Book.PutAndReserveIn(ctx, s.rec)
	switch {
	case err != nil:
		s.log.Warn("job cannot begin", "err", err)
		s.abort(ctx, err)
	case ok:
		s.booked = true
		s.step(ctx, protocol.FundingSeen{Available: free})
	default:
		s.perform(ctx, []protocol.Effect{protocol.CheckFunding{}})
	}
}

// funding finds the job's budget in its channel on the chain.
func (s *session) funding(ctx context.Context, rec protocol.Record) protocol.Event {
	deadline := s.p.cfg.Clock().Add(fundingWait)
	for {
		ev, final := s.fundingOnChain(ctx, rec)
		if final || s.p.cfg.Clock().After(deadline) {
			return ev
		}
		select {
		case <-ctx.Done():
			return ev
		case <-time.After(fundingPoll):
		}
	}
}

// fundingOnChain reads the channel once. final is false when looking again may help.
// Nothing is kept of a channel that does not hold the budget: it costs its payer
// nothing to name one.
func (s *session) fundingOnChain(ctx context.Context, rec protocol.Record) (ev protocol.Event, final bool) {
	cfg, ch := &s.p.cfg, rec.Channel
	st, err := cfg.Chain.Channel(ctx, ch)
	if err != nil {
		return protocol.FundingRefused{Reason: protocol.ReasonChainDown, Detail: "the rig cannot read the channel now"}, false
	}
	if st.Epoch != rec.Epoch {
		return protocol.FundingRefused{Reason: protocol.ReasonChannelClose,
			Detail: fmt.Sprintf("channel is in epoch %d, not %d", st.Epoch, rec.Epoch)}, false
	}
	if st.ClosesAt != 0 {
		return protocol.FundingRefused{Reason: protocol.ReasonChannelClose, Detail: "channel is closing"}, true
	}
	if st.Funded.Less(rec.Agreement.MaxTotal) {
		return protocol.FundingSeen{Available: st.Funded}, false
	}
	free, ok, err := protocol.Amount{}, false, cfg.Book.SetInChannel(ctx, rec.Agreement.Domain, ch, st)
	if err == nil {
		free, ok, err = cfg.Book.PutAndReserveIn(ctx, rec)
	}
	if err != nil { // which names files of the rig's owner
		s.log.Warn("channel not journaled", "err", err)
		return protocol.FundingRefused{Reason: protocol.ReasonRigError, Detail: "the rig cannot write its journal"}, true
	}
	s.reserved = ok
	return protocol.FundingSeen{Available: free}, ok
}

// enqueue takes a place in the queue; SlotFree follows when it is the job's turn.
func (s *session) enqueue(ctx context.Context) {
	t, ok := s.p.slots.take(needOf(s.spec))
	if !ok { // the queue filled up between quote and accept
		s.ticket = &ticket{}
		s.step(ctx, protocol.StopAsked{Reason: protocol.ReasonBusy})
		return
	}
	s.ticket = t
	s.st.Keep()
	s.st.Watch(true) // until its payments tell of it
	s.p.cfg.Changed()
	s.work.Go(func() {
		select {
		case <-t.ready:
			s.post(protocol.SlotFree{})
		case <-ctx.Done():
		}
	})
}

// voucher checks a payment, in the reader's goroutine, and gives it to the loop. One
// that comes after the end is money all the same.
func (s *session) voucher(m *protocol.VoucherMsg) {
	rec := &s.rec // its papers never change
	if err := m.Voucher.Verify(rec.Agreement.Domain, rec.Channel, rec.Epoch); err != nil {
		s.badVoucher(err)
		return
	}
	select {
	case s.paid <- m:
	case <-s.done:
		ctx := context.Background() // booking money is not abandoned half-way
		if _, err := s.p.cfg.Book.Credit(ctx, m.Voucher.Voucher.Channel, s.id, m.Voucher, m.JobPaid); err != nil {
			s.log.Warn("voucher refused after the end", "err", err)
		}
	}
}

// credit books a payment and only then lets the job go on (SPEC §6.6). One that
// settles the job is booked with the job's end: one write, and no crash between.
func (s *session) credit(ctx context.Context, m *protocol.VoucherMsg) {
	now := s.p.cfg.Clock()
	job, effects, late := s.rec.Job.Step(protocol.PaymentIn{Total: m.JobPaid}, now)
	var err error
	if late == nil && job.Ended {
		rec := s.rec
		rec.Job, rec.Updated = job, uint64(now.UnixMilli())
		err = s.p.cfg.Book.PutAndCredit(ctx, rec, m.Voucher, m.JobPaid)
		effects = slices.DeleteFunc(effects, func(e protocol.Effect) bool { return e == protocol.Save{} })
	} else { // a job that takes no payment now may have earned it all the same
		_, err = s.p.cfg.Book.Credit(ctx, m.Voucher.Voucher.Channel, s.id, m.Voucher, m.JobPaid)
	}
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		s.badVoucher(err)
	case err != nil: // the voucher may be good: it is the rig that cannot keep it
		s.log.Warn("voucher not kept", "err", err)
		s.abort(ctx, err)
	case late == nil:
		s.enter(ctx, job, effects)
	}
}

// badVoucher refuses a voucher; the job goes unpaid and ends by the grace.
func (s *session) badVoucher(err error) {
	s.log.Warn("voucher refused", "err", err)
	s.out.tell(&protocol.Status{State: protocol.StateRunning, Reason: protocol.ReasonBadVoucher, Detail: protocol.ClipDetail(err.Error())})
}
