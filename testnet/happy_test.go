package testnet_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/modules"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

func TestHappyPath(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	net, err := testnet.Start(ctx, testnet.Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	rig, err := net.Add(ctx, "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(20_000_000), TickUnits: 200, Slots: 2}
	})
	if err != nil {
		t.Fatal(err)
	}
	buyer, err := net.Add(ctx, "buyer", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*testnet.Member{rig, buyer} {
		if err := net.Endow(ctx, m.Node.Address()); err != nil {
			t.Fatal(err)
		}
	}
	if err := net.Ready(ctx, buyer, 1); err != nil {
		t.Fatal(err)
	}
	lm, err := modules.LM()
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "lm.wasm"), lm, 0o600)
	os.WriteFile(filepath.Join(dir, "jargon.gguf"), jargon.GGUF, 0o600)
	for i := range 3 {
		st, err := buyer.Submit(ctx, &node.RunRequest{Module: filepath.Join(dir, "lm.wasm"), Args: []string{"-n", "32", "A hacker is"},
			Inputs: []node.File{{Path: filepath.Join(dir, "jargon.gguf")}}, Budget: protocol.NewAmount(1_000_000)})
		if err != nil {
			t.Fatal(err)
		}
		var out []byte
		var last *node.RunStatus
		err = buyer.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
			if ev.FD == 1 {
				out = append(out, ev.Data...)
			}
			if ev.Status != nil {
				last = ev.Status
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("run %d: %q %+v", i, out, last)
		if !last.Succeeded() {
			t.Fatal("failed")
		}
	}
	txs, err := rig.Collect(ctx)
	t.Logf("%+v %v", txs, err)
}
