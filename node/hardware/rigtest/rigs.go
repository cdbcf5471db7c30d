package rigtest

import "fmt"

// P106x6 is the miner's rig of 2018: six cards for mining only, each on an x1 riser, and a
// driver older than any that gVisor knows.
func P106x6() *Machine {
	m := &Machine{NVIDIADriver: "470.223.02"}
	for i := range 6 {
		m.Cards = append(m.Cards, Card{Address: fmt.Sprintf("0000:%02x:00.0", i+1), Vendor: "10de", Device: "1c07", Revision: "a1", Class: "0x030200",
			Driver: "nvidia", Width: 1, MaxWidth: 16, Gen: 1, MaxGen: 1, Node: i, Name: "P106-100",
			UUID: fmt.Sprintf("GPU-106a0000-0000-4000-8000-00000000000%d", i), VRAMMiB: 6080, UsedMiB: 2, TempC: 51 + i, FanPct: 60, PowerW: 88, LimitW: 120})
	}
	return m
}

// Mixed is an RTX 3060 and an RTX 3070 on x1 risers, with a driver that gVisor knows.
func Mixed() *Machine {
	return &Machine{NVIDIADriver: "550.90.12", Cards: []Card{
		{Address: "0000:01:00.0", Vendor: "10de", Device: "2503", Revision: "a1", Driver: "nvidia", Width: 1, MaxWidth: 16, Gen: 3, MaxGen: 4,
			Name: "NVIDIA GeForce RTX 3060", UUID: "GPU-30600000-0000-4000-8000-000000000001", VRAMMiB: 12288, UsedMiB: 1, TempC: 44, FanPct: 30, PowerW: 14, LimitW: 170},
		{Address: "0000:02:00.0", Vendor: "10de", Device: "2484", Revision: "a1", Driver: "nvidia", Width: 1, MaxWidth: 16, Gen: 2, MaxGen: 4, Node: 1,
			Name: "NVIDIA GeForce RTX 3070", UUID: "GPU-30700000-0000-4000-8000-000000000002", VRAMMiB: 8192, UsedMiB: 1, TempC: 47, FanPct: 31, PowerW: 18, LimitW: 220},
	}}
}

// RX580 is a rig of two RX 580 with 8 GiB each.
func RX580() *Machine {
	m := &Machine{}
	for i := range 2 {
		m.Cards = append(m.Cards, Card{Address: fmt.Sprintf("0000:%02x:00.0", 3+i), Vendor: "1002", Device: "67df", Revision: "e7",
			Driver: "amdgpu", Width: 1, MaxWidth: 16, Gen: 2, MaxGen: 3, Node: i, VRAMMiB: 8192, UsedMiB: 11, TempC: 58, FanPct: 40, PowerW: 71, LimitW: 145})
	}
	return m
}

// Arc is an Intel Arc A770 beside a processor's own graphics.
func Arc() *Machine {
	return &Machine{Cards: []Card{
		{Address: "0000:00:02.0", Vendor: "8086", Device: "4680", Revision: "0c", Driver: "i915", Node: 0},
		{Address: "0000:03:00.0", Vendor: "8086", Device: "56a0", Revision: "08", Driver: "i915", Width: 16, MaxWidth: 16, Gen: 4, MaxGen: 4, Node: 1, TempC: 41},
	}}
}

// Bare is a rig without any driver: NVIDIA cards of three kinds and an RX 570.
func Bare() *Machine {
	return &Machine{Cards: []Card{
		{Address: "0000:01:00.0", Vendor: "10de", Device: "1b06", Revision: "a1", Width: 1, MaxWidth: 16, Gen: 1, MaxGen: 3},
		{Address: "0000:02:00.0", Vendor: "10de", Device: "1b87", Revision: "a1", Class: "0x030200", Width: 1, MaxWidth: 4, Gen: 1, MaxGen: 1},
		{Address: "0000:04:00.0", Vendor: "10de", Device: "ffff", Revision: "a1", Width: 8, MaxWidth: 16, Gen: 3, MaxGen: 3},
		{Address: "0000:05:00.0", Vendor: "1002", Device: "67df", Revision: "ef", Width: 1, MaxWidth: 16, Gen: 2, MaxGen: 3},
	}}
}

// OffBus is P106x6 of which the fourth card has fallen off the bus.
func OffBus() *Machine {
	m := P106x6()
	m.Cards[3].Lost = true
	m.Kernel = []string{"6,100,5000000,-;nvidia: loading out-of-tree module taints kernel.",
		"4,901,88000000,-;NVRM: Xid (PCI:0000:04:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
		"4,902,88000100,-;NVRM: GPU 0000:04:00.0: GPU has fallen off the bus."}
	return m
}
