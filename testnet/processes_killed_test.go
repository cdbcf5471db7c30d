//go:build unix

package testnet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// Money survives what kills a process (SPEC §6.6): the rigs and requesters here
// are processes of the built binary, and SIGKILL ends them in the middle.
func TestKilledProcesses(t *testing.T) {
	binary := build(t)
	for name, play := range map[string]func(*scene){
		"nobody":       nobodyKilled,
		"rig in a job": rigKilledInJob,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(newScene(t, binary))
		})
	}
}

// counted is what the guest prints for "count N".
func counted(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%04d\n", i)
	}
	return b.String()
}

// nobodyKilled: the happy path, the measure of the others.
func nobodyKilled(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	c := s.run(bob, "--", "count", "20", "10")
	c.exits(0)
	if got := c.out.String(); got != counted(20) {
		s.t.Errorf("output: %q", got)
	}
	rec := s.sold(alice)
	if rec.Job.State != protocol.StateSettled || rec.Job.Units <= sceneTick {
		s.t.Errorf("job %s after %d units", rec.Job.State, rec.Job.Units)
	}
	s.same("paid for the job", rec.Job.Paid, protocol.NewAmount(rec.Job.Units*sceneRate))
	s.same("collected", s.collect(alice, bob), rec.Job.Paid)
}

// rigKilledInJob: the job finishes elsewhere, and its rig collects later what its
// receipts were paid.
func rigKilledInJob(s *scene) {
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.requester("bob")
	victim := s.up(alice)
	s.up(carol, "--price", "72/h")
	s.offers(2)
	c := s.run(bob, "--", "count", "40", "20")
	s.ticks(bob, 2)
	victim.kill()
	c.exits(0)
	if got := c.out.String(); got != counted(40) {
		s.t.Errorf("output: %q", got)
	}
	bought := s.bought(bob)
	if len(bought) != 2 || bought[0].Job.Reason != protocol.ReasonPeerLost && bought[0].Job.Reason != protocol.ReasonSilent {
		s.t.Fatalf("attempts: %+v", bought)
	}
	first := bought[0].Job
	if first.Units == 0 || first.Units%sceneTick != 0 {
		s.t.Errorf("the dead rig's receipts are for %d units, not for whole ticks", first.Units)
	}
	s.same("the dead rig is paid", first.Paid, protocol.NewAmount(first.Units*sceneRate))

	s.up(alice)
	rec := s.sold(alice)
	if rec.Job.State != protocol.StateFailed || rec.Job.Reason != protocol.ReasonRestart {
		s.t.Errorf("after the restart the job is %s, %s", rec.Job.State, rec.Job.Reason)
	}
	got := s.collect(alice, bob)
	s.same("its journal", rec.Job.Paid, got)
	if got.Less(first.Paid) && protocol.NewAmount(tickPrice).Less(first.Paid.Minus(got)) || first.Paid.Less(got) {
		s.t.Errorf("collected %s, was promised %s", got, first.Paid)
	}
	s.same("carol collects", s.collect(carol, bob), bought[1].Job.Paid)
}

// bought are a requester's attempts at its newest run, in order. Its node has ended.
func (s *scene) bought(m *member) (list []protocol.Record) {
	s.t.Helper()
	l, err := readLedger(s.ctx, m)
	s.must(err)
	for _, rec := range l.bought {
		if len(list) > 0 && list[0].Run != rec.Run {
			if rec.Created < list[0].Created {
				continue
			}
			list = nil
		}
		list = append(list, rec)
	}
	slices.SortFunc(list, func(a, b protocol.Record) int { return int(a.Attempt) - int(b.Attempt) })
	return list
}
