package protocol

import (
	"fmt"
	"strings"
)

// DriverExtension is the optional extension of an offer whose rig has NVIDIA cards that its
// sandbox does not pass on because of their driver's version (SPEC §8.7).
const DriverExtension = "driver"

// maxDriverVersion bounds a driver's version, in bytes.
const maxDriverVersion = 32

// DriverGap is a version of NVIDIA's driver that a rig's sandbox does not know, and the
// nearest that it does. The zero value is no gap.
type DriverGap struct{ Has, Nearest string }

// Extension is the gap as an offer holds it: both versions with a blank between.
func (g DriverGap) Extension() []byte { return []byte(g.Has + " " + g.Nearest) }

// String says what is missing, "" for no gap.
func (g DriverGap) String() string {
	if g == (DriverGap{}) {
		return ""
	}
	return fmt.Sprintf("gVisor does not know the NVIDIA driver %s there; the nearest that it does is %s", g.Has, g.Nearest)
}

// Valid reports whether both are versions: digits and dots.
func (g DriverGap) Valid() bool {
	for _, v := range []string{g.Has, g.Nearest} {
		if v == "" || len(v) > maxDriverVersion || strings.Trim(v, "0123456789.") != "" {
			return false
		}
	}
	return true
}

// DriverGap is what the offer says of its cards' driver; none where it says nothing, or what
// is no two versions.
func (o *Offer) DriverGap() DriverGap {
	has, nearest, _ := strings.Cut(string(o.Opt[DriverExtension]), " ")
	if g := (DriverGap{has, nearest}); g.Valid() {
		return g
	}
	return DriverGap{}
}

// cardsMissing is why an offer has too few cards, with what keeps others of its rig from it.
func (o *Offer) cardsMissing(format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if g := o.DriverGap(); g.Valid() {
		text += "; " + g.String()
	}
	return text
}
