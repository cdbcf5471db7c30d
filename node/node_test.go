package node_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// go-ethereum's signature workers, one pool for the process, stay behind the test
// chain; the node leaves nothing.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"))
}

func profile() *node.Profile {
	return &node.Profile{Name: "local", RPC: []string{"http://127.0.0.1:1"}, ChainID: 31337,
		Escrow: "0x1000000000000000000000000000000000000001", Token: "0x2000000000000000000000000000000000000002",
		TokenSymbol: "tUSDC", TokenDecimals: 6, Local: true}
}

func config(dir string) node.Config {
	return node.Config{DataDir: dir, Profile: profile(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestNodeStartsWithTheChainAway(t *testing.T) {
	ctx := within(t, time.Minute)
	c, err := client.Open(ctx, config(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := c.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if info.Chain.Online {
		t.Error("a chain that is not there is called online")
	}
	if _, err := c.Wallet(ctx); err == nil {
		t.Error("balances were read from a chain that is not there")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestKeyStaysTheSameAndPassphraseGuardsIt(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Passphrase = "correct horse"
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := n.Address()
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "key.json"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Passphrase = "battery staple"
	if _, err := node.New(cfg); !errors.Is(err, node.ErrPassphrase) {
		t.Fatalf("wrong passphrase: got %v", err)
	} else if strings.Contains(err.Error(), "battery") {
		t.Error("the passphrase is in the error")
	}
	after, err := os.ReadFile(filepath.Join(dir, "key.json"))
	if err != nil || string(after) != string(before) {
		t.Errorf("key file changed by a wrong passphrase: %v", err)
	}
	cfg.Passphrase = "correct horse"
	n, err = node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.Address() != first {
		t.Errorf("address %s after a restart, was %s", n.Address(), first)
	}
	if st, err := os.Stat(filepath.Join(dir, "key.json")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key file mode: %v, %v", st.Mode(), err)
	}
}

func TestOneNodePerDirectory(t *testing.T) {
	dir := t.TempDir()
	n, err := node.New(config(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	_, err = node.New(config(dir))
	var locked *node.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second node: got %v", err)
	}
	if locked.PID != os.Getpid() {
		t.Errorf("names process %d, is %d", locked.PID, os.Getpid())
	}
}

func TestDamagedDirectoryIsRefusedAndLeftAlone(t *testing.T) {
	for _, file := range []string{"key.json", "journal.db"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, file)
			rubbish := []byte(strings.Repeat("rubbish ", 1000))
			if err := os.WriteFile(path, rubbish, 0o600); err != nil {
				t.Fatal(err)
			}
			n, err := node.New(config(dir))
			if err == nil {
				n.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), file) {
				t.Errorf("does not name %s: %v", file, err)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != string(rubbish) {
				t.Errorf("file was changed: %v", err)
			}
		})
	}
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := node.New(config(filepath.Join(file, "data"))); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Fatalf("got %v", err)
	}
}

func TestFailedStartLeavesNoSocketAndNoLock(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/notaport"}
	if _, err := node.New(cfg); err == nil {
		t.Fatal("started on a bad address")
	}
	if _, err := os.Stat(node.SocketPath(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("control socket left: %v", err)
	}
	n, err := node.New(config(dir))
	if err != nil {
		t.Fatalf("directory still taken: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func TestProfileErrorsNameTheKey(t *testing.T) {
	good := `name = "local"
rpc = ["http://127.0.0.1:8545"]
chain_id = 31337
escrow = "0x1000000000000000000000000000000000000001"
token = "0x2000000000000000000000000000000000000002"
token_symbol = "tUSDC"
token_decimals = 6
local = true
`
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":  {"local = true", "locale = true", "locale"},
		"no rpc":       {`rpc = ["http://127.0.0.1:8545"]`, "rpc = []", "rpc"},
		"no chain":     {"chain_id = 31337", "chain_id = 0", "chain_id"},
		"bad escrow":   {`escrow = "0x10`, `escrow = "0xzz`, "escrow"},
		"bad token":    {`token = "0x20`, `token = "20`, "token"},
		"bad name":     {`name = "local"`, `name = "../x"`, "name"},
		"bad decimals": {"token_decimals = 6", "token_decimals = 60", "token_decimals"},
		"not TOML":     {`name = "local"`, `name = `, "profile"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "p.toml")
			if err := os.WriteFile(path, []byte(strings.Replace(good, c.old, c.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := node.LoadProfile(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to name %q", err, c.want)
			}
		})
	}
}

func TestProfileSurvivesWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.toml")
	p := profile()
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := node.LoadProfile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", p) {
		t.Errorf("got %+v, want %+v", got, p)
	}
}

// A rig whose sandbox fails its self-test must not be found by anybody.
func TestOfferOnlyWhatProbeProved(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	net, err := testnet.Start(ctx, testnet.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	broken := filepath.Join(t.TempDir(), "rerig-sandbox")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := config(t.TempDir())
	cfg.Profile = net.Profile
	cfg.Rig = &node.RigConfig{Price: protocol.NewAmount(1_000_000), SandboxPath: broken}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = n.Run(ctx)
	if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "self-test") {
		t.Fatalf("rig with a broken sandbox: got %v", err)
	}
	found, err := net.Bootstrap.Market(ctx, protocol.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Offers) != 0 {
		t.Errorf("it offers: %+v", found.Offers)
	}
}
