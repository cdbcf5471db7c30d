package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Limits on who looks.
const (
	maxConnections = 32
	looksAtOnce    = 4
	lookTime       = 20 * time.Second // of one page
	stopTime       = 2 * time.Second
)

// Reason is why a node is not ready.
type Reason struct {
	Code string `json:"code"` // one of few words
	Text string `json:"text"` // for people, with what to do
}

// Config is everything that a server needs.
type Config struct {
	// Listen is host:port, or a port of the loopback address.
	Listen string
	// Fill writes all numbers; it is called by several at once.
	Fill func(context.Context, *Page) error
	// Ready says why the node cannot do its work now; none for ready.
	Ready  func(context.Context) []Reason
	Logger *slog.Logger
}

// Server answers GET for /metrics, /healthz and /readyz. There is nothing secret in its
// answers, and nothing can be changed through it.
type Server struct {
	cfg      Config
	listener net.Listener
	loopback bool
	looks    chan struct{} // a token for each page under way
	http     *http.Server
}

// Address is where to listen for what a user wrote: a port alone, or a port without a host,
// is the loopback address's.
func Address(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = "", text
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	_, errPort := net.LookupPort("tcp", port)
	if _, err := netip.ParseAddr(host); err != nil || errPort != nil || port == "" {
		return "", fmt.Errorf("IP:PORT such as 127.0.0.1:9464, or a port, got %q", text)
	}
	return net.JoinHostPort(host, port), nil
}

// Listen takes the address. Run serves, Close gives up an address that was never served.
func Listen(cfg Config) (*Server, error) {
	address, err := Address(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w; choose another address, or end what has it", err)
	}
	at, _ := netip.ParseAddrPort(l.Addr().String())
	s := &Server{cfg: cfg, listener: netutil.LimitListener(l, maxConnections), loopback: at.Addr().Unmap().IsLoopback(), looks: make(chan struct{}, looksAtOnce)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	s.http = &http.Server{Handler: s.guard(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: lookTime + 10*time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug)}
	return s, nil
}

// URL is where the pages are, such as http://127.0.0.1:9464.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close gives up the address.
func (s *Server) Close() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	done := make(chan error, 1) // gets Serve's result, once
	go func() { done <- s.http.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("metrics: %w", err)
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := s.http.Shutdown(wait); err != nil {
		_ = s.http.Close() // who does not leave is cut off
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// guard keeps web pages from looking: a browser that was led to the loopback address by a
// name of somebody else's says that name.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); s.loopback && err != nil && host != "localhost" {
			http.Error(w, "this is the loopback address: ask for 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	default:
		http.Error(w, "too many look at once", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTime)
	defer cancel()
	var p Page
	if err := s.cfg.Fill(ctx, &p); err != nil {
		s.cfg.Logger.Warn("metrics cannot be told", "err", err)
		http.Error(w, "not all can be told; the node's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", ContentType)
	if _, err := p.WriteTo(w); err != nil {
		s.cfg.Logger.Debug("who looked has left", "err", err)
	}
}

// healthz is answered by a node that lives.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	s.say(w, r, http.StatusOK, "ok\n", map[string]bool{"ok": true})
}

// readyz says whether the node can do its work, and why not.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := s.cfg.Ready(r.Context())
	if len(reasons) == 0 {
		s.say(w, r, http.StatusOK, "ready\n", readiness{true, []Reason{}})
		return
	}
	var text strings.Builder
	for _, one := range reasons {
		fmt.Fprintf(&text, "%s: %s\n", one.Code, one.Text)
	}
	s.say(w, r, http.StatusServiceUnavailable, text.String(), readiness{false, reasons})
}

type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []Reason `json:"reasons"`
}

// say answers in text, or in JSON where that is accepted.
func (s *Server) say(w http.ResponseWriter, r *http.Request, code int, text string, v any) {
	body, kind := []byte(text), "text/plain; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		if b, err := json.Marshal(v); err == nil {
			body, kind = append(b, '\n'), "application/json"
		}
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	if _, err := w.Write(body); err != nil {
		s.cfg.Logger.Debug("who looked has left", "err", err)
	}
}
