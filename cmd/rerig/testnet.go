package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

const (
	blockEvery   = 2 * time.Second // empty blocks, so that the chain's clock moves
	downWait     = 30 * time.Second
	maxTestRigs  = 32
	testnetState = "testnet.json" // below the directory while the network is up
	requesterDir = "requester"
	bootstrapDir = "bootstrap"

	// inventedPrice is a round figure in the order of a real coin's: a coin of a test
	// chain is worth nothing, but a rig is to weigh its fees as it does elsewhere.
	inventedPrice = "1000" // test dollars for one coin
)

// testnetFlags are the flags of `rerig testnet up`.
type testnetFlags struct {
	dir     string
	rpcPort int
	p2pPort int
	rigs    int
}

// testnetInfo describes a running test network. It is testnet.json, readable by
// its owner only, because who knows the token may end the network.
type testnetInfo struct {
	PID       int             `json:"pid"`
	RPC       string          `json:"rpc"`
	ChainID   uint64          `json:"chain_id"`
	Escrow    string          `json:"escrow"`
	Token     string          `json:"token"`
	Bootstrap []string        `json:"bootstrap"`
	Profile   string          `json:"profile"`
	Faucet    string          `json:"faucet"`
	Control   string          `json:"control"`
	Secret    string          `json:"secret,omitempty"`
	Members   []testnetMember `json:"members"`

	Deployments []settle.Deployment `json:"deployments"` // what verifies the contracts
}

// testnetMember is a data directory with a funded key.
type testnetMember struct {
	Name    string           `json:"name"`
	Address protocol.Address `json:"address"`
	DataDir string           `json:"data_dir"`
}

func (a *app) testnetCmd() *cobra.Command {
	var t testnetFlags
	up := &cobra.Command{
		Use: "up", Short: "Run a chain, a bootstrap node and a faucet on this machine",
		Long: `Run a local test network in the foreground until a signal or rerig testnet down: a
chain with the escrow and a test dollar, a bootstrap node and a faucet, all on
loopback. It writes the network profile "local", which other commands use by
default, and data directories with funded keys. The price of the chain's coin in the
profile is invented, so that rigs weigh their fees as they do elsewhere.

The chain lives in memory. Each start begins with a new one, so what the data
directories below --dir knew of the former is removed; their keys stay.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.testnetUp(cmd.Context(), &t) },
	}
	up.Flags().StringVar(&t.dir, "dir", "", "`directory` of the network (default in the user's data directory)")
	up.Flags().IntVar(&t.rpcPort, "rpc-port", 8545, "`port` of the chain's JSON-RPC; 0 takes a free one")
	up.Flags().IntVar(&t.p2pPort, "p2p-port", 0, "`port` of the bootstrap node; 0 takes a free one")
	up.Flags().IntVar(&t.rigs, "rigs", 3, "`number` of funded data directories for rigs")
	var downDir string
	down := &cobra.Command{
		Use: "down", Short: "End a running test network", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.testnetDown(cmd.Context(), testnetDir(downDir)) },
	}
	down.Flags().StringVar(&downDir, "dir", "", "`directory` of the network")
	return group("testnet", "A whole network on this machine", up, down, a.demoCmd())
}

func testnetDir(dir string) string {
	if dir != "" {
		return dir
	}
	return filepath.Join(dataHome(), "local")
}

func (a *app) testnetUp(ctx context.Context, t *testnetFlags) (err error) {
	dir := testnetDir(t.dir)
	switch {
	case t.rigs < 0 || t.rigs > maxTestRigs:
		return usage("--rigs: 0 to %d, got %d", maxTestRigs, t.rigs)
	case t.rpcPort < 0 || t.rpcPort > 1<<16-1 || t.p2pPort < 0 || t.p2pPort > 1<<16-1:
		return usage("--rpc-port and --p2p-port: 0 to 65535")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	p := a.progress()
	members, err := prepareMembers(ctx, dir, t.rigs)
	if err != nil {
		return err
	}
	log := a.logger(slog.LevelError)
	net, err := testnet.Start(ctx, testnet.Options{Dir: dir, ChainListen: "127.0.0.1:" + strconv.Itoa(t.rpcPort),
		Interval: blockEvery, Bootstrap: listenOn("127.0.0.1", strconv.Itoa(t.p2pPort)), Logger: log})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("%w; another --rpc-port or --p2p-port may help, or `rerig testnet down`", err)
	}
	defer func() { // its end is told last, for whoever waits for it
		err = errors.Join(err, net.Close())
		if e := os.Remove(filepath.Join(dir, testnetState)); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}()
	for _, m := range members {
		if err := net.Endow(ctx, m.Address); err != nil {
			return err
		}
	}
	return a.serveTestnet(ctx, net, dir, members, p)
}

// serveTestnet opens the faucet, writes the profile and waits for the end.
func (a *app) serveTestnet(ctx context.Context, net *testnet.Net, dir string, members []testnetMember, p *progress) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	secret := rand.Text()
	f, err := startFaucet(net, secret, stop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	net.Profile.Faucet, net.Profile.NativePrice = f.url+"/faucet", inventedPrice
	profile := a.profilePath()
	if err := net.Profile.Write(profile); err != nil {
		return err
	}
	info := testnetInfo{PID: os.Getpid(), RPC: net.Chain.URL(), ChainID: net.Chain.ID(), Escrow: net.Profile.Escrow,
		Token: net.Profile.Token, Bootstrap: net.Profile.Bootstrap, Profile: profile, Faucet: net.Profile.Faucet,
		Control: f.url + "/stop", Secret: secret, Members: members, Deployments: net.Chain.Deployments()}
	if err := writeState(filepath.Join(dir, testnetState), info); err != nil {
		return err
	}
	info.Secret = ""
	if err := a.print(info, func(w io.Writer) error { return info.write(w, a.network) }); err != nil {
		return err
	}
	p.line("The test network is up. Ctrl-C or `rerig testnet down` ends it.")
	<-ctx.Done()
	p.line("ending")
	return nil
}

func (i *testnetInfo) write(w io.Writer, network string) error {
	fmt.Fprintf(w, "RPC        %s (chain %d)\n", i.RPC, i.ChainID)
	fmt.Fprintf(w, "escrow     %s\n", i.Escrow)
	fmt.Fprintf(w, "token      %s (tUSDC, 6 decimals)\n", i.Token)
	for _, b := range i.Bootstrap {
		fmt.Fprintf(w, "bootstrap  %s\n", b)
	}
	fmt.Fprintf(w, "faucet     %s\n", i.Faucet)
	_, err := fmt.Fprintf(w, "profile    %s (--network %s)\n", i.Profile, network)
	for j := range i.Deployments {
		if err == nil {
			err = deploymentTable(w, &i.Deployments[j])
		}
	}
	for _, m := range i.Members {
		_, err = fmt.Fprintf(w, "funded     %s  --data-dir %s\n", m.Address, m.DataDir)
	}
	return err
}

func writeState(path string, info testnetInfo) error {
	b, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", testnetState, err)
	}
	_ = os.Remove(path) // one of a network that was killed; its mode would stay
	if err := os.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", testnetState, err)
	}
	return nil
}

func (a *app) testnetDown(ctx context.Context, dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, testnetState))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no test network runs in %s; `rerig testnet up` starts one", dir)
	}
	if err != nil {
		return fmt.Errorf("test network: %w", err)
	}
	var info testnetInfo
	if err := json.Unmarshal(b, &info); err != nil {
		return fmt.Errorf("%s: %w; remove it if no test network runs", filepath.Join(dir, testnetState), err)
	}
	if err := postStop(ctx, info.Control, info.Secret); err != nil {
		return fmt.Errorf("the test network with process ID %d does not answer (%w); it may have been killed, then remove %s",
			info.PID, err, filepath.Join(dir, testnetState))
	}
	ended := false
	err = poll(ctx, downWait, func() (bool, error) {
		_, err := os.Stat(filepath.Join(dir, testnetState))
		ended = errors.Is(err, os.ErrNotExist)
		return ended, nil
	})
	if err == nil && !ended {
		err = fmt.Errorf("the test network with process ID %d is still ending after %v", info.PID, downWait)
	}
	if err != nil {
		return err
	}
	a.progress().done("the test network has ended")
	return nil
}
