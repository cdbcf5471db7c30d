package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node/hardware"
)

// cdiReply is one card that other container engines can now be given.
type cdiReply struct {
	Device  string `json:"device"` // for docker run --device
	Address string `json:"address"`
	Model   string `json:"model"`
}

func (m *machine) cdiCmd() *cobra.Command {
	c := &cobra.Command{Use: "cdi DIRECTORY", Short: "Write CDI specs of the cards, for other container engines", Args: exactly("DIRECTORY"),
		Long: `Write Container Device Interface specs of the usable cards into a directory that a container
engine reads (/etc/cdi for Docker and Podman), and print the name by which each card is then
given to a container: docker run --device rerig-nvidia/card=0000:01:00.0 …

The specs name the driver's libraries by version: write them again after a driver update.`,
		RunE: func(cmd *cobra.Command, args []string) error { return m.cdi(cmd.Context(), args[0]) },
	}
	m.flags(c.Flags())
	return c
}

func (m *machine) cdi(ctx context.Context, dir string) error {
	src := m.sources()
	v := src.Look(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	var cards []hardware.Card
	out := []cdiReply{}
	for _, c := range v.Cards {
		if hardware.HowToSell(&c).Namespaces.OK {
			cards = append(cards, c)
			out = append(out, cdiReply{hardware.CDIName(&c), c.Address, c.Name()})
		}
	}
	if len(cards) == 0 {
		return errors.New("no card here can be used as it is; `rerig hardware` says why")
	}
	specs, err := src.CDI(cards)
	if err == nil {
		err = hardware.WriteCDI(dir, specs)
	}
	if err != nil {
		return err
	}
	return m.app.print(out, func(w io.Writer) error {
		if m.sysroot != "" {
			fmt.Fprintln(w, simulatedLine(m.sysroot))
		}
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		for _, r := range out {
			fmt.Fprintf(t, "%s\t%s\n", r.Device, r.Model)
		}
		return t.Flush()
	})
}
