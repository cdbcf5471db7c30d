package node

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/protocol"
)

// TestOfferThatIsTooLongLosesModels: a rig with more to tell than an offer holds still offers.
func TestOfferThatIsTooLongLosesModels(t *testing.T) {
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{key: key, log: slog.New(slog.DiscardHandler)}
	now := uint64(time.Now().UnixMilli())
	o := protocol.Offer{Version: protocol.Version, Network: "local", Rig: key.Address(), Payee: key.Address(), Seq: now, Issued: now, Expires: now + 60_000,
		Markets: []protocol.Market{{Domain: protocol.Domain{ChainID: 1, Escrow: key.Address()}, Token: key.Address()}},
		Prices:  []protocol.Price{{Unit: protocol.UnitCPUMillis, PerMillion: protocol.NewAmount(1)}}, Engines: []string{protocol.EngineWASM},
		Slots: 1, TickUnits: 1000}
	for i := range protocol.MaxAddrs {
		o.Addrs = append(o.Addrs, fmt.Sprintf("/ip6/2001:db8:1234:5678:9abc:def0:1234:5678/udp/4%03d/quic-v1", i))
	}
	for range protocol.MaxModels {
		o.Models = append(o.Models, protocol.Served{CID: "bafybeie7m2uqfcp7hwvsqqem2udieduvo6dudraoba3bdfvnofsumcshvu",
			Name: strings.Repeat("n", protocol.MaxModelName), Context: 4096, PerMillion: protocol.NewAmount(1), Tick: 256})
	}
	if whole, err := protocol.Encode(o); err != nil || len(whole) <= protocol.MaxOfferBytes {
		t.Fatalf("the offer has %d bytes, %v; it is to be too long", len(whole), err)
	}
	signed, err := n.signOffer(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(signed.Offer) > protocol.MaxOfferBytes || len(o.Models) != protocol.MaxModels {
		t.Errorf("an offer of %d bytes, and %d models are left to sell", len(signed.Offer), len(o.Models))
	}
	o.Models = nil
	o.Region = strings.Repeat("r", protocol.MaxNameBytes+1)
	if _, err := n.signOffer(o); err == nil {
		t.Error("an offer with another fault was signed")
	}
}
