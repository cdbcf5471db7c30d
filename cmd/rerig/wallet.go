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

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

func (a *app) walletCmd() *cobra.Command {
	var to string
	var all bool
	withdraw := &cobra.Command{
		Use: "withdraw AMOUNT|all", Short: "Move tokens from the escrow account to a wallet",
		Long: `Move tokens from the escrow account to a wallet: an amount, or all that is in the account.

With --all instead, everything comes back, whether any rig answers or not: channels
are closed, those whose grace is over are emptied, vouchers held are collected, and
the account is withdrawn. What is not free yet is listed with the time at which it
will be; run it again then. Doing so twice does no harm.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if all {
				return exactly()(cmd, args)
			}
			return exactly("AMOUNT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if all {
				return a.recoverAll(cmd.Context(), to)
			}
			return a.withdraw(cmd.Context(), args[0], to)
		},
	}
	withdraw.Flags().StringVar(&to, "to", "", "`address` that gets them (default the node's own)")
	withdraw.Flags().BoolVar(&all, "all", false, "close every channel and take back all there is")
	return group("wallet", "Look at the money and move it", append(a.walletKeyCmds(),
		&cobra.Command{
			Use: "balance", Short: "Show what there is, is promised and is owed", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.balance(cmd.Context()) },
		},
		&cobra.Command{
			Use: "deposit AMOUNT", Short: "Move tokens from the wallet into the escrow account", Args: exactly("AMOUNT"),
			RunE: func(cmd *cobra.Command, args []string) error { return a.deposit(cmd.Context(), args[0]) },
		},
		withdraw,
		a.vouchersCmd(),
		&cobra.Command{
			Use: "collect", Short: "Redeem every voucher on the chain", Args: exactly(),
			RunE: func(cmd *cobra.Command, _ []string) error { return a.collect(cmd.Context()) },
		},
		&cobra.Command{
			Use: "close CHANNEL|all", Short: "Take back what channels have left", Args: exactly("CHANNEL"),
			Long: `Ask for the close of a channel this node pays through, or of all that no run uses.
What the rig is owed it can still collect. The rest is in the escrow account when the rig
has answered, or at the latest when the escrow's grace is over; a node must run then.`,
			RunE: func(cmd *cobra.Command, args []string) error { return a.closeChannels(cmd.Context(), args[0]) },
		},
		a.historyCmd(), a.auditCmd(), a.deployCmd())...)
}

// withNode runs f with a node whose chain was looked at.
func (a *app) withNode(ctx context.Context, f func(*session) error) error {
	s, err := a.open(ctx)
	if err != nil {
		return err
	}
	if s.own {
		err = poll(ctx, joinWait, func() (done bool, err error) {
			s.info, err = s.Info(ctx)
			return err == nil && s.info.Chain.Online, err
		})
	}
	if err == nil {
		err = f(s)
	}
	return errors.Join(err, s.Close())
}

// withPayer is withNode for what moves the payer's money.
func (a *app) withPayer(ctx context.Context, f func(*session) error) error {
	return a.withNode(ctx, func(s *session) error {
		if err := a.samePayer(s); err != nil {
			return err
		}
		return f(s)
	})
}

func (a *app) balance(ctx context.Context) error {
	return a.withNode(ctx, func(s *session) error {
		w, err := s.Wallet(ctx)
		if err != nil {
			return err
		}
		return a.print(w, func(out io.Writer) error { return balanceTable(out, s.money, s.info, w) })
	})
}

// balanceTable keeps apart what is there, what is promised, and what is owed.
func balanceTable(out io.Writer, m money, info *node.Info, w *node.Wallet) error {
	t := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "address\t%s\n", w.Address)
	if w.Node != nil {
		fmt.Fprintf(t, "node\t%s\tsigns vouchers and collects; has %s ETH for gas\n", w.Node.Address, wei(w.Node.Balances.Native))
	}
	fmt.Fprintf(t, "gas\t%s ETH\n", wei(w.Balances.Native))
	fmt.Fprintf(t, "wallet\t%s\tpaid out: yours, outside the escrow\n", m.text(w.Balances.Wallet))
	fmt.Fprintf(t, "escrow account\t%s\tyours, in the escrow: rerig wallet withdraw\n", m.text(w.Balances.Account))
	fmt.Fprintf(t, "in channels\t%s\tyours, set aside for runs you buy\n", m.text(w.Locked))
	fmt.Fprintf(t, "promised\t%s\tgiven to rigs in vouchers they have not collected\n", m.text(w.Promised))
	fmt.Fprintf(t, "owed to you\t%s\tvouchers you hold: rerig wallet collect\n", m.text(w.Owed))
	if info.Rig != nil {
		fmt.Fprintf(t, "earned\t%s\tby vouchers, in %d jobs, ever\n", m.text(info.Rig.Earned), info.Rig.Jobs)
	}
	if err := t.Flush(); err != nil || len(w.Channels) == 0 {
		return err
	}
	fmt.Fprintln(out)
	t = tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CHANNEL\tWITH\tFUNDED\tDONE AND PROMISED\tCOLLECTED\tEPOCH\tSTATE")
	for _, c := range w.Channels {
		with := "to " + shortAddr(c.Channel.Operator)
		if c.Incoming {
			with = "from " + shortAddr(c.Channel.Payer)
		}
		state := "open"
		if c.State.ClosesAt != 0 {
			state = "closes " + time.Unix(int64(c.State.ClosesAt), 0).Format(time.DateTime)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", c.ID.Short(), with, c.State.Funded.Units(m.Decimals),
			c.Vouchers.Units(m.Decimals), c.State.Claimed.Units(m.Decimals), c.State.Epoch, state)
	}
	return t.Flush()
}

func (a *app) deposit(ctx context.Context, text string) error {
	return a.withPayer(ctx, func(s *session) error {
		amount, err := positive(s.money, text)
		if err != nil {
			return err
		}
		if err := a.askFaucet(ctx, s, a.progress()); err != nil {
			a.progress().warn("faucet: %v", err)
		}
		r, err := s.Deposit(ctx, amount)
		if err != nil {
			return err
		}
		return a.printTxs(r)
	})
}

func positive(m money, text string) (protocol.Amount, error) {
	amount, err := protocol.ParseUnits(text, m.Decimals)
	if err != nil || amount.IsZero() {
		return amount, usage("AMOUNT: a number of %s above 0 such as 2.5, with at most %d digits after the point, got %q", m.Symbol, m.Decimals, text)
	}
	return amount, nil
}

func (a *app) withdraw(ctx context.Context, text, to string) error {
	dest, err := recipient(to)
	if err != nil {
		return err
	}
	return a.withPayer(ctx, func(s *session) error {
		var amount protocol.Amount // zero is all
		if text != "all" {
			var err error
			if amount, err = positive(s.money, text); err != nil {
				return err
			}
		}
		r, err := s.Withdraw(ctx, dest, amount)
		if err != nil {
			return err
		}
		if len(r.Txs) == 0 {
			a.progress().line("the escrow account is empty; `rerig wallet collect` redeems vouchers")
		}
		return a.printTxs(r)
	})
}

// recipient reads --to; zero is the owner's own address.
func recipient(to string) (dest protocol.Address, err error) {
	if to == "" {
		return dest, nil
	}
	if dest, err = protocol.ParseAddress(strings.ToLower(to)); err != nil {
		return dest, usage("--to: %w", err)
	}
	return dest, nil
}

func (a *app) collect(ctx context.Context) error {
	return a.withNode(ctx, func(s *session) error {
		r, err := s.Collect(ctx)
		if err != nil {
			return err
		}
		if len(r.Txs) == 0 {
			a.progress().line("no voucher waits to be collected; `rerig wallet balance` shows the rest")
		}
		return a.printTxs(r)
	})
}

// closeChannels begins the way back of money set aside for runs.
func (a *app) closeChannels(ctx context.Context, which string) error {
	var id protocol.Hash
	if which != "all" {
		var err error
		if id, err = protocol.ParseHash(which); err != nil {
			return usage("CHANNEL: %w; `rerig wallet balance -o json` has the channels' IDs", err)
		}
	}
	return a.withPayer(ctx, func(s *session) error {
		r, err := s.CloseChannel(ctx, id)
		if err != nil {
			return err
		}
		if len(r.Txs) == 0 {
			a.progress().line("no channel with money left is idle; `rerig wallet balance` lists them")
		}
		return a.printTxs(r)
	})
}

// printTxs lists transactions, with their fees.
func (a *app) printTxs(r *node.TxReply) error {
	return a.print(r, func(w io.Writer) error {
		if len(r.Txs) == 0 {
			return nil
		}
		return txTable(w, r.Txs)
	})
}

func txTable(w io.Writer, txs []protocol.Tx) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "TRANSACTION\tCALL\tSTATUS\tGAS\tFEE ETH\tBLOCK\tDETAIL")
	for i := range txs {
		tx := &txs[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%d\t%s\n", tx.Hash, tx.Kind, tx.Status, tx.GasUsed, wei(tx.Fee), tx.Block, clipText(tx.Detail, 80))
	}
	return t.Flush()
}
