package testnet_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// hive is a directory of a HiveOS rig's, with this checkout's package in it. HiveOS itself is
// not here: its part is played as its own scripts do it (hive/miners/custom of
// minershive/hiveos-linux).
type hive struct {
	*scene
	dir, payout, extra string
	home               string
}

// agent runs a script in one shell, with the flight sheet's fields, as HiveOS does.
func (h *hive) agent(script string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", ". \"$MINER_DIR/rerig/h-manifest.conf\"\n"+script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.home, "XDG_CONFIG_HOME=" + h.home, "XDG_DATA_HOME=" + h.home,
		"MINER_DIR=" + filepath.Dir(h.dir), "CUSTOM_MINER=rerig", "CUSTOM_TEMPLATE=" + h.payout, "CUSTOM_URL=" + h.profile,
		"CUSTOM_USER_CONFIG=" + h.extra, "RERIG_HOME=" + filepath.Join(h.scene.dir, "rig"), "RERIG_LOG=" + filepath.Join(h.scene.dir, "log", "rerig")}
	return cmd
}

// configure writes the config file.
func (h *hive) configure() error {
	out, err := h.agent(`. "$MINER_DIR/rerig/h-config.sh"`).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// stats is what Hive's agent reads.
func (h *hive) stats() (khs string, stats hiveStats, err error) {
	out, err := h.agent(`. "$MINER_DIR/rerig/h-stats.sh"; echo "$khs"; echo "$stats"`).Output()
	if err != nil {
		return "", stats, err
	}
	khs, text, _ := strings.Cut(string(out), "\n")
	return khs, stats, json.Unmarshal([]byte(text), &stats)
}

type hiveStats struct {
	Speeds []float64 `json:"hs"`
	Units  string    `json:"hs_units"`
	Temps  []int     `json:"temp"`
	Fans   []int     `json:"fan"`
	Uptime int       `json:"uptime"`
	Shares []int     `json:"ar"`
	Buses  []int     `json:"bus_numbers"`
}

// TestHiveOS: the package's scripts, called as HiveOS calls them, make a rig of a flight sheet,
// and tell its agent how the rig does.
func TestHiveOS(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s, as HiveOS has it: install it", tool)
		}
	}
	h := newHive(t)
	h.payout = "bc1qnotanaddress"
	if err := h.configure(); err == nil || !strings.Contains(err.Error(), `wallet is 0x and 40 hexadecimal digits, got "bc1qnotanaddress"`) {
		t.Errorf("another chain's wallet: %v", err)
	}
	alice, bob := h.rig("rig"), h.requester("bob")
	own := alice.key.Address()        // the audit at the end knows no payee but the rigs themselves
	h.payout = own.String() + ".rig7" // with the worker's name, as Hive fills %WAL%
	h.must(h.configure())
	if khs, _, err := h.stats(); err != nil || khs != "0" {
		t.Errorf("before it is up: %q, %v", khs, err)
	}

	run := h.agent(`exec "$MINER_DIR/rerig/h-run.sh"`)
	c := &command{s: h.scene, what: "h-run.sh", member: "rig", cmd: run, out: new(capture), log: new(capture), done: make(chan struct{})}
	run.Stdout, run.Stderr = c.out, c.log
	h.must(run.Start())
	h.await(c)
	h.until("the rig sells", func() (bool, error) {
		if c.ended() {
			return false, fmt.Errorf("it ended with %d:\n%s%s", c.code, c.out, c.log)
		}
		n, err := client.Connect(h.ctx, alice.config.DataDir)
		if err != nil {
			return false, nil
		}
		defer n.Close()
		info, err := n.Info(h.ctx)
		return err == nil && info.Rig != nil && info.Rig.Offering && info.Rig.Payee == own, nil
	})
	h.until("a job goes through", func() (bool, error) { return h.buys(bob), nil })
	var s hiveStats
	h.until("the agent knows the job and both cards", func() (bool, error) {
		var err error
		_, s, err = h.stats()
		return err == nil && len(s.Shares) == 2 && s.Shares[0] >= 1 && len(s.Temps) == 2 && s.Temps[0] > 0, nil
	})
	if fmt.Sprint(s.Buses) != "[1 10]" || len(s.Speeds) != 2 || len(s.Fans) != 2 || s.Units != "hs" || s.Uptime < 0 {
		t.Errorf("the agent reads %+v", s)
	}
	c.finish(os.Interrupt, 0)
	log, err := os.ReadFile(filepath.Join(h.scene.dir, "log", "rerig.log"))
	h.must(err)
	if !strings.Contains(string(log), "vouchers are kept") {
		t.Errorf("the miner's log does not have the end:\n%s", log)
	}
}

// newHive makes the rig's directory, and a machine with two cards.
func newHive(t *testing.T) *hive {
	t.Helper()
	s := newScene(t, build(t))
	h := &hive{scene: s, dir: filepath.Join(s.dir, "custom", "rerig"), home: filepath.Join(s.dir, "home")}
	s.must(os.MkdirAll(h.dir, 0o755))
	s.must(os.Link(s.binary, filepath.Join(h.dir, "rerig")))
	scripts, err := filepath.Abs("../packaging/hive")
	s.must(err)
	for _, name := range []string{"h-manifest.conf", "h-config.sh", "h-run.sh", "h-stats.sh"} {
		s.must(os.Symlink(filepath.Join(scripts, name), filepath.Join(h.dir, name)))
	}
	root := filepath.Join(s.dir, "machine")
	m := rigtest.Mixed()
	m.Cards[1].Address = "0000:0a:00.0" // Hive counts buses in decimal
	s.must(m.Write(root))
	if err := m.Files(root); errors.Is(err, os.ErrPermission) {
		t.Skip("needs device files: run as root")
	} else if err != nil {
		t.Fatal(err)
	}
	h.extra = fmt.Sprintf("price = \"36/h\"\nlisten = [%q]\nsysroot = %q\ncontainers = \"off\"", s.listen, root)
	return h
}
