//go:build linux

package hardware_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node/hardware"
)

// second is the ledger of another data directory on the same machine, as another process
// would open it.
func (w *world) second(t testing.TB, dir string) *hardware.Ledger {
	t.Helper()
	for _, c := range w.cards {
		at := filepath.Join(w.root, "sys/bus/pci/devices", c.Address)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if f, err := os.OpenFile(filepath.Join(at, "vendor"), os.O_CREATE|os.O_WRONLY, 0o444); err != nil {
			t.Fatal(err)
		} else {
			f.Close()
		}
	}
	machine := hardware.Below(w.root)
	return hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(dir, "cards.json"), Sources: machine, Processes: hardware.Machine(),
		Look: w.look, Locks: hardware.NewLocks(machine), Limits: hardware.Limits{ScrubTime: 20 * time.Millisecond}})
}

// TestCardOfAnotherRig holds that rigs with data directories of their own share a machine's
// cards: what one has leased, the other neither takes nor cleans, until it is given back clean.
func TestCardOfAnotherRig(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	one, two := w.second(t, t.TempDir()), w.second(t, t.TempDir())
	got, err := one.Take(t.Context(), "a", hardware.Want{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Take(t.Context(), "b", hardware.Want{Count: 2}); err == nil || !strings.Contains(err.Error(), got[0].Address) || !strings.Contains(err.Error(), "another rig on this machine has it") {
		t.Errorf("both of two, of which one is another rig's: %v", err)
	}
	wantStates(t, w, one, "leased", "free") // what it could not have it has not kept
	wantStates(t, w, two, "leased", "free")
	if other, err := two.Take(t.Context(), "b", hardware.Want{Count: 1}); err != nil || other[0].Address == got[0].Address {
		t.Errorf("the other card: %v, %v", other, err)
	}
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 5000 })
	if err := one.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 0 })
	wantStates(t, w, one, "quarantined", "leased")
	wantStates(t, w, two, "leased", "leased") // not clean as far as the one knows
	if err := two.Release(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, one, "quarantined", "free")
}

// TestLockDiesWithItsRig kills a process that has a card, and finds the card free for another
// rig at once; the killed rig's own ledger leaves it alone while that one has it.
func TestLockDiesWithItsRig(t *testing.T) {
	if dir := os.Getenv("RERIG_TEST_LOCKS"); dir != "" {
		w := &world{root: dir, cards: newWorld(t, 1).cards}
		_, err := w.second(t, filepath.Join(dir, "one")).Take(t.Context(), "a", hardware.Want{Count: 1})
		fmt.Println("took", err)
		select {} // until it is killed
	}
	t.Parallel()
	w := newWorld(t, 1)
	cmd := exec.Command(os.Args[0], "-test.run=^TestLockDiesWithItsRig$")
	cmd.Env = append(os.Environ(), "RERIG_TEST_LOCKS="+w.root)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if lines.Text() != "took <nil>" {
		t.Errorf("the other rig: %s", lines.Text())
	}
	two := w.second(t, t.TempDir())
	wantStates(t, w, two, "leased")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if _, err := two.Take(t.Context(), "b", hardware.Want{Count: 1}); err != nil {
		t.Error(err)
	}
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 5000 }) // b's
	again := w.second(t, filepath.Join(w.root, "one"))
	if err := again.Scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, again, "dirty")
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 0 })
	if err := two.Release(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := again.Scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, again, "free")
}
