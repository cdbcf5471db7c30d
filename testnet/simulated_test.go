package testnet_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// TestSimulatedCardsAreLabelled: a card that does not exist says so wherever its
// rig is shown, so that nobody takes a test network's offers for real ones.
func TestSimulatedCardsAreLabelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	net, err := testnet.Start(ctx, testnet.Options{Dir: shortDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	card, err := hardware.ParseSimulated("2xRTX 3060:12GiB")
	if err != nil {
		t.Fatal(err)
	}
	rig, err := net.Add(ctx, "rig", func(c *node.Config) {
		c.Rig = &node.RigConfig{Price: protocol.NewAmount(1), Slots: 1, Simulated: []protocol.GPU{card}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := net.Ready(ctx, net.Bootstrap, 1); err != nil {
		t.Fatal(err)
	}
	market, err := net.Bootstrap.Market(ctx, protocol.Filter{MinVRAMMiB: 12 << 10})
	if err != nil {
		t.Fatal(err)
	}
	info, err := rig.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(market.Offers) != 1 {
		t.Fatalf("%d offers of 12 GiB", len(market.Offers))
	}
	for what, hw := range map[string]protocol.Hardware{"offer": market.Offers[0].Hardware, "rig": info.Rig.Hardware} {
		for _, g := range hw.GPUs {
			if g.Model == "RTX 3060" && !g.Simulated {
				t.Errorf("%s: %+v is not labelled", what, g)
			}
		}
		text, err := json.Marshal(hw)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"model":"RTX 3060"`) || !strings.Contains(string(text), `"simulated":true`) {
			t.Errorf("%s as JSON: %s", what, text)
		}
	}
}
