package hardware

import (
	"testing"

	"github.com/rerig/rerig/protocol"
)

func TestDetectSeesThisMachine(t *testing.T) {
	hw, err := Detect(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if hw.Cores == 0 || hw.MemoryMiB == 0 || hw.DiskMiB == 0 || hw.CPU == "" {
		t.Fatalf("incomplete: %+v", hw)
	}
	if len(hw.GPUs) != 0 {
		t.Fatalf("cards listed that no self-test used: %+v", hw.GPUs)
	}
}

func TestSimulatedCards(t *testing.T) {
	for in, want := range map[string]protocol.GPU{
		"RTX 3060:12GiB": {Model: "RTX 3060", VRAMMiB: 12288, Count: 1, Simulated: true},
		"6xRX 580:8GiB":  {Model: "RX 580", VRAMMiB: 8192, Count: 6, Simulated: true},
		"GTX 1660:6":     {Model: "GTX 1660", VRAMMiB: 6144, Count: 1, Simulated: true},
	} {
		got, err := ParseSimulated(in)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "RTX 3060", "RTX 3060:", "RTX 3060:-1GiB", ":8GiB", "0xRX:8GiB", "RX:9999GiB"} {
		if _, err := ParseSimulated(in); err == nil {
			t.Errorf("%q accepted", in)
		}
	}
}
