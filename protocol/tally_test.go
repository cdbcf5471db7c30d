package protocol

import (
	"fmt"
	"testing"
	"time"
)

var tallyNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func smallOffer() *Offer {
	return &Offer{Engines: []string{EngineWASM}, Slots: 2, Prices: []Price{{Unit: UnitGPUMillis, PerMillion: NewAmount(100_000)}},
		Hardware: Hardware{Cores: 4, MemoryMiB: 8 << 10, GPUs: []GPU{{Model: "card", VRAMMiB: 6 << 10, Count: 1}}}}
}

// TestTallySaysWhatWouldChangeIt: each filter counts once, by what it fails first, and of
// those there is what would do for half of them and for nine tenths.
func TestTallySaysWhatWouldChangeIt(t *testing.T) {
	var d Demand
	count := func(n int, f Filter) {
		for range n {
			d.Count(&f, tallyNow)
		}
	}
	count(4, Filter{Engine: EngineWASM})
	count(6, Filter{MinVRAMMiB: 8 << 10})
	count(3, Filter{MinVRAMMiB: 16 << 10})
	count(1, Filter{MinVRAMMiB: 24 << 10, Region: "eu"})
	count(3, Filter{Engine: EngineContainer, MinVRAMMiB: 8 << 10})
	count(2, Filter{Engine: EngineContainer})
	count(5, Filter{Unit: UnitGPUMillis, MaxPrice: NewAmount(90_999)})
	count(2, Filter{Unit: UnitGPUMillis, MaxPrice: NewAmount(500)})
	count(1, Filter{MinFree: 2})
	got := d.Tally(smallOffer(), time.Hour, tallyNow.Add(30*time.Minute))
	if got.Asked != 27 || got.Fit != 5 || got.Other != 0 {
		t.Errorf("asked %d, fit %d, other %d", got.Asked, got.Fit, got.Other)
	}
	want := []Excluded{
		{Clause: ClauseVRAM, Count: 9, Only: 9, Half: 8 << 10, Most: 16 << 10},
		{Clause: ClausePrice, Count: 7, Only: 7, HalfPrice: NewAmount(90_900), MostPrice: NewAmount(500), Name: string(UnitGPUMillis)},
		{Clause: ClauseEngine, Count: 5, Only: 2, Name: EngineContainer},
		{Clause: ClauseRegion, Count: 1, Name: "eu"},
	}
	if len(got.Excluded) != len(want) {
		t.Fatalf("%+v", got.Excluded)
	}
	for i := range want {
		if got.Excluded[i] != want[i] {
			t.Errorf("got %+v, want %+v", got.Excluded[i], want[i])
		}
	}
	raw, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeTally(raw)
	if err != nil || back.Asked != 27 || len(back.Excluded) != 4 || back.Excluded[1] != want[1] {
		t.Errorf("it comes back as %+v, %v", back, err)
	}
	if later := d.Tally(smallOffer(), time.Hour, tallyNow.Add(66*time.Minute)); later.Asked != 0 {
		t.Errorf("%d are of the hour before an hour later", later.Asked)
	}
	if later := d.Tally(smallOffer(), TallyKept, tallyNow.Add(3*time.Hour)); later.Asked != 27 {
		t.Errorf("%d of 27 are known three hours later", later.Asked)
	}
}

// TestDemandIsBounded: whoever asks for everything once does not make a node forget what
// is asked for often, nor make it keep more, and its tally fits the message.
func TestDemandIsBounded(t *testing.T) {
	var d Demand
	for range 3 {
		d.Count(&Filter{MinVRAMMiB: 8 << 10}, tallyNow)
	}
	clauses := []func(f *Filter, name string, n int){
		func(f *Filter, name string, _ int) { f.Engine = name }, func(f *Filter, name string, _ int) { f.Region = name },
		func(f *Filter, name string, _ int) { f.Model = name }, func(f *Filter, name string, _ int) { f.Unit = Unit(name) },
		func(f *Filter, _ string, n int) { f.MinCores = uint16(1000 + n) }, func(f *Filter, _ string, n int) { f.MinMemMiB = 1<<31 + uint32(n) },
		func(f *Filter, _ string, n int) { f.MinDiskMiB = 1<<31 + uint32(n) },
	}
	for n := range 1000 {
		var f Filter
		name := make([]byte, MaxNameBytes)
		for i := range name {
			name[i] = 'x'
		}
		copy(name, fmt.Sprint(n))
		clauses[n%len(clauses)](&f, string(name), n)
		d.Count(&f, tallyNow)
	}
	if len(d.kept) > MaxDemand {
		t.Errorf("%d filters are kept", len(d.kept))
	}
	got := d.Tally(smallOffer(), time.Hour, tallyNow)
	if got.Asked != 1003 {
		t.Errorf("%d of 1003 counted", got.Asked)
	}
	if e := got.of(ClauseVRAM); e.Count != 3 {
		t.Errorf("what is asked for often counts %d, want 3", e.Count)
	}
	raw, err := got.Encode()
	if err != nil || len(raw) > MaxExtBytes {
		t.Fatalf("the tally has %d bytes (%v)", len(raw), err)
	}
	if _, err := DecodeTally(raw); err != nil {
		t.Error(err)
	}
}

// TestMedianOfTallies: one liar among three changes nothing, and the salts are added up.
func TestMedianOfTallies(t *testing.T) {
	honest := Tally{Asked: 10, Fit: 4, Excluded: []Excluded{{Clause: ClauseVRAM, Count: 6, Only: 6, Half: 8192, Most: 16384}}}
	liar := Tally{Asked: MaxTallied, Fit: 0, Excluded: []Excluded{{Clause: ClausePrice, Count: 1 << 20, Only: 1 << 20, HalfPrice: NewAmount(1)},
		{Clause: ClauseVRAM, Count: 1 << 20, Half: 1, Most: 1}}}
	more := Tally{Asked: 3, Excluded: []Excluded{{Clause: ClauseVRAM, Count: 3, Only: 1, Half: 24576, Most: 24576}}}
	got := MergeTallies([][]Tally{{honest, liar, honest}, {more, more}, nil})
	if got.Asked != 13 || got.Fit != 4 || len(got.Excluded) != 1 {
		t.Fatalf("%+v", got)
	}
	if e := got.Excluded[0]; e.Clause != ClauseVRAM || e.Count != 9 || e.Only != 7 || e.Half != 8192 || e.Most != 24576 {
		t.Errorf("%+v", e)
	}
}

// TestTallyIsHeldToItsLimits: what a peer says must add up and be text.
func TestTallyIsHeldToItsLimits(t *testing.T) {
	for name, bad := range map[string]Tally{
		"more parts than sum": {Asked: 1, Fit: 2},
		"too large":           {Asked: MaxTallied + 1},
		"too many clauses":    {Excluded: make([]Excluded, MaxExcluded+1)},
		"alone":               {Asked: 9, Excluded: []Excluded{{Clause: ClauseVRAM, Count: 1, Only: 2}}},
		"control text":        {Asked: 9, Excluded: []Excluded{{Clause: ClauseModel, Count: 1, Name: "\x1b[2J"}}},
		"long text":           {Asked: 9, Excluded: []Excluded{{Clause: ClauseModel, Count: 1, Name: fmt.Sprintf("%080d", 1)}}},
	} {
		raw, err := bad.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeTally(raw); err == nil {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
}
