package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node/governor"
)

func (a *app) priceCmd() *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Show what this rig asks for an hour of a card, and what others do", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.governed(cmd.Context(), func(ctx context.Context, s *session) (*governor.Report, error) { return s.Governor(ctx) }, priceLine)
		},
	}
	explain := &cobra.Command{
		Use: "explain", Short: "Show the sum for each card: power × tariff × margin, and what each use of it leaves", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.governed(cmd.Context(), func(ctx context.Context, s *session) (*governor.Report, error) { return s.Governor(ctx) }, explainPrice)
		},
	}
	set := &cobra.Command{
		Use: "set PRICE", Short: "Set what an hour of a card is to cost, until the node ends", Args: exactly("PRICE"),
		Long: `Set what an hour of a card is to cost, such as 0.05/h, or auto for the median of what
others ask, until the node ends; gpu-price in the table [up] of config.toml is for good.
The price never goes below what power costs with the margin.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			auto := args[0] == priceAuto
			rate := governor.Rate(0)
			if !auto {
				var err error
				if rate, err = governor.ParseRate(args[0]); err != nil {
					return usage("PRICE: %w", err)
				}
			}
			return a.governed(cmd.Context(), func(ctx context.Context, s *session) (*governor.Report, error) {
				return s.SetPrice(ctx, rate, auto)
			}, priceLine)
		},
	}
	return group("price", "Look at what this rig asks, and set it", show, set, explain)
}

func (a *app) gpuCmd() *cobra.Command {
	one := func(use, short, done string, on bool) *cobra.Command {
		return &cobra.Command{
			Use: use + " [CARD]", Short: short,
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) > 1 {
					return usage("unexpected argument %q; one card, or none for all", args[1])
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, args []string) error {
				card := strings.Join(args, "")
				return a.governed(cmd.Context(), func(ctx context.Context, s *session) (*governor.Report, error) {
					return s.PauseCard(ctx, card, on)
				}, func(io.Writer, money, *governor.Report) error {
					a.progress().done("%s", done)
					return nil
				})
			},
		}
	}
	return group("gpu", "Take cards out of work, and back",
		one("pause", "Take a card out of work: its job goes on, no new one is taken, the idle command stops", "paused; `rerig gpu resume` undoes it, and nothing else does", true),
		one("resume", "Put a card back to work", "back to work", false))
}

// governed asks a rig that runs about its governor.
func (a *app) governed(ctx context.Context, ask func(context.Context, *session) (*governor.Report, error), text func(io.Writer, money, *governor.Report) error) (err error) {
	s, err := a.connect(ctx)
	if err != nil {
		return fmt.Errorf("%w; `rerig up --kwh 0.15` starts a rig that minds what its power costs", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := ask(ctx, s)
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer) error { return text(w, s.money, r) })
}

// priceLine says what is asked and why.
func priceLine(w io.Writer, m money, r *governor.Report) error {
	own := r.Price.String() + "/h"
	if r.Auto {
		own = "the median"
	}
	fmt.Fprintf(w, "asks    %v %s for an hour of a card (yours: %s)\n", r.Ask, m.Symbol, own)
	for i := range r.Cards {
		if c := &r.Cards[i]; c.Sum.Floor == r.Ask && r.Ask > 0 {
			fmt.Fprintf(w, "floor   %s: %s\n", c.ID, floorOf(&c.Sum))
			break
		}
	}
	if r.MarketKnown {
		fmt.Fprintf(w, "market  median %v of %d others\n", r.Median, r.Asks)
	} else {
		fmt.Fprintln(w, "market  nobody else sells such cards, or the network was not heard for an hour")
	}
	return nil
}

// floorOf is the sum that makes a card's floor.
func floorOf(s *governor.Sum) string {
	if !s.TariffOK {
		return "what power costs is not known"
	}
	power := s.Power.String()
	if s.Assumed {
		power += " (assumed)"
	}
	text := fmt.Sprintf("%s × %v/kWh = %v/h", power, s.Tariff, s.Cost+s.Warmth)
	if s.Warmth > 0 {
		text += fmt.Sprintf(", less %v for its warmth", s.Warmth)
	}
	return fmt.Sprintf("%s, + %v = floor %v/h", text, s.Margin, s.Floor)
}

// explainPrice is the sum for each card.
func explainPrice(w io.Writer, m money, r *governor.Report) error {
	if err := priceLine(w, m, r); err != nil {
		return err
	}
	if r.ClosedJobs > 0 {
		fmt.Fprintf(w, "closed  average %v of %d card jobs here in a week\n", r.Closed, r.ClosedJobs)
	}
	tariff := "not known"
	if r.TariffKnown {
		tariff = r.Tariff.String() + " " + m.Symbol + "/kWh"
		if !r.TariffNext.IsZero() {
			tariff += " until " + r.TariffNext.Local().Format("Mon 15:04")
		}
	}
	fmt.Fprintf(w, "tariff  %s\n", tariff)
	if r.Warm {
		fmt.Fprintln(w, "warmth  wanted")
	}
	for _, s := range r.Sources {
		if s.Error != "" {
			fmt.Fprintf(w, "! %s, last heard %s: %s\n", s.Name, heard(s.At), clipText(s.Error, 160))
		}
	}
	for i := range r.Cards {
		c := &r.Cards[i]
		fmt.Fprintf(w, "\n%s %s: %s, %s\n  %s\n  %s\n", c.ID, clipText(c.Name, 40), c.Mode, yesNo(c.Sold, "for jobs", "not for jobs"), clipText(c.Why, 200), floorOf(&c.Sum))
		if !c.Sum.TariffOK {
			continue
		}
		fmt.Fprintf(w, "  net of a job %v/h = %v asked − %v power\n", c.Sum.NetJob, c.Sum.Ask, c.Sum.Cost)
		if c.Sum.RevenueOK {
			fmt.Fprintf(w, "  net of mining %v/h = %v − power\n", c.Sum.NetMine, c.Sum.Revenue)
		}
		fmt.Fprintf(w, "  net of rest %v/h\n", c.Sum.NetIdle)
	}
	return nil
}

func heard(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return time.Since(at).Round(time.Second).String() + " ago"
}

// cardTable lists what each card does and how its idle command does.
func cardTable(w io.Writer, r *governor.Report) error {
	if r == nil || len(r.Cards) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nCARD\tMODEL\tMODE\tFOR JOBS\t°C\tPOWER\tFLOOR/H\tASK/H\tIDLE COMMAND\tHAND-OVER\tWHY")
	for i := range r.Cards {
		c := &r.Cards[i]
		temp, power, idle, times := "-", "-", "-", "-"
		if c.TempC != nil {
			temp = fmt.Sprint(*c.TempC)
		}
		if c.PowerMW != nil {
			power = c.PowerMW.String()
		}
		if m := c.Miner; m != nil {
			idle = m.State
			if m.Crashes > 0 {
				idle += fmt.Sprintf(", ended by itself %d×", m.Crashes)
			}
			if m.Handover > 0 {
				times = millis(m.StopMS) + " / " + millis(m.StartMS)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%v\t%v\t%s\t%s\t%s\n", c.ID, clipText(c.Name, 24), c.Mode, yesNo(c.Sold, "yes", "no"), temp, power,
			c.Sum.Floor, c.Sum.Ask, idle, times, clipText(c.Why, 90))
	}
	return t.Flush()
}
