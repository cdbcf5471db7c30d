//go:build linux

package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/node/provider"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

// desk is a rig's cards without the rig: a machine with one card, and an engine whose self-test
// says what the test wants.
type desk struct {
	*cards
	runner.Engine
	t       *testing.T
	machine *rigtest.Machine
	broken  error // what the self-test says
	trials  int
	offers  []int // how many cards each look sold
}

const onlyCard = "0000:03:00.0"

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, machine: rigtest.RX580()}
	d.machine.Cards = d.machine.Cards[:1]
	root := t.TempDir()
	d.cards = newCards(&RigConfig{Containers: HeldByNamespaces, GPUPrice: protocol.NewAmount(1), Sysroot: root}, t.TempDir(), slog.New(slog.DiscardHandler))
	d.sell = func(list []provider.Card, _ []protocol.GPU, _ protocol.DriverGap) {
		d.offers = append(d.offers, len(list))
	}
	d.holds(0)
	if err := d.machine.Files(root); errors.Is(err, os.ErrPermission) {
		t.Skip("needs device files: run as root")
	} else if err != nil {
		t.Fatal(err)
	}
	return d
}

// holds changes how much of the card's memory is taken.
func (d *desk) holds(mib int) {
	d.t.Helper()
	d.machine.Cards[0].UsedMiB = mib
	if err := d.machine.Write(d.src.Root); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) ProbeCards(context.Context, runner.Devices) error {
	d.trials++
	return d.broken
}

// sells looks at the cards, and wants so many sold in the end.
func (d *desk) sells(cards int, about string) {
	d.t.Helper()
	d.refresh(d.t.Context(), d)
	if got := d.offers[len(d.offers)-1]; got != cards {
		d.t.Errorf("%s: %d cards are sold, want %d; told %q", about, got, cards, d.told)
	}
}

// TestDirtyCardIsSoldAgain has a job leave memory behind that its driver gives back late: the
// card is sold again when its quarantine is over and it is clean, without a restart.
func TestDirtyCardIsSoldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.sells(1, "at first")
		if _, err := d.lend(t.Context(), "job", []string{onlyCard}); err != nil {
			t.Fatal(err)
		}
		d.holds(5000)
		if err := d.giveBack(t.Context(), "job", []string{onlyCard}); err != nil {
			t.Fatal(err)
		}
		d.sells(0, "with another's data in it")
		time.Sleep(2 * time.Hour)
		d.sells(0, "when its quarantine is over and it is not clean")
		d.holds(0)
		d.sells(0, "in quarantine once more")
		time.Sleep(2 * time.Hour)
		d.sells(1, "when it is clean and its quarantine is over")
	})
}

// TestCardsAreTakenBackLater has a ledger that cannot be written when a job ends, as on a full
// disk: its card is kept from jobs, and sold again when the ledger can be written.
func TestCardsAreTakenBackLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.sells(1, "at first")
		if _, err := d.lend(t.Context(), "job", []string{onlyCard}); err != nil {
			t.Fatal(err)
		}
		d.sells(1, "with a job that has it")
		lock := d.ledgerAt + ".lock"
		if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700)); err != nil {
			t.Fatal(err)
		}
		if err := d.giveBack(t.Context(), "job", []string{onlyCard}); err == nil {
			t.Fatal("a ledger that cannot be locked was written")
		}
		d.sells(0, "when it cannot be taken back")
		if err := os.Remove(lock); err != nil {
			t.Fatal(err)
		}
		d.sells(1, "when the ledger can be written again")
		if len(d.owed) > 0 {
			t.Errorf("still to be taken back: %v", d.owed)
		}
	})
}

// TestCardIsTriedAgain sells a card whose self-test failed once when it passes later, and does
// not keep trying one that fails on.
func TestCardIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.broken = errors.New("the driver was busy")
		d.sells(0, "when its self-test fails")
		d.sells(0, "at once after that")
		if d.trials != 1 || !strings.Contains(d.told[onlyCard], "the driver was busy; it is tried again in 1m0s") {
			t.Errorf("tried %d times, told %q", d.trials, d.told)
		}
		for range 24 * 60 {
			time.Sleep(time.Minute)
			d.sells(0, "while it fails")
		}
		if d.trials < 24 || d.trials > 40 {
			t.Errorf("in a day it was tried %d times", d.trials)
		}
		d.broken = nil
		time.Sleep(maxCardRetry)
		d.sells(1, "when it passes")
	})
}
