// Package testnet is a whole Rerig network on one machine: an EVM chain with the
// contracts deployed, a bootstrap node, rigs and requesters, each a real node with
// its own data directory, joined over real libp2p on loopback. `rerig testnet`, the
// demo and the scenario tests stand on it. SPEC §3 has the profile it writes.
package testnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/testnet/chain"

	"github.com/rerig/rerig/protocol"
)

// Money every member starts with: gas for some hundred transactions, and tokens.
var (
	StartNative = must(protocol.ParseUnits("10", 18))  // wei
	StartTokens = must(protocol.ParseUnits("1000", 6)) // µ of the test dollar
)

func must(a protocol.Amount, err error) protocol.Amount {
	if err != nil {
		panic(err) // constants above
	}
	return a
}

// Options of a network. The zero value is useful but for Dir.
type Options struct {
	Dir         string        // everything is below it
	Name        string        // of the network; "" is "local"
	ChainListen string        // loopback address of the RPC; "" is a free port
	Interval    time.Duration // empty blocks; 0 is none
	CloseGrace  time.Duration // of the escrow; 0 is an hour
	Bootstrap   []string      // listen multiaddrs of the bootstrap node; nil is free ports
	Logger      *slog.Logger
}

// Net is a running network.
type Net struct {
	Chain     *chain.Chain
	Profile   *node.Profile
	Bootstrap *Member
	opts      Options
	members   []*Member
}

// Member is one node of the network and a client connected to it.
type Member struct {
	*client.Client
	Name   string
	Node   *node.Node
	Config node.Config
}

// loopback is where members listen: a free port, TCP and QUIC.
func loopback() []string { return []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} }

// Start brings up the chain and the bootstrap node. ctx bounds starting only.
func Start(ctx context.Context, o Options) (*Net, error) {
	if o.Name == "" {
		o.Name = "local"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Bootstrap == nil {
		o.Bootstrap = loopback()
	}
	c, err := chain.Start(ctx, chain.Config{Listen: o.ChainListen, Interval: o.Interval, CloseGrace: o.CloseGrace})
	if err != nil {
		return nil, fmt.Errorf("start chain: %w", err)
	}
	n := &Net{Chain: c, opts: o}
	n.Profile = &node.Profile{Name: o.Name, RPC: []string{c.URL()}, ChainID: c.ID(), Escrow: c.Domain().Escrow.String(),
		Token: c.Token().String(), TokenSymbol: "tUSDC", TokenDecimals: 6, Local: true}
	n.Bootstrap, err = n.Add(ctx, "bootstrap", func(cfg *node.Config) { cfg.Server, cfg.Listen = true, o.Bootstrap })
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	info, err := n.Bootstrap.Info(ctx)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.Profile.Bootstrap = info.Listen
	return n, nil
}

// Add starts another member; adjust may change its configuration first.
func (n *Net) Add(ctx context.Context, name string, adjust func(*node.Config)) (*Member, error) {
	profile := *n.Profile
	m := &Member{Name: name, Config: node.Config{DataDir: filepath.Join(n.opts.Dir, name), Profile: &profile,
		Listen: loopback(), Logger: n.opts.Logger.With("member", name)}}
	if adjust != nil {
		adjust(&m.Config)
	}
	if err := m.start(ctx); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	n.members = append(n.members, m)
	return m, nil
}

func (m *Member) start(ctx context.Context) (err error) {
	if m.Node, err = node.New(m.Config); err != nil {
		return err
	}
	m.Client, err = client.Start(ctx, m.Node, m.Config.DataDir)
	return err
}

// Restart ends the member and starts it again in its directory, at its addresses.
func (n *Net) Restart(ctx context.Context, m *Member) error {
	info, err := m.Info(ctx)
	if err != nil {
		return fmt.Errorf("ask %s for its addresses: %w", m.Name, err)
	}
	m.Config.Listen = nil
	for _, a := range info.Listen {
		addr, _, _ := strings.Cut(a, "/p2p/")
		m.Config.Listen = append(m.Config.Listen, addr)
	}
	if err := m.Close(); err != nil {
		return fmt.Errorf("stop %s: %w", m.Name, err)
	}
	return m.start(ctx)
}

// Remove ends one member.
func (n *Net) Remove(m *Member) error {
	for i, o := range n.members {
		if o == m {
			n.members = append(n.members[:i], n.members[i+1:]...)
		}
	}
	return m.Close()
}

// Endow gives a member's address gas and tokens.
func (n *Net) Endow(ctx context.Context, to protocol.Address) error {
	if err := n.Chain.Fund(ctx, to, StartNative); err != nil {
		return fmt.Errorf("gas for %s: %w", to, err)
	}
	if err := n.Chain.Mint(ctx, to, StartTokens); err != nil {
		return fmt.Errorf("tokens for %s: %w", to, err)
	}
	return nil
}

// Close ends every member, the bootstrap node last but for the chain.
func (n *Net) Close() (err error) {
	for len(n.members) > 0 {
		last := n.members[len(n.members)-1]
		err = errors.Join(err, n.Remove(last))
	}
	return errors.Join(err, n.Chain.Close())
}

// Ready waits until a member finds so many offers, however long ctx lets it.
func (n *Net) Ready(ctx context.Context, m *Member, offers int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := m.Market(ctx, protocol.Filter{})
		if err == nil && len(found.Offers) >= offers {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d offers at %s: %w", offers, m.Name, errors.Join(ctx.Err(), err))
		}
	}
}
