package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// member is a node of a script; it lives in this process or in one of its own.
type member struct {
	name    string
	key     *protocol.Key
	net     *testnet.Net
	config  node.Config
	own     bool // in its own process
	client  *client.Client
	in      *testnet.Member
	process *process
	wealth  protocol.Amount // tokens it began with
	profile string          // file of the network as it knows it; "" is as all do
	binary  string          // rerig as it has it; "" is as all do
	env     []string        // of its commands, beyond what all have
}

// keyOf is a fixed key per name, so that addresses sort the same in every run.
func keyOf(name string) *protocol.Key {
	seed := protocol.Keccak([]byte("rerig scenario " + name))
	key, err := protocol.KeyFromBytes(seed[:])
	if err != nil {
		panic(err)
	}
	return key
}

// startMember: rig NAME [price=TOKENS] [slots=N] [tick=MS] … or requester NAME …;
// with "process" in its own process, with "later" not before restart NAME. Each
// has gas, and tokens=N tokens too.
func (w *world) startMember(ctx context.Context, a arguments) error {
	name := a.names[0]
	m := &member{name: name, key: keyOf(name), net: w.net(), own: len(a.names) > 1 && a.names[1] == "process"}
	dir := filepath.Join(w.dir, fmt.Sprint("n", len(w.nets)-1), name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := node.WriteKey(filepath.Join(dir, "key.json"), m.key, ""); err != nil {
		return err
	}
	profile := *m.net.Profile
	m.config = node.Config{DataDir: dir, Profile: &profile, Listen: []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}}
	if err := m.configure(a.set); err != nil {
		return err
	}
	if err := m.net.Chain.Fund(ctx, m.key.Address(), testnet.StartNative); err != nil {
		return err
	}
	if t := a.set["tokens"]; t != "" {
		var err error
		if m.wealth, err = protocol.ParseUnits(t, 6); err != nil {
			return err
		}
		if err := m.net.Chain.Mint(ctx, m.key.Address(), m.wealth); err != nil {
			return err
		}
	}
	w.members = append(w.members, m)
	if len(a.names) > 1 && a.names[1] == "later" {
		return nil
	}
	return w.start(ctx, m)
}

// configure applies a line's settings.
func (m *member) configure(set map[string]string) (err error) {
	for k, v := range set {
		switch k {
		case "price":
			m.rig().Price, err = protocol.ParseUnits(v, 6)
		case "slots":
			m.rig().Slots, err = strconv.Atoi(v)
		case "queue":
			m.rig().Queue, err = strconv.Atoi(v)
		case "tick":
			m.rig().TickUnits, err = strconv.ParseUint(v, 10, 64)
		case "region":
			m.rig().Region = v
		case "gpu":
			m.rig().Simulated = []protocol.GPU{{Model: v, VRAMMiB: 12 << 10, Count: 1, Simulated: true}}
		case "deposit":
			m.config.Deposit, err = protocol.ParseUnits(v, 6)
		case "ceiling":
			m.config.Ceiling, err = protocol.ParseUnits(v, 6)
		case "exposure":
			m.config.Exposure, err = protocol.ParseUnits(v, 6)
		case "poll":
			m.config.Poll, err = time.ParseDuration(v)
		case "collect":
			m.rig().CollectFactor, err = strconv.ParseUint(v, 10, 64)
		case "nativeprice":
			m.config.Profile.NativePrice = v
		case "clock":
			var ahead time.Duration
			ahead, err = time.ParseDuration(v)
			m.config.Clock = func() time.Time { return time.Now().Add(ahead) }
		case "offerlife":
			m.config.Timing = discovery.DefaultTiming()
			m.config.Timing.OfferLife, err = time.ParseDuration(v)
			m.config.Timing.Refresh = m.config.Timing.OfferLife / 3
		case "listen":
			addr := map[string]string{"tcp": "/ip4/127.0.0.1/tcp/0", "quic": "/ip4/127.0.0.1/udp/0/quic-v1"}[v]
			m.config.Listen = []string{addr}
		case "bootstrap":
			err = m.bootstrap(v)
		case "tokens":
		default:
			err = fmt.Errorf("unknown setting %q", k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *member) rig() *node.RigConfig {
	if m.config.Rig == nil {
		m.config.Rig = &node.RigConfig{Slots: 1, TickUnits: 200, Warm: 1}
	}
	return m.config.Rig
}

// bootstrap changes the list: "own" adds the member's own address, "dead" one that
// nobody listens at.
func (m *member) bootstrap(what string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return err
	}
	addr := fmt.Sprint("/ip4/127.0.0.1/tcp/", port)
	key := keyOf("nobody")
	if what == "own" {
		key = m.key
		m.config.Listen = []string{addr}
	}
	id, err := network.PeerID(key.Public())
	if err != nil {
		return err
	}
	m.config.Profile.Bootstrap = append([]string{addr + "/p2p/" + id.String()}, m.config.Profile.Bootstrap...)
	return nil
}

func (w *world) start(ctx context.Context, m *member) (err error) {
	if m.own {
		m.process, m.client, err = startProcess(ctx, m.config, w.logs, m.name)
		return err
	}
	m.in, err = m.net.Add(ctx, m.name, func(c *node.Config) {
		logger := c.Logger
		*c = m.config
		c.Logger = logger
	})
	if err == nil {
		m.client = m.in.Client
	}
	return err
}

// stop ends a member in good order.
func (m *member) stop() (err error) {
	switch {
	case m.client == nil:
	case m.own:
		err = errors.Join(m.client.Close(), m.process.stop())
	default:
		err = m.net.Remove(m.in)
	}
	m.client, m.in, m.process = nil, nil, nil
	return err
}

func (w *world) stopMember(_ context.Context, a arguments) error {
	if a.names[0] == "bootstrap" {
		return w.net().Remove(w.net().Bootstrap)
	}
	return w.member(a.names[0]).stop()
}

// kill: the member's process is gone in the middle of what it does.
func (w *world) kill(_ context.Context, a arguments) error {
	m := w.member(a.names[0])
	if !m.own {
		return fmt.Errorf("%s is not in a process of its own", m.name)
	}
	err := errors.Join(m.client.Close(), m.process.kill())
	m.client, m.process = nil, nil
	return err
}

// restart starts a member that stopped or was killed, or the bootstrap node.
func (w *world) restart(ctx context.Context, a arguments) error {
	if a.names[0] == "bootstrap" {
		return w.net().Restart(ctx, w.net().Bootstrap)
	}
	m := w.member(a.names[0])
	if err := m.stop(); err != nil {
		return err
	}
	return w.start(ctx, m)
}
