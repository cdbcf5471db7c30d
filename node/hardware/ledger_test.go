//go:build linux

package hardware_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// world is a machine whose cards and processes a test moves by hand.
type world struct {
	root string
	dir  string // of the ledger

	mu    sync.Mutex
	cards []hardware.Card
	now   time.Time
}

func newWorld(t testing.TB, cards int) *world {
	w := &world{root: t.TempDir(), dir: t.TempDir(), now: time.Unix(1_790_000_000, 0)}
	w.boot(t, "boot-1")
	for i := range cards {
		w.cards = append(w.cards, hardware.Card{Address: fmt.Sprintf("0000:%02x:00.0", i+1), Vendor: "10de", Device: "1c07", Model: "P106-100",
			UUID: fmt.Sprintf("GPU-%08d", i), VRAMMiB: 6080, VRAMUsedMiB: new(uint32), Driver: "nvidia", Read: true, Link: hardware.Link{Width: 1, MaxWidth: 16}})
	}
	return w
}

// boot restarts the machine: no process of before is left.
func (w *world) boot(t testing.TB, id string) {
	t.Helper()
	proc := filepath.Join(w.root, "proc")
	dir := filepath.Join(proc, "sys/kernel/random")
	err := errors.Join(os.RemoveAll(proc), os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "boot_id"), []byte(id+"\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// start makes a process; its name tries to look like the end of its own fields.
func (w *world) start(t testing.TB, pid int, started uint64) {
	t.Helper()
	dir := filepath.Join(w.root, "proc", fmt.Sprint(pid))
	stat := fmt.Sprintf("%d (re) S 1 (rig)) S 1 %[1]d 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 %d 1000 200", pid, started)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) kill(t testing.TB, pid int) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(w.root, "proc", fmt.Sprint(pid))); err != nil {
		t.Fatal(err)
	}
}

func (w *world) look(context.Context) hardware.Survey {
	w.mu.Lock()
	defer w.mu.Unlock()
	var v hardware.Survey
	for _, c := range w.cards {
		used := *c.VRAMUsedMiB
		c.VRAMUsedMiB = &used
		c.Faults, c.Holders = slices.Clone(c.Faults), slices.Clone(c.Holders)
		v.Cards = append(v.Cards, c)
	}
	return v
}

func (w *world) set(i int, f func(*hardware.Card)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.cards[i])
}

// ledger is one process's view of the machine's ledger.
func (w *world) ledger(pid int) *hardware.Ledger {
	return hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(w.dir, "cards.json"), Sources: hardware.Below(w.root), Look: w.look, PID: pid,
		Now: func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }, Limits: hardware.Limits{ScrubTime: 20 * time.Millisecond}})
}

func (w *world) states(t testing.TB, l *hardware.Ledger) (out []string) {
	t.Helper()
	_, all, err := l.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		out = append(out, string(s.State))
	}
	return out
}

func wantStates(t testing.TB, w *world, l *hardware.Ledger, want ...string) {
	t.Helper()
	if got := w.states(t, l); !slices.Equal(got, want) {
		t.Errorf("states %q, want %q", got, want)
	}
}

// TestLease holds exclusive use, and that what a job cannot have is told card by card.
func TestLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.start(t, 100, 5)
	l, other := w.ledger(100), w.ledger(100)
	w.set(2, func(c *hardware.Card) { c.Link.Width = 16 })
	got, err := l.Take(t.Context(), "a", hardware.Want{Count: 1, VRAMMiB: 6000})
	if err != nil || len(got) != 1 || got[0].Address != "0000:03:00.0" {
		t.Fatalf("%v, %v: want the card with the widest link", got, err)
	}
	if _, err := other.Take(t.Context(), "a", hardware.Want{Count: 1}); err == nil {
		t.Error("a job took cards twice")
	}
	var none *hardware.NoCardError
	if _, err := other.Take(t.Context(), "b", hardware.Want{Count: 3}); !errors.As(err, &none) || !strings.Contains(err.Error(), "leased") {
		t.Errorf("three of two: %v", err)
	}
	if _, err := other.Take(t.Context(), "b", hardware.Want{Count: 1, VRAMMiB: 8192}); !errors.As(err, &none) || !strings.Contains(err.Error(), "has 6080 MiB") {
		t.Errorf("too large: %v", err)
	}
	if _, err := other.Take(t.Context(), "b", hardware.Want{Count: 1, Suits: func(*hardware.Card) string { return "is ugly" }}); !errors.As(err, &none) || !strings.Contains(err.Error(), "is ugly") {
		t.Errorf("unsuited: %v", err)
	}
	if _, err := other.Take(t.Context(), "b", hardware.Want{Count: 2}); err != nil {
		t.Error(err)
	}
	wantStates(t, w, l, "leased", "leased", "leased")
	if err := errors.Join(l.Release(t.Context(), "b"), l.Release(t.Context(), "nobody")); err != nil {
		t.Error(err)
	}
	wantStates(t, w, l, "free", "free", "leased")
}

// TestBusyCardIsNotLeased holds the check before a job.
func TestBusyCardIsNotLeased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.start(t, 100, 5)
	l := w.ledger(100)
	w.set(0, func(c *hardware.Card) {
		c.Holders = []hardware.Holder{{PID: 7, Name: "miner", Compute: true}, {PID: 8, Name: "Xorg"}}
	})
	w.set(1, func(c *hardware.Card) { *c.VRAMUsedMiB = 3000 })
	_, err := l.Take(t.Context(), "a", hardware.Want{Count: 1})
	if err == nil || !strings.Contains(err.Error(), "process 7 (miner)") || !strings.Contains(err.Error(), "3000 MiB") {
		t.Errorf("error %v", err)
	}
	wantStates(t, w, l, "busy", "busy")
}

// TestUncleanCardIsQuarantined holds the check after a job, and that the card comes back
// when it is clean and its time is over, and not before.
func TestUncleanCardIsQuarantined(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, 100, 5)
	l := w.ledger(100)
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 300 }) // a display server's
	if _, err := l.Take(t.Context(), "a", hardware.Want{Count: 1}); err != nil {
		t.Fatal(err)
	}
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 450 }) // under what a new job may meet, over what was there
	if err := l.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, all, err := l.Read(t.Context())
	if err != nil || all[0].State != hardware.StateQuarantined || !strings.Contains(all[0].Reason, "450 MiB") || all[0].Until == nil {
		t.Fatalf("%+v, %v", all, err)
	}
	w.mu.Lock()
	w.now = w.now.Add(2 * time.Hour)
	w.mu.Unlock()
	wantStates(t, w, l, "dirty")
	if _, err := l.Take(t.Context(), "b", hardware.Want{Count: 1}); err == nil {
		t.Error("a job got another's memory")
	}
	w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 310 })
	if _, err := l.Take(t.Context(), "b", hardware.Want{Count: 1}); err != nil {
		t.Error(err)
	}
}

// TestSlowDriverIsWaitedFor holds that memory which comes back late is no fault.
func TestSlowDriverIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, 100, 5)
	looks := 0
	cfg := hardware.LedgerConfig{Path: filepath.Join(w.dir, "cards.json"), Sources: hardware.Below(w.root), PID: 100,
		Limits: hardware.Limits{ScrubTime: time.Minute}}
	cfg.Look = func(ctx context.Context) hardware.Survey {
		if looks++; looks == 4 {
			w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 0; c.Holders = nil })
		}
		return w.look(ctx)
	}
	cfg.Limits.ScrubTime = 2 * time.Second
	l := hardware.NewLedger(cfg)
	if _, err := l.Take(t.Context(), "a", hardware.Want{Count: 1}); err != nil {
		t.Fatal(err)
	}
	w.set(0, func(c *hardware.Card) {
		*c.VRAMUsedMiB, c.Holders = 6000, []hardware.Holder{{PID: 9, Name: "job", Compute: true}}
	})
	if err := l.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, l, "free")
}

// TestCrashLeavesNoCardStuck holds that leases end with their owner: killed, its ID given
// to another process, or the machine restarted.
func TestCrashLeavesNoCardStuck(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]func(*world){
		"killed":    func(w *world) { w.kill(t, 100) },
		"same ID":   func(w *world) { w.start(t, 100, 77) },
		"restarted": func(w *world) { w.boot(t, "boot-2"); w.start(t, 100, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, 100, 5)
			if _, err := w.ledger(100).Take(t.Context(), "a", hardware.Want{Count: 2}); err != nil {
				t.Fatal(err)
			}
			w.set(0, func(c *hardware.Card) { c.Holders = []hardware.Holder{{PID: 55, Name: "orphan", Compute: true}} })
			crash(w)
			w.start(t, 200, 90)
			l := w.ledger(200)
			wantStates(t, w, l, "dirty", "dirty")
			// The job outlived its owner on one card: that one is not handed on.
			got, err := l.Take(t.Context(), "b", hardware.Want{Count: 1})
			if err != nil || got[0].Address != "0000:02:00.0" {
				t.Fatalf("%v, %v", got, err)
			}
			if err := l.Release(t.Context(), "b"); err != nil {
				t.Fatal(err)
			}
			w.set(0, func(c *hardware.Card) { c.Holders = nil })
			if err := l.Scrub(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			wantStates(t, w, l, "free", "free")
		})
	}
}

// TestFaultsQuarantine holds which faults keep a card out of use, for how long, and that
// lifting counts for what has happened and not for what happens again.
func TestFaultsQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.start(t, 100, 5)
	l := w.ledger(100)
	fault := func(i int, f hardware.Fault) { w.set(i, func(c *hardware.Card) { c.Faults = []hardware.Fault{f} }) }
	fault(0, hardware.Fault{Kind: "xid-31", Mark: 4, Text: "a program's"})
	fault(1, hardware.Fault{Kind: "xid-79", Mark: 5, Text: "gone", Serious: true})
	fault(2, hardware.Fault{Kind: "ecc", Mark: 1, Text: "bits", Serious: true})
	fault(3, hardware.Fault{Kind: "off-bus", Text: "no answer", Serious: true, Present: true})
	if _, _, err := l.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, l, "free", "quarantined", "quarantined", "quarantined")
	card := func(i int) *hardware.Card { v := w.look(t.Context()); return &v.Cards[i] }
	if err := l.Lift(t.Context(), card(3)); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("lifted a card that is off the bus: %v", err)
	}
	if err := errors.Join(l.Lift(t.Context(), card(1)), l.Lift(t.Context(), card(2))); err != nil {
		t.Error(err)
	}
	if err := l.Lift(t.Context(), card(1)); !errors.Is(err, hardware.ErrNotQuarantined) {
		t.Errorf("lifted twice: %v", err)
	}
	wantStates(t, w, l, "free", "free", "free", "quarantined")
	fault(2, hardware.Fault{Kind: "ecc", Mark: 2, Text: "more bits", Serious: true})
	fault(1, hardware.Fault{Kind: "xid-79", Mark: 5, Text: "gone", Serious: true}) // the same as before
	w.set(3, func(c *hardware.Card) { c.Faults = nil })
	if _, _, err := l.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, l, "free", "free", "quarantined", "quarantined")
	w.mu.Lock()
	w.now = w.now.Add(25 * time.Hour)
	w.mu.Unlock()
	wantStates(t, w, l, "free", "free", "quarantined", "free") // broken memory waits for a person
	if _, err := l.Take(t.Context(), "a", hardware.Want{Count: 3}); err != nil {
		t.Error(err)
	}
	if err := l.Quarantine(t.Context(), card(0), "noisy \x1b[2J", 0); err != nil {
		t.Fatal(err)
	}
	_, all, err := l.Read(t.Context())
	if err != nil || all[0].State != hardware.StateLeased || all[0].Reason != "noisy [2J" {
		t.Errorf("a card in use: %+v, %v", all[0], err)
	}
	if err := l.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, l, "quarantined", "free", "quarantined", "free")
}

// TestCardThatMoved holds that a quarantine follows a card into another slot, and that one
// which is taken out is told of.
func TestCardThatMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	l := w.ledger(0)
	v := w.look(t.Context())
	if err := l.Quarantine(t.Context(), &v.Cards[0], "dusty", 0); err != nil {
		t.Fatal(err)
	}
	w.cards[0].Address, w.cards[1].Address = w.cards[1].Address, w.cards[0].Address
	wantStates(t, w, l, "quarantined", "free")
	w.cards = w.cards[1:]
	v, all, err := l.Read(t.Context())
	if err != nil || len(all) != 2 || all[1].State != hardware.StateMissing || v.Cards[1].Model != "P106-100" || !strings.Contains(all[1].Reason, "dusty") {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestBadLedger holds that a file which is none is not taken for an empty one.
func TestBadLedger(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "{", `{"version":2}`, `{"version":1,"more":1}`, strings.Repeat(" ", 5<<20)} {
		w := newWorld(t, 1)
		w.start(t, 100, 5)
		path := filepath.Join(w.dir, "cards.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ledger(100).Take(t.Context(), "a", hardware.Want{Count: 1}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%.20q: %v", content, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("%.20q was written over", content)
		}
	}
}

// TestLedgerOfARealRig plays a job on files and programs of a whole rig rather than on a
// test's cards.
func TestLedgerOfARealRig(t *testing.T) {
	t.Parallel()
	m := rigtest.OffBus()
	root, _ := rig(t, m)
	w := &world{root: root, dir: t.TempDir()}
	w.start(t, 100, 5)
	l := hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(w.dir, "cards.json"), Sources: hardware.Below(root), PID: 100,
		Limits: hardware.Limits{ScrubTime: 300 * time.Millisecond}})
	got, err := l.Take(t.Context(), "a", hardware.Want{Count: 5})
	if err != nil || slices.ContainsFunc(got, func(c hardware.Card) bool { return c.Address == "0000:04:00.0" }) {
		t.Fatalf("%v, %v", got, err)
	}
	m.Cards[0].Processes = []rigtest.Process{{PID: 900, Name: "left", UsedMiB: 4000}}
	m.Cards[0].UsedMiB = 4002
	if err := m.Write(root); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	wantStates(t, w, l, "quarantined", "free", "free", "quarantined", "free", "free")
}

// TestOldLookCleansNothing holds that what was seen before a job ended does not count as
// seen after it.
func TestOldLookCleansNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, 100, 5)
	w.start(t, 200, 6)
	if _, err := w.ledger(100).Take(t.Context(), "a", hardware.Want{Count: 1}); err != nil {
		t.Fatal(err)
	}
	l := hardware.NewLedger(hardware.LedgerConfig{Path: filepath.Join(w.dir, "cards.json"), Sources: hardware.Below(w.root), PID: 200,
		Look: func(ctx context.Context) hardware.Survey {
			v := w.look(ctx)
			w.set(0, func(c *hardware.Card) { *c.VRAMUsedMiB = 5000 })
			w.kill(t, 100)
			return v
		}})
	if got, err := l.Take(t.Context(), "b", hardware.Want{Count: 1}); err == nil {
		t.Errorf("took %+v", got)
	}
	wantStates(t, w, w.ledger(200), "dirty")
}

// TestCountThatBeginsAgain holds that errors counted from 0 again, because the driver was
// loaded anew, are new ones.
func TestCountThatBeginsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	l := w.ledger(0)
	for _, mark := range []uint64{3, 1} {
		w.set(0, func(c *hardware.Card) {
			c.Faults = []hardware.Fault{{Kind: "ecc", Mark: mark, Text: "bits", Serious: true}}
		})
		if _, _, err := l.Observe(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, w, l, "quarantined")
		v := w.look(t.Context())
		if err := l.Lift(t.Context(), &v.Cards[0]); err != nil {
			t.Fatal(err)
		}
		wantStates(t, w, l, "free")
	}
}
