package hardware

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// smiLog is what this package reads of `nvidia-smi -q -x`. Drivers from 390 to 590 name
// some values differently; all names are listed.
type smiLog struct {
	Driver string   `xml:"driver_version"`
	GPUs   []smiGPU `xml:"gpu"`
}

type smiGPU struct {
	ID    string `xml:"id,attr"`
	Raw   string `xml:",innerxml"`
	Model string `xml:"product_name"`
	UUID  string `xml:"uuid"`
	Minor string `xml:"minor_number"`
	Fan   string `xml:"fan_speed"`
	Total string `xml:"fb_memory_usage>total"`
	Used  string `xml:"fb_memory_usage>used"`
	Temp  string `xml:"temperature>gpu_temp"`
	MTemp string `xml:"temperature>memory_temp"`

	Power    []string `xml:"gpu_power_readings>power_draw"`
	PowerNow []string `xml:"gpu_power_readings>instant_power_draw"`
	PowerOld []string `xml:"power_readings>power_draw"`
	Limit    []string `xml:"gpu_power_readings>current_power_limit"`
	LimitMid []string `xml:"gpu_power_readings>power_limit"`
	LimitOld []string `xml:"power_readings>power_limit"`
	Volatile struct {
		DoubleBit string `xml:"double_bit>total"`
		Counts    []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	} `xml:"ecc_errors>volatile"`
	RetirePending []string `xml:"retired_pages>pending_retirement"`
	RetireOld     []string `xml:"retired_pages>pending_blacklist"`
	RemapPending  string   `xml:"remapped_rows>remapped_row_pending"`
	RemapFailure  string   `xml:"remapped_rows>remapped_row_failure"`

	Processes []struct {
		PID  string `xml:"pid"`
		Type string `xml:"type"`
		Used string `xml:"used_memory"`
	} `xml:"processes>process_info"`
}

// smiLost are answers that nvidia-smi gives in place of a card that does not answer.
var smiLost = regexp.MustCompile(`(?i)GPU is lost|GPU requires reset|fallen off the bus|Unable to determine the device handle`)

// smiCodes say what nvidia-smi's exit codes mean (nvidia-smi(1), RETURN VALUE).
var smiCodes = map[int]string{
	4: "no permission to read the cards", 6: "no such card", 8: "a card's power cables are not attached properly",
	9: "the NVIDIA driver is not loaded: load it (modprobe nvidia) or install it", 10: "the kernel has a problem with a card's interrupts",
	12: "the NVML library is missing: install the driver's user-space part", 13: "the NVML library is too old for this tool: reinstall the driver",
	14: "a card's infoROM is corrupted", 15: "a card has fallen off the bus or is inaccessible", 18: "the driver's kernel module and library have different versions: restart the machine",
}

// smi asks nvidia-smi and takes the cards that it tells about out of left. Any that
// stay there are an error.
func (s Sources) smi(ctx context.Context, left map[string]*Card, tool string, which ...string) error {
	out, err := s.tool(ctx, tool, append([]string{"-q", "-x"}, which...)...)
	before, doc, found := bytes.Cut(plain(out), []byte("<nvidia_smi_log>"))
	var log smiLog
	if found {
		if bad := xml.Unmarshal(append([]byte("<nvidia_smi_log>"), doc...), &log); bad != nil && err == nil {
			err = &toolError{"nvidia-smi", "", 0, fmt.Errorf("its XML cannot be read: %w", bad)}
		}
	} else if err == nil {
		line, _, _ := strings.Cut(string(out), "\n")
		err = &toolError{"nvidia-smi", clean(line), 0, errors.New("wrote no XML")}
	}
	for i := range log.GPUs {
		g := &log.GPUs[i]
		if forged(log.GPUs, g) {
			return &toolError{"nvidia-smi", "", 0, fmt.Errorf("says two things of card %s: a process may have forged one by its name, so neither is believed", clean(g.ID))}
		}
	}
	for i := range log.GPUs {
		g := &log.GPUs[i]
		if c := left[smiAddress(g.ID)]; c != nil {
			s.fill(c, g, log.Driver)
			delete(left, c.Address)
		}
	}
	// What stands before the document names cards that do not answer.
	for line := range strings.Lines(string(before)) {
		for address, c := range left {
			if smiLost.MatchString(line) && strings.Contains(strings.ToLower(line), address[:len(address)-2]) {
				c.fault(offBus(line))
				delete(left, address)
			}
		}
	}
	if err == nil && len(left) > 0 && len(which) == 0 {
		err = &toolError{"nvidia-smi", "", 0, fmt.Errorf("does not list %d of the cards that its driver has", len(left))}
	}
	return err
}

// plain makes a tool's output fit for a parser: bytes that are not printable ASCII or
// layout are blanked, and the names of processes are taken out, because a job chooses its
// own and could write elements of a card into it.
func plain(out []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(out) {
		if bytes.Contains(line, []byte("<process_name>")) {
			continue
		}
		for _, c := range line {
			if (c < ' ' && c != '\n' && c != '\t') || c > '~' {
				c = ' '
			}
			b.WriteByte(c)
		}
	}
	return b.Bytes()
}

// forged reports whether a card, or a part of it that is believed, is there twice.
func forged(all []smiGPU, g *smiGPU) bool {
	for i := range all {
		if &all[i] != g && all[i].ID == g.ID {
			return true
		}
	}
	for _, part := range []string{"product_name", "uuid", "minor_number", "fb_memory_usage", "ecc_errors", "temperature", "processes"} {
		if strings.Count(g.Raw, "<"+part+">") > 1 {
			return true
		}
	}
	return false
}

// smiAddress brings nvidia-smi's form 00000000:01:00.0 to sysfs's 0000:01:00.0.
func smiAddress(id string) string {
	id = strings.ToLower(id)
	if len(id) == len("00000000:01:00.0") && strings.HasPrefix(id, "0000") {
		id = id[4:]
	}
	return id
}

// fill takes over what the driver says of one card.
func (s Sources) fill(c *Card, g *smiGPU, driver string) {
	if smiLost.MatchString(g.Raw) {
		c.fault(offBus("nvidia-smi: " + smiLost.FindString(g.Raw)))
		return
	}
	c.Read = true
	if name := ModelName(clean(g.Model)); name != "" && !strings.HasPrefix(name, "Graphics Device") {
		c.Model = name
	}
	if uuidForm.MatchString(g.UUID) {
		c.UUID = g.UUID
	}
	if c.DriverVersion == "" {
		c.DriverVersion = clean(driver)
	}
	if minor, err := strconv.ParseUint(g.Minor, 10, 8); err == nil {
		c.setMinor(minor)
	}
	if mib, ok := quantity(g.Total, "MiB"); ok && mib > 0 {
		c.VRAMMiB = uint32(mib)
	}
	if mib, ok := quantity(g.Used, "MiB"); ok {
		c.VRAMUsedMiB = ptr(uint32(mib))
	}
	c.TempC, c.MemoryTempC, c.FanPercent = reading("C", g.Temp), reading("C", g.MTemp), reading("%", g.Fan)
	c.PowerW = reading("W", append(append(g.PowerNow, g.Power...), g.PowerOld...)...)
	c.PowerLimitW = reading("W", append(append(g.Limit, g.LimitMid...), g.LimitOld...)...)
	g.memoryFaults(c)
	for _, p := range g.Processes {
		pid, err := strconv.Atoi(p.PID)
		if err != nil || pid <= 0 {
			continue
		}
		h := Holder{PID: pid, Name: clean(text(s.Proc, p.PID, "comm")), Compute: strings.Contains(p.Type, "C")}
		if mib, ok := quantity(p.Used, "MiB"); ok {
			h.VRAMMiB = ptr(uint32(mib))
		}
		c.hold(h)
	}
}

// memoryFaults are what the card's own memory check has found. The counts are those
// since the driver was loaded.
func (g *smiGPU) memoryFaults(c *Card) {
	bad, _ := quantity(g.Volatile.DoubleBit, "")
	for _, v := range g.Volatile.Counts {
		if strings.Contains(v.XMLName.Local, "uncorrectable") {
			n, _ := quantity(v.Value, "")
			bad += n
		}
	}
	if bad > 0 {
		c.fault(Fault{Kind: "ecc", Mark: bad, Serious: true, Text: fmt.Sprintf("%d uncorrectable memory errors (ECC)", bad)})
	}
	for _, v := range append(g.RetirePending, g.RetireOld...) {
		if v == "Yes" {
			c.fault(Fault{Kind: "retired-pages", Serious: true, Present: true, Text: "pages of its memory wait to be retired: restart the machine"})
		}
	}
	if g.RemapPending == "Yes" {
		c.fault(Fault{Kind: "row-remap", Serious: true, Present: true, Text: "rows of its memory wait to be remapped: restart the machine"})
	}
	if g.RemapFailure == "Yes" {
		c.fault(Fault{Kind: "row-remap-failed", Serious: true, Present: true, Text: "a broken row of its memory could not be remapped: the card is worn out"})
	}
}

// quantity reads "6144 MiB" or "30 %"; false for "N/A" and all else.
func quantity(s, unit string) (uint64, bool) {
	s = strings.TrimSpace(s)
	if unit != "" {
		var ok bool
		if s, ok = strings.CutSuffix(s, " "+unit); !ok {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < 1<<31) {
		return 0, false
	}
	return uint64(f), true
}

// reading is the first of several values that is one.
func reading(unit string, values ...string) *int {
	for _, v := range values {
		if n, ok := quantity(v, unit); ok {
			return ptr(int(n))
		}
	}
	return nil
}
