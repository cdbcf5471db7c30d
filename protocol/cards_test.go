package protocol

import (
	"strings"
	"testing"
	"time"
)

// A filter counts the cards that are large enough, in all groups.
func TestFilterCountsCards(t *testing.T) {
	o := exampleOffer()
	o.Hardware.GPUs = []GPU{{Model: "RTX 3060", VRAMMiB: 12 << 10, Count: 1}, {Model: "RX 580", VRAMMiB: 8 << 10, Count: 4}}
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{MinGPUs: 5}, ""},
		{Filter{MinGPUs: 5, MinVRAMMiB: 8 << 10}, ""},
		{Filter{MinGPUs: 6}, "resources: cards: 5 < 6"},
		{Filter{MinGPUs: 2, MinVRAMMiB: 12 << 10}, "resources: cards of 12 GiB or more: 1 < 2"},
		{Filter{MinGPUs: 1, MinVRAMMiB: 24 << 10}, "resources: VRAM 12 GiB < 24 GiB"},
	} {
		var got []string
		for _, m := range c.f.Mismatches(&o) {
			got = append(got, m.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%+v: %q, want %q", c.f, got, c.want)
		}
	}
}

// A rig bills the time of its cards by its own clock: a requester takes no more of each than
// passed by its own.
func TestCardTime(t *testing.T) {
	spec := exampleSpec()
	spec.Resources = Resources{GPUs: 2, CPUs: 8}
	if u := spec.Resources.Unit(); u != UnitGPUMillis {
		t.Errorf("a job with cards is sold in %s", u)
	}
	a := exampleAgreement()
	a.Price, a.MaxTotal, a.TickUnits = Price{Unit: UnitGPUMillis, PerMillion: NewAmount(1)}, NewAmount(1<<40), 1<<40
	for units, ok := range map[uint64]bool{21_000: true, 21_001: false} {
		j, _ := NewJob(RoleRequester, &a, spec, epoch0)
		for _, ev := range []Event{ChannelReady{}, StatusIn{State: StateRunning}} {
			var err error
			if j, _, err = j.Step(ev, epoch0); err != nil {
				t.Fatal(err)
			}
		}
		r := Receipt{Job: j.ID, Seq: 1, Units: units}
		after, _, err := j.Step(ReceiptIn{Receipt: r}, epoch0.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if (after.Units == units) != ok || (after.Reason == ReasonBadReceipt) == ok {
			t.Errorf("%d ms of two cards in 10 s: %+v", units, after)
		}
	}
}
