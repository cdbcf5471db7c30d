//go:build unix

package testnet_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

var (
	killCount = flag.Int("kills", 20, "processes that TestRandomKills kills")
	killSeed  = flag.Uint64("kill-seed", 0, "draw its kills from this seed; 0 takes one from the clock")
)

// Kills on one network: then another begins, so that its books stay short.
const killsPerNet = 50

// What the rig of the chaos sells: ticks of 10 ms, and budgets of few of them, so
// that jobs, vouchers and fundings are many.
const (
	chaosTick    = 10
	chaosBudget  = 500 // base units: 50 ms
	chaosWorkers = 2
)

// No kill at any moment loses money, a job or a voucher (SPEC §6.6). Rig and
// requester are processes of rerig, killed again and again: at a write to the
// journal, at a request to the chain, or at any time, as they start, work, fund,
// collect and close. After each the books of both are held against what they were seen to
// have, against each other and against the chain.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-kill-seed=%d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	binary := buildKillable(t)
	var total chaosTotals
	for n := 0; total.kills < *killCount && !t.Failed(); n++ {
		t.Run(fmt.Sprint("net", n), func(t *testing.T) {
			c := newChaos(t, binary, draw)
			c.total, c.fickle = &total, n%2 == 1
			for most := min(*killCount, total.kills+min(killsPerNet, (*killCount+1)/2)); total.kills < most; {
				c.life()
			}
			c.balance()
		})
	}
	if t.Failed() {
		return
	}
	fmt.Printf("%d jobs sold, %d transactions sent, %d channels closed, %d reorganisations; killed at: %v\n%d kills, %s wei lost\n",
		total.jobs, total.txs, total.closes, total.reorgs, total.at, total.kills, total.lost)
}

// chaosTotals is what the suite reports.
type chaosTotals struct {
	kills, jobs, txs, reorgs, closes int
	lost                             protocol.Amount // of what the rig had vouchers for
	at                               map[string]int  // kills by what they came with
}

// buildKillable makes the binary with the hook of testdata/kill in it.
func buildKillable(t *testing.T) string {
	t.Helper()
	hook, err := filepath.Abs("testdata/kill/hook.go")
	if err != nil {
		t.Fatal(err)
	}
	place, err := filepath.Abs("../cmd/rerig/kill_hook.go")
	if err != nil {
		t.Fatal(err)
	}
	return buildWith(t, map[string]string{place: hook})
}

// buildWith makes the binary with other files in the places of its own.
func buildWith(t *testing.T, files map[string]string) string {
	t.Helper()
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": files})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	list, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "rerig")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", list, "-o", binary, "../cmd/rerig")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// chaos is a network of a rig and a requester that are killed.
type chaos struct {
	*scene
	draw   *rand.Rand
	total  *chaosTotals
	rig    *mortal
	buyer  *mortal
	seen   *memory
	shop   sync.RWMutex // held to buy; a close waits until nobody does, and nobody begins
	guest  string
	paused bool   // the chain makes no blocks
	base   uint64 // blocks that stay
	fickle bool   // the chain is reorganised now and then
	shaken bool   // it was, and journals may say what is not so yet
}

// mortal is a member, how it is started, and its process.
type mortal struct {
	*member
	line []string
	wire *tripwire // on the way to the chain
	c    *command
}

func newChaos(t *testing.T, binary string, draw *rand.Rand) *chaos {
	c := &chaos{scene: newScene(t, binary), draw: draw, seen: newMemory()}
	var err error
	c.guest, err = filepath.Abs("testdata/guest.wasm")
	c.must(err)
	c.rig = c.mortal(c.scene.rig("alice"), "--price", "36/h", "--tick", fmt.Sprint(chaosTick), "--slots", fmt.Sprint(chaosWorkers))
	c.buyer = c.mortal(c.requester("bob"), "--server")
	c.base = c.net.Chain.Height()
	return c
}

// ownPort is a port that nobody listens at, and below those that systems give to
// connections: a member that comes back finds it free.
func ownPort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 15_000 + rand.IntN(15_000)
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// mortal gives a member a fixed address and a way of its own to the chain.
func (c *chaos) mortal(m *member, flags ...string) *mortal {
	c.t.Helper()
	addr := fmt.Sprint("/ip4/127.0.0.1/tcp/", ownPort(c.t))
	wire := newTripwire(c.t, c.net.Chain.URL())
	profile := *c.net.Profile
	profile.RPC = []string{wire.url()}
	path := filepath.Join(c.dir, m.name+".toml")
	c.must(profile.Write(path))
	return &mortal{member: m, wire: wire, line: append([]string{"up", "--network", path, "--listen", addr}, flags...)}
}

// life starts both, lets them trade, kills one or both, and looks at the books when
// they are up again, which is in the next life.
func (c *chaos) life() {
	plan := c.plan()
	if c.paused != plan.hold {
		if c.paused = plan.hold; c.paused {
			c.net.Chain.PauseMining()
		} else {
			c.net.Chain.ResumeMining()
		}
	}
	for _, m := range []*mortal{c.rig, c.buyer} {
		m.env = nil
		if m == plan.victim && plan.write != "" {
			m.env = []string{"RERIG_KILL=" + plan.write}
		}
		m.c = c.scene.start(m.member, m.line...)
		if m == plan.victim && plan.trip != nil {
			plan.trip.victim = m.c
			m.wire.arm(*plan.trip)
		}
	}
	c.reorganise(plan.reorg)
	if c.bothUp() {
		c.check()
		c.work(plan)
	} else {
		plan.both = true // the other is starting, too
	}
	plan.victim.wire.arm(trip{})
	c.bury(plan.victim, plan.at)
	other := c.rig
	if plan.victim == c.rig {
		other = c.buyer
	}
	if plan.both {
		c.bury(other, "with the other")
	} else {
		other.c.finish(syscall.SIGTERM, 0)
	}
	c.autopsy()
}

// bury kills a process that is not dead yet and waits until its sandboxes are gone.
func (c *chaos) bury(m *mortal, at string) {
	c.t.Helper()
	children := offspring(m.c.cmd.Process.Pid)
	_ = m.c.cmd.Process.Kill()
	m.c.wait()
	m.c.gone(children)
	if st := m.c.cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGKILL {
		c.t.Fatalf("%s ended by itself with %d\n%s", m.name, m.c.code, m.c.log)
	}
	c.total.kills++
	if c.total.at == nil {
		c.total.at = map[string]int{}
	}
	c.total.at[at]++
}

// bothUp waits until both serve; false is that one was killed as it started.
func (c *chaos) bothUp() bool {
	c.t.Helper()
	up, dead := false, false
	c.until("both are up", func() (bool, error) {
		up, dead = true, c.rig.c.ended() || c.buyer.c.ended()
		for _, m := range []*mortal{c.rig, c.buyer} {
			info, err := c.ask(m)
			up = up && err == nil && (info.Rig == nil || info.Rig.Offering)
		}
		return up || dead, nil
	})
	return up
}

func (c *chaos) ask(m *mortal) (*node.Info, error) {
	api, err := dial(c.ctx, m)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	return api.Info(c.ctx)
}
