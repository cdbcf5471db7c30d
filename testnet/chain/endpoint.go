package chain

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// Limits of the endpoint, which only local programs reach.
const (
	maxRequestBytes  = 1 << 20
	maxBatch         = 1000
	maxResponseBytes = 25 << 20
	headerTimeout    = 10 * time.Second
)

// endpoint serves JSON-RPC over HTTP and can go away and come back.
type endpoint struct {
	rpc     *rpc.Server
	handler http.Handler
	addr    string // fixed once the first listener has its port

	mu      sync.Mutex
	server  *http.Server  // nil while paused
	stopped chan struct{} // closed by serve when server ended
}

// newEndpoint serves the namespaces eth, net and web3, and no administrative one.
func newEndpoint(listen string, id uint64, l *ledger) (*endpoint, error) {
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	if err := checkLoopback(listen); err != nil {
		return nil, err
	}
	server := rpc.NewServer()
	server.SetHTTPBodyLimit(maxRequestBytes)
	server.SetBatchLimits(maxBatch, maxResponseBytes)
	for name, service := range map[string]any{"eth": &ethAPI{l}, "net": netAPI{id}, "web3": web3API{}} {
		if err := server.RegisterName(name, service); err != nil {
			return nil, err
		}
	}
	e := &endpoint{rpc: server, handler: localHost(server), addr: listen}
	if err := e.resume(); err != nil {
		server.Stop()
		return nil, err
	}
	return e, nil
}

// localHost keeps web pages out that point their own name at loopback.
func localHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host // without a port
		}
		if host != "" && net.ParseIP(host) == nil && !strings.EqualFold(host, "localhost") {
			http.Error(w, "invalid host specified", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkLoopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", listen, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("listen address %q: a test chain listens on loopback only, give 127.0.0.1:PORT", listen)
	}
	return nil
}

func (e *endpoint) url() string { return "http://" + e.addr }

func (e *endpoint) resume() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", e.addr)
	if err != nil {
		return err
	}
	if bound := listener.Addr().String(); bound != e.addr {
		e.addr = bound // only the first time, when the port was 0
	}
	e.server = &http.Server{Handler: e.handler, ReadHeaderTimeout: headerTimeout}
	e.stopped = make(chan struct{})
	go serve(e.server, listener, e.stopped)
	return nil
}

// serve runs until the server is closed by pause.
func serve(s *http.Server, l net.Listener, stopped chan<- struct{}) {
	defer close(stopped)
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		_ = s.Close() // it has stopped for another reason
	}
}

func (e *endpoint) pause() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return
	}
	_ = e.server.Close() // the listener is gone either way
	<-e.stopped
	e.server = nil
}

func (e *endpoint) close() {
	e.pause()
	e.rpc.Stop()
}

// Pause takes the endpoint away, as an outage does: connections break and new
// ones are refused. The chain goes on.
func (c *Chain) Pause() { c.endpoint.pause() }

// Resume brings the endpoint back at the same address. It fails when another
// program has taken the port in the meantime.
func (c *Chain) Resume() error {
	if err := c.endpoint.resume(); err != nil {
		return fmt.Errorf("resume the chain's endpoint: %w", err)
	}
	return nil
}
