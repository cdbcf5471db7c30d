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

	manyAreBought(t, me.Client, endless)

	_, err = me.Buy(t.Context(), node.RunRequest{Module: "absent.wasm"}, client.Budget(protocol.NewAmount(50)))
	var no *node.APIError
	if !errors.As(err, &no) {
		t.Errorf("a module that is not there: %v", err)
	}
}

// manyAreBought: Many tells what each of several runs does and how it ended, and ends them all
// when it is told to.
func manyAreBought(t *testing.T, c *client.Client, endless string) {
	t.Helper()
	few := protocol.NewAmount(50)
	order := func(module string, budget protocol.Amount) *node.RunRequest {
		return &node.RunRequest{Module: module, Budget: budget}
	}
	told, over := map[int]bool{}, 0
	m := client.Many{Parallel: 2, Told: func(i int, ev node.Event) error {
		told[i] = told[i] || ev.Status != nil
		return nil
	}, Over: func(int, client.Ended) bool {
		over++
		return true
	}}
	all := m.Run(t.Context(), c, []*node.RunRequest{order(endless, few), order("absent.wasm", few), order(endless, few)})
	for _, i := range []int{0, 2} {
		if e := all[i]; e.Err != nil || e.Status == nil || e.Status.Reason != protocol.ReasonBudget || !told[i] {
			t.Errorf("run %d ended as %+v, %v; told %t", i, e.Status, e.Err, told[i])
		}
	}
	if all[1].Err == nil || all[1].Status != nil || over != 3 {
		t.Errorf("what is not there ended as %+v; %d ends were told", all[1], over)
	}

	m = client.Many{Parallel: 1, Over: func(int, client.Ended) bool { return false }}
	much := protocol.NewAmount(1_000_000)
	all = m.Run(t.Context(), c, []*node.RunRequest{order(endless, few), order(endless, much), order(endless, much)})
	if all[0].Status == nil || all[2].Status != nil || !errors.Is(all[2].Err, context.Canceled) {
		t.Errorf("after the first they ended as %+v", all)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m = client.Many{Parallel: 1, Told: func(_ int, ev node.Event) error {
		if ev.Status != nil && ev.Status.Units > 0 {
			cancel()
		}
		return nil
	}}
	all = m.Run(ctx, c, []*node.RunRequest{order(endless, much), order(endless, few)})
	if all[0].Status == nil || all[0].Status.Reason != protocol.ReasonStopped || !errors.Is(all[1].Err, context.Canceled) {
		t.Errorf("after the context they ended as %+v", all)
	}
}
