package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rerig/rerig/node/hardware"
)

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func simulatedLine(root string) string {
	return "SIMULATED: read below " + root + ", not this machine; only a test network can be sold it"
}

// write is the reply for people.
func (r *hardwareReply) write(w io.Writer) error {
	if r.Simulated != "" {
		fmt.Fprintln(w, simulatedLine(r.Simulated))
	}
	fmt.Fprintf(w, "%s, %d cores, %d MiB memory, %d MiB disk free\n\n", r.CPU, r.Cores, r.MemoryMiB, r.DiskMiB)
	usable := 0
	if len(r.Cards) > 0 {
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		fmt.Fprintln(t, "CARD\tMODEL\tVRAM\tPCIE\tDRIVER\tTEMP\tPOWER\tSTATE\tGVISOR\tNAMESPACES")
		for i := range r.Cards {
			c := &r.Cards[i]
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Address, c.Name(), vramText(&c.Card), linkText(c.Link), driverText(&c.Card),
				withUnit(c.TempC, "°C"), powerText(&c.Card), c.Standing.State, yesNo(c.Sale.GVisor.OK, "yes", "no"), yesNo(c.Sale.Namespaces.OK, "yes", "no"))
			if c.Sale.GVisor.OK || c.Sale.Namespaces.OK {
				usable++
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	r.reasons(w)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "! %s\n", n)
	}
	switch {
	case len(r.Cards) == 0 && len(r.Notes) > 0:
		fmt.Fprintln(w, "No cards are known here. This machine can sell processor time only.")
	case len(r.Cards) == 0:
		fmt.Fprintln(w, "No cards: the PCI bus shows none of NVIDIA's, AMD's or Intel's. This machine can sell\nprocessor time only.")
	case usable == 0:
		fmt.Fprintln(w, "None of these cards can be used as it is. This machine can sell processor time only.")
	default:
		fmt.Fprintln(w, "`rerig up` sells the cards that a small job reaches; its log says which. No test of this version has\nmet a real card.")
	}
	return nil
}

// reasons says once what is so of several cards.
func (r *hardwareReply) reasons(w io.Writer) {
	var order []string
	cards := map[string][]string{}
	add := func(c *cardReply, text string) {
		if cards[text] == nil {
			order = append(order, text)
		}
		cards[text] = append(cards[text], c.Address)
	}
	for i := range r.Cards {
		c := &r.Cards[i]
		missing := c.Standing.State == hardware.StateMissing
		// An unusable card's reason is that of every sandbox, below.
		if c.Standing.Reason != "" && c.Standing.State != hardware.StateUnusable {
			add(c, standingText(&c.Card, &c.Standing))
		}
		if !c.Sale.GVisor.OK && !missing {
			what := "gVisor"
			if !c.Sale.Namespaces.OK {
				what = "any sandbox"
			}
			add(c, "not in "+what+": "+c.Sale.GVisor.Why)
		}
		if c.Link.Width > 0 && c.Link.Width < c.Link.MaxWidth {
			add(c, fmt.Sprintf("link x%d of x%d (a riser?): loading data onto the card is slower by that", c.Link.Width, c.Link.MaxWidth))
		}
	}
	for _, text := range order {
		who := strings.Join(cards[text], ", ")
		if len(cards[text]) == len(r.Cards) && len(r.Cards) > 1 {
			who = "all cards"
		}
		fmt.Fprintf(w, "%s: %s\n", who, text)
	}
	if len(order) > 0 {
		fmt.Fprintln(w)
	}
}

// standingText is a state with all that belongs to it.
func standingText(c *hardware.Card, s *hardware.Standing) string {
	text := string(s.State)
	if s.Job != "" {
		text += " to job " + s.Job
	}
	if s.Until != nil {
		text += " until " + s.Until.Local().Format(time.DateTime)
	}
	if s.Reason != "" {
		text += ": " + s.Reason
	}
	if s.State == hardware.StateQuarantined {
		text += "; `rerig hardware release " + c.Address + "` ends it"
	}
	return text
}

func vramText(c *hardware.Card) string {
	switch {
	case c.VRAMMiB == 0:
		return "?"
	case c.VRAMUsedMiB == nil:
		return fmt.Sprintf("%d MiB", c.VRAMMiB)
	}
	return fmt.Sprintf("%d/%d MiB", *c.VRAMUsedMiB, c.VRAMMiB)
}

func linkText(l hardware.Link) string {
	if l.Width == 0 {
		return "-"
	}
	if l.Width == l.MaxWidth || l.MaxWidth == 0 {
		return fmt.Sprintf("x%d", l.Width)
	}
	return fmt.Sprintf("x%d of x%d", l.Width, l.MaxWidth)
}

func driverText(c *hardware.Card) string {
	if c.Driver == "" {
		return "none"
	}
	return strings.TrimSpace(c.Driver + " " + strings.TrimPrefix(c.DriverVersion, "kernel "))
}

func withUnit(v *int, unit string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%d %s", *v, unit)
}

func powerText(c *hardware.Card) string {
	if c.PowerW != nil && c.PowerLimitW != nil {
		return fmt.Sprintf("%d/%d W", *c.PowerW, *c.PowerLimitW)
	}
	return withUnit(c.PowerW, "W")
}
