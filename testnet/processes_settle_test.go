//go:build unix

package testnet_test

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/protocol"
)

// What settlement does by itself, in processes of the built binary, with the flags
// and the profile that a user has (SPEC §8.4, §8.5).
func TestSettlingProcesses(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		what string
		play func(*scene)
	}{
		{"rig collects by itself", rigCollectsByItself},
		{"cap over all channels", capOverAllChannels},
		{"one endpoint away", oneEndpointAway},
		{"endpoints by flag", endpointsByFlag},
		{"money gone from a channel", moneyGoneFromAChannel},
	} {
		t.Run(one.what, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// prints looks for a text on standard output.
func (c *command) prints(text string) {
	c.s.t.Helper()
	if !strings.Contains(c.out.String(), text) {
		c.s.t.Errorf("%s of %s does not print %q:\n%s", c.what, c.member, text, c.out)
	}
}

// profileChanged writes the network's profile anew.
func (s *scene) profileChanged() {
	s.t.Helper()
	s.must(s.net.Profile.Write(s.profile))
}

// rigCollectsByItself: with a price of native money in the profile, what is due is
// collected when it is worth the fee, and nobody asks.
func rigCollectsByItself(s *scene) {
	s.net.Profile.NativePrice = "0.001"
	s.profileChanged()
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice, "--collect-factor", "3")
	s.run(bob, "--", "count", "20", "20").exits(0)
	earned := s.earned(alice)
	s.until("the rig has collected", func() (bool, error) { return s.channel(bob, alice).Claimed == earned, nil })
	txs, err := s.api(alice).History(s.ctx)
	s.must(err)
	for _, tx := range txs.Txs { // more than one where the job took so long that a part of it was worth the fee
		if tx.Kind != "redeem" {
			s.t.Errorf("transactions: %+v", txs.Txs)
		}
	}
}

// capOverAllChannels: the cap holds over the job's budget, and its message says so.
func capOverAllChannels(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	refused := s.run(bob, "--budget", "1", "--max-exposure", "0.5", "--", "print", "x")
	refused.exits(125)
	refused.says("--max-exposure")
	s.same("locked by the refused job", s.channel(bob, alice).Funded, protocol.Amount{})
	s.run(bob, "--budget", "0.25", "--max-exposure", "0.5", "--channel-max", "0.3", "--", "print", "x").exits(0)
	s.same("locked", s.channel(bob, alice).Funded, protocol.NewAmount(300_000))
	s.same("collected", s.collect(alice, bob), s.earned(alice))
	carol := s.requester("carol")
	s.run(carol, "--budget", "0.05", "--channel-min", "0.4", "--", "print", "x").exits(0)
	s.same("locked with a least", s.channel(carol, alice).Funded, protocol.NewAmount(400_000))

	bobs := s.serve(bob, "up", "--server", "--max-exposure", "0.5", "--listen", "/ip4/127.0.0.1/tcp/0")
	other := s.run(bob, "--max-exposure", "0.4", "--", "print", "x")
	other.exits(2)
	other.says("--max-exposure is a node's when it starts")
	bobs.finish(syscall.SIGTERM, 0)
}

// nobodyAt is the URL of an endpoint that is not there.
func (s *scene) nobodyAt() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	s.must(l.Close())
	return "http://" + l.Addr().String()
}

// oneEndpointAway: of the profile's two endpoints the first is dead, and nobody
// notices but doctor.
func oneEndpointAway(s *scene) {
	dead := s.nobodyAt()
	s.net.Profile.RPC = append([]string{dead}, s.net.Profile.RPC...)
	s.profileChanged()
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	s.run(bob, "--", "print", "x").exits(0)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
	doctor := s.start(alice, "doctor")
	doctor.exits(0)
	doctor.prints(dead + " is not used")
}

// endpointsByFlag: each --rpc is one endpoint, and the profile's are not asked then.
func endpointsByFlag(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	live, dead, profile := s.net.Profile.RPC[0], s.nobodyAt(), *s.net.Profile
	profile.RPC = []string{s.nobodyAt()}
	alice.profile = filepath.Join(s.dir, "dead.toml")
	s.must(profile.Write(alice.profile))
	s.up(alice, "--rpc", dead, "--rpc", live)
	s.run(bob, "--", "print", "x").exits(0)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
	info, err := s.api(alice).Info(s.ctx)
	s.must(err)
	if e := info.Chain.Endpoints; len(e) != 2 || e[0].Name != dead || e[0].Used || e[1].Name != live || !e[1].Used {
		s.t.Errorf("the rig's endpoints: %+v", e)
	}
}

// moneyGoneFromAChannel: the chain takes a funding back while its payer is away. The
// rig says so and waits; the payer's node sends the same funding again.
func moneyGoneFromAChannel(s *scene) {
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice)
	s.run(bob, "--", "print", "x").exits(0)
	funded := s.channel(bob, alice).Funded
	s.must(s.net.Chain.Reorg(1))
	api := s.api(alice)
	s.alarms(api, 1)
	sick := s.start(alice, "doctor")
	sick.exits(1)
	sick.prints("funded_below_record")
	info, err := api.Info(s.ctx)
	s.must(err)
	if info.Rig.FreeSlots != 0 {
		s.t.Errorf("%d slots are offered", info.Rig.FreeSlots)
	}
	bobs := s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.alarms(api, 0)
	s.same("funded again", s.channel(bob, alice).Funded, funded)
	s.start(alice, "doctor").exits(0)
	bobs.finish(syscall.SIGTERM, 0)
	s.same("collected", s.collect(alice, bob), s.earned(alice))
}

// alarms waits until a node has so many.
func (s *scene) alarms(api *client.Client, n int) {
	s.t.Helper()
	s.until("the alarms change", func() (bool, error) {
		info, err := api.Info(s.ctx)
		return err == nil && len(info.Chain.Alarms) == n, err
	})
}
