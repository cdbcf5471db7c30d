package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

func (a *app) historyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "history", Short: "List every movement of money, and transactions and jobs", Args: exactly(),
		Long: `List transactions and jobs, newest first, and what all movements come to. With
-o json or -o csv every movement is listed, oldest first, in base units and wei:
the sums of the columns wallet, account, locked and native are the balances that the
chain has at the block named, which is checked.`,
		Annotations: map[string]string{outputFormats: "csv"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.history(cmd.Context()) },
	}
}

func (a *app) auditCmd() *cobra.Command {
	return &cobra.Command{
		Use: "audit", Short: "Recompute every balance from the chain and the journal", Args: exactly(),
		Long: `Recompute every balance from the chain's state, from its events and from the
journal, and name what differs: a balance, a channel that only one side knows, a
voucher that does not add up, a transaction that is not there. It changes nothing,
and the exit code is 1 when anything differs.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.audit(cmd.Context()) },
	}
}

// historyReply is what `rerig wallet history -o json` prints.
type historyReply struct {
	*node.History
	*treasury.Statement
}

func (a *app) history(ctx context.Context) error {
	return a.withNode(ctx, func(s *session) error {
		h, err := s.History(ctx)
		if err != nil {
			return err
		}
		st, err := s.Statement(ctx)
		if err != nil && a.output != "text" {
			return err
		}
		switch {
		case err != nil: // the journal is here, whatever the chain does
			a.progress().warn("the chain is not compared: %v", err)
		case !st.Balanced:
			a.progress().warn("the movements do not come to the chain's balances; `rerig wallet audit` says why")
		}
		if a.output == "csv" {
			return writeCSV(a.stdout, st)
		}
		return a.print(historyReply{h, st}, func(w io.Writer) error {
			if err := historyTables(w, s.money, h); err != nil || st == nil {
				return err
			}
			return totalsTable(w, s.money, st)
		})
	})
}

func writeCSV(out io.Writer, st *treasury.Statement) error {
	w := csv.NewWriter(out)
	row := func(cells ...string) { _ = w.Write(cells) } // kept for Error
	row("time", "kind", "address", "with", "block", "transaction", "channel", "job", "detail",
		"wallet", "account", "locked", "native", "payout", "vouchers")
	unlessZero := func(h protocol.Hash) string {
		if h.IsZero() {
			return ""
		}
		return h.String()
	}
	for i := range st.Lines {
		l, when, with := &st.Lines[i], "", ""
		if l.Time != 0 {
			when = time.Unix(int64(l.Time), 0).UTC().Format(time.RFC3339)
		}
		if !l.With.IsZero() {
			with = l.With.String()
		}
		row(when, l.Kind, l.Address.String(), with, strconv.FormatUint(l.Block, 10), unlessZero(l.Tx), unlessZero(l.Channel), unlessZero(l.Job),
			l.Detail, l.Wallet.String(), l.Account.String(), l.Locked.String(), l.Native.String(), l.Payout.String(), l.Vouchers.String())
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// totalsTable shows what the movements come to, beside the chain.
func totalsTable(w io.Writer, m money, st *treasury.Statement) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "%d MOVEMENTS COME TO\tSUM\tCHAIN AT BLOCK %d\n", len(st.Lines), st.Block)
	for _, c := range []struct {
		name       string
		sum, chain treasury.Delta
		decimals   int
	}{{"wallet", st.Total.Wallet, st.Chain.Wallet, m.Decimals}, {"escrow account", st.Total.Account, st.Chain.Account, m.Decimals},
		{"in channels", st.Total.Locked, st.Chain.Locked, m.Decimals}, {"gas coin", st.Total.Native, st.Chain.Native, 18}} {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.name, signed(c.sum, c.decimals), signed(c.chain, c.decimals))
	}
	return t.Flush()
}

// signed writes a change in whole coins.
func signed(d treasury.Delta, decimals int) string {
	v := d.Big()
	sign := ""
	if v.Sign() < 0 {
		sign = "-"
	}
	a, err := protocol.AmountFromBig(v.Abs(v))
	if err != nil {
		return d.String()
	}
	return sign + a.Units(decimals)
}

func historyTables(w io.Writer, m money, h *node.History) error {
	if len(h.Txs) > 0 {
		if err := txTable(w, h.Txs); err != nil {
			return err
		}
	}
	if len(h.Jobs) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "JOB\tSIDE\tSTATE\tUSED\tDONE FOR\tPAID BY VOUCHER\tTIME")
	for i := range h.Jobs {
		j := &h.Jobs[i].Job
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.ID.Short(), j.Role, j.State, unitsOf(j.Price.Unit, j.Units), j.Due.Units(m.Decimals),
			j.Paid.Units(m.Decimals), time.UnixMilli(int64(h.Jobs[i].Created)).Format(time.DateTime))
	}
	return t.Flush()
}

func (a *app) audit(ctx context.Context) error {
	return a.withNode(ctx, func(s *session) error {
		r, err := s.Audit(ctx)
		if err != nil {
			return err
		}
		err = a.print(r, func(w io.Writer) error {
			for _, d := range r.Differences {
				fmt.Fprintf(w, "✗ %s: %s: want %s, got %s\n", d.Subject, d.What, d.Want, d.Got)
			}
			_, err := fmt.Fprintf(w, "%d checks at block %d, %d differences\n", r.Checks, r.Block, len(r.Differences))
			return err
		})
		if err == nil && len(r.Differences) > 0 {
			err = &exitError{code: exitFailed}
		}
		return err
	})
}

// recoverAll takes everything back that is free, and says when the rest will be.
func (a *app) recoverAll(ctx context.Context, to string) error {
	dest, err := recipient(to)
	if err != nil {
		return err
	}
	return a.withPayer(ctx, func(s *session) error {
		r, err := s.Recover(ctx, dest)
		if err != nil {
			return err
		}
		p := a.progress()
		for _, f := range r.Failed {
			p.warn("%s", f)
		}
		switch {
		case len(r.Waiting) > 0:
			p.line("some of it is not free yet; run `rerig wallet withdraw --all` again then")
		case len(r.Txs) == 0 && len(r.Failed) == 0:
			p.line("nothing is left in the escrow")
		}
		if err := a.print(r, func(w io.Writer) error { return recoveryTables(w, s.money, r) }); err != nil {
			return err
		}
		if len(r.Failed) > 0 {
			return &exitError{exitFailed, errors.New("not all of it could be taken back; what failed is named above, and trying again does no harm")}
		}
		return nil
	})
}

func recoveryTables(w io.Writer, m money, r *treasury.Recovery) error {
	if len(r.Txs) > 0 {
		if err := txTable(w, r.Txs); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "withdrawn  %s\n", m.text(r.Withdrawn))
	if len(r.Waiting) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CHANNEL\tTO\tNOT FREE YET\tOF IT SURE\tFREE AT\tWAITS FOR")
	for _, c := range r.Waiting {
		when := ""
		if c.FreeAt != 0 {
			when = time.Unix(int64(c.FreeAt), 0).Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Channel.Short(), shortAddr(c.Operator), m.text(c.Amount), m.text(c.Sure),
			cmp.Or(when, "-"), c.Why)
	}
	return t.Flush()
}
