package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/protocol"
)

// Exit codes of rerig's own (SPEC §8.3); a job's code is passed through.
const (
	exitFailed      = 1   // the command could not do what it was asked for
	exitUsage       = 2   // wrong flags or arguments
	exitBudget      = 123 // the job used up its budget
	exitTimeout     = 124 // the job ran into its time limit
	exitNetwork     = 125 // no rig, no money, or no result: the network's or the escrow's failure
	exitBadModule   = 126 // what was to be run is no module
	exitInterrupted = 130 // ended by a signal
	exitTrap        = 134 // the program trapped; 128 and what a kernel would have sent: SIGABRT
	exitMemory      = 137 // the program wanted too much memory: SIGKILL
	exitWritten     = 153 // the program wrote too much: SIGXFSZ
)

// exitOf is the exit code for a job that did not end by its program's own exit.
func exitOf(r protocol.Reason) int {
	switch r {
	case protocol.ReasonBudget:
		return exitBudget
	case protocol.ReasonDeadline:
		return exitTimeout
	case protocol.ReasonBadModule:
		return exitBadModule
	case protocol.ReasonStopped:
		return exitInterrupted
	case protocol.ReasonTrap:
		return exitTrap
	case protocol.ReasonMemory:
		return exitMemory
	case protocol.ReasonStdout, protocol.ReasonOutput:
		return exitWritten
	}
	return exitNetwork
}

// exitError is an error with an exit code. A nil err says nothing more.
type exitError struct {
	code int
	err  error
}

// Error is the cause's text.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap is the cause.
func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// app holds the streams and the global flags, which every command reads.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	interrupts     *interrupts // nil where nobody presses Ctrl-C

	config         string
	dataDir        string
	network        string
	output         string
	passphraseFile string
	logFormat      string
	payer          string
	signer         string
	caps           caps
	quiet          bool
	verbose        bool
	noColor        bool
}

// execute runs one command line and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitFailed
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted // the user knows why
	}
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	if a.jsonLog() {
		slog.New(jsonHandler(a.stderr, slog.LevelError)).Error(err.Error(), "exit_code", code)
		return code
	}
	fmt.Fprintf(a.stderr, "rerig: %v\n", err)
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rerig",
		Short: "Buy and sell computing, peer to peer, paid by the tick on a chain",
		Long: `Rerig runs jobs on other people's machines and pays them by the tick through an
escrow on a chain.

  rerig testnet demo          see all of it on this machine
  rerig up --payout 0x…       sell this machine's time
  rerig run lm -- "A hacker"  buy some

Every flag has an environment variable (rerig up --price is RERIG_UP_PRICE, a
global flag such as --network is RERIG_NETWORK) and a key in config.toml (price in
the table [up]; global flags at the top).`,
		SilenceUsage: true, SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q; see `rerig --help`", args[0])
			}
			return nil
		},
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.configure(cmd) },
	}
	f := root.PersistentFlags()
	f.StringVar(&a.config, "config", "", "config `file` (default config.toml in the user's configuration directory)")
	f.StringVar(&a.dataDir, "data-dir", "", "`directory` of this node: key, journal, artifacts")
	f.StringVar(&a.network, "network", "local", "network `profile`, by name or path")
	f.StringVarP(&a.output, "output", "o", "text", "`format` of standard output: text or json")
	f.StringVar(&a.passphraseFile, "passphrase-file", "", "`file` with the key's passphrase")
	f.StringVar(&a.payer, "payer", "", "`address` that pays for what is bought, whose key --signer has (default the node's own)")
	f.StringVar(&a.signer, "signer", "", "`program` that signs for --payer: http://127.0.0.1:PORT or unix:PATH (Clef), exec:COMMAND")
	f.StringVar(&a.caps.exposure, "max-exposure", "", "most `money` that all channels together may hold (default any)")
	f.StringVar(&a.caps.least, "channel-min", "", "least `money` to fund a channel with at a time (default four budgets)")
	f.StringVar(&a.caps.most, "channel-max", "", "most `money` to fund a channel with, unless a job lacks more (default any)")
	f.StringVar(&a.logFormat, "log-format", logAuto, "`format` of standard error: text, json (an object a line), or auto, which is json where systemd's journal reads it")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress on standard error")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "log what the node does to standard error")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (also NO_COLOR)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(a.extra()...)
	root.AddCommand(a.upCmd(), a.statusCmd(), a.topCmd(), a.whyCmd(), a.runCmd(), a.submitCmd(), a.serveCmd(), a.psCmd(), a.logsCmd(), a.waitCmd(), a.inspectCmd(), a.verifyCmd(), a.cpCmd(), a.stopCmd(),
		a.priceCmd(), a.gpuCmd(), a.marketCmd(), a.imageCmd(), a.packCmd(), a.walletCmd(), a.testnetCmd(), a.doctorCmd(), a.debugCmd(), a.hardwareCmd(), a.updateCmd(), a.versionCmd())
	return root
}

// group is a command that only holds others.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q for %q; see `%s --help`", args[0], cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(sub...)
	return c
}

// exactly wants one value for each name.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usage("%s is missing; see `%s --help`", names[len(args)], cmd.CommandPath())
		case len(args) > len(names):
			return usage("unexpected argument %q; see `%s --help`", args[len(names)], cmd.CommandPath())
		}
		for i, name := range names {
			if args[i] == "" {
				return usage("%s is empty; see `%s --help`", name, cmd.CommandPath())
			}
		}
		return nil
	}
}

// json reports whether -o json was given.
func (a *app) json() bool { return a.output == "json" }

// print writes v to standard output: as JSON, or by text.
func (a *app) print(v any, text func(w io.Writer) error) error {
	if !a.json() {
		return text(a.stdout)
	}
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// progress is where a command tells what it does.
func (a *app) progress() *progress {
	p := newProgress(a.stderr, a.quiet, a.noColor || os.Getenv("NO_COLOR") != "")
	if a.jsonLog() {
		p.tty, p.log = false, slog.New(jsonHandler(a.stderr, slog.LevelInfo))
	}
	return p
}
