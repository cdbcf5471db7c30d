package network

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/goleak"

	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a Network whose Run is under way.
type node struct {
	*Network
	stop func() // ends Run and waits for it
}

func newKey(t *testing.T) *protocol.Key {
	t.Helper()
	key, err := protocol.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func local(t *testing.T) Config {
	return Config{
		Key: newKey(t), Network: "test", LocalNet: true,
		ListenAddrs: []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"},
		RedialMin:   20 * time.Millisecond, RedialMax: 200 * time.Millisecond,
	}
}

func start(t *testing.T, cfg Config) *node {
	t.Helper()
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return &node{n, stop}
}

// addrs are the node's listen addresses with its peer ID, as a bootstrap list.
func (n *node) addrs(t *testing.T) []string {
	t.Helper()
	list, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.Host().ID(), Addrs: n.Host().Network().ListenAddresses()})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

func (n *node) knows(other *node) bool {
	return n.Host().Network().Connectedness(other.Host().ID()) == network.Connected &&
		n.DHT().RoutingTable().Find(other.Host().ID()) != ""
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in 30 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestPeerIDDerivesFromKey(t *testing.T) {
	cfg := local(t)
	n := start(t, cfg)
	want, err := PeerID(cfg.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if n.Host().ID() != want {
		t.Errorf("host is %s, the key's peer ID is %s", n.Host().ID(), want)
	}
	if _, err := PeerID(protocol.PublicKey{}); err == nil {
		t.Error("a zero public key has a peer ID")
	}
}

func TestPeersFindEachOtherThroughBootstrap(t *testing.T) {
	boot := start(t, local(t))
	cfg := local(t)
	cfg.Bootstrap = boot.addrs(t)
	a := start(t, cfg)
	cfg = local(t)
	cfg.Bootstrap = boot.addrs(t)
	b := start(t, cfg)
	eventually(t, "a and b know each other", func() bool { return a.knows(b) && b.knows(a) })
}

func TestTCPAloneAndQUICAlone(t *testing.T) {
	for _, addr := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		cfg := local(t)
		cfg.ListenAddrs = []string{addr}
		boot := start(t, cfg)
		cfg.Key, cfg.Bootstrap = newKey(t), boot.addrs(t)
		a := start(t, cfg)
		eventually(t, addr, func() bool { return a.knows(boot) && boot.knows(a) })
	}
}

// restart starts a node again with the same key and ports.
func restart(t *testing.T, n *node) *node {
	t.Helper()
	cfg := n.cfg
	cfg.ListenAddrs = nil
	for _, a := range n.Host().Network().ListenAddresses() {
		cfg.ListenAddrs = append(cfg.ListenAddrs, a.String())
	}
	n.stop()
	return start(t, cfg)
}

func TestMeshHealsAfterBootstrapRestart(t *testing.T) {
	boot := start(t, local(t))
	cfg := local(t)
	cfg.Bootstrap = boot.addrs(t)
	a := start(t, cfg)
	eventually(t, "a knows boot", func() bool { return a.knows(boot) })

	boot = restart(t, boot)
	eventually(t, "a and boot know each other again", func() bool { return a.knows(boot) && boot.knows(a) })
	cfg = local(t)
	cfg.Bootstrap = boot.addrs(t)
	b := start(t, cfg)
	eventually(t, "a newcomer finds a", func() bool { return b.knows(a) })
}

func TestPeersMayStartBeforeTheBootstrapNode(t *testing.T) {
	// The bootstrap node runs once, to learn the addresses it will have.
	boot := start(t, local(t))
	addrs, bootCfg := boot.addrs(t), boot.cfg
	bootCfg.ListenAddrs = nil
	for _, a := range boot.Host().Network().ListenAddresses() {
		bootCfg.ListenAddrs = append(bootCfg.ListenAddrs, a.String())
	}
	boot.stop()
	var nodes []*node
	for range 3 {
		cfg := local(t)
		cfg.Bootstrap = addrs
		nodes = append(nodes, start(t, cfg))
	}
	start(t, bootCfg)
	eventually(t, "everyone knows everyone", func() bool {
		for _, a := range nodes {
			for _, b := range nodes {
				if a != b && !a.knows(b) {
					return false
				}
			}
		}
		return true
	})
}

func TestRestartedNodeFindsPeersFromItsCache(t *testing.T) {
	boot := start(t, local(t))
	cfg := local(t)
	cfg.Bootstrap = boot.addrs(t)
	rig := start(t, cfg)
	cfg = local(t)
	cfg.Bootstrap, cfg.DataDir = boot.addrs(t), t.TempDir()
	requester := start(t, cfg)
	eventually(t, "requester knows rig", func() bool { return requester.knows(rig) })
	requester.stop()
	boot.stop()

	requester = start(t, cfg)
	eventually(t, "requester knows rig with the bootstrap down", func() bool { return requester.knows(rig) })
}

func TestDamagedPeerCacheIsReplaced(t *testing.T) {
	boot := start(t, local(t))
	cfg := local(t)
	cfg.Bootstrap, cfg.DataDir = boot.addrs(t), t.TempDir()
	file := filepath.Join(cfg.DataDir, cacheFile)
	if err := os.WriteFile(file, []byte(`[{"id":`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, cfg)
	eventually(t, "a knows boot", func() bool { return a.knows(boot) })
	eventually(t, "boot is cached", func() bool { return len(a.cache.list()) == 1 })
	a.stop()
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), boot.Host().ID().String()) {
		t.Errorf("cache file after stop: %q, %v", b, err)
	}
}

// TestKilledWhileWritingThePeerCache: what a killed node left half written goes at the
// next start.
func TestKilledWhileWritingThePeerCache(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, cacheFile+newSuffix)
	if err := os.WriteFile(half, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openCache(dir, "self", nil); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestPeerCacheKeepsTheNewest(t *testing.T) {
	c, err := openCache("", "self", nil)
	if err != nil {
		t.Fatal(err)
	}
	addr := ma.StringCast("/ip4/127.0.0.1/tcp/1")
	begin := time.Unix(1000, 0)
	for i := range maxCached + 10 {
		c.note(peer.ID([]byte{byte(i), byte(i >> 8)}), []ma.Multiaddr{addr}, begin.Add(time.Duration(i)*time.Second))
	}
	c.note("self", []ma.Multiaddr{addr}, begin.Add(time.Hour))
	list := c.list()
	if len(list) != maxCached {
		t.Fatalf("%d peers cached, cap is %d", len(list), maxCached)
	}
	for _, p := range list {
		if p.ID == "self" || p.ID == peer.ID([]byte{9, 0}) {
			t.Errorf("%q is cached", p.ID)
		}
	}
}

func TestNodeIgnoresItsOwnAddresses(t *testing.T) {
	cfg := local(t)
	self, err := PeerID(cfg.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Bootstrap = []string{"/ip4/127.0.0.1/tcp/1/p2p/" + self.String()}
	n := start(t, cfg)
	if len(n.bootstrap) != 0 {
		t.Errorf("own address kept as bootstrap: %v", n.bootstrap)
	}
	other := start(t, func() Config { c := local(t); c.Bootstrap = n.addrs(t); return c }())
	eventually(t, "another node joins", func() bool { return n.knows(other) })
	if n.gater.InterceptPeerDial(self) {
		t.Error("the node may dial itself")
	}
}

func TestLANPeersFindEachOther(t *testing.T) {
	faces, err := net.Interfaces()
	if err != nil || !slices.ContainsFunc(faces, func(f net.Interface) bool {
		return f.Flags&net.FlagMulticast != 0 && f.Flags&net.FlagRunning != 0
	}) {
		t.Skip("no interface with multicast")
	}
	cfg := local(t)
	cfg.MDNS, cfg.Network = true, newKey(t).Address().String() // other tests on this LAN stay out
	a := start(t, cfg)
	cfg.Key = newKey(t)
	b := start(t, cfg)
	eventually(t, "two nodes without bootstrap meet", func() bool { return a.knows(b) && b.knows(a) })
}

func TestNetworksNeverMix(t *testing.T) {
	boot := start(t, local(t))
	cfg := local(t)
	cfg.Network, cfg.Bootstrap = "other", boot.addrs(t)
	stranger := start(t, cfg)
	cfg = local(t)
	cfg.Bootstrap = boot.addrs(t)
	friend := start(t, cfg)
	eventually(t, "the stranger is refused and the friend kept", func() bool {
		// Whichever side identifies the other first hangs up and stays away.
		refused := !boot.gater.allowed(stranger.Host().ID()) || !stranger.gater.allowed(boot.Host().ID())
		return refused && boot.knows(friend) && len(boot.Host().Network().ConnsToPeer(stranger.Host().ID())) == 0
	})
	if boot.DHT().RoutingTable().Find(stranger.Host().ID()) != "" {
		t.Error("a peer of another network is in the routing table")
	}
}

func TestPortInUseNamesTheAddress(t *testing.T) {
	first := start(t, local(t))
	for _, a := range first.Host().Network().ListenAddresses() {
		for _, localNet := range []bool{true, false} {
			cfg := local(t)
			cfg.LocalNet, cfg.Server, cfg.ListenAddrs = localNet, true, []string{a.String()}
			n, err := New(cfg)
			if err == nil {
				n.Close()
				t.Fatalf("two nodes listen on %s", a)
			}
			if !strings.Contains(err.Error(), a.String()) || !strings.Contains(err.Error(), "in use") {
				t.Errorf("error does not say what to do: %v", err)
			}
		}
	}
}

func TestPublicModeAdvertisesNoPrivateAddress(t *testing.T) {
	cfg := local(t)
	cfg.LocalNet, cfg.Server = false, true
	public := start(t, cfg)
	if a := public.Host().Addrs(); len(a) != 0 {
		t.Errorf("a node on loopback advertises %v", a)
	}
	if a := public.DHT().FilteredAddrs(); len(a) != 0 {
		t.Errorf("its DHT advertises %v", a)
	}
	addrs := PublicAddrs([]ma.Multiaddr{
		ma.StringCast("/ip4/127.0.0.1/tcp/4001"), ma.StringCast("/ip4/192.168.1.2/udp/4001/quic-v1"),
		ma.StringCast("/ip6/fe80::1/tcp/4001"), ma.StringCast("/ip4/100.64.0.1/tcp/4001"),
		ma.StringCast("/ip4/1.1.1.1/tcp/4001"), ma.StringCast("/dns4/rig.example.com/tcp/4001"),
	})
	if len(addrs) != 2 || !slices.ContainsFunc(addrs, func(a ma.Multiaddr) bool { return a.String() == "/ip4/1.1.1.1/tcp/4001" }) {
		t.Errorf("kept %v", addrs)
	}
}

// A router's forwarded port is an address that no interface has.
func TestAnnouncedAddressIsAdvertised(t *testing.T) {
	for announced, localNet := range map[string]bool{"/ip4/1.1.1.1/tcp/4001": false, "/ip4/192.168.1.2/tcp/4001": true} {
		cfg := local(t)
		cfg.LocalNet, cfg.Server, cfg.Announce = localNet, true, []string{announced}
		n := start(t, cfg)
		for what, list := range map[string][]ma.Multiaddr{"host": n.Host().Addrs(), "DHT": n.DHT().FilteredAddrs()} {
			if !slices.ContainsFunc(list, func(a ma.Multiaddr) bool { return a.String() == announced }) {
				t.Errorf("the %s advertises %v, not %s", what, list, announced)
			}
		}
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"key":               func(c *Config) { c.Key = nil },
		"network name":      func(c *Config) { c.Network = "" },
		"letters, digits":   func(c *Config) { c.Network = "test/kad" },
		"listen address":    func(c *Config) { c.ListenAddrs = nil },
		"bootstrap address": func(c *Config) { c.Bootstrap = []string{"/ip4/127.0.0.1/tcp/1"} },
		"nonsense":          func(c *Config) { c.ListenAddrs = []string{"nonsense"} },
		"announced address": func(c *Config) { c.Announce = []string{"nowhere"} },
		"at most 8":         func(c *Config) { c.Announce = make([]string, 9) },
		"is private": func(c *Config) {
			c.LocalNet, c.Announce = false, []string{"/ip4/192.168.1.2/tcp/4001"}
		},
	} {
		cfg := local(t)
		change(&cfg)
		n, err := New(cfg)
		if err == nil {
			n.Close()
			t.Fatalf("%s: accepted", want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
}
