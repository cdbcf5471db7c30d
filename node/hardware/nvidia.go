package hardware

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// readNVIDIA adds what NVIDIA's driver says of its cards. Its notes are about the tool as
// a whole.
func (s Sources) readNVIDIA(ctx context.Context, cards []Card) (notes []string) {
	version := s.nvidiaVersion()
	left := map[string]*Card{} // that the driver has not told about
	for i := range cards {
		if c := &cards[i]; c.Vendor == VendorNVIDIA && c.Driver == "nvidia" {
			c.DriverVersion = version
			s.nvidiaProc(c)
			left[c.Address] = c
		}
	}
	if len(left) == 0 {
		return nil
	}
	tool := s.findTool("nvidia-smi")
	if tool == "" {
		return []string{"nvidia-smi is not installed: memory, temperatures and errors of NVIDIA cards cannot be read"}
	}
	ctx, cancel := context.WithTimeout(ctx, s.toolTime())
	defer cancel()
	err := s.smi(ctx, left, tool)
	if err == nil || len(left) == 0 {
		return nil
	}
	// One card that is gone may keep nvidia-smi from telling about any: ask for each.
	notes = append(notes, smiNote(err))
	for _, c := range cards {
		if c := left[c.Address]; c == nil || ctx.Err() != nil {
			continue
		}
		err := s.smi(ctx, left, tool, "-i", c.Address)
		var failed *toolError
		if c := left[c.Address]; c != nil && errors.As(err, &failed) && (failed.code == 15 || smiLost.MatchString(failed.output)) {
			c.fault(offBus("nvidia-smi: " + failed.output))
			delete(left, c.Address)
		}
	}
	return notes
}

func smiNote(err error) string {
	var failed *toolError
	if errors.As(err, &failed) && smiCodes[failed.code] != "" {
		return fmt.Sprintf("nvidia-smi failed (code %d): %s", failed.code, smiCodes[failed.code])
	}
	return clean(err.Error())
}

func offBus(why string) Fault {
	f := Fault{Kind: "off-bus", Serious: true, Present: true,
		Text: "the card has fallen off the bus (" + clean(why) + "): check riser and power, then restart"}
	if strings.Contains(strings.ToLower(why), "requires reset") {
		f.Kind, f.Text = "reset-required", "the card must be reset (nvidia-smi -r, or restart)"
	}
	return f
}

var (
	uuidForm      = regexp.MustCompile(`^GPU-[0-9a-fA-F-]{8,64}$`)
	versionInText = regexp.MustCompile(`\b(\d{3,4}\.\d{1,3}(?:\.\d{1,3})?)\b`)
)

// nvidiaVersion is the version of the driver that the kernel has loaded.
func (s Sources) nvidiaVersion() string {
	if v := text(s.Sys, "module/nvidia/version"); versionInText.MatchString(v) {
		return versionInText.FindString(v)
	}
	first, _, _ := strings.Cut(text(s.Proc, "driver/nvidia/version"), "\n")
	return versionInText.FindString(first)
}

// nvidiaProc reads what the kernel's half of the driver tells without any tool.
func (s Sources) nvidiaProc(c *Card) {
	for line := range strings.Lines(text(s.Proc, "driver/nvidia/gpus", c.Address, "information")) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "Device Minor":
			if minor, err := strconv.ParseUint(value, 10, 8); err == nil {
				c.setMinor(minor)
			}
		case "GPU UUID":
			if uuidForm.MatchString(value) && !strings.Contains(value, "?") {
				c.UUID = value
			}
		}
	}
}

// setMinor notes the card's device file, which its minor number names.
func (c *Card) setMinor(minor uint64) {
	node := fmt.Sprintf("/dev/nvidia%d", minor)
	for _, n := range c.Nodes {
		if n == node {
			return
		}
	}
	c.Nodes = append(c.Nodes, node)
}
