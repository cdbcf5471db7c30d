package testnet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/protocol"
)

// TestCards sells the two cards of a machine that is read from a directory, whose device
// files are harmless ones, to jobs of real processes (SPEC §8.7). No real card is there.
func TestCards(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for _, one := range []struct {
		about string
		play  func(*scene)
	}{
		{"lent whole, one job each", cardsLent},
		{"the rig killed", cardsOfKilledRig},
		{"an error of the hardware", cardsFail},
		{"of AMD", cardsOfAMD},
		{"what gVisor does not pass on", cardsInGvisor},
		{"a driver that gVisor does not know", cardsOfOldDriver},
		{"two rigs on one machine", cardsOfTwoRigs},
		{"too little memory for what is asked", cardsTooSmall},
	} {
		t.Run(one.about, func(t *testing.T) {
			t.Parallel()
			one.play(newScene(t, binary))
		})
	}
}

// What a job prints that has the first, the second or both of the cards, and none.
const (
	driverFiles = " nvidia-smi libcuda.so libcuda.so.1 libcuda.so.550.90.12 libnvidia-gpucomp.so.1 libnvidia-gpucomp.so.550.90.12" +
		" libnvidia-ml.so.1 libnvidia-ml.so.550.90.12 libnvidia-ptxjitcompiler.so.1 libnvidia-ptxjitcompiler.so.550.90.12\n"
	largeCard = "cards: nvidia-uvm nvidia-uvm-tools nvidia0 nvidiactl" + driverFiles
	smallCard = "cards: nvidia-uvm nvidia-uvm-tools nvidia1 nvidiactl" + driverFiles
	bothCards = "cards: nvidia-uvm nvidia-uvm-tools nvidia0 nvidia1 nvidiactl" + driverFiles
	noCard    = "cards: \n"
)

// carded is a rig with a machine's cards. Mixed has an RTX 3060 with 12 GiB and an RTX 3070
// with 8.
type carded struct {
	*scene
	alice, bob *member
	root       string
	up         *command
}

func (s *scene) carded(held string, m *rigtest.Machine) *carded {
	s.t.Helper()
	c := &carded{scene: s, root: filepath.Join(s.dir, "machine")}
	s.must(m.Write(c.root))
	if err := m.Files(c.root); errors.Is(err, os.ErrPermission) {
		s.t.Skip("needs device files: run as root")
	} else if err != nil {
		s.t.Fatal(err)
	}
	c.alice, c.bob = s.rig("alice"), s.buyer("bob")
	c.alice.env = []string{"RERIG_UP_CONTAINERS=" + held}
	return c
}

// sell starts the rig and waits until it offers so many cards.
func (c *carded) sell(cards int) {
	c.t.Helper()
	born := uint64(time.Now().UnixMilli())
	c.up = c.scene.up(c.alice, "--slots", "4", "--gpu-price", "36/h", "--sysroot", c.root)
	c.offered(cards, born)
}

// offered waits for an offer of so many cards that was made after a time.
func (c *carded) offered(cards int, after uint64) {
	c.t.Helper()
	market := c.api(c.bob)
	c.until(fmt.Sprintf("%d cards are offered", cards), func() (bool, error) {
		found, err := market.Market(c.ctx, protocol.Filter{Engine: protocol.EngineContainer})
		return err == nil && slices.ContainsFunc(found.Offers, func(o node.MarketOffer) bool {
			return o.Rig == c.alice.key.Address() && o.Issued >= after && o.Hardware.Cards(0) == cards
		}), nil
	})
}

// hire starts a job on cards.
func (c *carded) hire(flags []string, seconds int) *command {
	c.t.Helper()
	return c.container(c.bob, append(append([]string{"--held-by", "namespaces", "--retries", "0"}, flags...), "--", "cards", fmt.Sprint(seconds))...)
}

// prints waits until a job has said what it has.
func (c *carded) prints(job *command, want string) {
	c.t.Helper()
	c.until("a job prints "+want, func() (bool, error) {
		if got := job.out.String(); !strings.HasPrefix(want, got) {
			return false, fmt.Errorf("it prints %q, want %q", got, want)
		}
		if job.ended() && job.out.String() != want {
			return false, fmt.Errorf("it ended with %d: %s", job.code, job.log)
		}
		return job.out.String() == want, nil
	})
}

// cardStates are the cards as `rerig hardware` shows them on the rig.
func (c *carded) cardStates() (states []string) {
	c.t.Helper()
	show := c.start(c.alice, "hardware", "--sysroot", c.root, "-o", "json")
	show.exits(0)
	var r struct {
		Cards []struct {
			Standing struct{ State, Job, Reason string }
		}
	}
	c.must(json.Unmarshal([]byte(show.out.String()), &r))
	for _, card := range r.Cards {
		states = append(states, strings.TrimSpace(card.Standing.State+" "+card.Standing.Job))
	}
	return states
}

// cardsLent: each job sees exactly its cards and pays for their time, which is not more than
// passed; a third waits for its turn, and what no rig has is refused with the numbers.
func cardsLent(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.sell(2)
	ls := c.start(c.bob, "market", "ls", "--gpus", "2", "--vram", "8GiB")
	ls.exits(0)
	if out := ls.out.String(); !strings.Contains(out, "GPU PRICE/H") || !strings.Contains(out, "RTX 3060 12 GiB (simulated), RTX 3070 8 GiB (simulated)") {
		c.t.Errorf("market ls says:\n%s", out)
	}
	for want, flags := range map[string][]string{"< 3)": {"--gpus", "3"}, "cards of 10 GiB or more: 1 < 2": {"--gpus", "2", "--vram", "10GiB"},
		"VRAM 12 GiB < 16 GiB": {"--vram", "16GiB"}} {
		none := c.container(c.bob, append([]string{"--dry-run"}, flags...)...)
		none.exits(125)
		if out := none.out.String(); !strings.Contains(out, "resources (") || !strings.Contains(out, want) {
			c.t.Errorf("a dry run with %v says:\n%s", flags, none.out)
		}
	}
	dry := c.container(c.bob, "--dry-run", "--vram", "6144", "--timeout", "10s", "--budget", "1")
	dry.exits(0)
	if out := dry.out.String(); !strings.Contains(out, " 36 ") || !strings.Contains(out, "0.1 tUSDC") || !strings.Contains(out, "GPU-") {
		c.t.Errorf("a dry run says:\n%s", out)
	}
	c.start(c.bob, "run", "--gpus", "1", "x.wasm").exits(2)
	c.start(c.bob, "market", "ls", "--vram", "lots").exits(2)

	begun, api := time.Now(), c.api(c.bob)
	small := c.hire([]string{"--vram", "6GiB"}, 600)
	c.prints(small, smallCard)
	large := c.hire([]string{"--gpus", "1"}, 600)
	c.prints(large, largeCard)
	jobs := c.cardStates()
	if len(jobs) != 2 || !strings.HasPrefix(jobs[0], "leased 0x") || !strings.HasPrefix(jobs[1], "leased 0x") || jobs[0] == jobs[1] {
		c.t.Errorf("with two jobs the cards are %q", jobs)
	}
	third := c.hire([]string{"--vram", "10GiB"}, 0)
	c.until("a third job waits", func() (bool, error) {
		runs, err := api.Runs(c.ctx)
		return err == nil && slices.ContainsFunc(runs, func(st node.RunStatus) bool { return st.State == protocol.StateQueued }), nil
	})
	plain := c.hire(nil, 0) // is not kept from the processor by who waits for a card
	plain.exits(0)
	if got := plain.out.String(); got != noCard {
		c.t.Errorf("a job without cards prints %q", got)
	}
	c.until("both cards' time is paid, though nobody uses a processor", func() (bool, error) {
		runs, err := api.Runs(c.ctx)
		paying := slices.DeleteFunc(runs, func(st node.RunStatus) bool {
			return st.Ended || st.Price.Unit != protocol.UnitGPUMillis || st.Units < sceneTick
		})
		return err == nil && len(paying) == 2, nil
	})
	large.finish(syscall.SIGINT, 130)
	third.exits(0)
	if got := third.out.String(); got != largeCard {
		c.t.Errorf("the third job prints %q", got)
	}
	small.finish(syscall.SIGINT, 130)
	passed := uint64(time.Since(begun).Milliseconds())
	held := uint64(0)
	for _, rec := range c.sold(c.alice) {
		if price := rec.Job.Price; price.Unit == protocol.UnitGPUMillis {
			held += rec.Job.Units
			if rec.Job.Units == 0 || rec.Job.Units > passed || rec.Job.Paid.IsZero() {
				c.t.Errorf("a job is billed %d ms of a card, %s, where %d passed", rec.Job.Units, rec.Job.Paid, passed)
			}
		} else if price.Unit != protocol.UnitCPUMillis {
			c.t.Errorf("a job is sold in %s", price.Unit)
		}
	}
	if held > 2*passed {
		c.t.Errorf("two cards were billed %d ms where %d passed", held, passed)
	}
	c.same("what the rig was promised", c.earned(c.alice), c.collect(c.alice, c.bob))
	c.until("both cards are free", func() (bool, error) {
		return slices.Equal(c.cardStates(), []string{"free", "free"}), nil
	})
}

// sold are the records of a rig's jobs.
func (c *carded) sold(rig *member) []protocol.Record {
	c.t.Helper()
	jobs, err := c.api(rig).Jobs(c.ctx)
	c.must(err)
	return jobs
}

// cardsOfKilledRig: no card stays with a job whose rig was killed.
func cardsOfKilledRig(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.sell(2)
	lost := c.hire([]string{"--gpus", "2"}, 600)
	c.prints(lost, bothCards)
	c.up.kill()
	lost.exits(125)
	if got := c.cardStates(); !slices.Equal(got, []string{"dirty", "dirty"}) {
		c.t.Errorf("after the rig was killed the cards are %q", got)
	}
	c.sell(2)
	image, err := guestImage()
	c.must(err)
	file := filepath.Join(c.bob.config.DataDir, "job.yaml")
	c.must(os.WriteFile(file, []byte("image: "+image+"\nargs: [cards, 0]\ngpus: 2\nvram: 8GiB\nretries: 0\n"), 0o600))
	again := c.start(c.bob, "run", "--file", file)
	again.exits(0)
	c.must(os.Remove(file))
	if got := again.out.String(); got != bothCards {
		c.t.Errorf("after the restart a job prints %q", got)
	}
}

// cardsFail: a card that reports an error of its hardware is sold no more; the other is.
func cardsFail(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.sell(2)
	job := c.hire([]string{"--gpus", "1", "--vram", "10GiB"}, 600)
	c.prints(job, largeCard)
	kmsg := filepath.Join(c.root, "dev", "kmsg")
	c.must(os.WriteFile(kmsg+".new", []byte("4,901,88000000,-;NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.\n"), 0o644))
	c.must(os.Rename(kmsg+".new", kmsg))
	broken := uint64(time.Now().UnixMilli())
	job.finish(syscall.SIGINT, 130)
	c.offered(1, broken)
	show := c.start(c.alice, "hardware", "--sysroot", c.root)
	show.exits(0)
	if out := show.out.String(); !strings.Contains(out, "quarantined until") || !strings.Contains(out, "Xid 79: the card has fallen off the bus") {
		c.t.Errorf("hardware says:\n%s", out)
	}
	if !strings.Contains(c.up.log.String(), "Xid 79") {
		c.t.Error("the rig's log does not say why it sells a card no more")
	}
	both := c.hire([]string{"--gpus", "2"}, 0)
	both.exits(125)
	both.says("1 < 2")
	left := c.hire([]string{"--gpus", "1"}, 0)
	left.exits(0)
	if got := left.out.String(); got != smallCard {
		c.t.Errorf("the card that is left is %q", got)
	}
	c.start(c.alice, "hardware", "release", "--sysroot", c.root, "01:00.0").exits(0)
	released := uint64(time.Now().UnixMilli())
	c.hire([]string{"--gpus", "1"}, 0).exits(0) // after each job the rig looks at its cards
	c.offered(2, released)
}

// cardsOfAMD: a job has the render node of its card and what all share, and in /sys what tells
// of its card and not of the other.
func cardsOfAMD(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.RX580())
	c.sell(2)
	job := c.hire([]string{"--vram", "8GiB"}, 0)
	job.exits(0)
	if got := job.out.String(); got != "cards: renderD128 kfd\n" {
		c.t.Errorf("a job prints %q", got)
	}
	const sys = "/sys/bus/pci/devices/0000:"
	look := c.container(c.bob, "--gpus", "1", "--", "peek", sys+"03:00.0/vendor", sys+"04:00.0/vendor")
	look.exits(0)
	if got, want := look.out.String(), sys+"03:00.0/vendor true\n"+sys+"04:00.0/vendor false\n"; got != want {
		c.t.Errorf("of its cards it reads\n%swant\n%s", got, want)
	}
}

// cardsInGvisor: gVisor opens the machine's own device files, which these are not, so
// nothing is sold, and the log says why. It would be the same with AMD's.
func cardsInGvisor(s *scene) {
	c := s.carded(node.HeldByGvisor, rigtest.Mixed())
	c.sell(0)
	c.until("the rig says why it sells no card", func() (bool, error) {
		log := c.up.log.String()
		return strings.Contains(log, "card is not sold") && strings.Contains(log, "/dev/nvidiactl"), nil
	})
	none := c.container(c.bob, "--gpus", "1")
	none.exits(125)
	none.says("cards: 0 < 1")
}

// cardsOfOldDriver: who asks for cards is told which driver would do, by the offer alone.
func cardsOfOldDriver(s *scene) {
	c := s.carded(node.HeldByGvisor, rigtest.P106x6())
	c.sell(0)
	c.until("the rig says why it sells no card", func() (bool, error) {
		return strings.Contains(c.up.log.String(), "gVisor does not know driver 470.223.02; the nearest that it does is "), nil
	})
	market := c.api(c.bob)
	c.until("its offer says so", func() (bool, error) {
		found, err := market.Market(c.ctx, protocol.Filter{Engine: protocol.EngineContainer})
		return err == nil && slices.ContainsFunc(found.Offers, func(o node.MarketOffer) bool { return o.DriverGap().Valid() }), nil
	})
	none := c.container(c.bob, "--gpus", "1")
	none.exits(125)
	none.says("cards: 0 < 1; gVisor does not know the NVIDIA driver 470.223.02 there; the nearest that it does is 5")
}

// cardsOfTwoRigs: rigs with data directories of their own on one machine do not sell each
// other's leased cards, and one that is killed leaves them to the other.
func cardsOfTwoRigs(s *scene) {
	c := s.carded(node.HeldByNamespaces, rigtest.Mixed())
	c.sell(2)
	job := c.hire([]string{"--gpus", "2"}, 600)
	c.prints(job, bothCards)
	carol := &carded{scene: s, alice: s.rig("carol"), bob: c.bob, root: c.root}
	carol.alice.env = c.alice.env
	carol.sell(0)
	s.until("the second rig says why it sells no card", func() (bool, error) {
		return strings.Count(carol.up.log.String(), "leased: another rig on this machine has it") == 2, nil
	})
	if got := carol.cardStates(); !slices.Equal(got, []string{"leased", "leased"}) {
		s.t.Errorf("to the second rig the cards are %q", got)
	}
	none := c.container(c.bob, "--rig", carol.alice.key.Address().String(), "--gpus", "1")
	none.exits(125)
	none.says("cards: 0 < 1")
	killed := uint64(time.Now().UnixMilli())
	c.up.kill()
	job.exits(125)
	carol.offered(2, killed)
	again := c.container(c.bob, "--rig", carol.alice.key.Address().String(), "--retries", "0", "--gpus", "2", "--", "cards", "0")
	again.exits(0)
	if got := again.out.String(); got != bothCards {
		s.t.Errorf("a job of the second rig prints %q", got)
	}
	c.sell(2) // as before: both offer what neither has leased
}
