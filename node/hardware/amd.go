package hardware

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// readAMD adds what the amdgpu driver shows in sysfs (the kernel's
// Documentation/gpu/amdgpu), and what rocm-smi adds to it where that is installed.
func (s Sources) readAMD(ctx context.Context, cards []Card) (notes []string) {
	found := false
	for i := range cards {
		c := &cards[i]
		if c.Vendor != VendorAMD || c.Driver != "amdgpu" {
			continue
		}
		found = true
		dir := s.pciDir(c.Address)
		c.DriverVersion = s.kernelDriver("amdgpu")
		if total, ok := number(dir, "mem_info_vram_total"); ok {
			c.VRAMMiB, c.Read = mib(total), true
		}
		if used, ok := number(dir, "mem_info_vram_used"); ok {
			c.VRAMUsedMiB = ptr(mib(used))
		}
		c.UUID = amdUUID(text(dir, "unique_id"))
		if name := ModelName(clean(text(dir, "product_name"))); name != "" {
			c.Model = name
		}
		// An APU's memory is the machine's own, set aside by its firmware.
		if c.Model == "" && c.VRAMMiB > 0 && c.VRAMMiB < 1024 {
			c.Integrated = true
		}
		s.readHwmon(c)
		if ue, ok := rasErrors(text(dir, "ras/umc_err_count")); ok && ue > 0 {
			c.fault(Fault{Kind: "ecc", Mark: ue, Serious: true, Text: fmt.Sprintf("%d uncorrectable memory errors (ECC)", ue)})
		}
	}
	if !found {
		return nil
	}
	return s.readROCm(ctx, cards)
}

// amdUUID is the identity of a card with this unique ID, 64 bits in hex; "" without one.
func amdUUID(id string) string {
	if n, err := strconv.ParseUint(id, 16, 64); err != nil || n == 0 {
		return ""
	}
	return "GPU-" + strings.ToLower(id)
}

// rasErrors reads "ue: 0\nce: 0": uncorrectable and correctable errors.
func rasErrors(s string) (uint64, bool) {
	for line := range strings.Lines(s) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "ue:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// readROCm asks rocm-smi for names and identities, which older cards do not show in
// sysfs. Its keys changed between versions; they are compared without case.
func (s Sources) readROCm(ctx context.Context, cards []Card) (notes []string) {
	tool := s.findTool("rocm-smi")
	if tool == "" {
		return nil // sysfs has what a rig needs
	}
	out, err := s.tool(ctx, tool, "--showproductname", "--showuniqueid", "--showbus", "--showdriverversion", "--json")
	if err != nil {
		return []string{clean(err.Error())}
	}
	if i := bytes.IndexByte(out, '{'); i > 0 {
		out = out[i:] // after warnings
	}
	var all map[string]map[string]any
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&all); err != nil {
		return []string{"rocm-smi: its JSON cannot be read: " + clean(err.Error())}
	}
	for name, values := range all {
		get := func(key string) string {
			for k, v := range values {
				if s, ok := v.(string); ok && strings.EqualFold(k, key) {
					return clean(s)
				}
			}
			return ""
		}
		if strings.EqualFold(name, "system") {
			continue
		}
		for i := range cards {
			c := &cards[i]
			if c.Vendor != VendorAMD || !c.Is(get("PCI Bus")) {
				continue
			}
			if c.UUID == "" {
				c.UUID = amdUUID(strings.TrimPrefix(get("Unique ID"), "0x"))
			}
			if series := ModelName(get("Card Series")); series != "" && c.Model == "" {
				c.Model = series
			}
		}
	}
	return nil
}
