package hardware

import (
	"cmp"
	"slices"

	"github.com/rerig/rerig/protocol"
)

// Way says whether a card could be given to a job in one kind of sandbox, and why.
type Way struct {
	OK  bool   `json:"ok"`
	Why string `json:"why"`
}

// Sale says how a card could be given to jobs. It is about the card and its driver only:
// an engine must still show by a self-test that it works.
type Sale struct {
	// GVisor is the stronger sandbox, which knows NVIDIA's drivers by exact version.
	GVisor Way `json:"gvisor"`
	// Namespaces is the weaker one, which passes every vendor's device files through.
	Namespaces Way `json:"namespaces"`
}

// HowToSell judges a card by itself, whoever has it now.
func HowToSell(c *Card) Sale {
	if why := unusable(c); why != "" {
		return Sale{Way{false, why}, Way{false, why}}
	}
	s := Sale{Namespaces: Way{true, "the job meets the host's own driver: a weaker sandbox, which the miner must allow"}}
	if c.Vendor != VendorNVIDIA {
		s.GVisor.Why = "gVisor passes on NVIDIA's cards only"
		return s
	}
	s.GVisor.OK, s.GVisor.Why = GVisorDriver(c.DriverVersion)
	return s
}

// Groups are cards as an offer lists them (SPEC §4.1), like ones together, the largest
// first. The caller gives those that its engines proved they can use. A card whose
// memory nobody knows is left out: requesters choose by it.
func Groups(cards []Card) []protocol.GPU {
	groups := []protocol.GPU{}
	for i := range cards {
		c := &cards[i]
		if c.VRAMMiB == 0 {
			continue
		}
		at := slices.IndexFunc(groups, func(g protocol.GPU) bool { return g.Model == c.Name() && g.VRAMMiB == c.VRAMMiB && g.Count < 255 })
		if at >= 0 {
			groups[at].Count++
			continue
		}
		groups = append(groups, protocol.GPU{Model: c.Name(), VRAMMiB: c.VRAMMiB, Count: 1})
	}
	slices.SortStableFunc(groups, func(a, b protocol.GPU) int { return cmp.Compare(b.VRAMMiB, a.VRAMMiB) })
	return groups
}
