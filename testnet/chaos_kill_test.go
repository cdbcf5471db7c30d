//go:build unix

package testnet_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/rerig/rerig/client"
)

func dial(ctx context.Context, m *mortal) (*client.Client, error) {
	return client.Connect(ctx, m.config.DataDir)
}

// untilOver is a context that ends with over, too.
func untilOver(ctx context.Context, over <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-over:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// plan is one life: who dies, at which point, and what is done meanwhile.
type plan struct {
	victim  *mortal
	both    bool   // the other dies with it
	at      string // kind of point
	write   string // order for the hook, "" for none
	trip    *trip  // on the way to the chain, nil for none
	after   time.Duration
	collect time.Duration
	jobs    [chaosWorkers][][]string
	hold    bool          // the chain makes no blocks in this life
	reorg   int           // blocks that are gone in it
	close   time.Duration // into it the requester closes its channels, 0 for never
}

// plan draws a life.
func (c *chaos) plan() *plan {
	pick := func(n int) int { return c.draw.IntN(n) }
	p := &plan{victim: c.rig, both: pick(4) == 0, after: time.Duration(pick(700)) * time.Millisecond,
		collect: time.Duration(20+pick(500)) * time.Millisecond, hold: pick(6) == 0}
	if c.fickle && pick(2) == 0 {
		p.reorg = 1 + pick(4)
	}
	if !c.fickle && pick(2) == 0 {
		p.close = time.Duration(1+pick(250)) * time.Millisecond
	}
	if pick(2) == 0 {
		p.victim = c.buyer
	}
	side := []string{"before", "after"}[pick(2)]
	switch pick(6) {
	case 0, 1:
		p.at = "any time"
	case 2, 3: // few writes in a start, many in jobs
		p.at, p.write, p.after = "journal write", fmt.Sprint(side, " ", 1+pick(1<<(2+pick(6)))), 2*time.Second
	case 4:
		p.at, p.trip, p.after = "transaction", &trip{method: "eth_sendRawTransaction", left: 1, after: side == "after"}, 1500*time.Millisecond
		p.collect = 20 * time.Millisecond
	case 5:
		p.at, p.trip, p.after = "request to the chain", &trip{left: 1 + pick(40), after: side == "after"}, 1500*time.Millisecond
	}
	for n := range p.jobs {
		for range 4 {
			p.jobs[n] = append(p.jobs[n], [][]string{{"loop"}, {"count", "9", "5"}, {"print", "x"}, {"spin", "20"}}[pick(4)])
		}
	}
	return p
}

// reorganise takes out some of the newest blocks, with all that was paid in them.
func (c *chaos) reorganise(blocks int) {
	c.t.Helper()
	if depth := min(uint64(blocks), c.net.Chain.Height()-c.base); depth > 0 {
		c.must(c.net.Chain.Reorg(depth))
		c.total.reorgs++
		c.shaken = true
	}
}

// trip is a request to the chain that kills who makes it.
type trip struct {
	method string // "" for any
	left   int    // the how manieth; 0 is none
	after  bool   // when the chain has it, before the answer is out
	victim *command
}

// tripwire is a process's way to the chain.
type tripwire struct {
	server *httptest.Server
	chain  string

	mu   sync.Mutex // guards trip
	trip trip
}

func newTripwire(t *testing.T, chain string) *tripwire {
	w := &tripwire{chain: chain}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	return w
}

func (w *tripwire) url() string { return w.server.URL }

// arm counts the requests from now on; the zero trip kills nobody.
func (w *tripwire) arm(t trip) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trip = t
}

// steps returns whom a request kills, nil for nobody.
func (w *tripwire) steps(body []byte) (victim *command, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trip.left == 0 || !bytes.Contains(body, []byte(w.trip.method)) {
		return nil, false
	}
	if w.trip.left--; w.trip.left > 0 {
		return nil, false
	}
	return w.trip.victim, w.trip.after
}

// shoot kills a process and waits until it is gone: no answer reaches it.
func shoot(c *command) {
	_ = c.cmd.Process.Kill() // somebody else may have been faster
	<-c.done
}

// ServeHTTP passes requests on to the chain.
func (w *tripwire) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	victim, after := w.steps(body)
	if victim != nil && !after {
		shoot(victim)
		return
	}
	resp, err := http.Post(w.chain, r.Header.Get("Content-Type"), bytes.NewReader(body))
	if victim != nil {
		shoot(victim)
	}
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	rw.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	rw.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(rw, resp.Body) // who asked may be dead
}
