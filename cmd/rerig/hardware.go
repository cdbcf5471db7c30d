package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
)

// hardwareReply is what `rerig hardware -o json` prints.
type hardwareReply struct {
	// Simulated is the directory that was read in place of this machine.
	Simulated string      `json:"simulated,omitempty"`
	CPU       string      `json:"cpu"`
	Cores     uint16      `json:"cores"`
	MemoryMiB uint32      `json:"memory_mib"`
	DiskMiB   uint32      `json:"disk_mib"`
	Cards     []cardReply `json:"cards"`
	Notes     []string    `json:"notes,omitempty"`
}

// cardReply is one card: what it is, how it stands, and how it could be sold.
type cardReply struct {
	hardware.Card
	Standing hardware.Standing `json:"standing"`
	Sale     hardware.Sale     `json:"sale"`
}

// machine is where the hardware commands look.
type machine struct {
	app     *app
	sysroot string
}

// flags adds what every hardware command has. --sysroot is for tests and hidden: a
// machine that is read from a directory has a ledger of its own and is called simulated.
func (m *machine) flags(f *pflag.FlagSet) {
	f.StringVar(&m.sysroot, "sysroot", "", "read the machine below `directory` instead of this one, for tests")
	_ = f.MarkHidden("sysroot") // it was added just now
}

func (m *machine) sources() hardware.Sources {
	if m.sysroot == "" {
		return hardware.Machine()
	}
	if full, err := filepath.Abs(m.sysroot); err == nil { // its tools are run from elsewhere
		m.sysroot = full
	}
	return hardware.Below(m.sysroot)
}

func (m *machine) ledger() *hardware.Ledger {
	m.sources() // makes sysroot a full path
	l, _, _ := node.CardLedger(m.app.dir(), m.sysroot)
	return l
}

func (a *app) hardwareCmd() *cobra.Command {
	m := &machine{app: a}
	c := group("hardware", "Show this machine's cards, and how each could be sold", m.quarantineCmd(), m.releaseCmd(), m.cdiCmd(), a.benchCmd())
	c.Long = `Show this machine's processor, memory and disk, and its cards: model, memory, PCI Express
link, driver, temperature, power, who has each card, and in which sandbox it could be
sold. No driver is needed to list cards, and no node needs to run.`
	c.RunE = func(cmd *cobra.Command, _ []string) error { return m.show(cmd.Context()) }
	m.flags(c.Flags())
	return c
}

// show lists the machine.
func (m *machine) show(ctx context.Context) error {
	ledger := m.ledger()
	m.app.progress().live("looking at the cards …")
	v, standings, err := ledger.Read(ctx)
	m.app.progress().live("")
	if err = errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	hw, err := hardware.Detect(existing(m.app.dir()))
	if err != nil {
		return err
	}
	r := &hardwareReply{Simulated: m.sysroot, CPU: hw.CPU, Cores: hw.Cores, MemoryMiB: hw.MemoryMiB, DiskMiB: hw.DiskMiB,
		Notes: v.Notes, Cards: []cardReply{}}
	for i, c := range v.Cards {
		sale := hardware.HowToSell(&c)
		if standings[i].State == hardware.StateMissing {
			sale = hardware.Sale{GVisor: hardware.Way{Why: "missing"}, Namespaces: hardware.Way{Why: "missing"}}
		}
		r.Cards = append(r.Cards, cardReply{c, standings[i], sale})
	}
	return m.app.print(r, r.write)
}

// existing is the directory, or the nearest above it that is there.
func existing(dir string) string {
	for dir != filepath.Dir(dir) && !isDir(dir) {
		dir = filepath.Dir(dir)
	}
	return dir
}

// find is the card of a name, as it is now.
func (m *machine) find(ctx context.Context, l *hardware.Ledger, name string) (*hardware.Card, *hardware.Standing, error) {
	v, standings, err := l.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range v.Cards {
		if v.Cards[i].Is(name) {
			return &v.Cards[i], &standings[i], nil
		}
	}
	return nil, nil, fmt.Errorf("no card %q; `rerig hardware` lists the addresses and -o json the UUIDs", name)
}

func (m *machine) quarantineCmd() *cobra.Command {
	var reason string
	var term time.Duration
	c := &cobra.Command{Use: "quarantine CARD", Short: "Keep a card from jobs", Args: exactly("CARD"),
		Long: `Keep a card, by its address or UUID, from jobs until it is released or the time is over. A
job that has the card keeps it to its end.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if term < 0 {
				return usage("--for: a time that is not negative, got %s", term)
			}
			l := m.ledger()
			card, _, err := m.find(cmd.Context(), l, args[0])
			if err != nil {
				return err
			}
			if err := l.Quarantine(cmd.Context(), card, reason, term); err != nil {
				return err
			}
			return m.say(cmd.Context(), l, card)
		}}
	c.Flags().StringVar(&reason, "reason", "by hand", "`text` that is shown with the card")
	c.Flags().DurationVar(&term, "for", 0, "`time` after which it is released by itself, such as 12h (default until released)")
	m.flags(c.Flags())
	return c
}

func (m *machine) releaseCmd() *cobra.Command {
	c := &cobra.Command{Use: "release CARD", Short: "End a card's quarantine", Args: exactly("CARD"),
		Long: `End a card's quarantine, by its address or UUID. Errors that the card has had do not count
again; one that it still has keeps it from jobs.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			l := m.ledger()
			card, _, err := m.find(cmd.Context(), l, args[0])
			if err != nil {
				return err
			}
			if err := l.Lift(cmd.Context(), card); err != nil {
				return fmt.Errorf("release card %s: %w", card.Address, err)
			}
			return m.say(cmd.Context(), l, card)
		}}
	m.flags(c.Flags())
	return c
}

// say prints how a card stands after a change.
func (m *machine) say(ctx context.Context, l *hardware.Ledger, card *hardware.Card) error {
	_, st, err := m.find(ctx, l, card.Address)
	if err != nil { // a card that was missing is forgotten with its quarantine
		st = &hardware.Standing{State: hardware.StateMissing, Reason: "no longer on the PCI bus"}
	}
	return m.app.print(st, func(w io.Writer) error {
		if m.sysroot != "" {
			fmt.Fprintln(w, simulatedLine(m.sysroot))
		}
		fmt.Fprintf(w, "%s (%s) is %s\n", card.Address, card.Name(), standingText(card, st))
		return nil
	})
}
