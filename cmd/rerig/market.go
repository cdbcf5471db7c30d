package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/protocol"
)

func (a *app) marketCmd() *cobra.Command {
	var of, ofShow needFlags
	ls := &cobra.Command{
		Use: "ls", Short: "List who could run a job and for how much, and why others cannot", Args: exactly(),
		Long: `List the rigs whose offers fit, the cheapest first, then every other rig with all the
reasons why it does not fit, then how many rigs ask which price. Nothing is asked of the
rigs and nothing is spent. Without flags every rig fits; the flags are those of rerig run
and say what the job needs. With --timeout, --cpus or --budget the list says also what the
job costs when it is busy for its whole time. rerig run --dry-run answers the same for one job,
also for one in a file.`,
		Example: `  rerig market ls --gpus 1 --vram 8GiB --timeout 30m
  rerig market ls --image train --cpus 8 --memory 16384 --max-price 0.05/h
  rerig market ls --served qwen3-8b --budget 1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.marketLs(cmd.Context(), &of)
		},
	}
	of.register(ls.Flags())
	show := &cobra.Command{
		Use: "show [RIG]", Short: "Show all that one rig offers, and what was bought from it",
		Long: `Show the offer of the rig whose address begins with RIG, or whose peer ID it is, and
without RIG of the cheapest that fits: its prices and what it has at stake, its hardware, and what
this node bought from it. The flags say for which job, as those of rerig market ls.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactly("RIG")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.marketShow(cmd.Context(), &ofShow, strings.Join(args, ""))
		},
	}
	ofShow.register(show.Flags())
	return group("market", "Look at who sells", ls, show)
}

// inMarket opens the node, waits until it knows the market, and asks.
func (a *app) inMarket(ctx context.Context, of *needFlags, tell func(*session, *need, *survey) error) (err error) {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	n, err := of.read(a, s)
	if err != nil {
		return err
	}
	if err := s.join(ctx); err != nil {
		return err
	}
	found, err := n.ask(ctx, s)
	if err != nil {
		return err
	}
	return tell(s, n, found)
}

func (a *app) marketLs(ctx context.Context, of *needFlags) error {
	return a.inMarket(ctx, of, func(s *session, n *need, found *survey) error {
		return a.print(found, func(w io.Writer) error {
			if len(found.Offers) == 0 && len(found.Skipped) == 0 && len(found.Cannot) == 0 {
				a.progress().line("no rig offers here; `rerig doctor` says whether this node has peers, `rerig up` sells")
				return nil
			}
			if err := found.write(w, n, s.money, a.page()); err != nil {
				return err
			}
			return servedTable(w, s.money, found.offers())
		})
	})
}

// priceName says whose hour a price is for, where that is not the processor's.
func priceName(u protocol.Unit) string {
	if u == protocol.UnitGPUMillis {
		return "gpu price"
	}
	return "price"
}

func skippedTable(w io.Writer, skipped []protocol.SkipCount) error {
	for _, k := range skipped {
		if _, err := fmt.Fprintf(w, "%d skipped: %s (%s)\n", k.Count, k.Reason, clipText(k.Detail, 120)); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	return nil
}

func cards(gpus []protocol.GPU) string {
	texts := make([]string, len(gpus))
	for i, g := range gpus {
		texts[i] = card(g)
	}
	return dash(strings.Join(texts, ", "))
}

// clipText makes text of other people fit a column: printable, and not too long.
func clipText(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u009b' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return clipText(s, 60)
}

func yesNo(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
