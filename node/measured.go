package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/rerig/rerig/node/governor"
	"github.com/rerig/rerig/node/journal"
	"github.com/rerig/rerig/node/metrics"
	"github.com/rerig/rerig/protocol"
)

const (
	// lookAtChain is the least time between looks at the payout address's balances, and
	// restOfLogs how many times as long as reading its logs took nobody reads them again.
	lookAtChain = 15 * time.Second
	restOfLogs  = 60
)

// measured is what a node tells of itself by SPEC §8.10. Without an address it tells nobody,
// and reads nothing of the chain.
type measured struct {
	n      *Node
	server *metrics.Server // nil without an address
	jobs   metrics.Jobs

	mu    sync.Mutex // guards what follows
	tests map[string]selfTests
	chain *payout // nil until it was read
}

// selfTests are of one engine.
type selfTests struct {
	passed, failed uint64
	last           bool
}

// payout is what the chain has of the address that is paid.
type payout struct {
	has       protocol.Balances
	collected protocol.Amount // ever, out of channels
	paidOut   protocol.Amount // ever, out of the escrow
}

func newMeasured(n *Node) *measured { return &measured{n: n, tests: map[string]selfTests{}} }

// listen takes the address that the node's owner chose.
func (m *measured) listen() (err error) {
	if m.n.cfg.Metrics == "" {
		return nil
	}
	m.server, err = metrics.Listen(metrics.Config{Listen: m.n.cfg.Metrics, Fill: m.fill, Ready: m.n.unready, Logger: m.n.log})
	if err == nil {
		m.n.opened = append(m.n.opened, m.server)
	}
	return err
}

// url is where it is told, "" for nowhere.
func (m *measured) url() string {
	if m.server == nil {
		return ""
	}
	return m.server.URL()
}

// see counts a job as it is journaled.
func (m *measured) see(rec *protocol.Record) { m.jobs.See(rec, time.Now()) }

// tested counts a self-test of an engine.
func (m *measured) tested(engine string, passed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tests[engine] // as many as there are engines
	t.last = passed
	if passed {
		t.passed++
	} else {
		t.failed++
	}
	m.tests[engine] = t
}

// run tells until ctx ends.
func (m *measured) run(ctx context.Context) error {
	if m.server == nil {
		return nil
	}
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{}) // closed when watch has returned
	go func() { defer close(watched); m.watch(watching) }()
	err := m.server.Run(ctx)
	stop()
	<-watched
	return err
}

// watch reads the payout address's money, and its past whenever that has changed, but never
// for long: on a public chain the logs may be many.
func (m *measured) watch(ctx context.Context) {
	tick := time.NewTicker(lookAtChain)
	defer tick.Stop()
	var again time.Time
	var read protocol.Balances // when the logs were read last
	for {
		if has, err := m.n.settle.Balances(ctx, m.n.payee()); err == nil {
			m.mu.Lock()
			was := m.chain
			m.mu.Unlock()
			if (was == nil || read.Account != has.Account || read.Wallet != has.Wallet) && !time.Now().Before(again) {
				from, sums := time.Now(), m.past(ctx, was)
				again = time.Now().Add(restOfLogs * time.Since(from))
				if sums != was {
					was, read = sums, has
				}
			}
			if was != nil {
				m.mu.Lock()
				m.chain = &payout{has, was.collected, was.paidOut}
				m.mu.Unlock()
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// past adds up what the payout address ever collected and took out; was where it cannot.
func (m *measured) past(ctx context.Context, was *payout) *payout {
	payee := m.n.payee()
	past, err := m.n.settle.Past(ctx, []protocol.Address{payee}, m.n.cfg.Profile.EscrowBlock)
	if err != nil {
		m.n.log.Debug("the payout address's past is not known", "err", err)
		return was
	}
	p := &payout{}
	for i := range past.Events {
		e := &past.Events[i]
		var err error
		switch {
		case e.Kind == protocol.EventRedeemed && e.To == payee:
			p.collected, err = p.collected.Add(e.Amount)
		case e.Kind == protocol.EventWithdrawn && e.From == payee:
			p.paidOut, err = p.paidOut.Add(e.Amount)
		}
		if err != nil {
			m.n.log.Warn("the payout address's sums are not known", "err", err)
			return was
		}
	}
	return p
}

// payee is the address that is paid: the node's own where it sells nothing.
func (n *Node) payee() protocol.Address {
	if n.rig != nil {
		return n.rig.cfg.Payee
	}
	return n.key.Address()
}

// unready says why the node cannot do its work now, with what to do; none for ready.
func (n *Node) unready(context.Context) (list []metrics.Reason) {
	add := func(code, format string, args ...any) {
		list = append(list, metrics.Reason{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	select {
	case <-n.started:
	default:
		add("starting", "the node starts")
		return list
	}
	if st := n.settle.Status(); !st.Online {
		add("chain", "%s; only open channels are served until an endpoint of the chain answers", st.Reason)
	}
	if n.rig != nil && !n.rig.offering.Load() {
		add("selftest", "the sandbox's self-test has not passed yet; its log and `rerig doctor` say more")
	}
	if n.rig != nil && len(n.net.Host().Network().Peers()) == 0 {
		add("peers", "no peer is connected; see that a bootstrap node is up and that a firewall lets it through")
	}
	for _, a := range n.treasury.Alarms() {
		add("alarm", "%s", a.Error())
	}
	return list
}

// fill writes a page.
func (m *measured) fill(ctx context.Context, p *metrics.Page) error {
	m.ofNode(ctx, p)
	m.jobs.Write(p)
	err := errors.Join(m.ofJobs(ctx, p), m.ofMoney(ctx, p))
	if m.n.rig != nil {
		m.ofSales(p)
		err = errors.Join(err, m.ofCards(ctx, p))
		m.ofGovernor(p)
	}
	return err
}

// ofNode is what every node has: its build, peers, chain and self-tests.
func (m *measured) ofNode(ctx context.Context, p *metrics.Page) {
	n := m.n
	p.Add(&buildInfo, "1", BuildVersion(), runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	p.Add(&startTime, metrics.Decimal(n.born.UnixMilli(), 3))
	p.Add(&goroutines, metrics.Int(runtime.NumGoroutine()))
	why := n.unready(ctx)
	p.Add(&ready, metrics.Bool(len(why) == 0))
	for _, code := range []string{"starting", "chain", "selftest", "peers", "alarm"} {
		count := 0
		for _, one := range why {
			if one.Code == code {
				count++
			}
		}
		p.Add(&notReady, metrics.Int(count), code)
	}
	link := n.linkStatus()
	p.Add(&peers, metrics.Int(link.Peers-link.Relayed), "direct")
	p.Add(&peers, metrics.Int(link.Relayed), "relayed")
	st := n.settle.Status()
	p.Add(&chainOnline, metrics.Bool(st.Online))
	p.Add(&chainHead, metrics.Uint(st.Head))
	p.Add(&alarms, metrics.Int(len(n.treasury.Alarms())))
	for _, e := range st.Endpoints {
		p.Add(&rpcRequests, metrics.Uint(e.Requests), e.Name)
		p.Add(&rpcErrors, metrics.Uint(e.Errors), e.Name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for engine, t := range m.tests {
		p.Add(&selfTest, metrics.Bool(t.last), engine)
		p.Add(&selfTestRuns, metrics.Uint(t.passed), engine, "passed")
		p.Add(&selfTestRuns, metrics.Uint(t.failed), engine, "failed")
	}
}

// ofJobs counts what is under way.
func (m *measured) ofJobs(ctx context.Context, p *metrics.Page) error {
	active, err := m.n.journal.Records(ctx, journal.Query{Active: true, Limit: journal.MaxLimit})
	if err != nil {
		return fmt.Errorf("read jobs under way: %w", err)
	}
	type place struct{ role, state string }
	count := map[place]int{}
	var owing protocol.Amount // by requesters, for what was done and not paid yet
	for i := range active {
		j := &active[i].Job
		count[place{string(j.Role), string(j.State)}]++
		if j.Role == protocol.RoleRig && j.Paid.Less(j.Due) {
			if owing, err = owing.Add(j.Due.Minus(j.Paid)); err != nil {
				return err
			}
		}
	}
	for _, role := range []protocol.Role{protocol.RoleRig, protocol.RoleRequester} {
		for _, state := range []protocol.State{protocol.StateQueued, protocol.StateStaging, protocol.StateRunning} { // there without a job, too
			p.Add(&jobsActive, metrics.Int(count[place{string(role), string(state)}]), string(role), string(state))
			delete(count, place{string(role), string(state)})
		}
	}
	for at, jobs := range count {
		p.Add(&jobsActive, metrics.Int(jobs), at.role, at.state)
	}
	p.Add(&exposure, metrics.Amount(owing), string(protocol.RoleRig))
	return nil
}

// ofMoney keeps apart what was earned, is promised, was collected and was paid out.
func (m *measured) ofMoney(ctx context.Context, p *metrics.Page) error {
	n, token := m.n, m.n.token()
	p.Add(&tokenInfo, "1", token.Symbol, fmt.Sprint(token.Decimals))
	_, earned, err := n.journal.Earned(ctx, 0)
	_, spent, errSpent := n.journal.Spent(ctx, 0)
	owed, errOwed := n.treasury.Owed(ctx)
	out, errOut := n.journal.OutChannels(ctx)
	if err := errors.Join(err, errSpent, errOwed, errOut); err != nil {
		return fmt.Errorf("read the books: %w", err)
	}
	var locked protocol.Amount
	for _, ch := range out {
		if locked, err = locked.Add(ch.State.Funded.Minus(ch.State.Claimed)); err != nil {
			return err
		}
	}
	p.Add(&moneyEarned, metrics.Amount(earned))
	p.Add(&moneyPromised, metrics.Amount(owed))
	p.Add(&moneySpent, metrics.Amount(spent))
	p.Add(&exposure, metrics.Amount(locked), string(protocol.RoleRequester))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chain != nil {
		p.Add(&moneyCollected, metrics.Amount(m.chain.collected))
		p.Add(&moneyPaidOut, metrics.Amount(m.chain.paidOut))
		p.Add(&payoutHas, metrics.Amount(m.chain.has.Account), "escrow")
		p.Add(&payoutHas, metrics.Amount(m.chain.has.Wallet), "wallet")
	}
	return nil
}

// ofSales is what the rig sells.
func (m *measured) ofSales(p *metrics.Page) {
	o := m.n.rig.provider.Offer(protocol.Offer{}, false)
	p.Add(&slots, metrics.Uint(uint64(o.Slots)))
	p.Add(&slotsFree, metrics.Uint(uint64(o.FreeSlots)))
	for _, s := range m.n.rig.served.status() {
		p.Add(&modelLoaded, metrics.Bool(s.State == "loaded"), s.Name)
		p.Add(&modelSessions, metrics.Int(s.Sessions), s.Name)
		p.Add(&modelRequests, metrics.Int(s.Requests), s.Name)
		p.Add(&modelTokens, metrics.Uint(s.Units), s.Name)
		p.Add(&modelLoads, metrics.Int(s.Loads), s.Name)
		p.Add(&modelCrashes, metrics.Int(s.Crashes), s.Name)
	}
}

var governorModes = []governor.Mode{governor.ModeJob, governor.ModeMine, governor.ModeWait, governor.ModeSleep, governor.ModeHot, governor.ModePaused, governor.ModeGone}

// ofGovernor is what each card is decided to do.
func (m *measured) ofGovernor(p *metrics.Page) {
	r := m.n.rig.governed.report()
	if r == nil {
		return
	}
	p.Add(&askPrice, metrics.Decimal(int64(r.Ask), 6))
	if r.TariffKnown {
		p.Add(&tariffPrice, metrics.Decimal(int64(r.Tariff), 6))
	}
	for _, s := range r.Sources {
		p.Add(&sourceFailed, metrics.Bool(s.Error != ""), s.Name)
	}
	for i := range r.Cards {
		c := &r.Cards[i]
		for _, mode := range governorModes {
			p.Add(&governorMode, metrics.Bool(c.Mode == mode), c.ID, c.Name, string(mode))
		}
		p.Add(&governorFloor, metrics.Decimal(int64(c.Sum.Floor), 6), c.ID, c.Name)
		if c.Miner == nil {
			continue
		}
		p.Add(&handovers, metrics.Int(c.Miner.Handover), c.ID, c.Name)
		p.Add(&minerCrashes, metrics.Int(c.Miner.Crashes), c.ID, c.Name)
		if c.Miner.StopMS > 0 {
			p.Add(&handoverTime, metrics.Decimal(c.Miner.StopMS, 3), c.ID, c.Name, "to_job")
		}
		if c.Miner.StartMS > 0 {
			p.Add(&handoverTime, metrics.Decimal(c.Miner.StartMS, 3), c.ID, c.Name, "to_idle_command")
		}
	}
}

// stacks is what every goroutine of the process does, for who looks for a fault.
func (c *control) stacks(*http.Request) (any, error) {
	const most = 8 << 20
	for size := 1 << 20; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= most {
			return Stacks{string(buf[:n])}, nil
		}
	}
}
