//go:build unix

package testnet_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/protocol"
)

// The ways in which libp2p failed others, with processes of the built binary that
// are killed in the middle: messages that come late or out of order on one machine,
// private addresses that lead nowhere, and a node's own among those it is told.
func TestTroubledProcesses(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		trouble string
		play    func(*scene)
	}{
		{"vouchers held, requester killed", requesterKilledWithVouchersHeld},
		{"receipts held, rig killed", rigKilledWithReceiptsHeld},
		{"messages late", messagesLate},
		{"datagrams out of order", datagramsOutOfOrder},
		{"private addresses", privateAddresses},
		{"own addresses", ownAddresses},
	} {
		t.Run(one.trouble, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// promisedMore waits until a requester has sent a voucher that its rig has not got.
func (s *scene) promisedMore(m, rig *member) {
	s.t.Helper()
	api := s.api(m)
	s.until("a voucher is under way", func() (bool, error) {
		runs, err := api.Runs(s.ctx)
		return err == nil && len(runs) > 0 && s.sold(rig).Job.Paid.Less(runs[0].Spent), err
	})
}

// messagesLate: a job goes on where it was when the messages come, in either
// direction, and is paid as ever.
func messagesLate(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	way, profile := s.relayed(alice)
	bob.profile = profile
	c := s.run(bob, "--", "count", "100", "20")
	s.ticks(bob, 2)
	way.hold(toRig)
	s.promisedMore(bob, alice)
	way.release(toRig)
	way.hold(fromRig)
	s.held(way, fromRig)
	way.release(fromRig)
	c.exits(0)
	if got := c.out.String(); got != counted(100) {
		s.t.Errorf("output: %q", got)
	}
	j := s.sold(alice).Job
	if j.State != protocol.StateSettled {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	s.same("paid", j.Paid, protocol.NewAmount(j.Units*sceneRate))
	s.same("promised", s.bought(bob)[0].Job.Paid, j.Paid)
	s.same("collected", s.collect(alice, bob), j.Paid)
}

// requesterKilledWithVouchersHeld: what it promised and the rig has not seen is no
// more than a tick, and comes too late for the job, but not for the next.
func requesterKilledWithVouchersHeld(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	way, profile := s.relayed(alice)
	bob.profile = profile
	c := s.run(bob, "--", "loop")
	s.ticks(bob, 2)
	way.hold(toRig)
	s.promisedMore(bob, alice)
	c.kill()
	s.idle(alice)
	way.release(toRig)
	rec := s.sold(alice)
	if j := rec.Job; j.State != protocol.StateFailed || j.Reason != protocol.ReasonUnpaid {
		s.t.Errorf("on the rig the job is %s, %s", j.State, j.Reason)
	}
	s.promised(bob, rec)
	s.same("collected", s.collect(alice, bob), rec.Job.Paid)
	s.nextNeedsNoFunds(bob, alice)
}

// rigKilledWithReceiptsHeld: nobody tells the requester, whose connection stands. It
// misses the rig all the same and has another do the job; the dead rig comes back
// for what it was paid.
func rigKilledWithReceiptsHeld(s *scene) {
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.requester("bob")
	victim := s.up(alice)
	s.up(carol, "--price", "72/h")
	s.onMarket(alice, carol)
	s.listed(alice, carol)
	way, profile := s.relayed(alice)
	bob.profile = profile
	c := s.run(bob, "--", "count", "40", "20")
	s.ticks(bob, 2)
	way.hold(fromRig)
	s.held(way, fromRig)
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
	s.same("the dead rig is paid", first.Paid, protocol.NewAmount(first.Units*sceneRate))
	s.up(alice)
	s.same("alice collects", s.collect(alice, bob), first.Paid)
	s.same("carol collects", s.collect(carol, bob), bought[1].Job.Paid)
}

// datagramsOutOfOrder: over QUIC, where streams overtake each other.
func datagramsOutOfOrder(s *scene) {
	s.listen = "/ip4/127.0.0.1/udp/0/quic-v1"
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	bob.profile = s.shuffled(alice)
	c := s.run(bob, "--", "count", "40", "20")
	c.exits(0)
	if got := c.out.String(); got != counted(40) {
		s.t.Errorf("output: %q", got)
	}
	j := s.sold(alice).Job
	s.same("paid", j.Paid, protocol.NewAmount(j.Units*sceneRate))
	c = s.loop(bob)
	c.kill()
	s.idle(alice)
	rec := s.sold(alice)
	if rec.Job.State != protocol.StateFailed {
		s.t.Errorf("on the rig the job is %s, %s", rec.Job.State, rec.Job.Reason)
	}
	s.same("collected", s.collect(alice, bob), s.earned(alice))
	s.nextNeedsNoFunds(bob, alice)
}

// loop runs a job without end as not the first, and waits until two ticks are paid.
func (s *scene) loop(m *member) *command {
	s.t.Helper()
	c := s.run(m, "--name", "loop", "--", "loop")
	s.state(m, "loop", protocol.StateRunning)
	s.ticks(m, 2)
	return c
}

// silence is an address where connections are taken and nothing is said, as behind
// a firewall.
type silence struct {
	addr  string
	dials atomic.Int32
}

func (s *scene) silence() *silence {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	q := &silence{addr: fmt.Sprint("/ip4/127.0.0.1/tcp/", l.Addr().(*net.TCPAddr).Port)}
	var listening sync.WaitGroup
	listening.Go(func() {
		var taken []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			q.dials.Add(1)
			taken = append(taken, c)
		}
		for _, c := range taken {
			c.Close()
		}
	})
	s.t.Cleanup(func() {
		l.Close()
		listening.Wait()
	})
	return q
}

// privateAddresses: a rig advertises addresses of its home that mean nothing to
// others. It is found at the one that works, and the others are left alone then.
func privateAddresses(s *scene) {
	quiet := s.silence()
	private := []string{"/ip4/10.255.255.254/tcp/4001", "/ip4/192.168.255.254/udp/4001/quic-v1", quiet.addr}
	alice, bob := s.rig("alice"), s.requester("bob")
	flags := []string{"--announce", strings.Join(private, ",")}
	rig := s.up(alice, flags...)
	s.onMarket(alice)
	bobs := s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.listed(bob, alice)
	found, err := s.api(bob).Market(s.ctx, protocol.Filter{})
	s.must(err)
	for _, a := range private {
		if len(found.Offers) != 1 || !slices.Contains(found.Offers[0].Addrs, a) {
			s.t.Errorf("the rig does not advertise %s: %+v", a, found.Offers)
		}
	}
	s.run(bob, "--", "print", "one").exits(0)
	for _, killed := range []bool{false, true} {
		dials := quiet.dials.Load()
		for range 3 {
			s.run(bob, "--", "print", "again").exits(0)
		}
		if more := quiet.dials.Load() - dials; more > 0 {
			s.t.Errorf("dialled where nobody answers %d times more by who is connected", more)
		}
		if killed {
			break
		}
		c := s.loop(bob)
		rig.kill()
		c.exits(125)
		s.up(alice, flags...)
		s.listed(bob, alice)
		s.run(bob, "--", "print", "two").exits(0)
	}
	s.same("collected", s.collect(alice, bob), s.earned(alice))
	bobs.finish(os.Interrupt, 0)
}

// ownAddresses: a rig's list of peers names itself, at its own address and at
// another's, and a stranger at its own. It starts, works, and does not hire itself.
func ownAddresses(s *scene) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	own := fmt.Sprint("/ip4/127.0.0.1/tcp/", l.Addr().(*net.TCPAddr).Port)
	s.must(l.Close())
	alice, bob := s.member("alice", 100_000_000), s.requester("bob")
	alice.config.Rig = s.rigConfig()
	s.listen = own
	self, err := network.PeerID(alice.key.Public())
	s.must(err)
	stranger, err := network.PeerID(keyOf("nobody").Public())
	s.must(err)
	elsewhere, _, _ := strings.Cut(s.net.Profile.Bootstrap[0], "/p2p/")
	s.net.Profile.Bootstrap = append([]string{own + "/p2p/" + self.String(), own + "/p2p/" + stranger.String(),
		elsewhere + "/p2p/" + self.String()}, s.net.Profile.Bootstrap...)
	s.must(s.net.Profile.Write(s.profile))
	cache, err := json.Marshal([]map[string]any{
		{"id": self.String(), "addrs": []string{own}, "seen": "2026-01-01T00:00:00Z"},
		{"id": stranger.String(), "addrs": []string{own}, "seen": "2026-01-01T00:00:00Z"}})
	s.must(err)
	s.must(os.WriteFile(filepath.Join(alice.config.DataDir, "peers.json"), cache, 0o600))

	rig := s.up(alice)
	s.onMarket(alice)
	c := s.run(alice, "--", "print", "for myself")
	c.exits(125)
	c.says("no rig")
	c = s.run(bob, "--", "loop")
	s.ticks(bob, 2)
	rig.kill()
	c.exits(125)
	s.up(alice)
	s.onMarket(alice)
	rec := s.sold(alice)
	if rec.Job.State != protocol.StateFailed || rec.Job.Reason != protocol.ReasonRestart {
		s.t.Errorf("after the restart the job is %s, %s", rec.Job.State, rec.Job.Reason)
	}
	s.nextNeedsNoFunds(bob, alice)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}
