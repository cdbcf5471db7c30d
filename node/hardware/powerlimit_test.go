package hardware

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/hardware/rigtest"
)

// TestPowerLimit sets the limits of cards that are played, as their drivers' documents say.
func TestPowerLimit(t *testing.T) {
	root := t.TempDir()
	if err := rigtest.Mixed().Write(root); err != nil {
		t.Fatal(err)
	}
	src := Below(root)
	cards := src.Look(t.Context()).Cards
	if err := src.SetPowerLimit(t.Context(), &cards[1], 130); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "usr/share/nvidia-smi/limits")); err != nil || string(b) != "0000:02:00.0 130\n" {
		t.Errorf("the tool was told %q, %v", b, err)
	}
	if err := src.SetPowerLimit(t.Context(), &cards[1], 40); err == nil || !strings.Contains(err.Error(), "should be between") {
		t.Errorf("a limit that the card does not take: %v", err)
	}
	if err := src.SetPowerLimit(t.Context(), &cards[1], 0); err == nil {
		t.Error("no power at all is taken")
	}
	amd := t.TempDir()
	if err := rigtest.RX580().Write(amd); err != nil {
		t.Fatal(err)
	}
	src = Below(amd)
	cards = src.Look(t.Context()).Cards
	if err := src.SetPowerLimit(t.Context(), &cards[0], 110); err != nil {
		t.Fatal(err)
	}
	again := src.Look(t.Context()).Cards
	if got := *again[0].PowerLimitW; got != 110 {
		t.Errorf("the limit is %d W", got)
	}
	if got := *again[1].PowerLimitW; got != 145 {
		t.Errorf("the other card's limit is %d W", got)
	}
	arc := t.TempDir()
	if err := rigtest.Arc().Write(arc); err != nil {
		t.Fatal(err)
	}
	src = Below(arc)
	cards = src.Look(t.Context()).Cards
	if err := src.SetPowerLimit(t.Context(), &cards[1], 110); err == nil {
		t.Error("a card of Intel takes a limit")
	}
}
