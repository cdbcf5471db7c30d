package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
)

const (
	diskProbe   = 32 << 20         // bytes written to measure a disk
	diskSlow    = 20               // MB/s, below which staging images takes long
	diskLow     = 10 << 10         // MiB, below which few jobs find room
	cardsWait   = 45 * time.Second // for drivers' tools
	latencySlow = 300              // ms to peers
)

// cards look at the graphics cards and their drivers.
func (d *doctor) cards(ctx context.Context, sysroot string) {
	ctx, cancel := context.WithTimeout(ctx, cardsWait)
	defer cancel()
	m := machine{app: d.app, sysroot: sysroot}
	v, standings, err := m.ledger().Read(ctx)
	if err != nil {
		d.fail("cards", "mend or remove the file that it names", err)
		return
	}
	if len(v.Cards) == 0 {
		d.ok("cards", "none; processor time is sold all the same")
	}
	for i := range v.Cards {
		d.card(&v.Cards[i], &standings[i])
	}
	for _, n := range v.Notes {
		d.warn("cards", "see docs/cards.md", "%s", n)
	}
}

func (d *doctor) card(c *hardware.Card, st *hardware.Standing) {
	if c.Integrated {
		return
	}
	name := c.Address + " " + c.Name()
	sale := hardware.HowToSell(c)
	switch {
	case st.State == hardware.StateQuarantined:
		d.fail("card", "mend it, then rerig hardware release "+c.Address, fmt.Errorf("%s is kept from jobs: %s", name, st.Reason))
	case st.State == hardware.StateMissing:
		d.fail("card", "check riser and power, then restart; rerig hardware release "+c.Address+" forgets it", fmt.Errorf("%s: %s", name, st.Reason))
	case c.Driver == "":
		d.warn("driver", "install its driver: nvidia, amdgpu, i915 or xe", "%s has none; the card cannot be sold", name)
	case !sale.GVisor.OK && !sale.Namespaces.OK:
		d.fail("card", "see rerig hardware", fmt.Errorf("%s: %s", name, sale.GVisor.Why))
	case !sale.GVisor.OK:
		d.warn("driver", "install a driver that gVisor knows, or sell with --containers namespaces", "%s: %s", name, sale.GVisor.Why)
	default:
		d.ok("driver", "%s: %s", name, driverText(c))
	}
	var memory []string
	for _, f := range c.Faults {
		if strings.Contains(f.Text, "memory") {
			memory = append(memory, f.Text)
		}
	}
	switch {
	case len(memory) > 0:
		d.fail("vram", "do not sell this card: rerig hardware quarantine "+c.Address, fmt.Errorf("%s: %s", name, strings.Join(memory, "; ")))
	case c.Read && c.VRAMMiB > 0:
		d.ok("vram", "%s: %s, no errors by its driver's own record", name, vramText(c))
	case c.Driver != "":
		d.warn("vram", "see the notes on its driver's tool", "%s: its driver does not tell", name)
	}
	if l := c.Link; l.Width > 0 && l.Width < l.MaxWidth {
		d.warn("pcie", "a riser makes it so: jobs that load much data are slow, others do not notice", "%s runs on x%d of x%d", name, l.Width, l.MaxWidth)
	} else if l.Width > 0 {
		d.ok("pcie", "%s: x%d", name, l.Width)
	}
}

// disk measures how fast the data directory is written, and what is free there.
func (d *doctor) disk() {
	dir := existing(d.app.dir())
	mbs, err := writeSpeed(dir)
	if err != nil {
		d.fail("disk", "choose a directory on a disk that works with --data-dir", err)
		return
	}
	hw, err := hardware.Detect(dir)
	if err != nil {
		d.fail("disk", "choose a directory on a disk that works with --data-dir", err)
		return
	}
	text := fmt.Sprintf("%s: %d MB/s written, %d GiB free", dir, mbs, hw.DiskMiB>>10)
	switch {
	case hw.DiskMiB < diskLow:
		d.warn("disk", "make room: images and models take gigabytes", "%s", text)
	case mbs < diskSlow:
		d.warn("disk", "jobs with large images start late; put --data-dir on a faster disk", "%s", text)
	default:
		d.ok("disk", "%s", text)
	}
}

// writeSpeed writes a file through to the disk and takes it away, in MB/s.
func writeSpeed(dir string) (mbs int64, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 31 >> 3)
	}
	begun := time.Now()
	for range diskProbe / len(block) {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return diskProbe / 1000 / max(time.Since(begun).Milliseconds(), 1), nil
}

// link tells how peers reach this node.
func (d *doctor) link(l *node.LinkStatus, local bool) {
	const forward = "forward a port of the router, TCP and UDP, to this machine and give it with --listen PORT and --announce ADDRESS:PORT"
	switch {
	case l.Reach == "direct" || local:
		d.ok("reach", "%s", linkStatusText(l))
	case l.NAT == "symmetric":
		d.warn("nat", forward, "the router gives each peer another port, so that none gets in but by a relay: %s", linkStatusText(l))
	default:
		d.warn("reach", forward, "%s", linkStatusText(l))
	}
	if l.LatencyMS != nil && *l.LatencyMS > latencySlow {
		d.warn("latency", "look who else uses this line", "peers answer after %d ms", *l.LatencyMS)
	}
}
