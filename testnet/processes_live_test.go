//go:build unix

package testnet_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// What the commands do when the market, the chain, the money or the user say no:
// their exit codes, their words, and what was paid by then.
func TestCommands(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"chain away", chainAway},
		{"exit codes", exitCodes},
		{"no rig fits", noRigFits},
		{"slots", threeJobsOnTwoSlots},
		{"rig told to end", rigToldToEnd},
		{"job interrupted", jobInterrupted},
		{"two runs in one directory", twoRunsInOneDirectory},
		{"node told to end", nodeToldToEnd},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// node starts a node that only buys, for several runs at once or one after another.
func (s *scene) buyer(name string) *member {
	s.t.Helper()
	m := s.requester(name)
	s.serve(m, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	return m
}

// says fails when a command has not told this.
func (c *command) says(words ...string) {
	c.s.t.Helper()
	for _, w := range words {
		if !strings.Contains(c.log.String(), w) {
			c.s.t.Errorf("%s of %s does not say %q:\n%s", c.what, c.member, w, c.log)
		}
	}
}

// online waits until a node sees the chain, or does not.
func (s *scene) online(m *member, want bool) {
	s.t.Helper()
	api := s.api(m)
	s.until("the chain is there, or not", func() (bool, error) {
		info, err := api.Info(s.ctx)
		return err == nil && info.Chain.Online == want, err
	})
}

// chainAway: an open channel is served, none is opened, a rig may start, and all
// goes on when the chain is back.
func chainAway(s *scene) {
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.buyer("bob")
	only := func(rig *member, text string) *command {
		return s.run(bob, "--rig", rig.key.Address().String(), "--", "print", text)
	}
	s.up(alice)
	s.onMarket(alice)
	only(alice, "before").exits(0)
	dave := s.requester("dave")
	s.run(dave, "--", "print", "before").exits(0)
	s.net.Chain.Pause()
	s.online(bob, false)
	s.online(alice, false)
	late := s.up(carol)
	s.onMarket(alice, carol)
	only(alice, "during").exits(0)
	c := only(carol, "during")
	c.exits(125)
	c.says("channel_open")
	s.run(dave, "--", "print", "during").exits(0) // by a node that starts now
	c = s.start(alice, "wallet", "collect")
	c.exits(1)
	c.says("chain")
	s.must(s.net.Chain.Resume())
	for _, m := range []*member{alice, carol, bob} {
		s.online(m, true)
	}
	only(carol, "after").exits(0)
	s.collect(alice, bob)
	s.same("collected by alice", s.has(alice), s.earned(alice))
	s.same("collected by carol", s.collect(carol, bob), s.earned(carol))
	late.finish(syscall.SIGTERM, 0)
}

// earned is the sum of what a rig was paid for its jobs, by its journal.
func (s *scene) earned(rig *member) (sum protocol.Amount) {
	s.t.Helper()
	jobs, err := s.api(rig).Jobs(s.ctx)
	s.must(err)
	for _, rec := range jobs {
		sum, err = sum.Add(rec.Job.Paid)
		s.must(err)
	}
	return sum
}

// exitCodes: the job's own, or those of SPEC §8.3 for what ended it, and what each
// has cost.
func exitCodes(s *scene) {
	alice, bob := s.rig("alice"), s.buyer("bob")
	s.up(alice)
	s.onMarket(alice)
	for _, one := range []struct {
		code   int
		line   []string
		reason protocol.Reason
		paid   uint64 // base units; 0 is the cost of the units
	}{
		{7, []string{"--", "exit", "7"}, protocol.ReasonNone, 0},
		{255, []string{"--", "exit", "255"}, protocol.ReasonNone, 0},
		{124, []string{"--timeout", "300ms", "--", "loop"}, protocol.ReasonDeadline, 0},
		{123, []string{"--budget", "0.0025", "--", "loop"}, protocol.ReasonBudget, 2500},
		{134, []string{"--", "trap"}, protocol.ReasonTrap, 0},
		{137, []string{"--memory", "64", "--", "grow"}, protocol.ReasonMemory, 0},
		{153, []string{"--", "flood"}, protocol.ReasonStdout, 0},
	} {
		c := s.run(bob, one.line...)
		c.exits(one.code)
		s.idle(alice)
		j := s.sold(alice).Job
		if j.State != protocol.StateSettled || j.Reason != one.reason {
			s.t.Errorf("%v: %s, %s", one.line, j.State, j.Reason)
		}
		want := protocol.NewAmount(j.Units * sceneRate)
		if one.paid > 0 {
			want = protocol.NewAmount(one.paid)
		}
		s.same(strings.Join(one.line, " "), j.Paid, want)
		c.says(string(one.reason))
	}
	noModule, err := filepath.Abs("testdata/hello.txt")
	s.must(err)
	c := s.start(bob, "run", noModule)
	c.exits(126)
	c.says("bad_module")
	s.idle(alice)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// noRigFits: nothing is spent, and the reasons are there.
func noRigFits(s *scene) {
	alice, bob := s.rig("alice"), s.buyer("bob")
	s.up(alice, "--memory", "256")
	s.onMarket(alice)
	before := s.has(bob)
	for _, one := range []struct {
		line  []string
		words []string
	}{
		{[]string{"--max-price", "35.9/h"}, []string{"price", "1×"}},
		{[]string{"--region", "moon"}, []string{"region", "1×"}},
		{[]string{"--memory", "300"}, []string{"resources", "256", "300"}},
		{[]string{"--budget", "0.000001"}, []string{"over_budget"}},
		{[]string{"--rig", bob.key.Address().String()}, []string{"no rig"}},
	} {
		c := s.run(bob, append(one.line, "--", "print", "x")...)
		c.exits(125)
		c.says(one.words...)
		if c.out.String() != "" {
			s.t.Errorf("%v: output %q", one.line, c.out)
		}
	}
	s.same("after nothing was bought", s.has(bob), before)
	dora := s.requester("dora") // her node ends with the command
	s.run(dora, "--region", "moon", "--name", "far", "--", "print", "x").exits(125)
	var list struct{ Runs []node.RunStatus }
	s.ask(dora, &list, "ps", "-a")
	if len(list.Runs) != 1 || list.Runs[0].State != protocol.StateFailed || list.Runs[0].Reason != protocol.ReasonNoOffers ||
		list.Runs[0].Name != "far" || !strings.Contains(list.Runs[0].Detail, "1× region") {
		s.t.Errorf("afterwards ps shows %+v", list.Runs)
	}
	s.start(dora, "inspect", list.Runs[0].ID.String()[:12]).exits(0)
	c := s.run(s.member("poor", 0), "--", "print", "x")
	c.exits(125)
	c.says("channel_open", "balance")
	s.run(bob, "--max-price", "36/h", "--", "print", "x").exits(0)
}

// threeJobsOnTwoSlots: the third waits until a slot is free.
func threeJobsOnTwoSlots(s *scene) {
	alice, bob := s.rig("alice"), s.buyer("bob")
	s.up(alice, "--slots", "2")
	s.onMarket(alice)
	first := s.run(bob, "--name", "first", "--", "loop")
	s.state(bob, "first", protocol.StateRunning)
	second := s.run(bob, "--name", "second", "--", "loop")
	s.state(bob, "second", protocol.StateRunning)
	third := s.run(bob, "--name", "third", "--", "print", "third")
	s.state(bob, "third", protocol.StateQueued)
	info, err := s.api(alice).Info(s.ctx)
	s.must(err)
	if info.Rig.FreeSlots != 0 || info.Rig.Active != 3 {
		s.t.Errorf("%d slots free, %d jobs", info.Rig.FreeSlots, info.Rig.Active)
	}
	first.finish(os.Interrupt, 130)
	third.exits(0)
	if third.out.String() != "third\n" {
		s.t.Errorf("output %q", third.out)
	}
	second.finish(os.Interrupt, 130)
	s.idle(alice)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// state waits until a run is in a state.
func (s *scene) state(m *member, name string, want protocol.State) {
	s.t.Helper()
	api := s.api(m)
	s.until(name+" is "+string(want), func() (bool, error) {
		runs, err := api.Runs(s.ctx)
		for i := range runs {
			if runs[i].Name == name {
				return runs[i].State == want, err
			}
		}
		return false, err
	})
}

// rigToldToEnd: a rig that is asked to end bills what was done and leaves; its
// requester has another do the job.
func rigToldToEnd(s *scene) {
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.requester("bob")
	rig := s.up(alice)
	s.up(carol, "--price", "72/h")
	s.onMarket(alice, carol)
	c := s.run(bob, "--", "count", "40", "20")
	s.ticks(bob, 2)
	rig.finish(syscall.SIGTERM, 0)
	c.exits(0)
	if c.out.String() != counted(40) {
		s.t.Errorf("output %q", c.out)
	}
	first := s.bought(bob)[0].Job
	if first.State != protocol.StateSettled || first.Reason != protocol.ReasonDraining {
		s.t.Errorf("the first attempt is %s, %s", first.State, first.Reason)
	}
	s.same("paid for it", first.Paid, protocol.NewAmount(first.Units*sceneRate))
	s.start(alice, "wallet", "collect").exits(0)
	s.same("collected", s.channel(bob, alice).Claimed, first.Paid)
}

// jobInterrupted: Ctrl-C ends the job, and what was done by then is paid for.
func jobInterrupted(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 2)
	c.finish(os.Interrupt, 130)
	c.says("stopped")
	s.idle(alice)
	j := s.sold(alice).Job
	if j.State != protocol.StateSettled || j.Reason != protocol.ReasonStopped || j.Units < 2*sceneTick {
		s.t.Errorf("on the rig the job is %s, %s, after %d units", j.State, j.Reason, j.Units)
	}
	s.same("paid", j.Paid, protocol.NewAmount(j.Units*sceneRate))
	s.same("promised", s.bought(bob)[0].Job.Paid, j.Paid)
	s.same("collected", s.collect(alice, bob), j.Paid)
}

// twoRunsInOneDirectory: the first command has started the node that the second
// uses, and ends first.
func twoRunsInOneDirectory(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice, "--slots", "2")
	s.onMarket(alice)
	first := s.run(bob, "--name", "first", "--", "loop")
	s.state(bob, "first", protocol.StateRunning)
	second := s.run(bob, "--name", "second", "--", "count", "20", "20")
	s.state(bob, "second", protocol.StateRunning)
	first.signal(os.Interrupt)
	first.exits(130)
	second.exits(0)
	if second.out.String() != counted(20) {
		s.t.Errorf("output %q", second.out)
	}
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// nodeToldToEnd: who follows a run through a node that is asked to end hears how the
// run ended.
func nodeToldToEnd(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	s.onMarket(alice)
	bobs := s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.listed(bob, alice)
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 1)
	bobs.finish(syscall.SIGTERM, 0)
	c.exits(130)
	s.idle(alice)
	j := s.sold(alice).Job
	if j.State != protocol.StateSettled || j.Reason != protocol.ReasonStopped {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	s.same("paid", j.Paid, protocol.NewAmount(j.Units*sceneRate))
	s.same("collected", s.collect(alice, bob), j.Paid)
}
