package protocol

import (
	"strings"
	"testing"
)

// TestDriverGap tells who asks for cards which driver keeps those of a rig from jobs, and shows
// nothing of an offer that is no version.
func TestDriverGap(t *testing.T) {
	gap := DriverGap{Has: "470.223.02", Nearest: "535.183.01"}
	for _, c := range []struct {
		opt  Extensions
		want DriverGap
	}{
		{Extensions{DriverExtension: gap.Extension()}, gap},
		{nil, DriverGap{}},
		{Extensions{DriverExtension: nil}, DriverGap{}},
		{Extensions{DriverExtension: []byte("470.223.02")}, DriverGap{}},
		{Extensions{DriverExtension: []byte("470.223.02 \x1b[2J")}, DriverGap{}},
		{Extensions{DriverExtension: []byte("1 2 3")}, DriverGap{}},
		{Extensions{DriverExtension: []byte("1 " + strings.Repeat("2", 33))}, DriverGap{}},
	} {
		o := &Offer{Opt: c.opt}
		if got := o.DriverGap(); got != c.want {
			t.Errorf("%q says %+v, want %+v", c.opt[DriverExtension], got, c.want)
		}
		for _, f := range []Filter{{MinGPUs: 1}, {MinGPUs: 1, MinVRAMMiB: 6144}} {
			miss := f.Mismatches(o)
			if len(miss) != 1 || miss[0].Reason != ReasonResources || strings.Contains(miss[0].Detail, "470.223.02") != c.want.Valid() ||
				strings.Contains(miss[0].Detail, "535.183.01") != c.want.Valid() {
				t.Errorf("the offer with %q does not fit by %v", c.opt[DriverExtension], miss)
			}
		}
	}
}
