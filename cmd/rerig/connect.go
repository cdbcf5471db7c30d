package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/signer"
	"github.com/rerig/rerig/protocol"
)

const (
	joinWait  = 6 * time.Second // for a node just started to find its peers and its chain
	offerWait = 5 * time.Second // for it to find the first offer after that
	joinPoll  = 50 * time.Millisecond
)

// profile loads the network profile that --network names.
func (a *app) profile() (*node.Profile, error) {
	return node.LoadProfile(a.profilePath())
}

func (a *app) profilePath() string {
	if strings.ContainsAny(a.network, `/\`) || strings.HasSuffix(a.network, ".toml") {
		return a.network
	}
	return filepath.Join(networksDir(), a.network+".toml")
}

// dir is this node's data directory; without --data-dir one per network.
func (a *app) dir() string {
	dir := a.dataDir
	if dir == "" {
		name := strings.TrimSuffix(filepath.Base(a.network), ".toml")
		dir = filepath.Join(dataHome(), name, "node")
	}
	if full, err := filepath.Abs(dir); err == nil { // a sandbox has another working directory
		return full
	}
	return dir
}

// nodeConfig is a node that only buys.
func (a *app) nodeConfig(p *node.Profile) (node.Config, error) {
	pass, err := a.passphrase(p)
	if err != nil {
		return node.Config{}, err
	}
	cfg := node.Config{DataDir: a.dir(), Profile: p, Passphrase: pass, Logger: a.logger(slog.LevelWarn)}
	if p.Local {
		cfg.Listen = listenOn("127.0.0.1", "0")
	}
	if err := a.caps.set(&cfg, moneyOf(p)); err != nil {
		return cfg, err
	}
	payer, err := a.paySigner()
	if err == nil && payer != nil {
		cfg.Payer = payer
	}
	return cfg, err
}

// caps are the flags that keep a requester's money together, as texts.
type caps struct{ exposure, least, most string }

func (c caps) set(cfg *node.Config, m money) (err error) {
	for _, f := range []struct {
		flag, text string
		into       *protocol.Amount
	}{{"max-exposure", c.exposure, &cfg.Exposure}, {"channel-min", c.least, &cfg.Deposit}, {"channel-max", c.most, &cfg.Ceiling}} {
		if f.text == "" {
			continue
		}
		if *f.into, err = m.parse(f.flag, f.text); err != nil {
			return err
		}
		if f.into.IsZero() {
			return usage("--%s: above zero, or leave it away", f.flag)
		}
	}
	if !cfg.Ceiling.IsZero() && cfg.Ceiling.Less(cfg.Deposit) {
		return usage("--channel-max: %s is less than the %s of --channel-min", m.text(cfg.Ceiling), m.text(cfg.Deposit))
	}
	return nil
}

// sameAs refuses other caps than those of a node that runs already: they would be
// believed to hold, and would not.
func (c caps) sameAs(s *session) error {
	var cfg node.Config
	if err := c.set(&cfg, s.money); err != nil {
		return err
	}
	for flag, is := range map[string][2]protocol.Amount{"max-exposure": {cfg.Exposure, s.info.Caps.Exposure},
		"channel-min": {cfg.Deposit, s.info.Caps.ChannelMin}, "channel-max": {cfg.Ceiling, s.info.Caps.ChannelMax}} {
		if !is[0].IsZero() && is[0] != is[1] {
			return usage("--%s is a node's when it starts, and the one that runs in %s has another: end it, or leave the flag away", flag, s.info.DataDir)
		}
	}
	return nil
}

// paySigner is who signs for --payer; nil is the node's own key.
func (a *app) paySigner() (*signer.Signer, error) {
	if a.payer == "" && a.signer == "" {
		return nil, nil
	}
	if a.payer == "" || a.signer == "" {
		return nil, usage("--payer and --signer go together: whose money it is, and the program that has the key")
	}
	addr, err := protocol.ParseAddress(strings.ToLower(a.payer))
	if err != nil {
		return nil, usage("--payer: %w", err)
	}
	s, err := signer.Open(a.signer, addr)
	if err != nil {
		return nil, usage("--signer: %w", err)
	}
	return s, nil
}

// samePayer refuses to spend through a node that runs with another payer than the
// flags name: the money would be somebody else's.
func (a *app) samePayer(s *session) error {
	if s.own || a.payer == "" {
		return nil
	}
	addr, err := protocol.ParseAddress(strings.ToLower(a.payer))
	if err != nil {
		return usage("--payer: %w", err)
	}
	if addr != s.info.Payer {
		return usage("--payer: the node that runs in %s pays from %s: end it, or leave the flag away", s.info.DataDir, s.info.Payer)
	}
	return nil
}

// listenOn is TCP and QUIC on one IPv4 address.
func listenOn(ip, port string) []string {
	return []string{"/ip4/" + ip + "/tcp/" + port, "/ip4/" + ip + "/udp/" + port + "/quic-v1"}
}

// session is a connection to a node and the money it deals in.
type session struct {
	*client.Client
	money money
	info  *node.Info
	own   bool      // the node was started by this command and ends with it
	p     *progress // where own
}

// connect talks to the node that has the data directory.
func (a *app) connect(ctx context.Context) (*session, error) {
	c, err := client.Connect(ctx, a.dir())
	if err != nil {
		return nil, err
	}
	return newSession(ctx, c, false)
}

// open is connect or, where no node runs, starts one that ends with the session.
func (a *app) open(ctx context.Context) (*session, error) {
	s, err := a.connect(ctx)
	if err == nil {
		if err = a.caps.sameAs(s); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if !errors.Is(err, client.ErrNoNode) {
		return s, err
	}
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	cfg, err := a.nodeConfig(p)
	if err != nil {
		return nil, err
	}
	c, err := client.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if s, err = newSession(ctx, c, true); err == nil {
		s.p = a.progress()
	}
	return s, err
}

func newSession(ctx context.Context, c *client.Client, own bool) (*session, error) {
	info, err := c.Info(ctx)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &session{Client: c, money: money{info.Token}, info: info, own: own}, nil
}

// Close ends the session and, if this command started the node, the node too; but
// not before the runs that other commands bought through it are over.
func (s *session) Close() error {
	told := false
	busy := func() (idle bool, err error) {
		runs, err := s.Runs(context.Background())
		idle = !slices.ContainsFunc(runs, func(st node.RunStatus) bool { return !st.Ended })
		if idle && err == nil { // between two tasks of an array
			var groups []node.GroupStatus
			groups, err = s.Groups(context.Background())
			idle = !slices.ContainsFunc(groups, func(g node.GroupStatus) bool { return !g.Ended && !g.Paused })
		}
		if !idle && !told {
			told = true
			s.p.line("another command's run goes on through this node; Ctrl-C twice ends both")
		}
		return idle, err
	}
	if s.own {
		_ = poll(context.Background(), protocol.MaxRunTime, busy) // a node that does not answer has no runs
	}
	return s.Client.Close()
}

// openToPay opens a node that can trade: it has found a peer and its chain and,
// on a test network with a faucet, has money.
func (a *app) openToPay(ctx context.Context, p *progress) (*session, error) {
	s, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	if err = a.samePayer(s); err == nil {
		err = s.join(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := a.askFaucet(ctx, s, p); err != nil {
		p.warn("faucet: %v", err)
	}
	return s, nil
}

// join waits until a node that this command started has a peer, its chain and an
// offer, or until it is clear that it will not; then the command says what is missing.
func (s *session) join(ctx context.Context) error {
	if !s.own {
		return nil
	}
	err := poll(ctx, joinWait, func() (done bool, err error) {
		s.info, err = s.Info(ctx)
		return err == nil && s.info.Peers > 0 && s.info.Chain.Online, err
	})
	if err != nil || s.info.Peers == 0 {
		return err
	}
	return poll(ctx, offerWait, func() (bool, error) {
		found, err := s.Market(ctx, protocol.Filter{})
		return err == nil && len(found.Offers) > 0, err
	})
}

// poll calls f until it is done, fails, or the time is over, which is no error.
func poll(ctx context.Context, most time.Duration, f func() (bool, error)) error {
	over := time.NewTimer(most)
	defer over.Stop()
	tick := time.NewTicker(joinPoll)
	defer tick.Stop()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-over.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
