package hardware

import (
	"path/filepath"
	"slices"
	"strings"
)

// maxKept is how many kinds of faults of one card a Watch keeps.
const maxKept = 32

// Watch looks at a machine's cards again and again, for little: it asks no tool, and reads of
// the kernel's log what is new. It has one owner, and is closed by Close.
type Watch struct {
	src  Sources
	log  *kernelLog         // nil until it could be opened
	kept map[string][]Fault // by address, of the kernel's log
}

// Watch makes one.
func (s Sources) Watch() *Watch { return &Watch{src: s, kept: map[string][]Fault{}} }

// Tool is the path of a driver's tool, "" where it is not installed.
func (s Sources) Tool(name string) string { return s.findTool(name) }

// Scan lists the cards that the kernel sees, with what it says of them and of their faults
// since the machine started. What only a driver's tool tells is not in it.
func (w *Watch) Scan() []Card {
	cards := w.src.scanPCI()
	for i := range cards {
		c := &cards[i]
		if c.Vendor == VendorNVIDIA && c.Driver == "nvidia" {
			w.src.nvidiaProc(c)
		}
		for _, f := range w.kept[c.Address] {
			c.fault(f)
		}
	}
	if w.log == nil {
		w.log, _ = openKernelLog(filepath.Join(w.src.Dev, "kmsg")) // without it no Xid is known; Look says so
	}
	if w.log == nil || len(cards) == 0 {
		return cards
	}
	news, err := w.log.read(maxKernelLog)
	if err != nil || len(news) == 0 {
		return cards
	}
	kernelFaults(news, cards)
	for i := range cards {
		c := &cards[i]
		w.kept[c.Address] = slices.DeleteFunc(slices.Clone(c.Faults), func(f Fault) bool {
			return f.Kind != "reset" && !strings.HasPrefix(f.Kind, "xid-")
		})
		w.kept[c.Address] = w.kept[c.Address][:min(len(w.kept[c.Address]), maxKept)]
	}
	return cards
}

// Close ends the watch.
func (w *Watch) Close() {
	if w.log != nil {
		w.log.close()
	}
}
