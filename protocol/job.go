package protocol

import (
	"fmt"
	"time"
)

// The job lifecycle (SPEC §6) as one pure function: Step takes an event and the
// time and returns the new state and the effects its driver must perform, in
// order. Both sides use it; jobrig.go and jobrequester.go hold their halves.
//
//	quoted → agreed → funded → queued → staging → running → finished → verified → settled
//	   │        │        │        │         │         │         │          │
//	   └────────┴────────┴────────┴─────────┴─────────┴─────────┴──────────┴→ rejected, failed,
//	                                                            cancelled, expired, disputed

// Role says which side of the job this machine is.
type Role string

// Roles.
const (
	RoleRequester Role = "requester"
	RoleRig       Role = "rig"
)

// State is a state of the lifecycle (SPEC §6.1).
type State string

// States.
const (
	StateQuoted    State = "quoted"
	StateAgreed    State = "agreed"
	StateFunded    State = "funded"
	StateQueued    State = "queued"
	StateStaging   State = "staging"
	StateRunning   State = "running"
	StateFinished  State = "finished"
	StateVerified  State = "verified"
	StateSettled   State = "settled"
	StateRejected  State = "rejected"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled"
	StateExpired   State = "expired"
	StateDisputed  State = "disputed"
)

// rank orders the states a job passes through; ends have none.
var rank = map[State]int{StateQuoted: 1, StateAgreed: 2, StateFunded: 3, StateQueued: 4, StateStaging: 5,
	StateRunning: 6, StateFinished: 7, StateVerified: 8, StateSettled: 9}

// Valid reports whether the state is one of SPEC §6.1.
func (s State) Valid() bool {
	switch s {
	case StateRejected, StateFailed, StateCancelled, StateExpired, StateDisputed:
		return true
	}
	return rank[s] > 0
}

// Job is one side's view of a job: a value, so that a step can be tried and
// thrown away, and stored as it is. Times are unix milliseconds; 0 is "not set".
type Job struct {
	ID        Hash   `cbor:"1,keyasint" json:"id"`
	Role      Role   `cbor:"2,keyasint" json:"role"`
	State     State  `cbor:"3,keyasint" json:"state"`
	Ended     bool   `cbor:"4,keyasint" json:"ended"`            // no event changes it any more
	Reason    Reason `cbor:"5,keyasint" json:"reason,omitempty"` // why it ended otherwise than by exiting
	Detail    string `cbor:"6,keyasint" json:"detail,omitempty"` // the same for people
	ExitCode  uint32 `cbor:"7,keyasint" json:"exit_code"`        // of the program, once finished
	Domain    Domain `cbor:"8,keyasint" json:"-"`
	Price     Price  `cbor:"9,keyasint" json:"price"`
	TickUnits uint64 `cbor:"10,keyasint" json:"tick_units"`
	MaxTotal  Amount `cbor:"11,keyasint" json:"max_total"`
	CPUs      uint16 `cbor:"12,keyasint" json:"cpus"` // whose time is sold: cards where it is theirs
	RunMillis uint64 `cbor:"13,keyasint" json:"run_ms"`
	Seq       uint64 `cbor:"14,keyasint" json:"seq"`     // last receipt's number
	Prev      Hash   `cbor:"15,keyasint" json:"prev"`    // last receipt's digest
	Units     uint64 `cbor:"16,keyasint" json:"units"`   // in the last receipt
	Due       Amount `cbor:"17,keyasint" json:"due"`     // cost of Units
	Paid      Amount `cbor:"18,keyasint" json:"paid"`    // by vouchers: received or sent
	Paused    bool   `cbor:"19,keyasint" json:"paused"`  // rig: waits for a voucher
	Ending    Reason `cbor:"20,keyasint" json:"ending"`  // the run is being ended for this
	Started   uint64 `cbor:"21,keyasint" json:"started"` // running began (requester: accept sent)
	WaitUntil uint64 `cbor:"22,keyasint" json:"-"`       // this state's timeout
	RunUntil  uint64 `cbor:"23,keyasint" json:"-"`       // rig: the run time limit; requester: the end of its patience
	PayUntil  uint64 `cbor:"24,keyasint" json:"-"`       // rig: the payment grace
	Confirmed bool   `cbor:"25,keyasint" json:"-"`       // requester: Settled came while the outputs were checked
}

// NewJob makes the machine of one side from the agreement. A requester begins in
// quoted, having the rig's signature; a rig begins in agreed, having both.
func NewJob(role Role, a *Agreement, spec *JobSpec, now time.Time) (Job, []Effect) {
	j := Job{ID: a.ID(), Role: role, Domain: a.Domain, Price: a.Price, TickUnits: a.TickUnits,
		MaxTotal: a.MaxTotal, CPUs: spec.Resources.clocks(a.Price.Unit), RunMillis: spec.Limits.RunMillis}
	if role == RoleRequester {
		j.State, j.WaitUntil = StateQuoted, a.AcceptBy
		return j, []Effect{Fund{}}
	}
	j.State, j.WaitUntil = StateAgreed, millis(now)+uint64(FundingWait.Milliseconds())
	return j, []Effect{Save{}, CheckFunding{}}
}

// EventError says that an event cannot happen in the state; the job is unchanged.
// From a peer it is a protocol violation, from the own side merely late.
type EventError struct {
	State State
	Event Event
}

// Error names the event and the state.
func (e *EventError) Error() string {
	return fmt.Sprintf("event %s cannot happen in state %s", e.Event.name(), e.State)
}

// Step applies one event. It never fails half-way: with an EventError the job
// comes back as it was and there is nothing to do.
func (j Job) Step(ev Event, now time.Time) (Job, []Effect, error) {
	if j.Ended {
		return j, nil, &EventError{j.State, ev}
	}
	s := &step{Job: j, now: millis(now)}
	var known bool
	if j.Role == RoleRig {
		known = s.rig(ev)
	} else {
		known = s.requester(ev)
	}
	if !known {
		return j, nil, &EventError{j.State, ev}
	}
	return s.Job, s.effects, nil
}

// NextTimeout is when a Tick event should be given next; zero when no timeout runs.
func (j Job) NextTimeout() (at time.Time) {
	var least uint64
	for _, t := range []uint64{j.WaitUntil, j.RunUntil, j.PayUntil} {
		if t != 0 && (least == 0 || t < least) {
			least = t
		}
	}
	if j.Ended || least == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(least))
}

// step is one application of Step under way.
type step struct {
	Job
	now     uint64
	effects []Effect
}

func (s *step) do(e ...Effect) { s.effects = append(s.effects, e...) }

func (s *step) enter(state State, wait time.Duration) {
	s.State, s.WaitUntil = state, 0
	if wait > 0 {
		s.WaitUntil = s.now + uint64(wait.Milliseconds())
	}
}

// end closes the job for good.
func (s *step) end(state State, r Reason, detail string) {
	s.State, s.Ended = state, true
	s.WaitUntil, s.RunUntil, s.PayUntil, s.Paused = 0, 0, 0, false
	if r != ReasonNone {
		s.Reason, s.Detail = r, ClipDetail(detail)
	}
	s.do(Save{})
}

func (s *step) due(at uint64) bool { return at != 0 && s.now >= at }

func millis(t time.Time) uint64 { return uint64(t.UnixMilli()) }
