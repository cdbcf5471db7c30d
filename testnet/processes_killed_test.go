//go:build unix

package testnet_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// Money survives what kills a process (SPEC §6.6): the rigs and requesters here
// are processes of the built binary, and SIGKILL ends them in the middle.
func TestKilledProcesses(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		killed string
		play   func(*scene)
	}{
		{"rig in a job over QUIC", rigVanishesInJob}, // the longest
		{"requester in a queue over QUIC", requesterVanishesInQueue},
		{"nobody", nobodyKilled},
		{"rig in a job", rigKilledInJob},
		{"rig in a job, default listeners", rigWithDefaultsKilledInJob},
		{"requester in a job", requesterKilledInJob},
		{"both in a job", bothKilledInJob},
		{"requester while it funds", requesterKilledWhileFunding},
		{"requester while it tops up", requesterKilledWhileToppingUp},
		{"rig before it collects", rigKilledBeforeCollecting},
		{"rig while it collects", rigKilledWhileCollecting},
		{"requester that stopped paying", requesterStopsPayingAndDies},
		{"bootstrap node", bootstrapKilled},
	} {
		t.Run(one.killed, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
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
func rigKilledInJob(s *scene) { rigDiesInJob(s) }

// rigWithDefaultsKilledInJob: the same where the rig listens as it does unless told
// otherwise, and is reached over TCP or QUIC.
func rigWithDefaultsKilledInJob(s *scene) {
	s.listen = ""
	rigDiesInJob(s)
}

// rigVanishesInJob: the same where the requester's kernel does not tell it that the
// other end of the connection is gone, and only the probes do (SPEC §6.4).
func rigVanishesInJob(s *scene) {
	s.listen = "/ip4/127.0.0.1/udp/0/quic-v1"
	rigDiesInJob(s)
}

func rigDiesInJob(s *scene) {
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.requester("bob")
	victim := s.up(alice)
	s.up(carol, "--price", "72/h")
	s.onMarket(alice, carol)
	c := s.run(bob, "--", "count", "40", "20")
	s.ticks(bob, 2)
	victim.kill()
	c.exits(0)
	if got := c.out.String(); got != counted(40) {
		s.t.Errorf("output: %q", got)
	}
	bought := s.bought(bob)
	if len(bought) != 2 || bought[0].Job.Reason != protocol.ReasonPeerLost {
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

// requesterKilledInJob: the rig stops by itself, within a tick, and collects what it
// has. The requester finds its run and its channel again.
func requesterKilledInJob(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 2)
	c.kill()
	s.idle(alice)
	rec := s.sold(alice)
	if j := rec.Job; j.State != protocol.StateFailed || j.Reason != protocol.ReasonPeerLost && j.Reason != protocol.ReasonUnpaid {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	s.promised(bob, rec)
	s.same("collected", s.collect(alice, bob), rec.Job.Paid)
	s.nextNeedsNoFunds(bob, alice)
}

// requesterVanishesInQueue: the place that a dead requester's job has in the queue is
// given up, also where the rig's kernel does not tell of it.
func requesterVanishesInQueue(s *scene) {
	s.listen = "/ip4/127.0.0.1/udp/0/quic-v1"
	alice, bob, carol := s.rig("alice"), s.requester("bob"), s.requester("carol")
	s.up(alice)
	s.onMarket(alice)
	busy := s.run(carol, "--", "loop")
	s.ticks(carol, 1)
	c := s.run(bob, "--", "print", "x")
	s.state(bob, "", protocol.StateQueued)
	c.kill()
	api := s.api(alice)
	s.until("the place in the queue is free", func() (bool, error) {
		info, err := api.Info(s.ctx)
		return err == nil && info.Rig.Active == 1, err
	})
	jobs, err := api.Jobs(s.ctx)
	s.must(err)
	for _, rec := range jobs {
		if rec.Job.Ended && (rec.Job.Reason != protocol.ReasonPeerLost || rec.Job.Units != 0) {
			s.t.Errorf("the job that waited is %s, %s", rec.Job.State, rec.Job.Reason)
		}
	}
	busy.finish(os.Interrupt, 130)
	s.idle(alice)
	s.nextNeedsNoFunds(bob, alice)
}

// requesterStopsPayingAndDies: frozen, it holds its connection open and pays no more.
// The rig waits for the payment grace with its sandbox paused, and then no longer;
// it has at most one tick for nothing.
func requesterStopsPayingAndDies(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 2)
	c.signal(syscall.SIGSTOP)
	s.idle(alice)
	c.kill()
	rec := s.sold(alice)
	if j := rec.Job; j.State != protocol.StateFailed || j.Reason != protocol.ReasonUnpaid {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	if free := rec.Job.Due.Minus(rec.Job.Paid); protocol.NewAmount(sceneTick * sceneRate).Less(free) {
		s.t.Errorf("the rig worked for %s without pay, a tick is %d", free, sceneTick*sceneRate)
	}
	s.promised(bob, rec)
	s.same("collected", s.collect(alice, bob), rec.Job.Paid)
	s.nextNeedsNoFunds(bob, alice)
}

// bothKilledInJob: each side has in its journal what it needs to be paid, or to
// know what it paid.
func bothKilledInJob(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	rig := s.up(alice)
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 3)
	rig.signal(syscall.SIGSTOP) // neither sees the other's end
	c.signal(syscall.SIGSTOP)
	rig.kill()
	c.kill()
	s.start(alice, "wallet", "collect").exits(0) // without a node beside it
	paid := s.channel(bob, alice).Claimed
	s.up(alice)
	rec := s.sold(alice)
	if j := rec.Job; j.State != protocol.StateFailed || j.Reason != protocol.ReasonRestart {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	s.same("collected", paid, rec.Job.Paid)
	s.promised(bob, rec)
	s.onMarket(alice)
	s.nextNeedsNoFunds(bob, alice)
}

// requesterKilledWhileFunding: the money that was on its way to the channel is used
// by the next run, which sends no more.
func requesterKilledWhileFunding(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	s.onMarket(alice)
	s.net.Chain.PauseMining()
	c := s.run(bob, "--budget", "0.01", "--", "print", "first")
	s.pending(bob, 1)
	c.kill()
	c = s.run(bob, "--budget", "0.01", "--", "print", "second")
	s.state(bob, "", protocol.StateQuoted)
	s.net.Chain.ResumeMining()
	c.exits(0)
	st := s.channel(bob, alice)
	s.same("in the channel", st.Funded, protocol.NewAmount(4*10_000))
	if n := s.txs(bob); n > 2 { // an approval and a channel
		s.t.Errorf("%d transactions", n)
	}
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// requesterKilledWhileToppingUp: the channel is there and has too little. Neither of
// two runs by those who do not know of the transaction sends another.
func requesterKilledWhileToppingUp(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice, "--slots", "2")
	s.onMarket(alice)
	s.run(bob, "--budget", "0.001", "--", "print", "first").exits(0)
	s.net.Chain.PauseMining()
	for range 2 {
		c := s.run(bob, "--budget", "0.01", "--", "print", "second")
		s.hired(bob, alice)
		s.pending(bob, 1)
		c.kill()
	}
	c := s.run(bob, "--budget", "0.01", "--", "print", "third")
	s.hired(bob, alice)
	s.net.Chain.ResumeMining()
	c.exits(0)
	s.same("in the channel", s.channel(bob, alice).Funded, protocol.NewAmount(4*1_000+4*10_000))
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// hired waits until a requester's newest run has a rig and needs money for it.
func (s *scene) hired(m, rig *member) {
	s.t.Helper()
	api := s.api(m)
	s.until(rig.name+" is hired", func() (bool, error) {
		runs, err := api.Runs(s.ctx)
		return err == nil && len(runs) > 0 && runs[0].Rig == rig.key.Address() && !runs[0].Ended, err
	})
}

// rigKilledBeforeCollecting: between the last voucher and the chain.
func rigKilledBeforeCollecting(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	rig := s.up(alice)
	s.run(bob, "--", "spin", "200").exits(0)
	paid := s.sold(alice).Job.Paid
	rig.kill()
	s.same("claimed so far", s.channel(bob, alice).Claimed, protocol.Amount{})
	s.up(alice)
	s.same("collected", s.collect(alice, bob), paid)
	s.same("in the rig's account", s.has(alice), paid)
	s.same("collected again", s.collect(alice, bob), paid)
	if n := s.txs(alice); n != 1 {
		s.t.Errorf("%d transactions", n)
	}
}

// rigKilledWhileCollecting: the transaction is on its way, and the restarted rig
// neither loses it nor makes a second one.
func rigKilledWhileCollecting(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	rig := s.up(alice)
	s.run(bob, "--", "spin", "200").exits(0)
	paid := s.sold(alice).Job.Paid
	s.net.Chain.PauseMining()
	asks := s.start(alice, "wallet", "collect")
	s.pending(alice, 1)
	rig.kill()
	asks.wait() // with an error: its node is gone
	s.up(alice)
	s.pending(alice, 1)
	asks = s.start(alice, "wallet", "collect") // again, by somebody who does not know
	s.net.Chain.ResumeMining()
	asks.exits(0)
	s.pending(alice, 0)
	s.same("collected", s.collect(alice, bob), paid)
	s.same("in the rig's account", s.has(alice), paid)
	if n := s.txs(alice); n != 1 {
		s.t.Errorf("%d transactions", n)
	}
}

// bootstrapKilled: jobs go on without it, also for a requester that was restarted
// meanwhile, and newcomers find the network when it is back.
func bootstrapKilled(s *scene) {
	hub, alice, bob, dave := s.member("hub", 0), s.rig("alice"), s.requester("bob"), s.requester("dave")
	listen := []string{"up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0"}
	hubs := s.serve(hub, listen...)
	info, err := s.api(hub).Info(s.ctx)
	s.must(err)
	s.net.Profile.Bootstrap = info.Listen
	s.must(s.net.Profile.Write(s.profile))
	listen[3], _, _ = strings.Cut(info.Listen[0], "/p2p/")

	s.up(alice)
	s.listed(hub, alice)
	s.run(bob, "--", "print", "before").exits(0)
	hubs.kill()
	c := s.run(bob, "--", "print", "without")
	c.exits(0)
	if c.out.String() != "without\n" {
		s.t.Errorf("output %q", c.out)
	}
	s.serve(hub, listen...)
	s.listed(hub, alice)
	s.run(dave, "--", "print", "after").exits(0)
}
