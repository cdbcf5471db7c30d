//go:build linux

package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
)

// TestModelBorrowsACard: a served model gets a card that passed its self-test, whole, which is
// not sold until it is back; what loading took of it is the driver's own count.
func TestModelBorrowsACard(t *testing.T) {
	d := newDesk(t)
	vulkan := func(card *hardware.Card) string { return suitsPack(card, protocol.NeedsVulkan, "") }
	close(d.looked)
	refused := func(want string, mib uint32, suits func(*hardware.Card) string) {
		t.Helper()
		if _, err := d.borrow(t.Context(), "model b", mib, suits); !errors.As(err, new(*hardware.NoCardError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want no card that %s", err, want)
		}
	}
	refused("has not passed its self-test", 1, vulkan)
	d.sells(1, "before")
	refused("has 8192 MiB", 16<<10, vulkan)
	refused("is not NVIDIA's", 1, func(card *hardware.Card) string { return suitsPack(card, protocol.NeedsCUDA, "") })
	l, err := d.borrow(t.Context(), "model a", 4096, vulkan)
	if err != nil || len(l.devices.Nodes) == 0 || l.card.Address != onlyCard {
		t.Fatalf("%+v, %v", l, err)
	}
	d.sells(0, "lent to a model")
	refused("is that of model a", 1, vulkan)
	d.holds(3000)
	if told := l.measure(t.Context()); !told || l.vram != 3000<<20 {
		t.Errorf("loading took %d bytes, %v", l.vram, told)
	}
	d.holds(0)
	if err := l.back(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.sells(1, "given back")
	if l, err = d.borrow(t.Context(), "model b", 1, vulkan); err != nil {
		t.Fatal(err)
	}
	if err := l.back(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPackSuits judges cards by what a pack computes on, and by their driver's version.
func TestPackSuits(t *testing.T) {
	nvidia := &hardware.Card{Vendor: hardware.VendorNVIDIA, DriverVersion: "550.54.14"}
	amd := &hardware.Card{Vendor: hardware.VendorAMD, DriverVersion: "6.1"}
	for _, c := range []struct {
		card            *hardware.Card
		need, min, want string
	}{
		{nvidia, protocol.NeedsCUDA, "", ""}, {nvidia, protocol.NeedsCUDA, "550.54.14", ""}, {nvidia, protocol.NeedsCUDA, "550.54", ""},
		{nvidia, protocol.NeedsCUDA, "550.54.15", "needs 550.54.15"}, {nvidia, protocol.NeedsCUDA, "560", "needs 560"}, {nvidia, protocol.NeedsCUDA, "550.54.14.1", "needs"},
		{nvidia, protocol.NeedsVulkan, "", "Vulkan"}, {amd, protocol.NeedsVulkan, "550.54.14", ""}, {amd, protocol.NeedsCUDA, "", "NVIDIA"},
	} {
		if got := suitsPack(c.card, c.need, c.min); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s %s for %s from %s: %q, want %q", c.card.Vendor, c.card.DriverVersion, c.need, c.min, got, c.want)
		}
	}
}
