package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// maxCollectFactor keeps a mistyped factor from never collecting.
const maxCollectFactor = 10_000

// usualGrace is for a rig that somebody looks after once a day.
const usualGrace = 24 * time.Hour

// upFlags are the flags of `rerig up`.
type upFlags struct {
	payout   string
	price    string
	gpuPrice string
	sysroot  string
	tick     uint64
	slots    int
	queue    int
	memory   uint32
	region   string
	listen   []string
	announce []string
	rpc      []string
	collect  uint64
	minGrace time.Duration
	simulate []string
	serve    []string
	models   uint32
	pack     string
	trusted  []string
	held     string
	runc     bool
	egress   []string
	mdns     bool
	server   bool
	governor governorFlags
	metrics  metricsFlags
	dash     dashboardFlags
	yes      bool
	bench    string
	auto     autoFlags
}

func (a *app) upCmd() *cobra.Command {
	var u upFlags
	c := &cobra.Command{
		Use: "up", Short: "Run a node that sells this machine's time",
		Long: `Run a node that offers this machine's CPU time at a price, runs jobs in a sandbox
and is paid by the tick, until SIGINT or SIGTERM. Jobs under way are ended and
billed first; a second signal ends it at once.

WASM modules run everywhere. Containers run on Linux, each on a kernel of its own
(gVisor, which this binary brings) without files of this machine, devices but the cards
that a job pays for, or network but the hosts that --allow-egress names; where their self-test fails the log says why, and modules are sold alone. Language
models that requesters bring are run in the same sandbox, by this binary. Graphics cards
are sold whole to containers, where a small job has shown that it reaches the card;
` + "`rerig hardware`" + ` says which, and why not. No test of this version has met a real card.

The key made on first use signs offers and receipts. It has no power over what is
earned: that goes to --payout.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.up(cmd.Context(), &u, cmd.Flags().Changed("price"))
		},
	}
	f := c.Flags()
	f.StringVar(&u.payout, "payout", "", "`address` that is paid (default the node's own)")
	f.StringVar(&u.price, "price", "0.05/h", "`price` of a CPU hour in the network's token")
	f.StringVar(&u.gpuPrice, "gpu-price", usualGPUPrice, "`price` of an hour of one graphics card, whole, in the network's token; auto, with --kwh, is what others ask; off keeps the cards")
	f.StringVar(&u.sysroot, "sysroot", "", "sell the cards below `directory` instead of this machine's, for tests")
	_ = f.MarkHidden("sysroot") // it was added just now
	f.Uint64Var(&u.tick, "tick", 1000, "`milliseconds` of processors, or of cards, between payments: the most a stranger can owe")
	f.IntVar(&u.slots, "slots", 0, "jobs at once (default one for each core)")
	f.IntVar(&u.queue, "queue", 64, "jobs that may wait")
	f.Uint32Var(&u.memory, "memory", 0, "`MiB` for one job (default a quarter of the machine's)")
	f.StringVar(&u.region, "region", "", "`name` of the region to advertise")
	f.StringSliceVar(&u.listen, "listen", nil, "`address` to listen on: a port, ip:port or multiaddr (default a free port)")
	f.StringSliceVar(&u.announce, "announce", nil, "`address` where the node is reached besides, such as a router's forwarded port: ip:port or multiaddr")
	f.StringSliceVar(&u.rpc, "rpc", nil, "`URL` of a JSON-RPC endpoint of the chain, again for more (default the profile's)")
	f.Uint64Var(&u.collect, "collect-factor", 20, "collect when what is due is worth so many `times` the fee; 0 is on demand only")
	f.DurationVar(&u.minGrace, "min-grace", 0, "least `time` that payers must wait to leave: how long this rig may be away (default 24h, any on a test network)")
	f.StringArrayVar(&u.simulate, "simulate-gpu", nil, "`card` to pretend on a test network: \"2xRTX 3060:12GiB\"")
	f.StringVar(&u.held, "containers", containersHere, "`sandbox` that holds containers: gvisor; namespaces, which is weaker; docker, which is unproven; off for WASM modules only")
	f.StringArrayVar(&u.serve, "serve", nil, "keep a server for `NAME=FILE.gguf` and sell its tokens; again for more, at most 4. ,price=0.1 is for a million tokens, in the network's token: each token made is one, and each 8 of a prompt that were read. ,tick=256 is how many are made before they are paid, ,memory=2048 the MiB that its server may take (default a quarter more than the file, and 512): what the file leaves is for longer texts. With --engine-pack ,context=4096 is how many tokens a text and its answer may have")
	f.Uint32Var(&u.models, "model-memory", 0, "`MiB` for all served models together (default half of the machine's); the one not asked for the longest time makes room for another")
	f.StringVar(&u.pack, "engine-pack", "", "compute the models of --serve with the server of this engine pack, a `CID or file` (see rerig pack; default Rerig's own engine)")
	f.StringSliceVar(&u.trusted, "pack-publisher", nil, "`address` of who may have signed that pack; again for more")
	f.BoolVar(&u.runc, "allow-runc", false, "let --containers docker run jobs on this machine's kernel, where Docker has no runsc")
	f.StringSliceVar(&u.egress, "allow-egress", nil, "`hosts` that containers may reach if they ask, HOST or HOST:PORT, or any-public (default none)")
	u.governor.register(f)
	u.metrics.register(f)
	u.dash.register(f)
	f.BoolVarP(&u.yes, "yes", "y", false, "ask nothing: the first run on a terminal asks for --payout and --kwh where they are missing")
	f.StringVar(&u.bench, "bench", "auto", "`when` to measure what the processors can do: auto is once, and never on a test network; once, again or off")
	u.auto.register(f)
	f.BoolVar(&u.mdns, "mdns", false, "look for peers on the LAN")
	f.BoolVar(&u.server, "server", false, "be a bootstrap and index node; sells only if --price is given")
	return c
}

// up runs the node until ctx ends.
func (a *app) up(ctx context.Context, u *upFlags, priced bool) error {
	profile, err := a.profile()
	if err != nil {
		return err
	}
	m, p := moneyOf(profile), a.progress()
	if err := a.firstRun(ctx, u, m); err != nil {
		return err
	}
	cfg, err := a.upConfig(u, profile, priced || !u.server)
	if err != nil {
		return err
	}
	cfg.Logger, cfg.Proved = slog.New(a.lines(slog.LevelInfo, &m, p)), rest
	updates, err := a.newUpdater(&u.auto, cfg.DataDir, p)
	if err != nil {
		return err
	}
	_, statErr := os.Stat(filepath.Join(cfg.DataDir, "key.json"))
	n, err := node.New(cfg)
	if err != nil {
		return err
	}
	if errors.Is(statErr, os.ErrNotExist) {
		p.done("key created in %s; back it up", filepath.Join(cfg.DataDir, "key.json"))
	}
	p.done("address %s", n.Address())
	if err := a.measure(ctx, u, profile, cfg.Rig != nil, p); err != nil {
		return errors.Join(err, n.Close())
	}
	ended := make(chan error, 1) // gets Run's result, once
	running, stop := context.WithCancel(ctx)
	defer stop()
	go func() { ended <- n.Run(running) }()
	var told sync.WaitGroup
	if cfg.Rig != nil {
		told.Go(func() { a.tellRig(running, p) })
	}
	defer func() { stop(); told.Wait() }()
	if err := a.announce(running, cfg, p, ended); err != nil {
		stop()
		return errors.Join(err, <-ended)
	}
	rest()
	tellService(daemon.SdNotifyReady)
	switch {
	case os.Getenv(probeEnv) != "": // it sells: that was the question
		stop()
	case updates != nil:
		go updates.watch(running, n, stop)
	}
	select {
	case <-running.Done():
		if ctx.Err() != nil { // an update is no end: systemd would kill what comes after it
			tellService(daemon.SdNotifyStopping)
		}
		err = <-ended
	case err = <-ended:
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) { // it was ended while it began
		err = nil
	}
	if err == nil {
		p.done("stopped; vouchers are kept and can be collected later: rerig wallet collect")
	}
	if os.Getenv(probeEnv) != "" && ctx.Err() != nil { // ended from outside, it has shown nothing
		err = errors.Join(err, ctx.Err())
	}
	if updates != nil {
		stop()
		err = errors.Join(err, updates.replace(ctx))
	}
	return err
}

// tellService tells systemd's Type=notify how the node is; nobody else listens.
func tellService(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		slog.Warn("systemd was not told", "state", state, "err", err)
	}
}

// rest gives back what starting took: most of it is garbage, and an idle node collects
// none for minutes.
func rest() {
	debug.FreeOSMemory()
	dropStartup()
}

// upConfig checks the flags.
func (a *app) upConfig(u *upFlags, p *node.Profile, sells bool) (cfg node.Config, err error) {
	if cfg, err = a.nodeConfig(p); err != nil {
		return cfg, err
	}
	cfg.MDNS, cfg.Server, cfg.RPC, cfg.Resume = u.mdns, u.server, u.rpc, true
	if err := u.dash.set(&cfg); err != nil {
		return cfg, err
	}
	if err := u.metrics.set(&cfg); err != nil {
		return cfg, err
	}
	if len(u.listen) > 0 {
		anywhere := "0.0.0.0"
		if p.Local {
			anywhere = "127.0.0.1"
		}
		if cfg.Listen, err = multiaddrs(u.listen, anywhere); err != nil {
			return cfg, usage("--listen: a port, %w", err)
		}
	}
	if cfg.Announce, err = multiaddrs(u.announce, ""); err != nil { // a port alone is nobody's
		return cfg, usage("--announce: %w", err)
	}
	if len(u.simulate) > 0 && !p.Local {
		return cfg, usage("--simulate-gpu is for test networks only, and %s is not one: nobody may sell cards that do not exist", p.Name)
	}
	if u.sysroot != "" && !p.Local {
		return cfg, usage("--sysroot is for test networks only, and %s is not one: nobody may sell cards that do not exist", p.Name)
	}
	if !sells {
		return cfg, nil
	}
	cfg.Rig, err = u.rigConfig(p)
	return cfg, err
}

// multiaddrs turns ip:port and, where there is a host for it, a port alone into
// addresses for TCP and QUIC.
func multiaddrs(list []string, portOf string) (out []string, err error) {
	for _, s := range list {
		if strings.HasPrefix(s, "/") {
			out = append(out, s)
			continue
		}
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			host, port = "", s
		}
		if host == "" {
			host = portOf
		}
		ip := net.ParseIP(host)
		if _, err := net.LookupPort("tcp", port); err != nil || ip == nil {
			return nil, fmt.Errorf("ip:port or multiaddr, got %q", s)
		}
		family := "/ip4/"
		if ip.To4() == nil {
			family = "/ip6/"
		}
		out = append(out, family+host+"/tcp/"+port, family+host+"/udp/"+port+"/quic-v1")
	}
	return out, nil
}

// announce tells what the node does once it does it. An error of ended is the
// node's own.
func (a *app) announce(ctx context.Context, cfg node.Config, p *progress, ended chan error) (err error) {
	n, err := a.whenUp(ctx, ended)
	if err != nil || n == nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if err := a.askFaucet(ctx, n, p); err != nil {
		p.warn("faucet: %v", err)
	}
	p.done("peer ID %s", n.info.Peer)
	for _, addr := range n.info.Listen {
		p.done("reachable at %s", addr)
	}
	if n.info.Chain.Online {
		p.done("chain %d at block %d, escrow %s", n.info.Chain.ID, n.info.Chain.Head, n.info.Chain.Escrow)
	} else {
		p.warn("chain: %s; serving open channels only until it is back", n.info.Chain.Reason)
	}
	if n.info.Dashboard != "" {
		p.done("dashboard %s", n.info.Dashboard)
	}
	if n.info.Metrics != "" {
		p.done("metrics at %s/metrics", n.info.Metrics)
	}
	if r := n.info.Rig; r != nil {
		p.done("self-test passed: wasm")
		p.done("selling %d slots at %s %s per CPU hour, paid to %s", r.Slots, n.money.perHour(r.Price), n.money.Symbol, r.Payee)
		for _, g := range r.Hardware.GPUs {
			p.done("card %s", card(g))
		}
		p.line("Waiting for jobs. Ctrl-C ends it; `rerig ps --data-dir %s` shows them.", cfg.DataDir)
	} else {
		p.line("Serving the network. Ctrl-C ends it.")
	}
	if a.json() {
		return a.print(n.info, func(io.Writer) error { return nil })
	}
	return nil
}

// whenUp waits until the node's self-test has passed and its chain has answered,
// or has had the time to. It returns nothing when the node has ended instead.
func (a *app) whenUp(ctx context.Context, ended chan error) (s *session, err error) {
	tick := time.NewTicker(joinPoll)
	defer tick.Stop()
	patience := time.NewTimer(joinWait)
	defer patience.Stop()
	for waiting := true; ; {
		select {
		case err := <-ended:
			ended <- err // for the caller, which waits for it too
			return nil, nil
		case <-patience.C:
			waiting = false
		case <-tick.C:
		}
		if s == nil {
			s, err = a.connect(ctx)
		} else {
			s.info, err = s.Info(ctx)
		}
		switch {
		case ctx.Err() != nil || errors.Is(err, client.ErrNoNode): // it ends, or begins
		case err != nil:
			return nil, err
		case (s.info.Chain.Online || !waiting) && (s.info.Rig == nil || s.info.Rig.Offering):
			return s, nil
		}
	}
}

// card writes a group of cards; simulated ones are always called so.
func card(g protocol.GPU) string {
	text := fmt.Sprintf("%s %d GiB", g.Model, g.VRAMMiB>>10)
	if g.Count > 1 {
		text = fmt.Sprintf("%d× %s", g.Count, text)
	}
	if g.Simulated {
		text += " (simulated)"
	}
	return text
}
