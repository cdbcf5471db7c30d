package hardware

import (
	"regexp"
	"strings"
	"testing"
)

// TestIDsAreTidy holds the form of the table of IDs, and a few facts that would show a
// slip of its generator.
func TestIDsAreTidy(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`^(10de|1002|8086)\t[0-9a-f]{4}\t(-|[0-9a-f]{2})\t(-|\d+)\t[ -~]{2,60}$`)
	lines := strings.Split(strings.TrimSpace(ids), "\n")
	for _, line := range lines[1:] {
		if !row.MatchString(line) {
			t.Errorf("bad row %q", line)
		}
	}
	if len(models()) != len(lines)-1 {
		t.Errorf("%d cards from %d rows: an ID is there twice", len(models()), len(lines)-1)
	}
	for in, want := range map[[3]string]model{
		{VendorNVIDIA, "1c07", "a1"}: {"P106-100", 6144},
		{VendorNVIDIA, "2503", "a1"}: {"RTX 3060", 12288},
		{VendorNVIDIA, "2504", "a1"}: {"RTX 3060", 0}, // 8 or 12 GiB
		{VendorAMD, "67df", "e7"}:    {"RX 580", 0},   // 4 or 8 GiB
		{VendorAMD, "67df", "ef"}:    {"RX 570", 0},
		{VendorAMD, "66af", "c1"}:    {"Radeon VII", 16384},
		{VendorAMD, "744c", "cc"}:    {"RX 7900 XT", 20480},
		{VendorIntel, "56a5", "05"}:  {"Arc A380", 6144},
		{VendorNVIDIA, "2330", "a1"}: {"H100 SXM5", 81920},
		{VendorNVIDIA, "2b85", "a1"}: {"RTX 5090", 32768},
	} {
		if got, ok := lookup(in[0], in[1], in[2]); !ok || got != want {
			t.Errorf("%v: got %+v, want %+v", in, got, want)
		}
	}
	if _, ok := lookup(VendorNVIDIA, "ffff", "a1"); ok {
		t.Error("an unknown card has a name")
	}
}

func TestModelName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"NVIDIA GeForce RTX 3060": "RTX 3060", "GeForce GTX 1080 Ti": "GTX 1080 Ti", "Tesla T4": "Tesla T4",
		"NVIDIA A100-SXM4-40GB": "A100-SXM4-40GB", "AMD Radeon RX 580 Series": "RX 580", "Radeon VII": "Radeon VII", "P106-100": "P106-100"} {
		if got := ModelName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
