package protocol

import (
	"fmt"
	"time"
)

// pair is the two machines of one job, the stream between them and what their
// drivers have under way, without any of the real parts. It is a value that
// compares with ==, so that the explorer can branch on it and remember it.
type pair struct {
	now          uint64
	agreement    Agreement
	run          uint64 // run limit, ms
	cpus         uint16
	req, rig     Job
	hired        bool  // the accept arrived: rig is there
	toReq, toRig queue // in flight
	broken       bool  // the stream is gone: what is sent is lost
	reqSees      bool  // the requester still has to notice that
	rigSees      bool

	// What the drivers owe the machines.
	funding, checking           bool
	lookup, waiting, staging    bool
	sandbox, paused, killed     bool
	done                        uint64 // units the sandbox used
	enqueued, freed             uint8
	reqReleased, rigReleased    uint8
	reqRestarted, rigRestarted  bool
	userStopped, minerStopped   bool
	faults, heartbeats, dropped uint8
}

// queue is one direction of the stream.
type queue struct {
	msgs [12]Event
	n    uint8
}

func (q *queue) push(e Event) {
	if int(q.n) == len(q.msgs) {
		panic("more messages in flight than an honest pair can have")
	}
	q.msgs[q.n] = e
	q.n++
}

func (q *queue) pop() Event {
	e := q.msgs[0]
	copy(q.msgs[:], q.msgs[1:])
	q.n--
	q.msgs[q.n] = nil
	return e
}

// acceptIn is the accept on the wire; it makes the rig's machine.
type acceptIn struct{}

func (acceptIn) name() string { return "accept-in" }

// stepped is what one event did, for the trace and the invariants.
type stepped struct {
	role          Role
	event         Event
	before, after Job
	effects       []Effect
	err           error
}

// pairWith begins a job in the requester's hands.
func pairWith(a Agreement, run time.Duration, cpus uint16) (*pair, stepped) {
	p := &pair{now: a.QuotedAt, agreement: a, run: uint64(run.Milliseconds()), cpus: cpus}
	var effects []Effect
	p.req, effects = NewJob(RoleRequester, &a, p.spec(), p.time())
	s := stepped{role: RoleRequester, after: p.req, effects: effects}
	p.perform(s)
	return p, s
}

func (p *pair) time() time.Time { return time.UnixMilli(int64(p.now)) }

func (p *pair) spec() *JobSpec {
	return &JobSpec{Resources: Resources{CPUs: p.cpus}, Limits: Limits{RunMillis: p.run}}
}

// step gives one side an event, as its driver would, and performs the effects.
func (p *pair) step(role Role, ev Event) stepped {
	j := &p.rig
	if role == RoleRequester {
		j = &p.req
	}
	s := stepped{role: role, event: ev, before: *j}
	if _, ok := ev.(acceptIn); ok {
		p.hired = true
		p.rig, s.effects = NewJob(RoleRig, &p.agreement, p.spec(), p.time())
	} else {
		*j, s.effects, s.err = j.Step(ev, p.time())
	}
	s.after = *j
	p.perform(s)
	return s
}

func (p *pair) perform(s stepped) {
	for _, e := range s.effects {
		if s.role == RoleRig {
			p.performRig(e)
		} else {
			p.performReq(e)
		}
	}
}

func (p *pair) performRig(e Effect) {
	switch e := e.(type) {
	case CheckFunding:
		p.lookup = true
	case Enqueue:
		p.enqueued++
		p.waiting = true
	case Stage:
		p.staging = true
	case Start:
		p.sandbox = true
	case Pause:
		p.paused = true
	case Resume:
		p.paused = false
	case Kill:
		p.killed = true
	case FreeSlot:
		p.freed++
		p.waiting, p.staging = false, false
	case SendStatus:
		p.sendReq(StatusIn(e))
	case SendReceipt:
		p.sendReq(ReceiptIn{e.Receipt, e.Receipt.Output})
	case SendResult:
		p.sendReq(ResultIn{e.Receipt, e.Receipt.Output, e.Reason, e.Detail})
	case SendSettled:
		p.sendReq(SettledIn{})
	case Release:
		p.rigReleased++
		p.lookup = false
		p.hangUp(&p.toRig, &p.rigSees, &p.reqSees)
	}
}

func (p *pair) performReq(e Effect) {
	switch e := e.(type) {
	case Fund:
		p.funding = true
	case SendAccept:
		p.sendRig(acceptIn{})
	case SendVoucher:
		p.sendRig(PaymentIn(e))
	case SendStop:
		p.sendRig(StopIn(e))
	case CheckResult:
		p.checking = true
	case Release:
		p.reqReleased++
		p.funding, p.checking = false, false
		p.hangUp(&p.toReq, &p.reqSees, &p.rigSees)
	}
}

func (p *pair) sendReq(e Event) {
	if !p.broken && p.reqReleased == 0 {
		p.toReq.push(e)
	}
}

func (p *pair) sendRig(e Event) {
	if !p.broken && p.rigReleased == 0 {
		p.toRig.push(e)
	}
}

// hangUp closes a stream from one side: what it sent still arrives, what was sent
// to it does not, and the other side notices after the last message.
func (p *pair) hangUp(mine *queue, iSee, theySee *bool) {
	*mine, *iSee = queue{}, false
	if !p.broken {
		p.broken, *theySee = true, true
	}
}

// cut breaks the stream; what was in flight is lost.
func (p *pair) cut() {
	p.toReq, p.toRig = queue{}, queue{}
	p.broken, p.reqSees, p.rigSees = true, !p.req.Ended, p.hired && !p.rig.Ended
}

// restart is one node's process ending and starting again.
func (p *pair) restart(role Role) {
	if role == RoleRig {
		p.rig, p.rigRestarted = p.rig.Restarted(), true
		p.lookup, p.waiting, p.staging, p.sandbox = false, false, false, false
	} else {
		p.req, p.reqRestarted = p.req.Restarted(), true
		p.funding, p.checking = false, false
	}
	p.cut()
	if role == RoleRig {
		p.rigSees = false
	} else {
		p.reqSees = false
	}
}

func (p *pair) deliverReq() stepped { return p.step(RoleRequester, p.toReq.pop()) }

func (p *pair) deliverRig() stepped { return p.step(RoleRig, p.toRig.pop()) }

// measure lets the sandbox use units and tells the rig.
func (p *pair) measure(units uint64) stepped {
	p.done = units
	return p.step(RoleRig, Measured{units, outputAt(units)})
}

func (p *pair) exit(code uint32, r Reason, detail string) stepped {
	p.sandbox = false
	return p.step(RoleRig, Exited{p.done, outputAt(p.done), code, r, detail})
}

func outputAt(units uint64) Hash { return testHash(fmt.Sprint("output at ", units)) }

// tick lets time pass to at and gives a Tick to whoever has a timeout due.
func (p *pair) tick(at uint64) (out []stepped) {
	p.now = at
	if t := p.req.NextTimeout(); !t.IsZero() && millis(t) <= at {
		out = append(out, p.step(RoleRequester, Tick{}))
	}
	if t := p.rig.NextTimeout(); p.hired && !t.IsZero() && millis(t) <= at {
		out = append(out, p.step(RoleRig, Tick{}))
	}
	return out
}

// nextTimeout is the earlier one of both sides; 0 is none.
func (p *pair) nextTimeout() uint64 {
	var at uint64
	for _, j := range []Job{p.req, p.rig} {
		if t := j.NextTimeout(); !t.IsZero() && (at == 0 || millis(t) < at) {
			at = millis(t)
		}
	}
	return at
}
