package node

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/libp2p/go-libp2p/core/metrics"

	"github.com/rerig/rerig/node/dashboard"
	"github.com/rerig/rerig/protocol"
)

const (
	// DashboardAuto is the usual address, or any of this machine alone where that is taken.
	DashboardAuto = "auto"
	usualDash     = "127.0.0.1:8485"
	anyDash       = "127.0.0.1:0"
)

// bandEvery is how often it is looked who has which card, and what went over the network.
const bandEvery = 5 * time.Second

// dash is the node's page for its owner (SPEC §8.11). Without an address it serves nobody
// and keeps nothing.
type dash struct {
	n       *Node
	server  *dashboard.Server // nil without an address
	log     *dashboard.Log
	phases  phases
	bands   bands
	traffic traffic
	chain   dashChain
}

// newDash makes the part that keeps what the page shows of the past.
func newDash(n *Node) *dash {
	d := &dash{n: n}
	if n.cfg.Dashboard != "" {
		d.log = &dashboard.Log{}
		n.log = slog.New(d.log.Tee(n.log.Handler()))
	}
	return d
}

func (d *dash) on() bool { return d.log != nil }

// listen takes the address that the node's owner chose.
func (d *dash) listen() (err error) {
	if !d.on() {
		return nil
	}
	c := &control{n: d.n}
	looks := map[string]dashboard.Look{"node": c.info, "market": d.market, "network": d.network, "runs": d.runs, "log": d.lines}
	live := ""
	if d.n.rig != nil {
		looks["rig"], looks["history"], looks["money"], looks["jobs"] = c.rigStatus, d.history, d.money, d.jobs
		looks["why"] = c.why
		live = "rig"
	}
	cfg := dashboard.Config{Listen: d.n.cfg.Dashboard, TokenFile: filepath.Join(d.n.cfg.DataDir, "dashboard.token"),
		Looks: looks, Live: live, Log: d.log, Logger: d.n.log,
		Refuse: func(err error) (int, string) { e := apiError(err); return e.Code, e.Message }}
	auto := cfg.Listen == DashboardAuto
	if auto {
		cfg.Listen = usualDash
		if d.n.cfg.Profile.Local { // many nodes on one machine
			cfg.Listen = anyDash
		}
	}
	if d.server, err = dashboard.Listen(cfg); err != nil && auto {
		cfg.Listen = anyDash
		d.server, err = dashboard.Listen(cfg)
	}
	if err == nil {
		d.n.opened = append(d.n.opened, d.server)
	}
	return err
}

// url is where the page is, "" for nowhere.
func (d *dash) url() string {
	if d.server == nil {
		return ""
	}
	return d.server.URL()
}

// counter counts what goes over the network; nil where nobody is shown it.
func (d *dash) counter() metrics.Reporter {
	if !d.on() {
		return nil
	}
	return &d.traffic
}

// sawJob is told of each of the rig's jobs as it is journaled.
func (n *Node) sawJob(rec *protocol.Record) {
	n.measured.see(rec)
	n.dash.see(rec)
}

// see keeps when a job came to its states.
func (d *dash) see(rec *protocol.Record) {
	if d.on() {
		d.phases.see(rec, time.Now())
	}
}

// run serves until ctx ends.
func (d *dash) run(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{}) // closed when watch has returned
	go func() { defer close(watched); d.watch(watching) }()
	err := d.server.Run(ctx)
	stop()
	<-watched
	return err
}

// watch keeps who had which card, and what went over the network.
func (d *dash) watch(ctx context.Context) {
	tick := time.NewTicker(bandEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		d.traffic.mark(now)
		if d.n.rig != nil {
			d.bands.mark(d.n.rig.cards.holders(), now)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (d *dash) lines(*http.Request) (any, error) { return d.log.Lines(), nil }
