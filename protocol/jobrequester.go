package protocol

import "fmt"

// The requester's half of the lifecycle (SPEC §6.2): it pays for receipted work
// only, never more than the budget, and believes no receipt it cannot chain.

func (s *step) requester(ev Event) bool {
	switch ev := ev.(type) {
	case Tick:
		s.reqTimeouts()
		return true
	case PeerGone:
		s.reqPeerGone()
		return true
	case StopAsked:
		s.reqStop(ev.Reason)
		return true
	case Violation:
		s.reqFail(ev.Reason, ev.Detail)
		return true
	}
	switch s.State {
	case StateQuoted:
		return s.reqQuoted(ev)
	case StateFunded, StateQueued, StateStaging, StateRunning:
		return s.reqWorking(ev)
	case StateFinished:
		return s.reqFinished(ev)
	case StateVerified:
		return s.reqVerified(ev)
	}
	return false
}

func (s *step) reqQuoted(ev Event) bool {
	switch ev := ev.(type) {
	case ChannelReady:
		s.enter(StateFunded, AcceptWait+FundingWait) // agreed and funded are one step here
		s.Started = s.now
		// A rig that only says it is alive must not hold the budget for ever.
		patience := AcceptWait + FundingWait + QueueWait + StagingWait + SilenceWait
		s.RunUntil = s.now + uint64(patience.Milliseconds()) + s.RunMillis
		s.do(Save{}, SendAccept{})
		return true
	case ChannelFailed:
		s.end(StateFailed, ev.Reason, ev.Detail)
		s.do(Release{})
		return true
	}
	return false
}

func (s *step) reqWorking(ev Event) bool {
	switch ev := ev.(type) {
	case StatusIn:
		return s.reqStatus(ev)
	case OutputIn:
		s.alive()
		return s.State == StateRunning
	case ReceiptIn:
		return s.reqReceipt(ev)
	case ResultIn:
		return s.reqResult(ev)
	}
	return false
}

// alive starts the silence timeout anew; in a queue the rig still says so.
func (s *step) alive() { s.WaitUntil = s.now + uint64(SilenceWait.Milliseconds()) }

func (s *step) reqStatus(ev StatusIn) bool {
	switch ev.State {
	case StateAgreed, StateFunded: // a heartbeat before the queue; AcceptWait goes on
		return s.State == StateFunded
	case StateQueued, StateStaging, StateRunning:
		if rank[ev.State] < rank[s.State] {
			return false
		}
		s.State = ev.State
		s.alive()
		return true
	case StateRejected, StateFailed, StateCancelled, StateExpired:
		if s.Ending == ReasonStopped && ev.State == StateCancelled {
			s.end(StateCancelled, ReasonStopped, "")
		} else {
			s.end(ev.State, ev.Reason, ev.Detail)
		}
		s.do(Release{})
		return true
	}
	return false
}

// chain checks a receipt against everything the requester knows (SPEC §7.3).
func (s *step) chain(r *Receipt) error {
	switch {
	case r.Job != s.ID:
		return fieldErr("receipt.job", s.ID.String(), r.Job)
	case r.Seq != s.Seq+1:
		return fieldErr("receipt.seq", fmt.Sprint(s.Seq+1), r.Seq)
	case r.Prev != s.Prev:
		return fieldErr("receipt.prev", s.Prev.String(), r.Prev)
	case r.Units < s.Units:
		return fieldErr("receipt.units", fmt.Sprintf("at least %d", s.Units), r.Units)
	case r.Units-s.Units > s.TickUnits:
		return fieldErr("receipt.units", fmt.Sprintf("at most one tick more than %d", s.Units), r.Units)
	case r.Units > s.Price.Buys(s.MaxTotal):
		return fieldErr("receipt.units", "within the budget of "+s.MaxTotal.String(), r.Units)
	}
	if most := s.plausible(); r.Units > most {
		return fieldErr("receipt.units", fmt.Sprintf("at most %d in this time", most), r.Units)
	}
	return nil
}

// plausible bounds time units by the time that passed: two CPU milliseconds per
// granted CPU and millisecond (a runtime has helpers), one of each card, and a second to
// begin with.
func (s *step) plausible() uint64 {
	elapsed := s.now - min(s.Started, s.now) // the clock may have been set back
	switch s.Price.Unit {
	case UnitCPUMillis:
		return 2*uint64(s.CPUs)*elapsed + 1000
	case UnitGPUMillis:
		return uint64(s.CPUs)*elapsed + 1000
	}
	return 1<<64 - 1
}

func (s *step) reqReceipt(ev ReceiptIn) bool {
	if s.State != StateRunning {
		return false
	}
	r := ev.Receipt
	err := s.chain(&r)
	switch {
	case err != nil:
	case r.Final:
		err = &FieldError{Field: "receipt.final", Limit: "only in a result"}
	case r.Units == s.Units: // or it could ask for a voucher, and a disk write, per message
		err = fieldErr("receipt.units", fmt.Sprintf("more than %d", s.Units), r.Units)
	case r.Output != ev.Output:
		err = fieldErr("receipt.output", "the hash of the output received, "+ev.Output.String(), r.Output)
	}
	if err != nil {
		s.reqFail(ReasonBadReceipt, err.Error())
		return true
	}
	s.book(&r)
	s.alive()
	s.Paid = s.Due
	s.do(SendVoucher{s.Due})
	return true
}

func (s *step) book(r *Receipt) {
	s.Seq, s.Prev, s.Units = r.Seq, r.Digest(s.Domain), r.Units
	s.Due, _ = s.Price.Cost(r.Units) // bounded by chain, so the cost fits
}

func (s *step) reqResult(ev ResultIn) bool {
	if s.State != StateRunning {
		return false
	}
	r := ev.Receipt
	err := s.chain(&r)
	switch {
	case err != nil:
	case !r.Final:
		err = &FieldError{Field: "receipt.final", Limit: "set in a result"}
	case r.Output != ev.Root:
		err = fieldErr("receipt.output", "the root of the result received, "+ev.Root.String(), r.Output)
	}
	if err != nil {
		s.reqFail(ReasonBadReceipt, err.Error())
		return true
	}
	s.book(&r)
	s.ExitCode, s.Reason, s.Detail = r.ExitCode, ev.Reason, ClipDetail(ev.Detail)
	s.RunUntil = 0
	s.enter(StateFinished, StagingWait)
	s.do(CheckResult{})
	return true
}

func (s *step) reqFinished(ev Event) bool {
	switch ev := ev.(type) {
	case StatusIn:
		return ev.State == StateFinished // a heartbeat
	case SettledIn: // the vouchers so far already paid for everything
		s.Confirmed = true
		return true
	case Checked:
		s.reqChecked(ev)
		return true
	}
	return false
}

func (s *step) reqChecked(c Checked) {
	if !c.OK {
		s.reqFail(ReasonBadResult, c.Detail)
		return
	}
	s.enter(StateVerified, SettleWait)
	s.Paid = s.Due
	s.do(Save{}, SendVoucher{s.Due})
	if s.Confirmed {
		s.reqSettle()
	}
}

func (s *step) reqVerified(ev Event) bool {
	switch ev := ev.(type) {
	case StatusIn:
		return ev.State == StateFinished
	case SettledIn:
		s.reqSettle()
		return true
	}
	return false
}

func (s *step) reqSettle() {
	s.end(StateSettled, s.Reason, s.Detail)
	s.do(Release{})
}

// reqFail ends the job without paying another unit. In verified there is none
// left to pay and the work is here: a rig's last word cannot spoil it.
func (s *step) reqFail(r Reason, detail string) {
	if s.State == StateVerified {
		s.end(StateVerified, s.orNoSettle(), detail)
		s.do(Release{})
		return
	}
	sent := s.State != StateQuoted
	s.end(StateFailed, r, detail)
	if sent {
		s.do(SendStop{r})
	}
	s.do(Release{})
}

func (s *step) reqPeerGone() {
	switch s.State {
	case StateVerified: // the work is here and the voucher is out: only the receipt for it is missing
		s.end(StateVerified, s.orNoSettle(), "rig left before it confirmed the final voucher")
	case StateFinished: // the outputs may still come from elsewhere or from our own store
		return
	default:
		s.end(StateFailed, ReasonPeerLost, "connection to the rig broke in "+string(s.State))
	}
	s.do(Release{})
}

// orNoSettle keeps the reason the program ended with, if there is one.
func (s *step) orNoSettle() Reason {
	if s.Reason != ReasonNone {
		return s.Reason
	}
	return ReasonNoSettle
}

func (s *step) reqStop(r Reason) {
	if r == ReasonNone {
		r = ReasonStopped
	}
	switch s.State {
	case StateQuoted:
		s.end(StateCancelled, r, "")
		s.do(Release{})
	case StateFinished, StateVerified: // the work is done; let it settle
	default:
		if s.Ending == ReasonNone {
			s.Ending = ReasonStopped
			s.alive()
			s.do(SendStop{r})
		}
	}
}

func (s *step) reqTimeouts() {
	if s.due(s.RunUntil) {
		s.reqFail(ReasonTimeout, "the rig did not finish in the time that all its waits allow")
		return
	}
	if !s.due(s.WaitUntil) {
		return
	}
	switch s.State {
	case StateQuoted:
		s.end(StateExpired, ReasonQuoteExpired, "the channel was not ready before the quote ran out")
		s.do(Release{})
	case StateFinished:
		s.reqFail(ReasonBadResult, "outputs could not be fetched within "+StagingWait.String())
	case StateVerified:
		s.end(StateVerified, s.orNoSettle(), "rig did not confirm the final voucher")
		s.do(Release{})
	default:
		s.reqFail(ReasonSilent, "nothing heard from the rig in "+string(s.State))
	}
}
