package telemetry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/hardware/rigtest"
	"github.com/rerig/rerig/node/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 60 * time.Second

// watch runs a telemetry over a machine that is not there, as a rig does.
func watch(t *testing.T, m *rigtest.Machine, change ...func(*telemetry.Config)) (*rigtest.Live, *telemetry.Telemetry, string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: cards are found nowhere else")
	}
	root := t.TempDir()
	live, err := m.Live(root)
	if err != nil {
		t.Fatal(err)
	}
	src := hardware.Below(root)
	look := src.Watch()
	cfg := telemetry.Config{Sys: src.Sys, Proc: src.Proc, Tool: src.Tool, Every: 20 * time.Millisecond, Silence: time.Minute, Retry: 5 * time.Millisecond,
		Scan: func() (list []telemetry.Card) {
			for i, c := range look.Scan() {
				one := telemetry.Card{ID: c.Address, Index: i, Model: c.Name(), UUID: c.UUID, Driver: c.Driver}
				for _, f := range c.Faults {
					one.Faults = append(one.Faults, f.Text)
					one.OffBus = one.OffBus || f.Kind == "off-bus"
				}
				list = append(list, one)
			}
			return list
		}}
	for _, f := range change {
		f(&cfg)
	}
	tel := telemetry.New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tel.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		look.Close()
	})
	return live, tel, root
}

// until waits for a card that is as it is wanted.
func until(t *testing.T, tel *telemetry.Telemetry, id, what string, ok func(*telemetry.Seen) bool) telemetry.Seen {
	t.Helper()
	var last string
	for over := time.Now().Add(patience); time.Now().Before(over); time.Sleep(5 * time.Millisecond) {
		for _, s := range tel.Latest() {
			if s.ID == id && ok(&s) {
				return s
			}
		}
		last = fmt.Sprintf("%+v, notes %q", tel.Latest(), tel.Notes())
	}
	t.Fatalf("%s of card %s does not come: %s", what, id, last)
	return telemetry.Seen{}
}

func is[T comparable](p *T, want T) bool { return p != nil && *p == want }

// TestNVIDIACardsAreFollowed reads two cards from one nvidia-smi that goes on: what a card
// tells is there without another one being started.
func TestNVIDIACardsAreFollowed(t *testing.T) {
	t.Parallel()
	m := rigtest.Mixed()
	m.Cards[0].LoadPct, m.Cards[0].ECCUncorrected, m.Cards[1].MemoryC = 97, "3", 84
	live, tel, _ := watch(t, m)
	told, cancel := tel.Subscribe(4096)
	defer cancel()
	a := until(t, tel, "0000:01:00.0", "reading", func(s *telemetry.Seen) bool { return is(s.Reading.TempC, 44) })
	r := a.Reading
	if !is(r.Load, 97) || !is(r.PowerMW, 14420) || !is(r.LimitMW, 170000) || !is(r.FanPercent, 30) || !is(r.UsedMiB, 1) || !is(r.TotalMiB, 12288) ||
		!is(r.LinkWidth, 1) || !is(r.LinkGen, 3) || !is(r.Uncorrected, 3) || r.MemoryC != nil || r.Corrected != nil || a.Lost != "" || a.Model != "RTX 3060" {
		t.Errorf("card is %+v", a)
	}
	b := until(t, tel, "0000:02:00.0", "reading", func(s *telemetry.Seen) bool { return is(s.Reading.MemoryC, 84) })
	if !is(b.Reading.Hottest(), 84) {
		t.Errorf("the hottest of %+v is not its memory", b.Reading)
	}
	if err := live.Set("0000:01:00.0", func(c *rigtest.Card) { c.TempC, c.PowerW, c.UsedMiB = 83, 171, 9000 }); err != nil {
		t.Fatal(err)
	}
	until(t, tel, "0000:01:00.0", "heat", func(s *telemetry.Seen) bool {
		return is(s.Reading.TempC, 83) && is(s.Reading.PowerMW, 171420) && is(s.Reading.UsedMiB, 9000) && s.EnergyMJ > 0
	})
	hot := false
	for len(told) > 0 {
		x := <-told
		hot = hot || x.Card == "0000:01:00.0" && is(x.Reading.TempC, 83)
	}
	if !hot {
		t.Error("the subscriber was not told that the card is hot")
	}
	h := tel.History("0000:01:00.0", time.Time{})
	if len(h) < 2 || h[0].TempC != 44 || h[len(h)-1].TempC != 83 || h[0].MemoryC != -1 {
		t.Errorf("history is %+v", h)
	}
	if n := tel.Notes(); len(n) != 0 {
		t.Errorf("notes %q", n)
	}
}

// TestToolThatMisbehaves holds that a tool that hangs, ends, floods or writes garbage is
// named, costs nothing but its readings, and is heard again when it is well.
func TestToolThatMisbehaves(t *testing.T) {
	t.Parallel()
	live, tel, root := watch(t, rigtest.Mixed(), func(c *telemetry.Config) { c.Silence = 2 * time.Second })
	well := func(after string) time.Time {
		t.Helper()
		begun := time.Now()
		return until(t, tel, "0000:01:00.0", "reading after "+after, func(s *telemetry.Seen) bool {
			return s.Reading.At.After(begun) && s.Lost == "" && len(tel.Notes()) == 0
		}).Reading.At
	}
	well("the start")
	for _, c := range []struct{ mode, want string }{
		{"hang", "nvidia-smi: it hangs"}, {"garbage", "nvidia-smi: it writes what is no reading: [2J< garbage>"},
		{"flood", "nvidia-smi: it writes "}, {"exit 9", "nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."},
	} {
		if err := live.Tool(c.mode); err != nil {
			t.Fatal(err)
		}
		if c.mode == "flood" { // of rows; those of cards that are not asked for are none
			until(t, tel, "0000:02:00.0", "loss", func(*telemetry.Seen) bool { return strings.Contains(strings.Join(tel.Notes(), "\n"), c.want) })
		} else {
			s := until(t, tel, "0000:02:00.0", "loss", func(s *telemetry.Seen) bool { return strings.Contains(s.Lost, c.want) })
			if strings.ContainsFunc(s.Lost, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q cannot be shown", s.Lost)
			}
		}
		if err := live.Tool(""); err != nil {
			t.Fatal(err)
		}
		well(c.mode)
	}
	tool := filepath.Join(root, "usr/bin/nvidia-smi")
	if err := os.Rename(tool, tool+".away"); err != nil {
		t.Fatal(err)
	}
	if err := live.Tool("exit 12"); err != nil {
		t.Fatal(err)
	}
	until(t, tel, "0000:01:00.0", "loss", func(s *telemetry.Seen) bool { return strings.Contains(s.Lost, "nvidia-smi is not installed") })
	if err := live.Tool(""); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tool+".away", tool); err != nil {
		t.Fatal(err)
	}
	well("it was installed")
}

// TestLostCardLeavesOthers holds that a card that falls off the bus, and keeps nvidia-smi from
// telling about any, takes no other's readings with it, and is heard of when it is back.
func TestLostCardLeavesOthers(t *testing.T) {
	t.Parallel()
	live, tel, _ := watch(t, rigtest.P106x6())
	const lost, other = "0000:04:00.0", "0000:06:00.0"
	until(t, tel, lost, "reading", func(s *telemetry.Seen) bool { return s.Lost == "" && is(s.Reading.TempC, 54) })
	if err := live.Set(lost, func(c *rigtest.Card) { c.Lost = true }); err != nil {
		t.Fatal(err)
	}
	if err := live.Kernel("NVRM: Xid (PCI:0000:04:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."); err != nil {
		t.Fatal(err)
	}
	s := until(t, tel, lost, "loss", func(s *telemetry.Seen) bool {
		return strings.Contains(s.Lost, "fallen off the bus") && len(s.Faults) == 2
	})
	if !strings.Contains(strings.Join(s.Faults, "\n"), "Xid 79") {
		t.Errorf("faults %q", s.Faults)
	}
	if err := live.Set(other, func(c *rigtest.Card) { c.TempC = 71 }); err != nil {
		t.Fatal(err)
	}
	until(t, tel, other, "reading without the lost one", func(s *telemetry.Seen) bool { return s.Lost == "" && is(s.Reading.TempC, 71) })
	if err := live.Unplug(lost); err != nil {
		t.Fatal(err)
	}
	until(t, tel, lost, "end", func(s *telemetry.Seen) bool { return strings.Contains(s.Lost, "no longer has it") })
	if len(tel.History(lost, time.Time{})) == 0 {
		t.Error("the history of a card that was taken out is gone")
	}
	if err := live.Plug(lost); err != nil {
		t.Fatal(err)
	}
	if err := live.Set(lost, func(c *rigtest.Card) { c.Lost = false }); err != nil {
		t.Fatal(err)
	}
	until(t, tel, lost, "return", func(s *telemetry.Seen) bool { return s.Lost == "" && is(s.Reading.TempC, 54) })
}

// TestOldDriverHasFewerFields holds that fields which a driver does not know cost the others
// nothing.
func TestOldDriverHasFewerFields(t *testing.T) {
	t.Parallel()
	m := rigtest.P106x6()
	m.OldFields = []string{"temperature.memory", "pcie.link.gen.current"}
	_, tel, _ := watch(t, m)
	s := until(t, tel, "0000:01:00.0", "reading", func(s *telemetry.Seen) bool { return is(s.Reading.TempC, 51) })
	if !is(s.Reading.LinkWidth, 1) || s.Reading.LinkGen != nil {
		t.Errorf("reading is %+v", s.Reading)
	}
}

// TestAMDCardsAreRead reads sysfs, and rocm-smi where sysfs tells nothing.
func TestAMDCardsAreRead(t *testing.T) {
	t.Parallel()
	m := rigtest.RX580()
	m.Cards[0].LoadPct, m.Cards[0].JunctionC, m.Cards[0].MemoryC = 55, 77, 90
	live, tel, root := watch(t, m)
	s := until(t, tel, "0000:03:00.0", "reading", func(s *telemetry.Seen) bool { return is(s.Reading.TempC, 58) })
	r := s.Reading
	if !is(r.JunctionC, 77) || !is(r.MemoryC, 90) || !is(r.PowerMW, 71000) || !is(r.LimitMW, 145000) || !is(r.FanPercent, 40) || !is(r.UsedMiB, 11) ||
		!is(r.TotalMiB, 8192) || !is(r.Load, 55) || !is(r.LinkWidth, 1) || !is(r.LinkGen, 2) {
		t.Errorf("reading is %+v", r)
	}
	// A driver that gives numbers in place of readings.
	dir := filepath.Join(root, "sys/bus/pci/devices/0000:04:00.0")
	for name, text := range map[string]string{"hwmon/hwmon1/temp1_input": "9223372036854775794", "hwmon/hwmon1/power1_average": "18446744073709551615", "gpu_busy_percent": "4294967295"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	until(t, tel, "0000:04:00.0", "drop of what is no value", func(s *telemetry.Seen) bool {
		return s.Reading.TempC == nil && s.Reading.PowerMW == nil && s.Reading.Load == nil && is(s.Reading.UsedMiB, 11)
	})
	if err := live.Unplug("0000:04:00.0"); err != nil {
		t.Fatal(err)
	}
	until(t, tel, "0000:04:00.0", "end", func(s *telemetry.Seen) bool { return s.Lost != "" })
}

// TestROCmTellsWhatSysfsDoesNot reads a card whose driver shows nothing.
func TestROCmTellsWhatSysfsDoesNot(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: cards are found nowhere else")
	}
	root := t.TempDir()
	rocm := filepath.Join(root, "rocm-smi")
	answer := `{"card0": {"PCI Bus": "0000:03:00.0", "Temperature (Sensor edge) (C)": "61.0", "Temperature (Sensor junction) (C)": "70.0", "Temperature (Sensor memory) (C)": "N/A",
"Average Graphics Package Power (W)": "112.0", "GPU use (%)": "99", "Fan speed (%)": "44", "VRAM Total Memory (B)": "8573157376", "VRAM Total Used Memory (B)": "12288000"}}`
	if err := os.WriteFile(rocm, []byte("#!/bin/sh\necho 'WARNING: AMD GPU device(s) is/are in a low-power state.'\ncat <<'E'\n"+answer+"\nE\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, tel, _ := watch(t, &rigtest.Machine{}, func(c *telemetry.Config) {
		c.Every = 5 * time.Millisecond
		c.Scan = func() []telemetry.Card {
			return []telemetry.Card{{ID: "0000:03:00.0", Model: "RX 570", Driver: "amdgpu"}}
		}
		c.Tool = func(name string) string {
			if name == "rocm-smi" {
				return rocm
			}
			return ""
		}
	})
	s := until(t, tel, "0000:03:00.0", "reading", func(s *telemetry.Seen) bool { return is(s.Reading.TempC, 61) })
	r := s.Reading
	if !is(r.JunctionC, 70) || r.MemoryC != nil || !is(r.PowerMW, 112000) || !is(r.Load, 99) || !is(r.FanPercent, 44) || !is(r.TotalMiB, 8176) || !is(r.UsedMiB, 11) {
		t.Errorf("reading is %+v", r)
	}
	if err := os.WriteFile(rocm+".new", []byte("#!/bin/sh\necho 'Traceback (most recent call last):'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(rocm+".new", rocm); err != nil {
		t.Fatal(err)
	}
	until(t, tel, "0000:03:00.0", "note", func(*telemetry.Seen) bool { return strings.Contains(strings.Join(tel.Notes(), " "), "rocm-smi: ") })
}

// TestIntelAndProcessorCountEnergy reads power from counts of energy, across a count's end.
func TestIntelAndProcessorCountEnergy(t *testing.T) {
	t.Parallel()
	m := rigtest.Arc()
	m.Cards[1].EnergyUJ, m.CPUTempC, m.CPUEnergyUJ = 1_000_000, 66, 262143328849
	live, tel, _ := watch(t, m)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := uint64(1); ; i++ { // a watt or a hundred, as the machine is busy
		if err := live.Machine(func(m *rigtest.Machine) { m.Cards[1].EnergyUJ += 2_000_000; m.CPUEnergyUJ = i * 1_000_000 }); err != nil {
			t.Fatal(err)
		}
		var card telemetry.Seen
		for _, s := range tel.Latest() {
			if s.ID == "0000:03:00.0" {
				card = s
			}
		}
		cpu := tel.Processor().Reading
		if card.Reading.PowerMW != nil && *card.Reading.PowerMW > 0 && is(card.Reading.TempC, 41) && cpu.PowerMW != nil && *cpu.PowerMW > 0 && is(cpu.TempC, 66) {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("card %+v, processor %+v", card, cpu)
		}
		time.Sleep(25 * time.Millisecond) // of the machine, not of the test: energy takes time
	}
	if len(tel.History(telemetry.CPU, time.Time{})) == 0 {
		t.Error("the processor has no history")
	}
}
