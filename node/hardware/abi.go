package hardware

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// abi is a version of NVIDIA's driver whose interface gVisor's nvproxy knows. It checks
// every call of a program against the structures of that one version; they change from
// one to the next. Those that are not qualified it accepts only when told to.
type abi struct {
	version   [3]int
	qualified bool
}

func (a abi) String() string {
	return fmt.Sprintf("%d.%02d.%02d", a.version[0], a.version[1], a.version[2])
}

// GVisorDriver tells whether gVisor can hold a program that uses a card through this
// version of NVIDIA's driver. Only an exact match counts. Otherwise why says so and
// names the nearest version that would do.
func GVisorDriver(version string) (ok bool, why string) {
	v, parsed := driverVersion(version)
	if !parsed {
		return false, fmt.Sprintf("the driver's version %q cannot be read", clean(version))
	}
	for _, a := range abis {
		switch {
		case a.version != v:
		case a.qualified:
			return true, "gVisor knows driver " + a.String()
		default:
			return false, fmt.Sprintf("gVisor knows driver %s but its authors have not qualified it; the nearest qualified is %s", a, nearest(v))
		}
	}
	return false, fmt.Sprintf("gVisor does not know driver %s; the nearest that it does is %s: install that one if it drives this card", clean(version), nearest(v))
}

// DriverGap is what keeps cards from gVisor by their driver's version: the first such card's
// version and the nearest that would do. It is none where no card is kept for that.
func DriverGap(cards []Card) protocol.DriverGap {
	for i := range cards {
		v, parsed := driverVersion(cards[i].DriverVersion)
		if ok, _ := GVisorDriver(cards[i].DriverVersion); parsed && !ok && cards[i].Vendor == VendorNVIDIA && unusable(&cards[i]) == "" {
			return protocol.DriverGap{Has: cards[i].DriverVersion, Nearest: nearest(v).String()}
		}
	}
	return protocol.DriverGap{}
}

// nearest is the qualified version closest to v: of its own branch if there is one, else
// of the next newer branch, else the newest of all.
func nearest(v [3]int) abi {
	var best abi
	for _, a := range abis { // in order of version
		if !a.qualified {
			continue
		}
		switch {
		case best.version == [3]int{}:
			best = a
		case best.version[0] == v[0]:
			if a.version[0] == v[0] && distance(a.version, v) < distance(best.version, v) {
				best = a
			}
		case best.version[0] < v[0]:
			best = a
		}
	}
	return best
}

// distance is how far two versions of one branch are apart.
func distance(a, b [3]int) int {
	d := (a[1]-b[1])*1000 + a[2] - b[2]
	return max(d, -d)
}

// driverVersion reads "550.90.12" or "390.157".
func driverVersion(s string) (v [3]int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return v, false
		}
		v[i] = int(n)
	}
	return v, true
}
