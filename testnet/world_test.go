package testnet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/protocol"
	"github.com/rerig/rerig/testnet"
)

// world is what one script is about: networks, their members, and runs.
type world struct {
	t       *testing.T
	dir     string
	out     *strings.Builder
	logs    *recorder
	nets    []*testnet.Net
	members []*member
	runs    map[string]*run
}

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

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: shortDir(t), logs: new(recorder), runs: map[string]*run{}}
}

// shortDir is a temporary directory with a short path: a control socket's has 100
// bytes at most.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "rr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(w.out, format+"\n", args...) }

// command runs one line of a script.
func (w *world) command(ctx context.Context, line string) error {
	verb, a := parse(line)
	do := map[string]func(context.Context, arguments) error{
		"net": w.startNet, "rig": w.startMember, "requester": w.startMember, "ready": w.ready,
		"stop": w.stopMember, "kill": w.kill, "restart": w.restart, "chain": w.chain, "mint": w.mint,
		"submit": w.submit, "wait": w.wait, "end": w.endRun, "events": w.events, "output": w.output, "file": w.file,
		"market": w.market, "info": w.info, "busy": w.busy, "collect": w.collect, "close": w.closeChannels,
		"balances": w.balances, "txs": w.txs, "paid": w.paid, "spent": w.spent, "until": w.until,
	}[verb]
	if do == nil {
		return errors.New("unknown command")
	}
	return do(ctx, a)
}

func (w *world) net() *testnet.Net { return w.nets[len(w.nets)-1] }

func (w *world) member(name string) *member {
	for _, m := range w.members {
		if m.name == name {
			return m
		}
	}
	w.t.Fatalf("no member %q", name)
	return nil
}

// startNet: net [name=N] [grace=D]. A second one may know the first's bootstrap
// node: meet=first.
func (w *world) startNet(ctx context.Context, a arguments) error {
	o := testnet.Options{Name: a.set["name"], Dir: filepath.Join(w.dir, fmt.Sprint("n", len(w.nets))),
		Logger: slog.New(handler{r: w.logs})}
	if g := a.set["grace"]; g != "" {
		var err error
		if o.CloseGrace, err = time.ParseDuration(g); err != nil {
			return err
		}
	}
	n, err := testnet.Start(ctx, o)
	if err != nil {
		return err
	}
	if a.set["meet"] != "" {
		n.Profile.Bootstrap = append(n.Profile.Bootstrap, w.nets[0].Profile.Bootstrap...)
	}
	w.nets = append(w.nets, n)
	return nil
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

// ready: NAME N waits until the member finds so many offers with a free slot: a rig
// that stopped has left one without. With busy it takes those too.
func (w *world) ready(ctx context.Context, a arguments) error {
	want, err := strconv.Atoi(a.names[1])
	if err != nil {
		return err
	}
	m := w.member(a.names[0])
	return poll(ctx, func() (bool, error) {
		found, err := m.client.Market(ctx, protocol.Filter{})
		if err != nil {
			return false, nil //nolint:nilerr // it is asked again
		}
		free := 0
		for _, o := range found.Offers {
			if o.FreeSlots > 0 || len(a.names) > 2 {
				free++
			}
		}
		return free >= want, nil
	})
}

// chain: pause, resume, mine, hold (no blocks), release, skip D (move its clock),
// reorg N (take the newest blocks out, with what is in them).
func (w *world) chain(_ context.Context, a arguments) error {
	n := w.net()
	switch a.names[0] {
	case "pause":
		n.Chain.Pause()
	case "resume":
		return n.Chain.Resume()
	case "mine":
		n.Chain.Mine(1)
	case "hold":
		n.Chain.PauseMining()
	case "release":
		n.Chain.ResumeMining()
	case "reorg":
		depth, err := strconv.ParseUint(a.names[1], 10, 64)
		if err != nil {
			return err
		}
		return n.Chain.Reorg(depth)
	case "skip":
		d, err := time.ParseDuration(a.names[1])
		if err != nil {
			return err
		}
		return n.Chain.AdjustTime(d)
	default:
		return errors.New("unknown")
	}
	return nil
}

// mint: NAME tokens=T gives a member more.
func (w *world) mint(ctx context.Context, a arguments) error {
	m := w.member(a.names[0])
	more, err := protocol.ParseUnits(a.set["tokens"], 6)
	if err == nil {
		m.wealth, err = m.wealth.Add(more)
	}
	if err != nil {
		return err
	}
	return m.net.Chain.Mint(ctx, m.key.Address(), more)
}

// close ends everything that still runs.
func (w *world) close() (err error) {
	for _, m := range w.members {
		err = errors.Join(err, m.stop())
	}
	for _, n := range w.nets {
		err = errors.Join(err, n.Close())
	}
	w.members, w.nets = nil, nil
	return err
}

// poll asks until the answer is yes.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ask()
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var (
	hexes = regexp.MustCompile(`0x[0-9a-fA-F]{16,}`)
	cids  = regexp.MustCompile(`\bbaf[a-z2-7]{50,}\b`)
	peers = regexp.MustCompile(`\b16Uiu2[1-9A-HJ-NP-Za-km-z]{40,}\b`)
	// What an offer has, in a reason: any one of the offers is the example.
	haves = regexp.MustCompile(`(CPUs|VRAM|price) [0-9]+( [MG]iB)? ([<>])`)
	ended = regexp.MustCompile(`ended [0-9hms]+ ago`)
	ports = regexp.MustCompile(`127\.0\.0\.1:[0-9]+|/(tcp|udp)/[0-9]+`)
)

// tidy puts names for addresses and takes out what differs between two runs.
func (w *world) tidy(s string) string {
	for _, m := range w.members {
		s = strings.ReplaceAll(s, m.key.Address().String(), m.name)
	}
	for _, n := range w.nets {
		s = strings.ReplaceAll(s, n.Profile.Token, "TOKEN")
		s = strings.ReplaceAll(s, n.Profile.Escrow, "ESCROW")
	}
	s = strings.ReplaceAll(s, w.dir, "DIR")
	s = haves.ReplaceAllString(s, "$1 N $3")
	s = ended.ReplaceAllString(s, "ended T ago")
	s = ports.ReplaceAllString(s, "PORT")
	s = peers.ReplaceAllString(s, "PEER")
	s = cids.ReplaceAllString(s, "CID")
	return hexes.ReplaceAllString(s, "HEX")
}
