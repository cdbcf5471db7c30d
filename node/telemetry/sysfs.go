package telemetry

import (
	"path/filepath"
	"strconv"
	"strings"
)

// sysfs reads a card of AMD's or Intel's beside the others: a driver that hangs keeps its own
// card's reading only.
func (t *Telemetry) sysfs(c *Card) {
	t.mu.Lock()
	busy := t.tries[c.ID]
	t.tries[c.ID] = true
	t.mu.Unlock()
	if busy {
		return
	}
	id, driver, dir := c.ID, c.Driver, filepath.Join(t.cfg.Sys, "bus/pci/devices", c.ID)
	go func() { // ends when the kernel has answered
		r := readSysfs(dir, driver)
		uj, counted := uint64(0), false
		if r.PowerMW == nil {
			uj, counted = energy(dir)
		}
		t.mu.Lock()
		if tr := t.cards[id]; tr != nil && counted {
			r.PowerMW = tr.meter.power(uj, 0, t.cfg.Clock().UnixMilli())
		}
		delete(t.tries, id)
		t.mu.Unlock()
		t.take(id, r)
	}()
}

// readSysfs reads what the amdgpu, i915 and xe drivers show (the kernel's
// Documentation/gpu/amdgpu and Documentation/hwmon/sysfs-interface: millidegrees, microwatts,
// pwm of 0 to 255). Intel's tell neither load nor memory.
func readSysfs(dir, driver string) (r Reading) {
	if driver == "amdgpu" {
		r.Load = within(text(dir, "gpu_busy_percent"), 0, 100)
		r.UsedMiB, r.TotalMiB = bytesMiB(text(dir, "mem_info_vram_used")), bytesMiB(text(dir, "mem_info_vram_total"))
		for line := range strings.Lines(text(dir, "ras/umc_err_count")) {
			name, n, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch name {
			case "ue":
				r.Uncorrected = count(n)
			case "ce":
				r.Corrected = count(n)
			}
		}
	}
	for _, name := range entries(dir, "hwmon") {
		readHwmon(&r, filepath.Join(dir, "hwmon", name))
	}
	if r.told() {
		r.LinkWidth = within(text(dir, "current_link_width"), 1, 32)
		r.LinkGen = generation(text(dir, "current_link_speed"))
	}
	return r
}

func readHwmon(r *Reading, dir string) {
	for i := 1; i <= 4; i++ {
		n := strconv.Itoa(i)
		temp := thousandths(text(dir, "temp"+n+"_input"))
		if temp == nil {
			continue
		}
		switch label := text(dir, "temp"+n+"_label"); {
		case label == "junction":
			r.JunctionC = temp
		case label == "mem" || label == "vram":
			r.MemoryC = temp
		case r.TempC == nil:
			r.TempC = temp
		}
	}
	if pwm := within(text(dir, "pwm1"), 0, 255); pwm != nil {
		percent := *pwm * 100 / 255
		r.FanPercent = &percent
	}
	for _, f := range []string{"power1_average", "power1_input"} {
		if r.PowerMW == nil {
			r.PowerMW = micro(text(dir, f))
		}
	}
	for _, f := range []string{"power1_cap", "power1_max"} {
		if mw := micro(text(dir, f)); r.LimitMW == nil && mw != nil && *mw > 0 {
			r.LimitMW = mw
		}
	}
}

// energy is the count of a card of Intel's, in µJ.
func energy(dir string) (uj uint64, ok bool) {
	for _, name := range entries(dir, "hwmon") {
		if uj, err := strconv.ParseUint(text(dir, "hwmon", name, "energy1_input"), 10, 64); err == nil {
			return uj, true
		}
	}
	return 0, false
}

// meter is a count of energy in µJ and when it was read.
type meter struct {
	uj uint64
	at int64 // ms; 0 before the first
}

// power is the mean since the last count, in mW; a counter of that range begins again at 0.
func (m *meter) power(uj, wraps uint64, now int64) *int64 {
	was := *m
	*m = meter{uj, now}
	if uj < was.uj && wraps > was.uj {
		uj += wraps
	}
	if was.at == 0 || now <= was.at || uj < was.uj {
		return nil
	}
	mw := int64((uj - was.uj) / uint64(now-was.at)) // µJ in a ms are mW
	if mw > mostPowerMW {
		return nil
	}
	return &mw
}

func thousandths(s string) *int {
	n, err := strconv.Atoi(s)
	if err != nil || n < coldest*1000 || n > hottest*1000 {
		return nil
	}
	n /= 1000
	return &n
}

func micro(s string) *int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > mostPowerMW*1000 {
		return nil
	}
	n /= 1000
	return &n
}

func bytesMiB(s string) *uint32 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n>>20 > mostMemoryMiB {
		return nil
	}
	mib := uint32(n >> 20)
	return &mib
}

// generation is PCI Express's of a link with a speed such as "8.0 GT/s PCIe".
func generation(s string) *int {
	rate, _, _ := strings.Cut(s, " ")
	for i, g := range []string{"2.5", "5.0", "8.0", "16.0", "32.0", "64.0"} {
		if rate == g {
			n := i + 1
			return &n
		}
	}
	return nil
}
