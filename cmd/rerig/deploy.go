package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/settle"
)

// deployFlags are the flags of `rerig wallet deploy`.
type deployFlags struct {
	grace   time.Duration
	unbond  time.Duration
	install bool
	dryRun  bool
}

func (a *app) deployCmd() *cobra.Command {
	var f deployFlags
	c := &cobra.Command{
		Use: "deploy", Short: "Put the escrow on the profile's chain, and print what verifies it",
		Long: `Deploy the escrow by the deterministic deployment proxy, so that it has the same
address on every chain, whoever deploys it; one that is there already is compared.
The node's key pays, or --payer. What is printed lets anybody compile the contract
again and compare; so does rerig doctor.

Most chains have the proxy, among them those of anvil. Where it is missing,
--install-proxy puts it there by its well-known transaction, for 0.01 of the coin.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.deploy(cmd.Context(), &f) },
	}
	c.Flags().DurationVar(&f.grace, "grace", 24*time.Hour, "`time` a payer's close waits: 1m to 720h; rigs must look at the chain that often")
	c.Flags().DurationVar(&f.unbond, "unbond", 7*24*time.Hour, "`time` a bond's return waits: 1m to 2160h")
	c.Flags().BoolVar(&f.install, "install-proxy", false, "first put the deployment proxy on a chain without it")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "only say where it would be")
	return c
}

func (a *app) deploy(ctx context.Context, f *deployFlags) error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	d, err := settle.EscrowAt(profile.ChainID, f.grace, f.unbond)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("--grace, --unbond: %w", err)}
	}
	p := a.progress()
	if !f.dryRun {
		if d, err = a.deployOn(ctx, profile, f); err != nil {
			return err
		}
		switch {
		case d.Tx.IsZero():
			p.done("the escrow was there before, and its code is right")
		default:
			p.done("deployed in block %d, and its code is right", d.Block)
		}
		p.line("In the profile: escrow = %q, escrow_block = %d", d.Address, d.Block)
	}
	return a.print(d, func(w io.Writer) error { return deploymentTable(w, d) })
}

// deployOn sends the transactions with the key of the data directory, or the payer's.
func (a *app) deployOn(ctx context.Context, profile *node.Profile, f *deployFlags) (*settle.Deployment, error) {
	if c, err := client.Connect(ctx, a.dir()); err == nil {
		return nil, errors.Join(fmt.Errorf("a node runs in %s, and two programs must not send with one key; end it, or give another --data-dir", a.dir()), c.Close())
	}
	cfg, err := a.nodeConfig(profile)
	if err != nil {
		return nil, err
	}
	deployer := settle.DeployerConfig{RPC: profile.RPC[0], ChainID: profile.ChainID}
	if cfg.Payer != nil {
		defer cfg.Payer.Close()
		deployer.Account = cfg.Payer
	} else if deployer.Key, err = node.ReadKey(cfg.DataDir, cfg.Passphrase); err != nil {
		return nil, err
	}
	d, err := settle.NewDeployer(deployer)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if f.install {
		if err := d.InstallProxy(ctx); err != nil {
			return nil, fmt.Errorf("install the proxy: %w", err)
		}
	}
	return d.DeployEscrow(ctx, f.grace, f.unbond)
}

// deploymentTable is what it takes to compile a contract again and compare.
func deploymentTable(w io.Writer, d *settle.Deployment) error {
	fmt.Fprintf(w, "%s at %s on chain %d\n", d.Contract, d.Address, d.ChainID)
	if !d.Proxy.IsZero() {
		fmt.Fprintf(w, "  made by       CREATE2 of %s, salt %s\n", d.Proxy, d.Salt)
	}
	if d.Parameters != "" {
		fmt.Fprintf(w, "  parameters    %s\n", d.Parameters)
	}
	if len(d.ConstructorArgs) > 0 {
		fmt.Fprintf(w, "  arguments     %s\n", d.ConstructorArgs)
	}
	fmt.Fprintf(w, "  init code     keccak %s\n", d.InitCodeHash)
	fmt.Fprintf(w, "  runtime code  keccak %s\n", d.RuntimeCodeHash)
	_, err := fmt.Fprintf(w, "  compiled from %s by solc %s, %s\n", d.Source, d.Compiler, d.Settings)
	return err
}
