package main

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

//go:embed testdata/empty.wasm
var emptyModule []byte // an empty _start

//go:embed testdata/hi.wasm
var hiModule []byte // writes "hi" and ends

const (
	rigPrice = 20_000_000 // µ of the test dollar per million CPU milliseconds
	deposit  = 100_000_000
	budget   = 100_000 // of a job: five CPU seconds
)

// field is the network that jobs are measured on: one rig, with as many slots as
// the machine has cores, and one requester, each a whole node.
type field struct {
	dir     string
	net     *testnet.Net
	buyer   *testnet.Member
	modules map[string]string // name to path
}

func bringUp(ctx context.Context, dir string, log *slog.Logger) (*field, error) {
	f := &field{dir: dir, modules: map[string]string{}}
	for name, b := range map[string][]byte{"empty": emptyModule, "hi": hiModule} {
		f.modules[name] = filepath.Join(dir, name+".wasm")
		if err := os.WriteFile(f.modules[name], b, 0o600); err != nil {
			return nil, fmt.Errorf("write module: %w", err)
		}
	}
	f.modules["go"] = filepath.Join(dir, "hello.wasm")
	build := exec.CommandContext(ctx, "go", "build", "-o", f.modules["go"], "./bench/testdata/hello")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the Go module: %w\n%s", err, out)
	}
	var err error
	if f.net, err = testnet.Start(ctx, testnet.Options{Dir: dir, Logger: log}); err != nil {
		return nil, err
	}
	if err := f.populate(ctx); err != nil {
		_ = f.net.Close() // the first error is the one to report
		return nil, err
	}
	return f, nil
}

func (f *field) populate(ctx context.Context) (err error) {
	rig, err := f.net.Add(ctx, "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(rigPrice)}
	})
	if err != nil {
		return err
	}
	f.buyer, err = f.net.Add(ctx, "buyer", func(c *node.Config) { c.Deposit = protocol.NewAmount(deposit) })
	if err != nil {
		return err
	}
	for _, m := range []*testnet.Member{rig, f.buyer} {
		if err := f.net.Endow(ctx, m.Node.Address()); err != nil {
			return err
		}
	}
	return f.net.Ready(ctx, f.buyer, 1)
}
