package hardware

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// maxKernelLog is how much of the kernel's log is read; its ring holds 1 MiB or less.
const maxKernelLog = 8 << 20

var (
	xidLine   = regexp.MustCompile(`^NVRM: Xid \(PCI:([0-9a-fA-F:]{10,14})(?:\.[0-7])?[^)]*\): (\d{1,4})\b`)
	resetLine = regexp.MustCompile(`^(?:amdgpu|xe|i915) ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]):.*(GPU reset|device lost from bus|uncorrectable)`)
)

// xids are the errors of NVIDIA's driver that say more of the card than of the program
// on it (NVIDIA, "XID Errors", r580). All others are the program's.
var xids = map[int]string{
	48:  "double-bit memory error",
	62:  "the card's own controller halted",
	64:  "a broken piece of memory could not be retired",
	74:  "NVLink error",
	79:  "the card has fallen off the bus: check riser and power, then restart",
	92:  "a high rate of single-bit memory errors",
	95:  "uncontained memory error",
	110: "security fault",
	119: "the card's system processor does not answer",
	120: "the card's system processor failed",
	136: "its link does not train",
	140: "unrecovered memory error",
	143: "the card failed to start",
	154: "the card must be reset",
}

// xidRecovery says what must be done to a card; its last word may be that nothing is.
const xidRecovery = "154"

// readKernelLog adds the errors that drivers wrote into the kernel's log since the machine
// started. A fault's mark is the record's number, which only grows.
func (s Sources) readKernelLog(cards []Card) (notes []string) {
	k, err := openKernelLog(filepath.Join(s.Dev, "kmsg"))
	var log []byte
	if err == nil {
		log, err = k.read(maxKernelLog)
		k.close()
	}
	if err != nil {
		return []string{"the kernel's log cannot be read, so that earlier errors (Xid) are not known: " + clean(err.Error()) + "; run as root to see them"}
	}
	kernelFaults(log, cards)
	return nil
}

// kernelFaults adds what records of the log say of cards.
func kernelFaults(log []byte, cards []Card) {
	for line := range strings.Lines(string(log)) {
		head, msg, ok := strings.Cut(line, ";")
		fields := strings.SplitN(head, ",", 4)
		if !ok || len(fields) < 3 {
			continue // a record's continuation
		}
		prio, err1 := strconv.ParseUint(fields[0], 10, 32)
		seq, err2 := strconv.ParseUint(fields[1], 10, 63)
		if err1 != nil || err2 != nil || prio>>3 != 0 {
			continue // written by a program: only the kernel's own records count
		}
		seq++ // the first record is 0, and a mark is not
		if m := xidLine.FindStringSubmatch(msg); m != nil {
			if m[2] == xidRecovery && strings.Contains(msg, "(None)\n") {
				continue // the card has recovered
			}
			xidFault(cards, m[1], m[2], seq)
		} else if m := resetLine.FindStringSubmatch(msg); m != nil {
			for i := range cards {
				if cards[i].Address == m[1] {
					cards[i].fault(Fault{Kind: "reset", Mark: seq, Serious: true, Text: "its driver had to reset the card: " + clean(m[2])})
				}
			}
		}
	}
}

func xidFault(cards []Card, address, code string, seq uint64) {
	n, err := strconv.Atoi(code)
	if err != nil {
		return
	}
	what, serious := xids[n]
	if !serious {
		what = "most likely the doing of a program on it"
	}
	for i := range cards {
		c := &cards[i]
		if c.Vendor == VendorNVIDIA && strings.HasPrefix(c.Address, smiAddress(address)) {
			c.fault(Fault{Kind: "xid-" + code, Mark: seq, Serious: serious, Text: fmt.Sprintf("Xid %d: %s", n, what)})
		}
	}
}
