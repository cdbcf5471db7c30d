package node

import (
	"fmt"

	"github.com/rerig/rerig/protocol"
)

// clauseSkip says for people what an index node counted for one clause.
func (n *Node) clauseSkip(offer *protocol.Offer, e *protocol.Excluded) WhySkip {
	s := WhySkip{Code: string(e.Clause), Count: e.Count, Only: e.Only}
	s.Says, s.Change = n.clauseText(offer, e)
	return s
}

func (n *Node) clauseText(offer *protocol.Offer, e *protocol.Excluded) (says, change string) {
	hw := &offer.Hardware
	switch e.Clause {
	case protocol.ClauseEngine:
		return fmt.Sprintf("engine not sold here; most wanted %q", e.Name), "sell it: rerig up --containers gvisor, or --serve for models; rerig doctor says what the engine needs"
	case protocol.ClauseModel:
		return fmt.Sprintf("model not served here; most wanted %s", e.Name), "serve it: rerig up --serve NAME=FILE.gguf"
	case protocol.ClauseRegion:
		return fmt.Sprintf("region %q is not %q", offer.Region, e.Name), "say where the rig is, if it is there: rerig up --region " + quoted(e.Name)
	case protocol.ClauseVRAM:
		return fmt.Sprintf("VRAM %s < %s", gib(uint64(hw.VRAMMiB())), gib(e.Half)), doFor(gib(e.Half), gib(e.Most), "a card of ")
	case protocol.ClauseCards:
		return fmt.Sprintf("cards fewer than %d", e.Half), doFor(fmt.Sprint(e.Half), fmt.Sprint(e.Most), "cards: ")
	case protocol.ClauseMemory:
		return fmt.Sprintf("memory %s < %s", gib(uint64(hw.MemoryMiB)), gib(e.Half)), doFor(gib(e.Half), gib(e.Most), "memory of ")
	case protocol.ClauseDisk:
		return fmt.Sprintf("disk %s < %s", gib(uint64(hw.DiskMiB)), gib(e.Half)), doFor(gib(e.Half), gib(e.Most), "free disk of ")
	case protocol.ClauseCores:
		return fmt.Sprintf("CPUs %d < %d", hw.Cores, e.Half), doFor(fmt.Sprint(e.Half), fmt.Sprint(e.Most), "CPUs: ")
	case protocol.ClauseSlots:
		return fmt.Sprintf("slots %d < %d", offer.Slots, e.Half), doFor(fmt.Sprint(e.Half), fmt.Sprint(e.Most), "rerig up --slots ")
	case protocol.ClauseEgress:
		return "jobs may reach no hosts from here", "allow some: rerig up --allow-egress HOST, or any-public"
	case protocol.ClauseMarket:
		return "paid in another token or on another chain", "sell on that network: another profile"
	case protocol.ClauseUnit:
		return fmt.Sprintf("no price for %s", e.Name), "sell it: cards with rerig up --gpu-price, models with --serve"
	case protocol.ClausePrice:
		return n.priceText(offer, e)
	}
	return "a reason that this version does not know", "a newer rerig may know it"
}

func (n *Node) priceText(offer *protocol.Offer, e *protocol.Excluded) (says, change string) {
	unit := protocol.Unit(e.Name)
	half, most := n.ask(unit, e.HalfPrice), n.ask(unit, e.MostPrice)
	says = "price above what they pay: " + half
	if own, ok := offer.Price(unit); ok && !e.HalfPrice.IsZero() {
		s := protocol.StandingOf(own.PerMillion, []protocol.Amount{e.HalfPrice})
		says = fmt.Sprintf("price %s is %d.%d %% above what half of them pay, %s", n.ask(unit, own.PerMillion), s.Above/10, s.Above%10, half)
	}
	flag := "--price"
	if unit == protocol.UnitGPUMillis {
		flag = "--gpu-price"
	}
	return says, doFor(half, most, "rerig up "+flag+" ")
}

// doFor says what would do for half of the requests, and for nearly all where that is more.
func doFor(half, most, what string) string {
	if half == most {
		return what + half + " would do"
	}
	return what + half + " would do for half of them, " + most + " for nine tenths"
}

func gib(mib uint64) string {
	if mib == 0 || mib%1024 != 0 {
		return fmt.Sprintf("%d MiB", mib)
	}
	return fmt.Sprintf("%d GiB", mib/1024)
}

func quoted(name string) string { return fmt.Sprintf("%q", name) }

func refusedText(r protocol.Refused) string {
	return fmt.Sprintf("asked and refused, %s: %s", r.Reason, r.Detail)
}

// refusedChange is what would change a refusal, by its reason.
var refusedChange = map[protocol.Reason]string{
	protocol.ReasonBusy:        "more places: rerig up --slots and --queue; or a higher price, as more is wanted than sold",
	protocol.ReasonEngine:      "sell it: rerig up --containers gvisor, or --serve for models; rerig doctor says what is missing",
	protocol.ReasonResources:   "more of it for one job: rerig up --memory and --slots, or other hardware",
	protocol.ReasonInputTooBig: "more free disk in the data directory",
	protocol.ReasonEgress:      "allow hosts: rerig up --allow-egress HOST, or any-public",
	protocol.ReasonDraining:    "nothing: the rig was about to stop; start it again with rerig up",
	protocol.ReasonOverBudget:  "a lower price, or nothing: their budget buys not one unit",
	protocol.ReasonMarket:      "nothing here: they pay with another token",
	protocol.ReasonChainDown:   "a chain endpoint that answers: rerig up --rpc URL, again for more",
	protocol.ReasonUnderfunded: "nothing here: their channel holds too little",
}
