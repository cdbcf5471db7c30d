package treasury

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rerig/rerig/protocol"
)

// The kinds of alarms.
const (
	// AlarmClaimed is about a channel of which more was claimed than its vouchers
	// grant: the journal lacks some, or another program uses the same key.
	AlarmClaimed = "claimed_above_vouchers"
	// AlarmFunded is about a channel that holds less than the chain showed before: a
	// reorganisation took money out of it, or an RPC endpoint lied.
	AlarmFunded = "funded_below_record"
)

// Alarm is a disagreement between journal and chain (SPEC §8.5).
type Alarm struct {
	Channel  protocol.Hash `json:"channel"`
	Incoming bool          `json:"incoming"`
	Kind     string        `json:"kind"`
	Detail   string        `json:"detail"`
}

// Error is the alarm in words, with what it stops.
func (a *Alarm) Error() string {
	stopped := "no channel is funded"
	switch {
	case a.Incoming && a.Kind == AlarmClaimed:
		stopped = "no new job is taken through it"
	case a.Incoming:
		stopped = "no new job is taken"
	}
	return fmt.Sprintf("channel %s: %s: %s; %s until the chain agrees, the channel ends, or this node is started again",
		a.Channel, a.Kind, a.Detail, stopped)
}

// expectation is what the chain must show of a channel for its alarms to end.
type expectation struct {
	epoch   uint32
	funded  protocol.Amount // at least; zero is anything
	claimed bool            // at most what the vouchers grant
	granted protocol.Amount // as the book had it before it took the chain's word
}

// alarms are the alarms that stand. They end with the node: who starts it again has
// been told.
type alarms struct {
	mu       sync.Mutex // guards what follows; at most one entry a channel
	expected map[protocol.Hash]expectation
	standing map[protocol.Hash]*Alarm
}

// check holds a chain state against the book and returns the alarm that is new, or
// nil.
func (a *alarms) check(id protocol.Hash, c side, st protocol.ChannelState) *Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, known := a.expected[id]
	if !known || e.epoch != st.Epoch {
		e = expectation{epoch: st.Epoch}
	}
	if c.state.Epoch == st.Epoch {
		if st.Funded.Less(c.state.Funded) && e.funded.Less(c.state.Funded) {
			e.funded = c.state.Funded
		}
		if granted := larger(c.granted, c.state.Claimed); granted.Less(st.Claimed) {
			e.claimed, e.granted = true, granted
		}
	}
	alarm := e.judge(id, c, st)
	if alarm == nil {
		delete(a.expected, id)
		delete(a.standing, id)
		return nil
	}
	if a.standing == nil {
		a.expected, a.standing = map[protocol.Hash]expectation{}, map[protocol.Hash]*Alarm{}
	}
	a.expected[id] = e
	was := a.standing[id]
	if a.standing[id] = alarm; was != nil && was.Kind == alarm.Kind {
		return nil
	}
	return alarm
}

func (e expectation) judge(id protocol.Hash, c side, st protocol.ChannelState) *Alarm {
	alarm := &Alarm{Channel: id, Incoming: c.role == protocol.RoleRig}
	switch {
	case e.claimed && e.granted.Less(st.Claimed):
		alarm.Kind = AlarmClaimed
		alarm.Detail = fmt.Sprintf("%s base units are claimed on the chain, the vouchers in the journal grant %s", st.Claimed, e.granted)
	case st.Funded.Less(e.funded):
		alarm.Kind = AlarmFunded
		alarm.Detail = fmt.Sprintf("it holds %s base units on the chain, it held %s", st.Funded, e.funded)
	default:
		return nil
	}
	return alarm
}

// any reports whether an alarm stands.
func (a *alarms) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.standing) > 0
}

// selling is the alarm for which no new job is taken through a channel, or with the
// zero hash through any; nil where there is none. What was claimed above the
// vouchers stops only its own channel: any payer can cash a voucher that it never
// sent, and must not stop a rig with it.
func (a *alarms) selling(channel protocol.Hash) error {
	for _, alarm := range a.list() {
		if alarm.Incoming && (alarm.Kind == AlarmFunded || alarm.Channel == channel) {
			return &alarm
		}
	}
	return nil
}

// buying is the alarm for which no job is bought; nil where there is none.
func (a *alarms) buying() error {
	for _, alarm := range a.list() {
		if !alarm.Incoming {
			return &alarm
		}
	}
	return nil
}

// list is the alarms that stand, by channel.
func (a *alarms) list() []Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Alarm, 0, len(a.standing))
	for _, id := range slices.SortedFunc(maps.Keys(a.standing), func(x, y protocol.Hash) int { return slices.Compare(x[:], y[:]) }) {
		list = append(list, *a.standing[id])
	}
	return list
}
