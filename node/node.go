// Package node wires one Rerig node (SPEC §8): its key, journal, network,
// settlement, treasury and, where it is a rig, its sandbox. It is the only importer of the
// packages below it, which know each other only through the small interfaces they
// declare. Start at New and Node.Run; api.go is what the control socket serves.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/node/artifact"
	"github.com/rerig/rerig/node/discovery"
	"github.com/rerig/rerig/node/exchange"
	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/group"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/network"
	"github.com/rerig/rerig/node/requester"
	"github.com/rerig/rerig/node/settle"
	"github.com/rerig/rerig/node/treasury"
	"github.com/rerig/rerig/protocol"
)

// Config says what a node is and where its things are.
type Config struct {
	DataDir    string
	Profile    *Profile
	Passphrase string   // of the key file; "" on test networks
	Listen     []string // multiaddrs; nil is every interface, a free port, TCP and QUIC
	Announce   []string // multiaddrs advertised besides, such as a router's forwarded port
	Server     bool     // public bootstrap and index node
	MDNS       bool     // look for peers on the LAN
	Rig        *RigConfig
	Deposit    protocol.Amount // least that a channel is funded with at a time; 0 is four budgets
	Ceiling    protocol.Amount // most that a channel is funded with beyond what a job lacks; 0 is any
	Exposure   protocol.Amount // most that all channels together may hold unclaimed; 0 is any
	CacheBytes int64           // artifacts kept on disk; 0 is 10 GiB
	RPC        []string        // overrides the profile's endpoints
	Poll       time.Duration   // longest time between looks at the chain while a transaction is under way; 0 is a second
	Payer      Payer           // pays for what the node buys; nil is its own key
	Timing     discovery.Timing
	Resume     bool   // it stays, and goes on with arrays that an earlier node of the directory had left over
	Proved     func() // called once, when a rig has tried all its engines; may be nil
	Metrics    string // host:port of metrics and health, host "" for loopback; "" is nowhere
	Dashboard  string // host:port of the owner's page, host "" for loopback; "" is nowhere
	Clock      func() time.Time
	Logger     *slog.Logger
}

// Payer signs for the address that pays for what a node buys. The node closes it.
type Payer interface {
	settle.Account
	io.Closer
}

// RigConfig makes a node sell work.
type RigConfig struct {
	Payee     protocol.Address // zero pays the node's own address
	Price     protocol.Amount  // base units per million CPU milliseconds
	GPUPrice  protocol.Amount  // base units per million milliseconds of a card; 0 sells none
	TickUnits uint64           // milliseconds of CPUs, or of cards, per receipt; 0 is 1000
	Slots     int              // jobs at once; 0 is the number of cores
	Queue     int              // jobs that may wait; 0 is 64
	MemoryMiB uint32           // for one job; 0 is a quarter of the machine's
	Region    string
	Simulated []protocol.GPU // cards that exist on a test network only
	// Sysroot is a directory whose cards are sold in place of this machine's, on a test
	// network only: they are called simulated.
	Sysroot     string
	SandboxPath string // overrides the embedded sandbox program
	Warm        int    // sandboxes kept ready; 0 is the runner's default
	// Containers is how containers are held, HeldByGvisor and so on; "" runs none.
	Containers string
	// AllowRunc lets HeldByDocker run jobs under runc, on the host's kernel, where the
	// engine has no gVisor.
	AllowRunc bool
	// ContainerProgram is a static rerig that is started as a container's sandbox; "" for
	// the running one.
	ContainerProgram string
	// AllowEgress are the hosts that jobs may reach: host, host:port, or egress.AnyPublic.
	AllowEgress []string
	// ImageBytes is the disk for unpacked images; 0 is 20 GiB, or a quarter of what is
	// free where that is less.
	ImageBytes int64
	// Serve is the models that the rig serves by the token.
	Serve []ServeConfig
	// EnginePack is the CID or the file of an engine pack that computes them; "" is Rerig's own
	// engine. Publishers are those whose packs the rig runs.
	EnginePack string
	Publishers []protocol.Address
	// ModelMemoryMiB is the memory of their servers together; 0 is half the machine's.
	ModelMemoryMiB uint32
	// CollectFactor is how many times its fee a collection must bring in, where the
	// profile says what native money is worth; 0 collects on demand only.
	CollectFactor uint64
	// Governor minds the cards by what is left after power; nil is that nobody does. What the
	// node itself knows is filled in: Dir, Price, Market and whatever is a function.
	Governor *governor.Config `json:"-"`
	// MinGrace is the shortest close grace of the escrow that this rig works under: how
	// long it may be offline. 0 is any.
	MinGrace time.Duration
}

// Node is one running node.
type Node struct {
	cfg       Config
	log       *slog.Logger
	lock      *flock.Flock
	key       *protocol.Key
	journal   *journal.Journal
	ends      *ends
	net       *network.Network
	discovery *discovery.Discovery
	artifacts *artifact.Store
	settle    *settle.Client // of the node's own key: collects
	payer     *settle.Client // of the payer's: deposits and funds; settle where that is the same
	requester *requester.Requester
	groups    *group.Groups
	rig       *rig // nil where the node only buys
	treasury  *treasury.Treasury
	control   *control
	measured  *measured
	dash      *dash
	started   chan struct{} // closed when Run serves
	born      time.Time
	opened    []io.Closer // in the order opened; closed in reverse
}

func (c *Config) fill() error {
	if c.Profile == nil {
		return errors.New("node: no network profile")
	}
	if err := c.Profile.Check(); err != nil {
		return fmt.Errorf("network profile: %w", err)
	}
	dir, err := filepath.Abs(c.DataDir) // sandboxes work in another directory
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	c.DataDir = dir
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Listen == nil {
		c.Listen = []string{"/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"}
	}
	if len(c.RPC) == 0 {
		c.RPC = c.Profile.RPC
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 10 << 30
	}
	return nil
}

// New opens everything a node needs and starts nothing. On an error all that was
// opened is closed again.
func New(cfg Config) (*Node, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Logger, started: make(chan struct{}), born: time.Now()}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *Node) open() (err error) {
	if n.lock, err = lockDir(n.cfg.DataDir); err != nil {
		return err
	}
	n.opened = append(n.opened, closer(n.lock.Unlock))
	if n.key, err = loadKey(n.cfg.DataDir, n.cfg.Passphrase); err != nil {
		return err
	}
	if n.journal, err = journal.Open(n.cfg.DataDir, journal.Options{}); err != nil {
		return err
	}
	n.opened = append(n.opened, n.journal)
	n.log = n.log.With("node", n.key.Address().String()[:10])
	n.ends = newEnds(n.journal, n.log)
	n.measured = newMeasured(n)
	n.dash = newDash(n)
	if err := n.openNetwork(); err != nil {
		return err
	}
	if err := n.openMoney(); err != nil {
		return err
	}
	p := n.cfg.Profile
	n.requester, err = requester.New(requester.Config{Key: n.key, Network: p.Name, Market: p.Market(),
		Dir: filepath.Join(n.cfg.DataDir, "runs"), Deposit: n.cfg.Deposit, Text: n.token().Text,
		Offers: offers{n}, Book: outBook{n.journal, n.ends, n.measured.see},
		Payer: n.payer.Address(), Chain: n.treasury.Funds(), Ceiling: n.cfg.Ceiling, Artifacts: artifacts{n.artifacts}, Clock: n.cfg.Clock, Logger: n.log})
	if err != nil {
		return err
	}
	n.openGroups()
	if n.cfg.Rig != nil {
		if n.rig, err = n.openRig(); err != nil {
			return err
		}
	}
	if err := n.dash.listen(); err != nil {
		return err
	}
	if err := n.measured.listen(); err != nil {
		return err
	}
	n.control, err = newControl(n)
	return err
}

func (n *Node) openNetwork() (err error) {
	p := n.cfg.Profile
	n.net, err = network.New(network.Config{Key: n.key, Network: p.Name, ListenAddrs: n.cfg.Listen, Announce: n.cfg.Announce,
		Bootstrap: p.Bootstrap, DataDir: n.cfg.DataDir, Server: n.cfg.Server, LocalNet: p.Local,
		MDNS: n.cfg.MDNS, Traffic: n.dash.counter(), Vital: exchange.ID(p.Name), Watched: n.watched, Dials: exchange.DialID(p.Name), Logger: n.log})
	if err != nil {
		return err
	}
	n.opened = append(n.opened, n.net)
	n.discovery, err = discovery.New(discovery.Config{Host: n.net.Host(), Routing: n.net.DHT(), Network: p.Name,
		LocalNet: p.Local, Clock: n.cfg.Clock, Timing: n.cfg.Timing, Logger: n.log})
	if err != nil {
		return err
	}
	n.artifacts, err = artifact.New(artifact.Config{Dir: filepath.Join(n.cfg.DataDir, "artifacts"),
		Host: n.net.Host(), MaxBytes: n.cfg.CacheBytes, Logger: n.log,
		Routing: n.net.DHT(), Advertise: true})
	return err
}

// Run runs the node until ctx ends or a part of it fails. Jobs under way are
// ended and billed first, then the network and the journal go.
func (n *Node) Run(ctx context.Context) error {
	// Three groups end one after the other: work, then what work stands on.
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBase()
	under, baseCtx := errgroup.WithContext(base)
	under.Go(func() error { return n.journal.Run(baseCtx) })
	err := n.recover(ctx)
	if err == nil {
		err = n.groups.Recover(ctx)
	}
	if err != nil {
		stopBase()
		return errors.Join(err, under.Wait(), n.close())
	}
	under.Go(func() error { return n.net.Run(baseCtx) })
	under.Go(func() error { return n.artifacts.Run(baseCtx) })
	under.Go(func() error { return n.settle.Run(baseCtx) })
	if n.payer != n.settle {
		under.Go(func() error { return n.payer.Run(baseCtx) })
	}
	under.Go(func() error { return n.discovery.Run(baseCtx) })
	if n.rig != nil {
		under.Go(func() error { return n.rig.engines.run(baseCtx) })
		under.Go(func() error { return n.rig.served.run(baseCtx) })
	}
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { // a part underneath that fails takes the work down with it
		select {
		case <-baseCtx.Done():
			return errors.New("a part of the node failed")
		case <-workCtx.Done():
			return nil
		}
	})
	work.Go(func() error { return n.requester.Run(workCtx) })
	work.Go(func() error { return n.groups.Run(workCtx) })
	work.Go(func() error { return n.ends.run(workCtx) })
	work.Go(func() error { return n.treasury.Run(workCtx) })
	work.Go(func() error { return n.control.run(workCtx) })
	work.Go(func() error { return n.measured.run(workCtx) })
	work.Go(func() error { return n.dash.run(workCtx) })
	if n.rig != nil {
		work.Go(func() error { return n.rig.run(workCtx, n) })
		work.Go(func() error { return n.rig.checkGrace(workCtx, n) })
		work.Go(func() error { return n.rig.governed.run(workCtx) })
	}
	close(n.started)
	errWork := work.Wait()
	n.ends.retry(base) // of the jobs that ended with the node
	stopBase()
	errBase := under.Wait()
	if errBase != nil {
		errWork = nil // it only says that something underneath failed
	}
	return errors.Join(errBase, errWork, n.close())
}

// Started is closed when Run serves.
func (n *Node) Started() <-chan struct{} { return n.started }

// Close releases what New opened, for a node that never ran.
func (n *Node) Close() error { return n.close() }

func (n *Node) close() (err error) {
	for len(n.opened) > 0 {
		last := n.opened[len(n.opened)-1]
		n.opened = n.opened[:len(n.opened)-1]
		err = errors.Join(err, last.Close())
	}
	return err
}

// Key is the node's public identity.
func (n *Node) Key() protocol.PublicKey { return n.key.Public() }

// Address is the node's chain address.
func (n *Node) Address() protocol.Address { return n.key.Address() }

// SocketPath is where a data directory's control socket is.
func SocketPath(dataDir string) string { return filepath.Join(dataDir, socketFile) }

// closer makes a Closer of a function.
type closer func() error

// Close calls the function.
func (c closer) Close() error { return c() }
