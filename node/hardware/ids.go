package hardware

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// PCI vendors whose cards are looked for.
const (
	VendorNVIDIA = "10de"
	VendorAMD    = "1002"
	VendorIntel  = "8086"
)

// ids names cards by their PCI IDs, so that a machine without a driver can say what is
// in it. genids made it from the PCI ID database and its own kept.tsv, and says there
// how to make it again; TestIDsAreTidy holds its form.
//
//go:embed ids.tsv
var ids string

// model is what a card's IDs tell.
type model struct {
	name    string
	vramMiB uint32 // 0 where cards of several sizes share the ID
}

var models = sync.OnceValue(func() map[string]model {
	table := map[string]model{}
	for line := range strings.Lines(ids) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 5 {
			continue // the header
		}
		mib, _ := strconv.ParseUint(f[3], 10, 32) // "-" is 0, unknown
		table[f[0]+f[1]+f[2]] = model{name: f[4], vramMiB: uint32(mib)}
	}
	return table
})

// lookup finds a card by vendor, device and revision, each in lower-case hex.
func lookup(vendor, device, revision string) (model, bool) {
	m, ok := models()[vendor+device+revision]
	if !ok {
		m, ok = models()[vendor+device+"-"]
	}
	return m, ok
}

// ModelName is a card's name without its maker's brands, so that a driver, a tool and
// the table of IDs name one card alike: "NVIDIA GeForce RTX 3060" is "RTX 3060".
func ModelName(s string) string {
	for again := true; again; {
		again = false
		for _, brand := range []string{"NVIDIA ", "GeForce ", "Geforce ", "AMD ", "Advanced Micro Devices ", "Intel ", "Intel(R) "} {
			if rest, ok := strings.CutPrefix(s, brand); ok {
				s, again = rest, true
			}
		}
	}
	if strings.HasPrefix(s, "Radeon RX ") {
		s = strings.TrimPrefix(s, "Radeon ")
	}
	for _, tail := range []string{" Lite Hash Rate", " Series", " Graphics"} {
		s = strings.TrimSuffix(s, tail)
	}
	return strings.TrimSpace(s)
}
