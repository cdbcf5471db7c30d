package provider

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
)

func twoCards() []Card {
	return []Card{{ID: "a", Model: "RTX 3060", VRAMMiB: 12288}, {ID: "b", Model: "RTX 3070", VRAMMiB: 8192}}
}

// A job gets the smallest cards that will do, nobody else has them meanwhile, and who waits
// for cards alone is passed by jobs that need none.
func TestCardsAreLentWhole(t *testing.T) {
	s := newSlots(4, 4)
	s.offer(twoCards())
	small, _ := s.take(need{slots: 1, cards: 1, vramMiB: 6000})
	large, _ := s.take(need{slots: 1, cards: 1, vramMiB: 6000})
	if !slices.Equal(small.cards, []string{"b"}) || !slices.Equal(large.cards, []string{"a"}) {
		t.Fatalf("the jobs hold %v and %v", small.cards, large.cards)
	}
	third, ok := s.take(need{slots: 1, cards: 1, vramMiB: 10000})
	fourth, _ := s.take(need{slots: 1, cards: 1})
	if !ok || isReady(third) || isReady(fourth) || s.ahead(need{slots: 1, cards: 1}) == 0 {
		t.Fatal("a card was lent twice")
	}
	plain, _ := s.take(need{slots: 2})
	if !isReady(plain) || s.free() != 0 {
		t.Error("a job without cards waits for one")
	}
	s.give(plain)
	if s.free() != 2 {
		t.Errorf("%d slots free beside those who wait for cards", s.free())
	}
	s.give(small) // which is too small for the third, and the fourth does not pass it
	if isReady(third) || isReady(fourth) {
		t.Fatal("a job got a card that is too small, or passed the one before it")
	}
	s.give(large)
	if !slices.Equal(third.cards, []string{"a"}) || !slices.Equal(fourth.cards, []string{"b"}) {
		t.Errorf("after the wait they hold %v and %v", third.cards, fourth.cards)
	}
	s.give(third)
	s.give(fourth)
	if len(s.cards.lent) > 0 || s.free() != 4 {
		t.Errorf("left lent: %v", s.cards.lent)
	}
}

// A card that is no longer sold goes to nobody, and comes back to whoever waits for it.
func TestCardsComeAndGo(t *testing.T) {
	s := newSlots(2, 2)
	s.offer(twoCards())
	if _, ok := s.take(need{slots: 1, cards: 3}); ok {
		t.Error("three cards were promised where there are two")
	}
	has, _ := s.take(need{slots: 1, cards: 1, vramMiB: 12288})
	s.offer(twoCards()[1:])
	if !s.full(need{slots: 1, cards: 1, vramMiB: 12288}) {
		t.Error("a card that is gone is promised")
	}
	waits, _ := s.take(need{slots: 1, cards: 1})
	if !slices.Equal(waits.cards, []string{"b"}) {
		t.Errorf("the job holds %v", waits.cards)
	}
	s.give(waits)
	s.give(has)
	s.offer(nil)
	s.offer(twoCards())
	if again, _ := s.take(need{slots: 1, cards: 2}); len(again.cards) != 2 {
		t.Errorf("after all came back a job holds %v", again.cards)
	}
}

// What a rig has no cards for is refused with the numbers, and cards are sold by their own
// time only.
func TestCardsAreRefusedWithReason(t *testing.T) {
	p := newRig(t, &book{})
	p.cfg.Prices = append(p.cfg.Prices, protocol.Price{Unit: protocol.UnitGPUMillis, PerMillion: protocol.NewAmount(70_000_000)})
	p.Sell([]string{protocol.EngineWASM, protocol.EngineContainer}, nil)
	offered := func() (prices, gpus int) {
		o := p.Offer(protocol.Offer{}, false)
		return len(o.Prices), len(o.Hardware.GPUs)
	}
	if prices, gpus := offered(); prices != 1 || gpus != 0 {
		t.Errorf("a rig without cards offers %d prices and %d cards", prices, gpus)
	}
	spec := func(engine string, gpus uint8, vram uint32) *protocol.JobSpec {
		return &protocol.JobSpec{Kind: protocol.KindTask, Engine: engine, Resources: protocol.Resources{GPUs: gpus, VRAMMiB: vram}}
	}
	refused := func(want string, s *protocol.JobSpec, unit protocol.Unit) {
		t.Helper()
		_, _, err := p.sells(s, unit)
		var no *refusalError
		if !errors.As(err, &no) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	refused("resources: GPUs 0 < 1: no card", spec(protocol.EngineContainer, 1, 0), protocol.UnitGPUMillis)
	gap := protocol.DriverGap{Has: "470.223.02", Nearest: "535.183.01"}
	p.SellCards(nil, nil, gap)
	refused("no card of this rig is for jobs now; "+gap.String(), spec(protocol.EngineContainer, 1, 0), protocol.UnitGPUMillis)
	if o := p.Offer(protocol.Offer{}, false); o.DriverGap() != gap {
		t.Errorf("the offer says of the driver %+v", o.DriverGap())
	}
	p.SellCards(twoCards(), []protocol.GPU{{Model: "RTX 3060", VRAMMiB: 12288, Count: 1}, {Model: "RTX 3070", VRAMMiB: 8192, Count: 1}}, protocol.DriverGap{})
	if prices, gpus := offered(); prices != 2 || gpus != 2 {
		t.Errorf("a rig with cards offers %d prices and %d cards", prices, gpus)
	}
	refused("resources: GPUs with VRAM of 10000 MiB: 1 < 2; here are RTX 3060 of 12288 MiB, RTX 3070 of 8192 MiB", spec(protocol.EngineContainer, 2, 10000), protocol.UnitGPUMillis)
	refused("engine wasm reaches no GPU", spec(protocol.EngineWASM, 1, 0), protocol.UnitGPUMillis)
	refused("VRAM of 100 MiB and no GPU", spec(protocol.EngineContainer, 0, 100), protocol.UnitCPUMillis)
	refused("sold in gpu_ms, not cpu_ms", spec(protocol.EngineContainer, 1, 0), protocol.UnitCPUMillis)
	refused("sold in cpu_ms, not gpu_ms", spec(protocol.EngineContainer, 0, 0), protocol.UnitGPUMillis)
	if price, tick, err := p.sells(spec(protocol.EngineContainer, 2, 8192), protocol.UnitGPUMillis); err != nil || price.Unit != protocol.UnitGPUMillis || tick != 50 {
		t.Errorf("two cards cost %v, %d, %v", price, tick, err)
	}
}
