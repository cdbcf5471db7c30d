package testnet_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/protocol"
)

// The two cards of rigtest.Mixed.
const (
	card3060 = "0000:01:00.0"
	card3070 = "0000:02:00.0"
)

// TestGovernor minds the two cards of a machine that is played, with real idle commands and
// real jobs (SPEC §8.8).
func TestGovernor(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"from miner to job to miner, and the power cut", governorHandsOver},
		{"a card too hot, and one that falls off the bus", governorMisfortunes},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newSceneOf(t, binary, 2*scenarioTime))
		})
	}
}

// mine starts the rig with an idle command on each card, and waits until both run and are for
// jobs too.
func (c *carded) mine() {
	c.t.Helper()
	born := uint64(time.Now().UnixMilli())
	c.up = c.scene.up(c.alice, "--slots", "4", "--gpu-price", "36/h", "--sysroot", c.root, "--kwh", "0.15", "--margin", "20%", "--mining-revenue", "1/h",
		"--idle-cmd", `/bin/sh -c 'PATH=/usr/bin:/bin; echo $RERIG_CARD; trap "exit 0" TERM; while :; do sleep 0.05; done'`, "--temp-stop", "85", "--temp-resume", "70")
	c.offered(2, born)
	for _, card := range []string{card3060, card3070} {
		c.mined(card, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeMine && st.Miner.State == "runs" })
	}
}

// mined waits until a card is as it should be.
func (c *carded) mined(card string, is func(*governor.CardStatus) bool) (st governor.CardStatus) {
	c.t.Helper()
	rig := c.api(c.alice)
	defer func() {
		if c.t.Failed() {
			c.t.Logf("card %s is %+v, its command %+v", card, st, st.Miner)
		}
	}()
	c.until("card "+card+" is as it should be", func() (bool, error) {
		r, err := rig.Governor(c.ctx)
		if err != nil { // it begins
			return false, nil //nolint:nilerr // asked again
		}
		for i := range r.Cards {
			if r.Cards[i].ID == card {
				st = r.Cards[i]
				return is(&st), nil
			}
		}
		return false, nil
	})
	return st
}

// dearer starts another rig with such cards that asks twice as much.
func (c *carded) dearer() {
	c.t.Helper()
	root, carol, born := filepath.Join(c.dir, "other"), c.scene.rig("carol"), uint64(time.Now().UnixMilli())
	m := rigtest.Mixed()
	c.must(m.Write(root))
	c.must(m.Files(root))
	carol.env = c.alice.env
	c.scene.up(carol, "--gpu-price", "72/h", "--sysroot", root)
	market := c.api(c.bob)
	c.until("the other rig's cards are offered", func() (bool, error) {
		found, err := market.Market(c.ctx, protocol.Filter{Engine: protocol.EngineContainer})
		return err == nil && slices.ContainsFunc(found.Offers, func(o node.MarketOffer) bool {
			return o.Rig == carol.key.Address() && o.Issued >= born && o.Hardware.Cards(0) == 2
		}), nil
	})
}

// governorHandsOver: a job has its card within moments, from a command that is gone; the other
// card mines on; the command comes back; and a rig that is killed leaves no command behind.
func governorHandsOver(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.dearer()
	c.mine()
	before := c.mined(card3070, func(st *governor.CardStatus) bool { return st.Miner.PID > 0 })
	other := c.mined(card3060, func(st *governor.CardStatus) bool { return st.Miner.PID > 0 })
	job := c.hire([]string{"--vram", "6GiB"}, 600)
	c.prints(job, smallCard)
	held := c.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeJob })
	if _, state, _, ok := stat(fmt.Sprint(before.Miner.PID)); ok && state != "Z" || held.Miner.State != "stopped" || held.Miner.StopMS < 1 {
		c.t.Errorf("while a job has the card its command is %+v", held.Miner)
	}
	if still := c.mined(card3060, func(*governor.CardStatus) bool { return true }); still.Miner.PID != other.Miner.PID {
		c.t.Errorf("the other card's command is another one: %+v, was %+v", still.Miner, other.Miner)
	}
	if got := c.cardStates(); len(got) != 2 || got[0] != "leased idle command "+card3060 || !strings.HasPrefix(got[1], "leased 0x") {
		c.t.Errorf("the ledger says %q", got)
	}
	job.finish(syscall.SIGINT, 130)
	after := c.mined(card3070, func(st *governor.CardStatus) bool {
		return st.Mode == governor.ModeMine && st.Miner.State == "runs" && st.Miner.StartMS > 0
	})
	if after.Miner.Crashes > 0 || after.Sum.Floor <= 0 || after.Sum.Ask < after.Sum.Floor {
		c.t.Errorf("afterwards the card is %+v, its command %+v", after.Sum, after.Miner)
	}
	explain := c.start(c.alice, "price", "explain")
	explain.exits(0)
	if out := explain.out.String(); !strings.Contains(out, "closed  average 36 of 1 card jobs here in a week") || !strings.Contains(out, "170 W (assumed) × 0.15/kWh = 0.0255/h, + 20 % = floor 0.0306/h") {
		c.t.Errorf("price explain says:\n%s", out)
	}
	ps := c.start(c.alice, "ps")
	ps.exits(0)
	if out := ps.out.String(); !strings.Contains(out, "HAND-OVER") || !strings.Contains(out, "ms / ") {
		c.t.Errorf("ps says:\n%s", out)
	}

	left := offspring(c.up.cmd.Process.Pid)
	c.up.kill()
	c.until("no command outlives its rig", func() (bool, error) { return !anyAlive(left), nil })
	c.mine()
	c.hire([]string{"--gpus", "2"}, 0).exits(0)
	auto := c.start(c.alice, "price", "set", "auto")
	auto.exits(0)
	c.until("the price is what the other rig asks", func() (bool, error) {
		show := c.start(c.alice, "price", "show")
		show.exits(0)
		return strings.Contains(show.out.String(), "asks    72 tUSDC") && strings.Contains(show.out.String(), "median 72 of 1 others"), nil
	})
	c.same("what the rig was promised", c.earned(c.alice), c.collect(c.alice, c.bob))
}

// governorMisfortunes: a job on a card that is far too hot ends, and is billed up to there; the
// card comes back when it is cool. One that falls off the bus stops alone.
func governorMisfortunes(s *scene) {
	m := rigtest.Mixed()
	c := s.carded(node.HeldByNamespaces, m)
	c.mine()
	job := c.hire([]string{"--vram", "6GiB"}, 600)
	c.prints(job, smallCard)
	hot := uint64(time.Now().UnixMilli())
	m.Cards[1].TempC = 97
	s.must(m.Write(c.root))
	job.exits(125)
	job.says("draining")
	st := c.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeHot && !st.Sold })
	if !strings.Contains(st.Why, "97 °C; it stops at 85 °C and goes on at 70 °C") {
		c.t.Errorf("of a card that is too hot it says %q", st.Why)
	}
	c.offered(1, hot)
	cool := uint64(time.Now().UnixMilli())
	m.Cards[1].TempC = 66
	s.must(m.Write(c.root))
	c.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeMine && st.Miner.State == "runs" })
	c.offered(2, cool)

	gone := uint64(time.Now().UnixMilli())
	m.Cards[0].Lost = true
	s.must(m.Write(c.root))
	lost := c.mined(card3060, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeGone && st.Miner.State != "runs" })
	if !strings.Contains(lost.Why, "off the bus") && !strings.Contains(lost.Why, "does not answer") {
		c.t.Errorf("of a card that is gone it says %q", lost.Why)
	}
	c.offered(1, gone)
	c.mined(card3070, func(st *governor.CardStatus) bool { return st.Mode == governor.ModeMine && st.Miner.State == "runs" })
	none := c.hire([]string{"--gpus", "2"}, 0)
	none.exits(125)
	c.hire([]string{"--gpus", "1"}, 0).exits(0)
}
