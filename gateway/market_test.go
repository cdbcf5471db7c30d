package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/engine/serve"
	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/protocol"
)

func TestMain(m *testing.M) {
	if model := os.Getenv(benchModel); model != "" {
		serveModel(model)
		return
	}
	goleak.VerifyTestMain(m)
}

// fakeMarket is a market whose rigs are servers in this process. Real sessions are held by
// the tests of package testnet.
type fakeMarket struct {
	mu      sync.Mutex
	rigs    []*fakeRig
	skipped []string
}

// fakeRig is a rig with a real model server or a scripted one.
type fakeRig struct {
	offer   Offer
	address string // of its server
	full    bool   // it takes one connection of a session

	mu       sync.Mutex
	refuses  error
	sessions []*fakeSession
}

type fakeSession struct {
	rig    *fakeRig
	number int
	budget protocol.Amount
	done   chan struct{}

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	dials     int
	delivered uint64
	err       error
	over      bool
}

func (m *fakeMarket) Offers(context.Context) ([]Offer, []string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Offer
	for _, r := range m.rigs {
		out = append(out, r.offer)
	}
	return out, m.skipped, nil
}

func (m *fakeMarket) Open(_ context.Context, o Offer, budget protocol.Amount) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rigs {
		if r.offer.key() == o.key() {
			return r.open(budget)
		}
	}
	return nil, errors.New("no such rig")
}

func (r *fakeRig) open(budget protocol.Amount) (Session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuses != nil {
		return nil, r.refuses
	}
	s := &fakeSession{rig: r, number: len(r.sessions) + 1, budget: budget, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	r.sessions = append(r.sessions, s)
	return s, nil
}

func (s *fakeSession) Job() string { return fmt.Sprintf("0xjob%d", s.number) }

func (s *fakeSession) Dial(ctx context.Context) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, errors.New("the session is over")
	}
	if s.rig.full && s.dials > 0 {
		return nil, fmt.Errorf("%w: no more connections", ErrBusy)
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", s.rig.address)
	if err != nil {
		return nil, err
	}
	s.dials++
	s.conns[c] = struct{}{}
	return c, nil
}

func (s *fakeSession) Delivered(_ context.Context, units uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivered = max(s.delivered, units)
	return nil
}

func (s *fakeSession) Spent() protocol.Amount {
	s.mu.Lock()
	defer s.mu.Unlock()
	cost, _ := s.rig.offer.Model.Price().Cost(s.delivered)
	return cost
}

func (s *fakeSession) Done() <-chan struct{} { return s.done }

func (s *fakeSession) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *fakeSession) Close(context.Context) error {
	s.end(nil)
	return nil
}

func (s *fakeSession) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.err = true, err
	close(s.done)
	for c := range s.conns {
		c.Close()
	}
}

// usual is the price of a million units, 1 token, in base units: a unit costs one.
var usual = protocol.NewAmount(1_000_000)

// rig makes a rig with a handler for its server.
func (m *fakeMarket) rig(t testing.TB, n byte, h http.Handler) *fakeRig {
	t.Helper()
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	return m.add(n, web.Listener.Addr().String())
}

func (m *fakeMarket) add(n byte, address string) *fakeRig {
	r := &fakeRig{address: address, offer: Offer{Rig: protocol.Address{n}, Model: protocol.Served{CID: "bafkreijargon", Name: "jargon",
		Context: 256, PerMillion: usual, Tick: 64}}}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rigs = append(m.rigs, r)
	return r
}

// real makes a rig that computes the embedded model.
func (m *fakeMarket) real(t testing.TB, n byte) *fakeRig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jargon.gguf")
	if err := os.WriteFile(path, jargon.GGUF(), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, serve.Config{Model: path, Name: "jargon", Listen: "127.0.0.1:0", Threads: 1,
			Ready: func(a net.Addr) { ready <- a }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the model server ends with %v", err)
		}
	})
	select {
	case a := <-ready:
		return m.add(n, a.String())
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return nil
}
