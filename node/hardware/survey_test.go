//go:build linux

package hardware_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig makes a machine and looks at it.
func rig(t *testing.T, m *rigtest.Machine) (string, hardware.Survey) {
	t.Helper()
	root := t.TempDir()
	if err := m.Write(root); err != nil {
		t.Fatal(err)
	}
	return root, hardware.Below(root).Look(t.Context())
}

func opt[T any](p *T) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprint(*p)
}

// describe is all that matters of a card, in one line.
func describe(c *hardware.Card) string {
	faults := ""
	for _, f := range c.Faults {
		faults += fmt.Sprintf(" %s(%v)", f.Kind, f.Serious)
	}
	return fmt.Sprintf("%s %s %dMiB used=%s x%d/x%d %d/%d %s %s temp=%s fan=%s power=%s/%s %v read=%v%s", c.Address, c.Name(), c.VRAMMiB, opt(c.VRAMUsedMiB),
		c.Link.Width, c.Link.MaxWidth, c.Link.MTs, c.Link.MaxMTs, c.Driver, c.DriverVersion, opt(c.TempC), opt(c.FanPercent), opt(c.PowerW),
		opt(c.PowerLimitW), c.Nodes, c.Read, faults)
}

// TestRigs holds what a miner sees of each kind of rig.
func TestRigs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rig   *rigtest.Machine
		cards []string
		notes int
	}{
		"mixed on risers": {rig: rigtest.Mixed(), cards: []string{
			"0000:01:00.0 RTX 3060 12288MiB used=1 x1/x16 8000/16000 nvidia 550.90.12 temp=44 fan=30 power=14/170 [/dev/nvidia0] read=true",
			"0000:02:00.0 RTX 3070 8192MiB used=1 x1/x16 5000/16000 nvidia 550.90.12 temp=47 fan=31 power=18/220 [/dev/nvidia1] read=true"}},
		"RX 580": {rig: rigtest.RX580(), cards: []string{
			"0000:03:00.0 RX 580 8192MiB used=11 x1/x16 5000/8000 amdgpu kernel 5.10.0-hiveos temp=58 fan=40 power=71/145 [/dev/dri/card0 /dev/dri/renderD128] read=true",
			"0000:04:00.0 RX 580 8192MiB used=11 x1/x16 5000/8000 amdgpu kernel 5.10.0-hiveos temp=58 fan=40 power=71/145 [/dev/dri/card1 /dev/dri/renderD129] read=true"}},
		"Arc": {rig: rigtest.Arc(), cards: []string{
			"0000:00:02.0 card 8086:4680 0MiB used=- x0/x0 0/0 i915 kernel 5.10.0-hiveos temp=- fan=- power=-/- [/dev/dri/card0 /dev/dri/renderD128] read=true",
			"0000:03:00.0 Arc A770 0MiB used=- x16/x16 16000/16000 i915 kernel 5.10.0-hiveos temp=41 fan=- power=-/- [/dev/dri/card1 /dev/dri/renderD129] read=true"}},
		"no driver": {rig: rigtest.Bare(), cards: []string{
			"0000:01:00.0 GTX 1080 Ti 11264MiB used=- x1/x16 2500/8000   temp=- fan=- power=-/- [] read=false",
			"0000:02:00.0 P104-100 0MiB used=- x1/x4 2500/2500   temp=- fan=- power=-/- [] read=false",
			"0000:04:00.0 card 10de:ffff 0MiB used=- x8/x16 8000/8000   temp=- fan=- power=-/- [] read=false",
			"0000:05:00.0 RX 570 0MiB used=- x1/x16 5000/8000   temp=- fan=- power=-/- [] read=false"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, v := rig(t, c.rig)
			var got []string
			for i := range v.Cards {
				got = append(got, describe(&v.Cards[i]))
			}
			if g, w := strings.Join(got, "\n"), strings.Join(c.cards, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
			if len(v.Notes) != c.notes {
				t.Errorf("notes: %q", v.Notes)
			}
		})
	}
}

// TestSixCards holds that every card of a rig is told apart.
func TestSixCards(t *testing.T) {
	t.Parallel()
	_, v := rig(t, rigtest.P106x6())
	if len(v.Cards) != 6 || len(v.Notes) != 0 {
		t.Fatalf("%d cards, notes %q", len(v.Cards), v.Notes)
	}
	seen := map[string]bool{}
	for i, c := range v.Cards {
		if c.Model != "P106-100" || c.VRAMMiB != 6080 || c.Link.Width != 1 || *c.TempC != 51+i || *c.PowerLimitW != 120 || seen[c.UUID] {
			t.Errorf("card %d: %s", i, describe(&c))
		}
		seen[c.UUID] = true
	}
}

// TestOneCardOffTheBus holds that one card which is gone takes no other with it.
func TestOneCardOffTheBus(t *testing.T) {
	t.Parallel()
	for _, smi := range []string{"", "echo \"Unable to determine the device handle for GPU 0000:04:00.0: Unknown Error\"\n" +
		"[ \"$#\" = 2 ] && exit 255; [ \"$4\" = 0000:04:00.0 ] && exit 15; cat \"$0.d/$4\"\n"} {
		m := rigtest.OffBus()
		root := t.TempDir()
		if err := m.Write(root); err != nil {
			t.Fatal(err)
		}
		if smi != "" { // as older tools do: nothing about any card when all are asked for
			m.SMI = smi
			if err := os.Rename(filepath.Join(root, "usr/share/nvidia-smi"), filepath.Join(root, "usr/bin/nvidia-smi.d")); err != nil {
				t.Fatal(err)
			}
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
		}
		v := hardware.Below(root).Look(t.Context())
		for i, c := range v.Cards {
			serious := c.Serious()
			if lost := i == 3; lost != (len(serious) > 0) || lost == c.Read {
				t.Errorf("card %d: %s", i, describe(&c))
			}
		}
		kinds := describe(&v.Cards[3])
		for _, want := range []string{"off-bus(true)", "xid-79(true)"} {
			if !strings.Contains(kinds, want) {
				t.Errorf("no %s: %s", want, kinds)
			}
		}
	}
}

// TestLostInTheAnswer holds that a card which is lost is told from its driver's words in
// place of its values.
func TestLostInTheAnswer(t *testing.T) {
	t.Parallel()
	m := rigtest.Mixed()
	m.SMI = `echo '<nvidia_smi_log><driver_version>550.90.12</driver_version>
<gpu id="00000000:01:00.0"><product_name>GPU is lost</product_name><uuid>GPU is lost</uuid></gpu>
<gpu id="00000000:02:00.0"><product_name>NVIDIA GeForce RTX 3070</product_name><fb_memory_usage><total>GPU requires reset</total></fb_memory_usage></gpu></nvidia_smi_log>'
`
	_, v := rig(t, m)
	for i, want := range []string{"off-bus", "reset-required"} {
		c := v.Cards[i]
		if f := c.Serious(); len(f) != 1 || f[0].Kind != want || c.Read || !strings.HasPrefix(c.Model, "RTX 30") || c.UUID == "" {
			t.Errorf("%s: %s", want, describe(&c))
		}
	}
}

// TestBrokenTools holds that cards are found, and why they cannot be read is told, when
// nvidia-smi does not work. Nothing that it writes reaches a terminal as it is.
func TestBrokenTools(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ smi, note string }{
		"hangs":       {"echo before; sleep 1000", "did not answer in time"},
		"garbage":     {"printf '\\033[2J\\377\\000<<<>>'; exit 0", "wrote no XML"},
		"cut off":     {"echo '<?xml version=\"1.0\"?><nvidia_smi_log><gpu id=\"00000000:01:00.0\"><product_name>x'", "XML cannot be read"},
		"error 9":     {"echo \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"; exit 9", "driver is not loaded"},
		"flood":       {"exec yes '<gpu>'", "more than 4 MiB"},
		"mismatch":    {"echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "restart the machine"},
		"other cards": {"echo '<nvidia_smi_log><gpu id=\"00000000:99:00.0\"><product_name>GeForce</product_name></gpu></nvidia_smi_log>'", "does not list 2"},
		"bomb": {"echo '<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaaaaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><nvidia_smi_log><driver_version>&b;</driver_version></nvidia_smi_log>'",
			"XML cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := rigtest.Mixed()
			m.SMI = c.smi
			root := t.TempDir()
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
			src := hardware.Below(root)
			src.ToolTime = 5 * time.Second
			if name == "hangs" {
				src.ToolTime = 200 * time.Millisecond
			}
			v := src.Look(t.Context())
			if notes := strings.Join(v.Notes, "\n"); !strings.Contains(notes, c.note) || strings.ContainsAny(notes, "\x1b\x00") {
				t.Errorf("notes %q, want one with %q", notes, c.note)
			}
			if len(v.Cards) != 2 {
				t.Fatalf("%d cards", len(v.Cards))
			}
			for _, got := range v.Cards {
				if got.Read || got.Model == "" || got.VRAMMiB == 0 || got.DriverVersion != "550.90.12" || got.UUID == "" {
					t.Errorf("without the tool: %s", describe(&got))
				}
			}
		})
	}
}

// TestHostileValues holds that no value which a driver's tool gives is taken for more
// than it is.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	m := rigtest.Mixed()
	m.Cards[0].Name = "NVIDIA \x1b[31mRTX" + strings.Repeat(" 9999", 100)
	m.Cards[0].UUID = "GPU-$(reboot)"
	m.Cards[0].VRAMMiB, m.Cards[0].Node = -5, 1<<20
	m.Cards[1].Processes = []rigtest.Process{{PID: -4, Name: "x", UsedMiB: 1}, {PID: 77, Name: "evil \x07\xff<", UsedMiB: 300}}
	root, _ := rig(t, m)
	if err := rigtest.Hold(root, 77, "evil\nname \x07", "/dev/nvidia1"); err != nil {
		t.Fatal(err)
	}
	v := hardware.Below(root).Look(t.Context())
	c := v.Cards[0]
	if strings.ContainsRune(c.Model, 0x1b) || len(c.Model) > 128 || c.UUID != "" || c.VRAMMiB != 12288 || len(c.Nodes) != 0 {
		t.Errorf("believed: %q %s", c.Model, describe(&c))
	}
	if h := v.Cards[1].Holders; len(h) != 1 || h[0].PID != 77 || h[0].Name != "evil name" || !h[0].Compute || *h[0].VRAMMiB != 300 {
		t.Errorf("holders %+v", h)
	}
}

// TestForgedCard holds that a job cannot tell of its card, or of another, by the name of
// its process.
func TestForgedCard(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"x\n</process_name></process_info></processes></gpu><gpu id=\"00000000:02:00.0\"><uuid>GPU-00000000-0000</uuid><processes><process_info>\n<process_name>",
		"x\n</process_name></process_info></processes><fb_memory_usage><used>0 MiB</used></fb_memory_usage><processes><process_info>\n<process_name>",
	} {
		m := rigtest.Mixed()
		m.Cards[0].Processes = []rigtest.Process{{PID: 77, Name: name, UsedMiB: 9000}}
		m.Cards[0].UsedMiB = 9000
		_, v := rig(t, m)
		for _, c := range v.Cards {
			if c.Read && (c.UUID == "GPU-00000000-0000" || *c.VRAMUsedMiB == 0) {
				t.Errorf("believed: %s", describe(&c))
			}
		}
		if notes := strings.Join(v.Notes, "\n"); !strings.Contains(notes, "forged") && !strings.Contains(notes, "XML") {
			t.Errorf("notes %q", v.Notes)
		}
	}
}

// TestKernelLog holds which errors of the log count, and that a program cannot write one.
func TestKernelLog(t *testing.T) {
	t.Parallel()
	m := rigtest.Mixed()
	m.Kernel = []string{
		"4,1,1,-;NVRM: Xid (PCI:0000:01:00): 31, pid=4242, name=miner, Ch 00000010, MMU Fault",
		"4,2,2,-;NVRM: Xid (PCI:0000:02:00): 48, pid=1, DBE",
		"12,3,3,-;NVRM: Xid (PCI:0000:01:00): 79, pid=1, written by a program",
		"4,7,7,-;NVRM: Xid (PCI:0000:01:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)",
		"4,4,4,-;NVRM: Xid (PCI:0000:02:00): 48, pid=1, DBE", " SUBSYSTEM=pci", "rubbish", ",,,;", "4,x,1,-;NVRM: Xid (PCI:0000:01:00): 79",
		"4,9,1,-;NVRM: Xid (PCI:0000:77:00): 79, another card",
	}
	_, v := rig(t, m)
	if f := v.Cards[0].Faults; len(f) != 1 || f[0].Kind != "xid-31" || f[0].Serious {
		t.Errorf("first card: %+v", f)
	}
	if f := v.Cards[1].Serious(); len(f) != 1 || f[0].Kind != "xid-48" || f[0].Mark != 5 {
		t.Errorf("second card: %+v", f)
	}
}

// TestMemoryErrors holds ECC counts and pages, as new and as old drivers tell them.
func TestMemoryErrors(t *testing.T) {
	t.Parallel()
	for _, m := range []*rigtest.Machine{rigtest.Mixed(), rigtest.P106x6()} {
		m.Cards[0].ECCUncorrected, m.Cards[1].RetirePending = "3", "Yes"
		_, v := rig(t, m)
		if f := v.Cards[0].Serious(); len(f) != 1 || f[0].Kind != "ecc" || f[0].Mark != 3 {
			t.Errorf("%s: %+v", m.NVIDIADriver, f)
		}
		if f := v.Cards[1].Serious(); len(f) != 1 || f[0].Kind != "retired-pages" {
			t.Errorf("%s: %+v", m.NVIDIADriver, f)
		}
	}
}

// TestHolders holds that a process with a card's device file open is found, and whether it
// works on the card.
func TestHolders(t *testing.T) {
	t.Parallel()
	root, _ := rig(t, rigtest.RX580())
	for pid, name := range map[int]string{4242: "teamredminer", 99: "Xorg"} {
		if err := rigtest.Hold(root, pid, name, "/dev/dri/renderD129"); err != nil {
			t.Fatal(err)
		}
	}
	// A display server is known by the file that it runs, not by its name.
	for _, exe := range []string{"/opt/miner/Xorg", "/usr/lib/xorg/Xorg"} {
		link := filepath.Join(root, "proc/99/exe")
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(exe, link); err != nil {
			t.Fatal(err)
		}
		v := hardware.Below(root).Look(t.Context())
		if len(v.Cards[0].Holders) != 0 || len(v.Cards[1].Holders) != 2 {
			t.Fatalf("holders %+v, %+v", v.Cards[0].Holders, v.Cards[1].Holders)
		}
		for _, h := range v.Cards[1].Holders {
			if want := h.PID == 4242 || exe == "/opt/miner/Xorg"; h.Compute != want {
				t.Errorf("%s: %+v", exe, h)
			}
		}
	}
}

// TestMachineWithoutCards holds that nothing is made up, on this machine too.
func TestMachineWithoutCards(t *testing.T) {
	t.Parallel()
	if _, v := rig(t, &rigtest.Machine{}); len(v.Cards) != 0 || len(v.Notes) != 0 {
		t.Errorf("%+v", v)
	}
	if v := hardware.Below(t.TempDir()).Look(t.Context()); len(v.Cards) != 0 || len(v.Notes) != 1 {
		t.Errorf("no sysfs: %+v", v)
	}
	for _, c := range hardware.Machine().Look(t.Context()).Cards {
		if c.Address == "" || c.Device == "" {
			t.Errorf("this machine: %+v", c)
		}
	}
}
