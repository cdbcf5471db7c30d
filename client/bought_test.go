package client_test

import (
	"bufio"
	"context"
	"errors"
	"testing"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// TestBought: a run ends with its context, its budget is held, and the error says whose
// doing it was.
func TestBought(t *testing.T) {
	network, err := testnet.Start(t.Context(), testnet.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	if _, err := network.Add(t.Context(), "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(100_000), TickUnits: 100}
	}); err != nil {
		t.Fatal(err)
	}
	me, err := network.Add(t.Context(), "me", nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := me.Info(t.Context())
	if err == nil {
		err = network.Endow(t.Context(), info.Payer)
	}
	if err == nil {
		err = network.Ready(t.Context(), me, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	const endless = "../node/runner/wasm/testdata/loop.wasm"
	ends := func(b *client.Bought, reason protocol.Reason, fault client.Fault, retry bool) *client.RunError {
		t.Helper()
		_, err := b.Wait()
		e, ok := client.AsRunError(err)
		if !ok || e.Reason != reason || e.Fault != fault || e.Retry != retry {
			t.Fatalf("ended with %v", err)
		}
		return e
	}

	ctx, cancel := context.WithCancel(t.Context())
	run, err := me.Buy(ctx, node.RunRequest{Module: endless}, client.Budget(protocol.NewAmount(1_000_000)))
	if err != nil {
		t.Fatal(err)
	}
	errs := run.Stderr()
	defer errs.Close()
	for run.Status().Units == 0 { // until its first receipt
		if _, err := me.Run(t.Context(), run.ID()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if e := ends(run, protocol.ReasonStopped, client.FaultYours, false); e.Spent.IsZero() {
		t.Error("what was done before the stop was free")
	}
	if _, err := bufio.NewReader(errs).ReadByte(); err == nil {
		t.Error("a silent program said something")
	}

	run, err = me.Buy(t.Context(), node.RunRequest{Module: endless}, client.Budget(protocol.NewAmount(50)), client.Retries(0))
	if err != nil {
		t.Fatal(err)
	}
	if e := ends(run, protocol.ReasonBudget, client.FaultYours, false); protocol.NewAmount(50).Less(e.Spent) {
		t.Errorf("%s was spent of 50", e.Spent)
	}

	run, err = me.Buy(t.Context(), node.RunRequest{Module: endless}, client.Budget(protocol.NewAmount(50)), client.OnRig(info.Address))
	if err != nil {
		t.Fatal(err)
	}
	ends(run, protocol.ReasonNoOffers, client.FaultNetwork, true) // it does not sell

	run, err = me.Buy(t.Context(), node.RunRequest{Module: endless}, client.Budget(protocol.NewAmount(50)),
		client.MaxPrice(protocol.NewAmount(1)), client.InRegion("nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	ends(run, protocol.ReasonNoOffers, client.FaultNetwork, true)

	_, err = me.Buy(t.Context(), node.RunRequest{Module: "absent.wasm"}, client.Budget(protocol.NewAmount(50)))
	var no *node.APIError
	if !errors.As(err, &no) {
		t.Errorf("a module that is not there: %v", err)
	}
}
