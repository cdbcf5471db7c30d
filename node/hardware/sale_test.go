//go:build linux

package hardware_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

// TestHowToSell holds which sandbox a card could be sold in, and the reason that is told.
func TestHowToSell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rig  *rigtest.Machine
		want []string // "gvisor namespaces: part of gVisor's reason", of each card
	}{
		"known driver": {rigtest.Mixed(), []string{"true true: knows driver 550.90.12", "true true: knows driver"}},
		"old driver":   {&rigtest.Machine{NVIDIADriver: "470.223.02", Cards: rigtest.P106x6().Cards[:1]}, []string{"false true: nearest that it does is 535.129.03"}},
		"AMD":          {&rigtest.Machine{Cards: rigtest.RX580().Cards[:1]}, []string{"false true: NVIDIA's cards only"}},
		"Intel":        {rigtest.Arc(), []string{"false false: part of the processor", "false true: NVIDIA's cards only"}},
		"bare": {rigtest.Bare(), []string{"false false: it needs nvidia", "false false: it needs nvidia", "false false: it needs nvidia",
			"false false: it needs amdgpu"}},
		"nouveau": {&rigtest.Machine{Cards: []rigtest.Card{{Address: "0000:01:00.0", Vendor: "10de", Device: "1c03", Driver: "nouveau"}}},
			[]string{"false false: driver nouveau cannot run jobs; it needs nvidia"}},
		"off the bus": {&rigtest.Machine{NVIDIADriver: "550.90.12", Cards: rigtest.OffBus().Cards[3:4]}, []string{"false false: fallen off the bus"}},
	} {
		_, v := rig(t, c.rig)
		for i := range v.Cards {
			s := hardware.HowToSell(&v.Cards[i])
			ways, why, _ := strings.Cut(c.want[i], ": ")
			if got := fmt.Sprint(s.GVisor.OK, s.Namespaces.OK); got != ways || !strings.Contains(s.GVisor.Why, why) {
				t.Errorf("%s, card %d: %s: %+v; want %s", name, i, got, s, c.want[i])
			}
		}
	}
}

// TestGroups holds cards as an offer has them.
func TestGroups(t *testing.T) {
	t.Parallel()
	cards := slices.Concat(rigtest.P106x6().Cards, []rigtest.Card{{Address: "0000:09:00.0", Vendor: "10de", Device: "1b06"},
		{Address: "0000:0a:00.0", Vendor: "10de", Device: "ffff"}})
	_, v := rig(t, &rigtest.Machine{NVIDIADriver: "470.223.02", Cards: cards})
	got := fmt.Sprint(hardware.Groups(v.Cards))
	if want := "[{GTX 1080 Ti 11264 1 false} {P106-100 6080 6 false}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
