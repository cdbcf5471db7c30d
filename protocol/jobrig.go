package protocol

// The rig's half of the lifecycle (SPEC §6.2): it works at most one unpaid tick
// ahead, never bills more than it risked, and saves an end before it tells it.

func (s *step) rig(ev Event) bool {
	switch ev := ev.(type) {
	case Tick:
		s.rigTimeouts()
		return true
	case PeerGone:
		s.rigStop(ReasonPeerLost)
		return true
	case Violation:
		s.rigStop(ev.Reason)
		return true
	case StopIn:
		s.rigStop(ReasonStopped)
		return true
	case StopAsked:
		s.rigStop(ev.Reason)
		return true
	case PaymentIn:
		return s.rigPaid(ev.Total)
	}
	switch s.State {
	case StateAgreed:
		return s.rigAgreed(ev)
	case StateQueued:
		return s.rigQueued(ev)
	case StateStaging:
		return s.rigStaging(ev)
	case StateRunning:
		return s.rigRunning(ev)
	}
	return false
}

func (s *step) rigAgreed(ev Event) bool {
	switch ev := ev.(type) {
	case FundingSeen:
		if ev.Available.Less(s.MaxTotal) {
			s.rigEnd(StateRejected, ReasonUnderfunded,
				"channel has "+ev.Available.String()+" free, the budget is "+s.MaxTotal.String())
			return true
		}
		s.enter(StateQueued, QueueWait) // funded and queued are one step on the rig
		s.do(SendStatus{State: StateQueued}, Enqueue{})
		return true
	case FundingRefused:
		s.rigEnd(StateRejected, ev.Reason, ev.Detail)
		return true
	}
	return false
}

func (s *step) rigQueued(ev Event) bool {
	if _, ok := ev.(SlotFree); !ok {
		return false
	}
	s.enter(StateStaging, StagingWait)
	s.do(SendStatus{State: StateStaging}, Stage{})
	return true
}

func (s *step) rigStaging(ev Event) bool {
	switch ev := ev.(type) {
	case Staged:
		s.enter(StateRunning, 0)
		s.Started, s.RunUntil = s.now, s.now+s.RunMillis
		s.do(SendStatus{State: StateRunning}, Start{})
		return true
	case StageFailed:
		s.rigEnd(StateFailed, ev.Reason, ev.Detail)
		return true
	}
	return false
}

func (s *step) rigRunning(ev Event) bool {
	switch ev := ev.(type) {
	case Measured:
		s.rigMeasured(ev)
		return true
	case Exited:
		s.rigExited(ev)
		return true
	}
	return false
}

// rigMeasured emits the tick's receipt and pauses: one unpaid tick is the most
// the rig risks. Work past the tick is billed in the next one.
func (s *step) rigMeasured(ev Measured) {
	if s.Paused || s.Ending != ReasonNone {
		return
	}
	tick, budget := s.Units+s.TickUnits, s.Price.Buys(s.MaxTotal)
	switch {
	case ev.Units >= tick && tick <= budget: // a meter read late bills its whole ticks first
		s.do(SendReceipt{s.receipt(tick, ev.Output, false, 0)}, Pause{})
		s.Paused, s.PayUntil = true, s.now+uint64(PaymentGrace.Milliseconds())
	case ev.Units >= budget:
		s.rigKill(ReasonBudget)
	}
}

// receipt extends the chain and books the units.
func (s *step) receipt(units uint64, output Hash, final bool, exit uint32) Receipt {
	r := Receipt{Job: s.ID, Seq: s.Seq + 1, Units: units, Output: output, Prev: s.Prev, Final: final, ExitCode: exit}
	s.Seq, s.Prev, s.Units = r.Seq, r.Digest(s.Domain), units
	s.Due, _ = s.Price.Cost(units) // units ≤ Buys(MaxTotal), so the cost fits
	return r
}

func (s *step) rigExited(ev Exited) {
	s.RunUntil, s.PayUntil, s.Paused = 0, 0, false
	reason, detail := ev.Reason, ClipDetail(ev.Detail)
	if s.Ending != ReasonNone {
		reason, detail = s.Ending, ""
	}
	s.do(FreeSlot{})
	switch reason {
	case ReasonPeerLost, ReasonMalformed, ReasonVersion, ReasonUnpaid, ReasonRigError:
		s.end(StateFailed, reason, detail)
		if reason != ReasonPeerLost {
			s.do(SendStatus{StateFailed, reason, detail})
		}
		s.do(Release{})
		return
	}
	units := s.Units // an unpaid tick is all the requester may ever owe
	if !s.Paid.Less(s.Due) {
		units = min(max(ev.Units, s.Units), s.Units+s.TickUnits, s.Price.Buys(s.MaxTotal))
	}
	r := s.receipt(units, ev.Output, true, ev.ExitCode)
	s.Reason, s.Detail, s.ExitCode = reason, detail, ev.ExitCode
	s.enter(StateFinished, StagingWait+SettleWait) // the requester may fetch that long before it pays
	s.do(Save{}, SendResult{r, reason, detail})
}

func (s *step) rigPaid(total Amount) bool {
	if s.State != StateRunning && s.State != StateFinished {
		return false
	}
	if s.Paid.Less(total) {
		s.Paid = total
	}
	if s.Paid.Less(s.Due) {
		return true
	}
	if s.State == StateFinished {
		s.rigSettle()
		return true
	}
	if s.Paused && s.Ending == ReasonNone {
		s.Paused, s.PayUntil = false, 0
		s.do(Resume{})
	}
	return true
}

func (s *step) rigSettle() {
	s.end(StateSettled, s.Reason, s.Detail)
	s.do(SendSettled{s.Paid}, Release{})
}

// rigUnsettled ends a finished job that no voucher will come for: settled all
// the same where earlier vouchers had paid for everything.
func (s *step) rigUnsettled(why string) {
	if !s.Paid.Less(s.Due) {
		s.rigSettle()
		return
	}
	s.end(StateFailed, ReasonUnpaid, why)
	s.do(Release{})
}

// rigStop ends the job for a reason from outside. Before it runs it is simply
// over; while it runs the sandbox is killed and Exited brings the bill.
func (s *step) rigStop(r Reason) {
	if r == ReasonNone {
		r = ReasonStopped
	}
	switch s.State {
	case StateRunning:
		s.rigKill(r)
	case StateFinished:
		if gone(r) {
			s.rigUnsettled("requester left before the final voucher")
		}
	default:
		state := StateCancelled
		if r == ReasonMalformed || r == ReasonVersion {
			state = StateFailed
		}
		s.rigEnd(state, r, "")
	}
}

// gone says that nothing good can come from the requester any more.
func gone(r Reason) bool {
	return r == ReasonPeerLost || r == ReasonMalformed || r == ReasonVersion
}

func (s *step) rigKill(r Reason) {
	if s.Ending == ReasonNone || gone(r) {
		s.Ending = r
	}
	s.RunUntil, s.PayUntil = 0, 0
	s.do(Kill{})
}

// rigEnd ends a job that has no sandbox.
func (s *step) rigEnd(state State, r Reason, detail string) {
	held := s.State == StateQueued || s.State == StateStaging
	s.end(state, r, detail)
	if held {
		s.do(FreeSlot{})
	}
	s.do(SendStatus{state, s.Reason, s.Detail}, Release{})
}

func (s *step) rigTimeouts() {
	switch {
	case s.due(s.PayUntil):
		s.rigKill(ReasonUnpaid)
	case s.due(s.RunUntil):
		s.rigKill(ReasonDeadline)
	case s.due(s.WaitUntil) && s.State == StateFinished:
		s.rigUnsettled("no final voucher within " + (StagingWait + SettleWait).String())
	case s.due(s.WaitUntil):
		s.rigEnd(StateExpired, ReasonTimeout, "waited too long in "+string(s.State))
	}
}
