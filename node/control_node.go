package node

import (
	"context"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/rerig/rerig/protocol"
)

// Version is set by the build; "dev" otherwise.
var Version = "dev"

// BuildVersion is Version, or the module's when it was installed by `go install`.
func BuildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && Version == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return Version
}

func (c *control) info(r *http.Request) (any, error) { return c.n.Info(r.Context()) }

// Info says what the node is and how it does.
func (n *Node) Info(ctx context.Context) (*Info, error) {
	p, st := n.cfg.Profile, n.settle.Status()
	h := n.net.Host()
	info := &Info{Version: BuildVersion(), Address: n.key.Address(), Payer: n.payer.Address(), Peer: h.ID().String(), Network: p.Name,
		Token: n.token(), Peers: len(h.Network().Peers()), Link: n.linkStatus(),
		Chain: ChainInfo{ID: p.ChainID, Escrow: p.Market().Domain.Escrow, Online: st.Online, Head: st.Head, Reason: st.Reason,
			Endpoints: []Endpoint{}, Alarms: n.treasury.Alarms()},
		Caps: Caps{n.cfg.Exposure, n.cfg.Deposit, n.cfg.Ceiling}, DataDir: n.cfg.DataDir, PID: os.Getpid(), Metrics: n.measured.url(), Dashboard: n.dash.url()}
	for _, e := range st.Endpoints {
		info.Chain.Endpoints = append(info.Chain.Endpoints, Endpoint(e))
	}
	for _, a := range h.Addrs() {
		info.Listen = append(info.Listen, a.String()+"/p2p/"+h.ID().String())
	}
	if n.rig == nil {
		return info, nil
	}
	o := n.rig.provider.Offer(protocol.Offer{}, false)
	info.Rig = &RigInfo{Payee: o.Payee, Price: o.Prices[0], Hardware: o.Hardware, Slots: int(o.Slots),
		FreeSlots: int(o.FreeSlots), Active: n.rig.provider.Active(), Offering: n.rig.offering.Load(), Models: n.rig.served.status(),
		Governor: n.rig.governed.report()}
	var err error
	if info.Rig.Jobs, info.Rig.Earned, err = n.journal.Earned(ctx, 0); err != nil {
		return nil, err
	}
	info.Rig.Promised, err = n.treasury.Owed(ctx)
	return info, err
}

func (n *Node) token() Token {
	p := n.cfg.Profile
	return Token{p.Market().Token, p.TokenSymbol, p.TokenDecimals}
}
