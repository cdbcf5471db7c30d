package hardware

import "strconv"

// readHwmon adds temperatures, fan and power that a kernel driver shows in sysfs (the
// kernel's Documentation/hwmon/sysfs-interface: millidegrees, microwatts, pwm of 0 to 255).
func (s Sources) readHwmon(c *Card) {
	base := s.pciDir(c.Address) + "/hwmon"
	for _, name := range names(base) {
		dir := base + "/" + name
		for i := 1; i <= 3; i++ {
			n := strconv.Itoa(i)
			milli, err := strconv.ParseInt(text(dir, "temp"+n+"_input"), 10, 32)
			if err != nil || milli < -100_000 || milli > 200_000 {
				continue
			}
			switch label := text(dir, "temp"+n+"_label"); {
			case label == "mem" || label == "vram":
				c.MemoryTempC = ptr(int(milli / 1000))
			case c.TempC == nil:
				c.TempC = ptr(int(milli / 1000))
			}
		}
		if pwm, ok := number(dir, "pwm1"); ok && pwm <= 255 {
			c.FanPercent = ptr(int(pwm * 100 / 255))
		}
		for _, f := range []string{"power1_average", "power1_input"} {
			if uw, ok := number(dir, f); ok && c.PowerW == nil && uw < 1e10 {
				c.PowerW = ptr(int(uw / 1e6))
			}
		}
		for _, f := range []string{"power1_cap", "power1_max"} {
			if uw, ok := number(dir, f); ok && c.PowerLimitW == nil && uw < 1e10 {
				c.PowerLimitW = ptr(int(uw / 1e6))
			}
		}
	}
}

// kernelDriver is the version of a driver that comes with the kernel, or its own.
func (s Sources) kernelDriver(module string) string {
	if v := text(s.Sys, "module", module, "version"); v != "" {
		return clean(v)
	}
	if v := text(s.Proc, "sys/kernel/osrelease"); v != "" {
		return clean("kernel " + v)
	}
	return ""
}

// readIntel adds what the i915 and xe drivers show. Neither tells how much of a card's
// memory is taken.
func (s Sources) readIntel(cards []Card) {
	for i := range cards {
		c := &cards[i]
		if c.Vendor != VendorIntel || (c.Driver != "i915" && c.Driver != "xe") {
			continue
		}
		c.DriverVersion, c.Read = s.kernelDriver(c.Driver), true
		s.readHwmon(c)
	}
}
