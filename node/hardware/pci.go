package hardware

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Classes of PCI devices that are cards: VGA compatible, 3D and other display
// controllers (PCI Code and ID Assignment Specification).
var cardClasses = []string{"0x0300", "0x0302", "0x0380"}

var pciAddress = regexp.MustCompile(`^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$`)

// scanPCI lists the cards that the kernel sees, with or without a driver.
func (s Sources) scanPCI() []Card {
	var cards []Card
	for _, address := range names(s.Sys, "bus/pci/devices") {
		if len(cards) == maxCards {
			break
		}
		if c, ok := s.pciCard(address); ok {
			cards = append(cards, c)
		}
	}
	return cards
}

// pciCard reads one PCI device; false when it is no card.
func (s Sources) pciCard(address string) (Card, bool) {
	if !pciAddress.MatchString(address) {
		return Card{}, false
	}
	dir := s.pciDir(address)
	class, vendor := text(dir, "class"), hexID(text(dir, "vendor"))
	if vendor != VendorNVIDIA && vendor != VendorAMD && vendor != VendorIntel {
		return Card{}, false
	}
	ok := false
	for _, want := range cardClasses {
		ok = ok || strings.HasPrefix(class, want)
	}
	if !ok {
		return Card{}, false
	}
	c := Card{Address: address, Vendor: vendor, Device: hexID(text(dir, "device")), Revision: hexID(text(dir, "revision")), NUMA: -1}
	m, known := lookup(c.Vendor, c.Device, c.Revision)
	c.Model, c.VRAMMiB = m.name, m.vramMiB
	c.Integrated = !known && strings.Split(address, ":")[1] == "00"
	c.Link = Link{Width: small(text(dir, "current_link_width")), MaxWidth: small(text(dir, "max_link_width")),
		MTs: speed(text(dir, "current_link_speed")), MaxMTs: speed(text(dir, "max_link_speed"))}
	if n, err := strconv.Atoi(text(dir, "numa_node")); err == nil && n >= -1 && n < 1<<10 {
		c.NUMA = n
	}
	if to, err := os.Readlink(filepath.Join(dir, "driver")); err == nil {
		c.Driver = clean(filepath.Base(to))
	}
	s.drmNodes(&c)
	s.readBus(&c)
	return c, true
}

func (s Sources) pciDir(address string) string {
	return filepath.Join(s.Sys, "bus/pci/devices", address)
}

// drmNodes finds the device files that the kernel's graphics layer made for a card.
func (s Sources) drmNodes(c *Card) {
	for _, name := range names(s.pciDir(c.Address), "drm") {
		if strings.HasPrefix(name, "renderD") || strings.HasPrefix(name, "card") {
			c.Nodes = append(c.Nodes, "/dev/dri/"+name)
		}
	}
}

// readBus looks whether the card still answers on its bus. The kernel keeps the IDs that
// it once read; the configuration space is read from the card itself, and one that is
// gone reads as ones.
func (s Sources) readBus(c *Card) {
	b, err := readFile(filepath.Join(s.pciDir(c.Address), "config"), 4)
	if err == nil && len(b) == 4 && b[0]&b[1]&b[2]&b[3] == 0xff {
		c.fault(Fault{Kind: "off-bus", Serious: true, Present: true, Text: "the card has fallen off the bus: it does not answer (check riser and power, then restart)"})
	}
	for line := range strings.Lines(text(s.pciDir(c.Address), "aer_dev_fatal")) {
		if name, count, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == "TOTAL_ERR_FATAL" {
			if n, err := strconv.ParseUint(count, 10, 64); err == nil && n > 0 {
				c.fault(Fault{Kind: "pcie-fatal", Mark: n, Serious: true, Text: count + " fatal errors on its PCI Express link (check the riser)"})
			}
		}
	}
}

// hexID is an ID of sysfs such as 0x10de without its prefix.
func hexID(s string) string {
	s = strings.ToLower(strings.TrimPrefix(s, "0x"))
	if _, err := strconv.ParseUint(s, 16, 16); err != nil {
		return ""
	}
	return s
}

// small is a number of lanes; 0 for what is none, and for 255, which is a card that
// does not answer.
func small(s string) int {
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n > 32 {
		return 0
	}
	return int(n)
}

// speed reads a link's, such as "8.0 GT/s PCIe", in MT/s.
func speed(s string) int {
	f, _, _ := strings.Cut(s, " ")
	gts, err := strconv.ParseFloat(f, 64)
	if err != nil || !(gts > 0 && gts < 1000) {
		return 0
	}
	return int(gts * 1000)
}
