package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/protocol"
)

// rigText is a rig's status for people.
func rigText(w io.Writer, m money, r *node.RigStatus) error {
	if err := cardsText(w, m, r); err != nil {
		return err
	}
	fmt.Fprintf(w, "CPU: load %s, %s, %s\n", withUnit(r.CPU.Reading.Load, "%"), withUnit(r.CPU.Reading.TempC, "°C"), watts(r.CPU.Reading.PowerMW))
	if err := jobsText(w, m, r); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "! %s\n", n)
	}
	fmt.Fprintln(w, dayText(m, &r.Day))
	fmt.Fprintln(w, linkStatusText(&r.Link))
	return nil
}

func cardsText(w io.Writer, m money, r *node.RigStatus) error {
	if len(r.Cards) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "GPU\tMODEL\tSTATE\tWORK\tRATE\tPOWER\tCORE/HOT/MEM °C\tFAN\tVRAM\tPCIE\tNET %s/H\n", strings.ToUpper(m.Symbol))
	for i := range r.Cards {
		c := &r.Cards[i]
		work, rate := "-", "-"
		if j := jobOf(r, c.Job); j != nil {
			work, rate = workText(j), rateText(j, r.At)
		}
		g := &c.Reading
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s/%s/%s\t%s\t%s\t%s\t%s\n", c.Index, clipText(c.Model, 24), c.State, work, rate, watts(g.PowerMW),
			orDash(g.TempC), orDash(g.JunctionC), orDash(g.MemoryC), withUnit(g.FanPercent, "%"), memoryText(g.UsedMiB, g.TotalMiB), pcieText(g.LinkWidth, g.LinkGen), netText(c))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range r.Cards {
		c := &r.Cards[i]
		if c.Why != "" {
			fmt.Fprintf(w, "! GPU %d (%s): %s\n", c.Index, c.ID, clipText(c.Why, 300))
		}
		for _, f := range c.Faults {
			if !strings.Contains(c.Why, f) {
				fmt.Fprintf(w, "! GPU %d (%s): %s\n", c.Index, c.ID, clipText(f, 200))
			}
		}
	}
	return nil
}

func jobOf(r *node.RigStatus, id *protocol.Hash) *node.JobNow {
	for i := range r.Jobs {
		if id != nil && r.Jobs[i].ID == *id {
			return &r.Jobs[i]
		}
	}
	return nil
}

// workText names a job by what it runs.
func workText(j *node.JobNow) string {
	switch {
	case j.Model != "":
		return clipText(j.Model, 24)
	case j.Name != "":
		return j.ID.Short() + " " + clipText(j.Name, 20)
	}
	return j.ID.Short()
}

// rateText is tokens a second of a model, and of other jobs how far they are in their time.
func rateText(j *node.JobNow, now time.Time) string {
	if j.Price.Unit != protocol.UnitCPUMillis && j.Price.Unit != protocol.UnitGPUMillis {
		if j.PerSecond == nil {
			return fmt.Sprintf("%d tok", j.Units)
		}
		return fmt.Sprintf("%d.%d tok/s", *j.PerSecond/1000, *j.PerSecond%1000/100)
	}
	if j.Started == 0 {
		return string(j.State)
	}
	run := now.Sub(time.UnixMilli(int64(j.Started))).Round(time.Second)
	return fmt.Sprintf("%v of %v", max(run, 0), (time.Duration(j.RunMillis) * time.Millisecond).Round(time.Second))
}

// jobsText lists the jobs that have no card.
func jobsText(w io.Writer, m money, r *node.RigStatus) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	some := false
	for i := range r.Jobs {
		j := &r.Jobs[i]
		if len(j.Cards) > 0 {
			continue
		}
		if !some {
			fmt.Fprintln(t, "JOB\tENGINE\tSTATE\tWORK\tRATE\tUSED\tPAID")
		}
		some = true
		state := string(j.State)
		if j.Paused {
			state += ", unpaid"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.ID.Short(), j.Engine, state, dash(clipText(j.Name+j.Model, 24)), rateText(j, r.At), unitsOf(j.Price.Unit, j.Units), j.Paid.Units(m.Decimals))
	}
	return t.Flush()
}

// dayText is what came of a day.
func dayText(m money, d *node.DaySum) string {
	text := "24 h: gross " + d.Gross.Units(m.Decimals)
	switch {
	case d.NetNano != nil:
		text += fmt.Sprintf(" − power %v = net %v %s", governor.Rate(d.Power.CostNano/1000), governor.Rate(*d.NetNano/1000), m.Symbol)
	case d.Power.EnergyMJ == 0:
		text += " " + m.Symbol + "; no power was measured"
	default:
		text += fmt.Sprintf(" %s; power %s, whose price is not known: `rerig up --kwh 0.15`", m.Symbol, kilowattHours(d.Power.EnergyMJ))
	}
	text += fmt.Sprintf("; ended %d", d.Ended)
	if d.Capped {
		text += "+"
	}
	if d.Ended > 0 {
		text += fmt.Sprintf(": paid %d, failed %d, unpaid %d", d.Done, d.Failed, d.Unpaid)
	}
	return text
}

func kilowattHours(mj uint64) string {
	wh := mj / 3_600_000
	return fmt.Sprintf("%d.%03d kWh", wh/1000, wh%1000)
}

func linkStatusText(l *node.LinkStatus) string {
	text := map[string]string{"direct": "reachable directly", "relay": "reachable by relay only", "local": "on a test network", "none": "not reachable from outside so far"}[l.Reach]
	text = fmt.Sprintf("Network: %s; %d peers", text, l.Peers)
	if l.Relayed > 0 {
		text += fmt.Sprintf(", %d of them by relay", l.Relayed)
	}
	if l.LatencyMS != nil {
		text += fmt.Sprintf(", %d ms", *l.LatencyMS)
	}
	if l.NAT != "" {
		text += "; NAT " + l.NAT
	}
	return text
}

// netText is what a card leaves an hour as it is now.
func netText(c *node.CardStatus) string {
	switch {
	case c.Power == nil && c.Gross == 0:
		return "-"
	case c.Power == nil:
		return "+" + c.Gross.String() + " gross"
	}
	net := c.Gross - *c.Power
	if net > 0 {
		return "+" + net.String()
	}
	return net.String()
}

func orDash(v *int) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func watts(mw *int64) string {
	if mw == nil {
		return "- W"
	}
	return fmt.Sprintf("%d W", (*mw+500)/1000)
}

func memoryText(used, total *uint32) string {
	switch {
	case total == nil:
		return "-"
	case used == nil:
		return fmt.Sprintf("%d MiB", *total)
	}
	return fmt.Sprintf("%d/%d MiB", *used, *total)
}

func pcieText(width, gen *int) string {
	if width == nil {
		return "-"
	}
	if gen == nil {
		return fmt.Sprintf("x%d", *width)
	}
	return fmt.Sprintf("x%d gen %d", *width, *gen)
}
