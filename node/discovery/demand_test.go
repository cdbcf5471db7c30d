package discovery

import (
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// TestRigLearnsWhatItMisses: a rig with a card of 8 GiB hears from the index how many
// asked for more, whatever class it is in itself; who only looks does not count.
func TestRigLearnsWhatItMisses(t *testing.T) {
	index, rig, buyer := start(t), start(t), start(t)
	rig.advertise()
	rig.join(t, index)
	buyer.join(t, index)
	buyer.finds(t, protocol.Filter{}, rig)
	ask := func(f protocol.Filter) {
		t.Helper()
		if _, err := buyer.FindAgain(t.Context(), f, 64); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		ask(protocol.Filter{MinVRAMMiB: 24 << 10})
		ask(protocol.Filter{Engine: "wasm", MinCores: 1})
		ask(protocol.Filter{Engine: "docker", MinCores: 1})
		if _, err := buyer.Look(t.Context(), protocol.Filter{MinVRAMMiB: 16 << 10}, 64); err != nil {
			t.Fatal(err)
		}
	}
	got, err := rig.Tally(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got.Nodes < 1 {
		t.Fatal("nobody told")
	}
	counts := map[protocol.Clause]uint32{}
	for _, e := range got.Excluded {
		counts[e.Clause] = e.Count
		if e.Clause == protocol.ClauseVRAM && e.Most != 24<<10 {
			t.Errorf("%d MiB would do, want 24 GiB", e.Most)
		}
	}
	if counts[protocol.ClauseVRAM] != 2 || counts[protocol.ClauseEngine] != 2 {
		t.Errorf("%+v", got)
	}
}

// TestOnlyTheRigIsToldItsTally: another peer that has the offer, as everybody has, is told
// nothing of what the rig misses.
func TestOnlyTheRigIsToldItsTally(t *testing.T) {
	index, rig, other := start(t), start(t), start(t)
	rig.advertise()
	rig.join(t, index)
	other.join(t, index)
	own := other.finds(t, protocol.Filter{}, rig).Offers[0]
	back, err := protocol.EncodeTallyTime(time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	class := len(other.cells.list) - 1
	key := other.cells.list[class][0].key
	if got := other.askTally(t.Context(), key, index.host.ID(), own, back); got != nil {
		t.Errorf("another peer is told %+v", got)
	}
	if got := rig.askTally(t.Context(), key, index.host.ID(), own, back); got == nil {
		t.Error("the rig is told nothing")
	}
}
