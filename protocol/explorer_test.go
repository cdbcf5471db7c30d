package protocol

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
	"time"
)

// The explorer walks every order in which an honest pair's messages, own events,
// timeouts and faults can happen, from the quote to the last state, and checks
// after every step what SPEC §6.2 and §6.3 promise.

// action is one thing that can happen next.
type action struct {
	name string
	do   func(*pair) []stepped
}

func one(s stepped) []stepped { return []stepped{s} }

// actions lists everything that can happen in p. faults bounds how many of the
// rare things one path may hold, budget units how far the program runs.
func (p *pair) actions(maxFaults uint8, program uint64) (out []action) {
	add := func(ok bool, name string, do func(*pair) []stepped) {
		if ok {
			out = append(out, action{name, do})
		}
	}
	fault := func(ok bool, name string, do func(*pair) []stepped) {
		add(ok && p.faults < maxFaults, name, func(q *pair) []stepped { q.faults++; return do(q) })
	}
	own := func(role Role, ev Event, flag func(*pair) *bool) func(*pair) []stepped {
		return func(q *pair) []stepped { *flag(q) = false; return one(q.step(role, ev)) }
	}
	reqLive, rigLive := !p.req.Ended, p.hired && !p.rig.Ended

	add(p.toReq.n > 0, "deliver to requester", func(q *pair) []stepped { return one(q.deliverReq()) })
	add(p.toRig.n > 0, "deliver to rig", func(q *pair) []stepped { return one(q.deliverRig()) })
	add(p.reqSees && p.toReq.n == 0, "requester sees the stream end", func(q *pair) []stepped {
		q.reqSees = false
		return one(q.step(RoleRequester, PeerGone{}))
	})
	add(p.rigSees && p.toRig.n == 0, "rig sees the stream end", func(q *pair) []stepped {
		q.rigSees = false
		return one(q.step(RoleRig, PeerGone{}))
	})

	funding := func(q *pair) *bool { return &q.funding }
	checking := func(q *pair) *bool { return &q.checking }
	add(p.funding, "channel ready", own(RoleRequester, ChannelReady{}, funding))
	fault(p.funding, "channel failed", own(RoleRequester, ChannelFailed{ReasonChannelOpen, "no gas"}, funding))
	add(p.checking, "outputs good", own(RoleRequester, Checked{OK: true}, checking))
	fault(p.checking, "outputs bad", own(RoleRequester, Checked{Detail: "missing"}, checking))

	lookup := func(q *pair) *bool { return &q.lookup }
	waiting := func(q *pair) *bool { return &q.waiting }
	staging := func(q *pair) *bool { return &q.staging }
	add(p.lookup, "funding seen", own(RoleRig, FundingSeen{p.agreement.MaxTotal}, lookup))
	fault(p.lookup, "underfunded", own(RoleRig, FundingSeen{}, lookup))
	fault(p.lookup, "funding refused", own(RoleRig, FundingRefused{ReasonChannelClose, "closing"}, lookup))
	add(p.waiting, "slot free", own(RoleRig, SlotFree{}, waiting))
	add(p.staging, "staged", own(RoleRig, Staged{}, staging))
	fault(p.staging, "stage failed", own(RoleRig, StageFailed{ReasonStaging, "no such block"}, staging))

	runs := p.sandbox && !p.paused && !p.killed
	add(runs && p.done < program, "one unit", func(q *pair) []stepped { return one(q.measure(q.done + 1)) })
	add(runs && p.done+2 <= program, "two units", func(q *pair) []stepped { return one(q.measure(q.done + 2)) })
	add(runs, "program exits", func(q *pair) []stepped { return one(q.exit(7, ReasonNone, "")) })
	fault(runs, "program traps", func(q *pair) []stepped { return one(q.exit(1, ReasonTrap, "unreachable")) })
	fault(runs, "sandbox breaks", func(q *pair) []stepped { return one(q.exit(1, ReasonRigError, "no memory")) })
	add(p.sandbox && p.killed, "sandbox killed", func(q *pair) []stepped { return one(q.exit(137, ReasonNone, "")) })

	fault(reqLive && !p.userStopped, "user stops", func(q *pair) []stepped {
		q.userStopped = true
		return one(q.step(RoleRequester, StopAsked{ReasonStopped}))
	})
	fault(rigLive && !p.minerStopped, "miner stops", func(q *pair) []stepped {
		q.minerStopped = true
		return one(q.step(RoleRig, StopAsked{ReasonDraining}))
	})
	fault(!p.broken, "stream breaks", func(q *pair) []stepped { q.cut(); return nil })
	fault(reqLive, "requester restarts", func(q *pair) []stepped { q.restart(RoleRequester); return nil })
	fault(rigLive, "rig restarts", func(q *pair) []stepped { q.restart(RoleRig); return nil })
	_, pays := p.toRig.msgs[0].(PaymentIn)
	fault(pays && p.toRig.n > 0, "voucher withheld", func(q *pair) []stepped { q.toRig.pop(); q.dropped++; return nil })

	quiet := p.toReq.n == 0 && p.toRig.n == 0 && !p.broken
	fault(rigLive && quiet && p.heartbeats < 2, "heartbeat", func(q *pair) []stepped {
		q.heartbeats++
		q.sendReq(StatusIn{State: q.rig.State})
		return nil
	})
	if at := p.nextTimeout(); at > 0 {
		fault(true, "time runs out", func(q *pair) []stepped { return q.tick(max(at, q.now)) })
	}
	if at := p.rig.NextTimeout(); rigLive && quiet && !at.IsZero() && reqLive && p.req.State == p.rig.State {
		fault(true, "time runs out for the rig, with heartbeats", func(q *pair) []stepped {
			q.now = millis(at)
			return append(one(q.step(RoleRequester, StatusIn{State: q.rig.State})), q.tick(q.now)...)
		})
	}
	return out
}

// key is p with its times relative to now, so that the same situation at another
// hour is the same state.
func (p pair) key(seed maphash.Seed) uint64 {
	for _, j := range []*Job{&p.req, &p.rig} {
		for _, t := range []*uint64{&j.WaitUntil, &j.RunUntil, &j.PayUntil} {
			if *t != 0 {
				*t -= p.now - 1
			}
		}
		j.Started = 0
	}
	p.now = 0
	return maphash.Comparable(seed, p)
}

// explorer is a depth-first walk; a state met again on the own path is a run
// that never ends.
type explorer struct {
	t         *testing.T
	seed      maphash.Seed
	maxFaults uint8
	program   uint64
	tickCost  Amount
	color     map[uint64]bool // true: on the path
	path      []string
	ends      map[string]int
	steps     int
}

func (x *explorer) walk(p *pair) {
	key := p.key(x.seed)
	if onPath, seen := x.color[key]; seen {
		if onPath {
			x.fail(p, "the same state comes back: this run need not end")
		}
		return
	}
	x.color[key] = true
	actions := p.actions(x.maxFaults, x.program)
	if x.last(p) {
		x.checkEnd(p)
		x.ends[fmt.Sprintf("%s/%s %s/%s", p.req.State, p.req.Reason, p.rig.State, p.rig.Reason)]++
	} else if !x.progress(p) {
		x.fail(p, "nothing more happens, but the job has not ended")
	}
	for _, a := range actions {
		q := *p
		x.path = append(x.path, a.name)
		for _, s := range a.do(&q) {
			x.steps++
			x.checkStep(&q, s)
		}
		x.checkState(&q)
		x.walk(&q)
		x.path = x.path[:len(x.path)-1]
	}
	x.color[key] = false
}

// last reports that both machines ended and nobody still has to hear of it.
func (x *explorer) last(p *pair) bool {
	return p.req.Ended && (!p.hired || p.rig.Ended) && p.toRig.n == 0
}

// progress reports that the pair goes on by itself: something is under way, or a
// timeout runs. The user's and the miner's will and faults do not count.
func (x *explorer) progress(p *pair) bool {
	return p.nextTimeout() > 0 || p.toReq.n > 0 || p.toRig.n > 0 || p.reqSees || p.rigSees || p.sandbox && !p.paused || p.killed
}

func (x *explorer) fail(p *pair, format string, args ...any) {
	x.t.Helper()
	x.t.Fatalf("%s\nafter:\n  %s\nrequester %+v\nrig %+v", fmt.Sprintf(format, args...), strings.Join(x.path, "\n  "), p.req, p.rig)
}

// checkStep holds the order of effects (SPEC §6.6) and that no honest peer's
// message is ever refused.
func (x *explorer) checkStep(p *pair, s stepped) {
	if s.err != nil && fromPeer(s.event) && !s.before.Ended {
		x.fail(p, "an honest peer's message was refused by the %s: %v", s.role, s.err)
	}
	if s.err != nil && (s.after != s.before || s.effects != nil) {
		x.fail(p, "a refused event changed something")
	}
	saved, released := false, false
	for _, e := range s.effects {
		if released {
			x.fail(p, "%s comes after release", e.effect())
		}
		switch e.(type) {
		case Save:
			saved = true
		case Release:
			released = true
		case SendAccept, SendResult, SendSettled:
			if !saved {
				x.fail(p, "%s comes before save", e.effect())
			}
		case SendVoucher:
			if !saved && s.after.State != StateRunning { // a tick's is journaled by the effect itself
				x.fail(p, "the final voucher comes before save")
			}
		case FreeSlot:
			if p.sandbox {
				x.fail(p, "the slot is freed while the sandbox lives")
			}
		}
	}
	if s.after.Ended && s.event != nil && s.err == nil && (!saved || !released) {
		x.fail(p, "the %s ended without save and release", s.role)
	}
}

func fromPeer(ev Event) bool {
	switch ev.(type) {
	case StatusIn, ReceiptIn, ResultIn, SettledIn, PaymentIn, StopIn, acceptIn:
		return true
	}
	return false
}

// checkState holds what is true of the money at every moment.
func (x *explorer) checkState(p *pair) {
	if p.agreement.MaxTotal.Less(p.req.Paid) || p.agreement.MaxTotal.Less(p.rig.Due) {
		x.fail(p, "more than the budget")
	}
	if p.req.Due.Less(p.req.Paid) || p.rig.Due.Less(p.req.Due) {
		x.fail(p, "the requester paid for work without a receipt")
	}
	if p.req.Paid.Less(p.rig.Paid) {
		x.fail(p, "the rig holds more than was sent")
	}
	if x.tickCost.Less(p.rig.Due.Minus(p.rig.Paid)) {
		x.fail(p, "more than one tick is unpaid")
	}
	worked, err := p.agreement.Price.Cost(p.done)
	if err != nil {
		x.fail(p, "%v", err)
	}
	overshoot, _ := p.agreement.Price.Cost(p.agreement.TickUnits + 1)
	if p.sandbox && overshoot.Less(worked.Minus(p.rig.Paid)) {
		x.fail(p, "the rig works more than a tick and one measurement ahead of its pay")
	}
	if p.freed > p.enqueued || p.reqReleased > 1 || p.rigReleased > 1 || p.enqueued > 1 {
		x.fail(p, "freed or released twice")
	}
}

// checkEnd holds what is true once both sides have ended.
func (x *explorer) checkEnd(p *pair) {
	if p.hired && x.tickCost.Less(p.rig.Due.Minus(p.req.Paid)) {
		x.fail(p, "the sides are more than one tick apart")
	}
	if !p.reqRestarted && p.reqReleased != 1 || p.hired && !p.rigRestarted && (p.rigReleased != 1 || p.freed != p.enqueued) {
		x.fail(p, "released %d and %d times, %d slots of %d freed", p.reqReleased, p.rigReleased, p.freed, p.enqueued)
	}
	if p.sandbox {
		x.fail(p, "the sandbox outlives its job")
	}
	if p.req.State == StateSettled && p.rig.State != StateSettled {
		x.fail(p, "settled for the requester only")
	}
	if p.faults == 0 && (p.req.State != StateSettled || p.rig.State != StateSettled) {
		x.fail(p, "a job without a fault did not settle")
	}
	if p.rig.Reason == ReasonUnpaid && p.rig.State == StateFailed && p.rig.Ending == ReasonNone && !p.rig.Paid.Less(p.rig.Due) {
		x.fail(p, "unpaid, although everything is paid")
	}
	if p.req.State == StateFailed && p.req.Reason == ReasonNone || p.rig.State == StateFailed && p.rig.Reason == ReasonNone {
		x.fail(p, "failed without a reason")
	}
}

func TestLifecycleExplorer(t *testing.T) {
	faults := uint8(3)
	if testing.Short() {
		faults = 2
	}
	for _, c := range []struct {
		name  string
		price uint64 // per million units
		max   uint64 // base units
	}{
		{"a fraction per unit", 1_500_000, 8}, // buys 5 units
		{"one base unit for all", 1, 1},
		{"free", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := exampleAgreement()
			a.Price, a.TickUnits, a.MaxTotal = Price{UnitTokenOut, NewAmount(c.price)}, 2, NewAmount(c.max)
			if err := a.Check(); err != nil {
				t.Fatal(err)
			}
			tickCost, err := a.Price.Cost(a.TickUnits)
			if err != nil {
				t.Fatal(err)
			}
			x := &explorer{t: t, seed: maphash.MakeSeed(), maxFaults: faults, program: 6, tickCost: tickCost,
				color: map[uint64]bool{}, ends: map[string]int{}}
			p, first := pairWith(a, time.Minute, 1)
			x.checkStep(p, first)
			x.walk(p)
			if x.ends["settled/ settled/"] == 0 || len(x.ends) < 10 {
				t.Errorf("the walk reached only %v", x.ends)
			}
			t.Logf("%d states, %d steps, %d kinds of end", len(x.color), x.steps, len(x.ends))
			for end, n := range x.ends {
				t.Logf("%6d × %s", n, end)
			}
		})
	}
}
