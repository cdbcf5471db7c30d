package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node"
)

func (a *app) vouchersCmd() *cobra.Command {
	return &cobra.Command{
		Use: "vouchers", Short: "Show the vouchers held, for any program to redeem", Args: exactly(),
		Long: `List the highest voucher of each channel that pays this node. As JSON it has all
that another program needs to check a voucher and redeem it, without this node and
from any account: the money reaches only the channel's payee. Keep a copy where the
rig's disk cannot take it along.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.vouchers(cmd.Context()) },
	}
}

func (a *app) vouchers(ctx context.Context) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	held, err := s.Vouchers(ctx)
	if err == nil && len(held) == 0 {
		a.progress().line("no voucher is held; a rig gets them from the jobs it runs")
	}
	if err == nil {
		err = a.print(held, func(w io.Writer) error { return voucherTable(w, s.money, held) })
	}
	return errors.Join(err, s.Close())
}

func voucherTable(w io.Writer, m money, held []node.HeldVoucher) error {
	if len(held) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CHANNEL\tFROM\tPAYS\tEPOCH\tTOTAL\tCOLLECTED\tFUNDED")
	for i := range held {
		v := &held[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", v.ID.Short(), v.Channel.Payer, v.Channel.Payee, v.Voucher.Epoch,
			v.Voucher.Cumulative.Units(m.Decimals), v.State.Claimed.Units(m.Decimals), v.State.Funded.Units(m.Decimals))
	}
	return t.Flush()
}
