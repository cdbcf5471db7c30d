package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// A network in this process: a chain, a rig, and a requester whose node the client
// speaks to. On a network that is there, client.Open is given a node.Config with a data
// directory and a profile instead.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "rerig-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	network, err := testnet.Start(ctx, testnet.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer network.Close()
	if _, err := network.Add(ctx, "rig", func(c *node.Config) { c.Rig = &node.RigConfig{Price: protocol.NewAmount(100)} }); err != nil {
		log.Fatal(err)
	}
	me, err := network.Add(ctx, "me", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := network.Ready(ctx, me, 1); err != nil {
		log.Fatal(err)
	}
	c, err := client.Connect(ctx, me.Config.DataDir)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// Test coins to buy with.
	info, err := c.Info(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if err := network.Endow(ctx, info.Payer); err != nil {
		log.Fatal(err)
	}

	// What is for sale, and why the rest is not.
	market, err := c.Market(ctx, protocol.Filter{Engine: protocol.EngineWASM, Unit: protocol.UnitCPUMillis})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(market.Offers), "rig sells at", market.Offers[0].Prices[0].PerMillion)

	// A run with a hard cap, and its output as it comes.
	run, err := c.Buy(ctx, node.RunRequest{Module: "../bench/testdata/hi.wasm"},
		client.Budget(protocol.NewAmount(100_000)), client.Retries(1))
	if err != nil {
		log.Fatal(err)
	}
	out := run.Stdout()
	defer out.Close()
	text, err := io.ReadAll(out)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", text)

	// How it ended, and whose doing that was.
	st, err := run.Wait()
	if bad, ok := client.AsRunError(err); ok {
		fmt.Println(bad.Reason, bad.Fault, bad.Retry)
		return
	}
	fmt.Println(st.State, st.ExitCode)

	// A program that traps is its own fault, and is not worth another try.
	run, err = c.Buy(ctx, node.RunRequest{Module: "../node/runner/wasm/testdata/trap.wasm"}, client.Budget(protocol.NewAmount(100_000)))
	if err != nil {
		log.Fatal(err)
	}
	_, err = run.Wait()
	if bad, ok := client.AsRunError(err); ok {
		fmt.Println(bad.Reason, bad.Fault, bad.Retry)
	}
	// Output:
	// 1 rig sells at 100
	// "hi\n"
	// settled 0
	// trap yours false
}
