// Package gateway is an OpenAI-compatible HTTP server that buys its answers from rigs: a
// program moves to Rerig by changing its base URL. It finds the rigs that serve a model, keeps
// a session open with each that is in use, sends a request to the best of them, to another
// where that one fails, and pays for the tokens that arrived. SPEC §5.6 and §5.7 have what it
// speaks to rigs. Begin with [New] and [Gateway.Run].
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/protocol"
)

const (
	maxHeader  = 1 << 16 // bytes of a request's header
	maxOpen    = 512     // requests being answered at once
	drainLimit = 10 * time.Second
)

// Config says what a gateway may do. New checks it.
type Config struct {
	Listen   string          // host:port; beyond loopback only with Keys
	Hosts    []string        // names by which clients may call it, beside addresses and localhost
	Dir      string          // of the journal, the files and the batches
	Budget   protocol.Amount // most that it spends in all until it ends, in base units
	MaxPrice protocol.Amount // per million units of a model; 0 is any
	Keys     []*Key          // who may use it; nil lets everybody on this machine
	Market   Market
	// Text writes an amount of base units for people.
	Text func(protocol.Amount) string
	// Line, if not nil, gets a short text about each request.
	Line func(string)
	// Ready, if not nil, is called once with the address that answers.
	Ready  func(net.Addr)
	Logger *slog.Logger     // nil for none
	Clock  func() time.Time // nil for the system's
}

func (c *Config) validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("gateway: listen on %q: %w", c.Listen, err)
	}
	if ip := net.ParseIP(host); c.Keys == nil && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("gateway: %s can be reached by others, who would spend your money: give --keys, or listen on 127.0.0.1", c.Listen)
	}
	if c.Budget.IsZero() {
		return errors.New("gateway: the budget must be above 0")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return nil
}

// Gateway answers the OpenAI API with what rigs make.
type Gateway struct {
	config  Config
	log     *slog.Logger
	clock   func() time.Time
	started time.Time

	journal *journal
	purse   *purse
	pool    *pool
	rigs    *rigs
	catalog *catalog
	store   *store
	batches *batches

	open     chan struct{}  // holds a value for each request being answered; never closed
	attempts sync.WaitGroup // of goroutines that speak to rigs
	handlers sync.WaitGroup // of requests
}

// New opens the journal and the listener, so that Run alone spends money. Errors name what
// of the configuration is wrong.
func New(c Config) (*Gateway, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	j, err := openJournal(c.Dir)
	if err != nil {
		return nil, err
	}
	g := &Gateway{config: c, log: c.Logger, clock: c.Clock, started: c.Clock(), journal: j, rigs: newRigs(c.Clock),
		catalog: newCatalog(c.Market, c.MaxPrice, c.Clock), open: make(chan struct{}, maxOpen)}
	if err := g.recall(); err != nil {
		return nil, errors.Join(err, j.db.Close())
	}
	g.pool = newPool(c.Market, g.purse, g.log, g.clock)
	return g, nil
}

// recall takes up what an earlier process left.
func (g *Gateway) recall() error {
	spent, err := g.journal.spent()
	if err != nil {
		return err
	}
	g.purse = newPurse(g.config.Budget, g.config.Text, spent)
	if g.store, err = openStore(g.journal.db, filepath.Join(g.config.Dir, "files")); err != nil {
		return err
	}
	g.batches, err = openBatches(g, g.journal.db)
	return err
}

// Spent is what sessions cost so far, and what those that are open may cost yet, in base units.
func (g *Gateway) Spent() protocol.Amount {
	g.purse.mu.Lock()
	defer g.purse.mu.Unlock()
	return g.purse.taken
}

// Run serves until ctx ends: it then takes no more requests, gives the open ones a moment,
// ends every session, and returns when the last bill is paid. It may be called once.
func (g *Gateway) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, g.journal.db.Close()) }()
	listener, err := net.Listen("tcp", g.config.Listen)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	web := &http.Server{Handler: g.handler(), ReadHeaderTimeout: readTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug)}
	base := context.WithoutCancel(ctx)
	pooling, endPool := context.WithCancel(base) // ends when no request is open
	writing, endJournal := context.WithCancel(base)
	defer endPool()
	defer endJournal()
	group, ending := errgroup.WithContext(ctx)
	group.Go(func() error { return g.journal.run(writing) })
	played := make(chan struct{}) // closed when no batch is worked on any more
	group.Go(func() error {
		defer close(played)
		return g.batches.run(ending)
	})
	group.Go(func() error {
		defer endJournal() // nothing is spent any more
		g.pool.run(pooling)
		return nil
	})
	group.Go(func() error {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("gateway: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer endPool()
		<-ending.Done()
		drain, cancel := context.WithTimeout(base, drainLimit)
		defer cancel()
		err := web.Shutdown(drain)
		if errors.Is(err, context.DeadlineExceeded) {
			err = web.Close() // the clients of what is still open are cut off
		}
		g.handlers.Wait()
		<-played
		g.attempts.Wait()
		return err
	})
	if g.config.Ready != nil {
		g.config.Ready(listener.Addr())
	}
	return group.Wait()
}
