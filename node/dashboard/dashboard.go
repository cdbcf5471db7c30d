// Package dashboard serves a node's page to its owner (SPEC §8.11): the built page of web/, a
// JSON API of what the node knows, and a stream of what changes. Nothing can be changed
// through it. Start at Listen and Run.
package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/netutil"
)

// Limits on who looks.
const (
	maxConnections = 64
	maxFollowers   = 16               // pages that follow what changes
	looksAtOnce    = 8                // answers under way
	lookTime       = 20 * time.Second // of one answer
	maxAnswer      = 8 << 20          // bytes of one answer
	stopTime       = 2 * time.Second
)

// Look answers one question of the page; what it returns is sent as JSON.
type Look func(*http.Request) (any, error)

// Config is everything that a dashboard needs.
type Config struct {
	// Listen is host:port, or a port of the loopback address. Beyond loopback the page wants
	// the token.
	Listen string
	// TokenFile keeps the token; it is made where it is needed and missing.
	TokenFile string
	// Looks are answered at /api/NAME.
	Looks map[string]Look
	// Live names the look that followers are sent every Every, while there are any; 0 is 2 s.
	Live  string
	Every time.Duration
	// Refuse says how an error of a look is told: its HTTP status and its text.
	Refuse func(error) (status int, text string)
	// Log is what followers are sent besides; nil is nothing.
	Log    *Log
	Logger *slog.Logger
}

// Server is a dashboard that has its address.
type Server struct {
	cfg      Config
	listener net.Listener
	loopback bool
	token    string        // "" on loopback
	looks    chan struct{} // a token for each answer under way
	feed     *feed
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
		return "", fmt.Errorf("IP:PORT such as 127.0.0.1:8485, or a port, got %q", text)
	}
	return net.JoinHostPort(host, port), nil
}

// Listen takes the address. Run serves, Close gives up an address that was never served.
func Listen(cfg Config) (*Server, error) {
	address, err := Address(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	if cfg.Every <= 0 {
		cfg.Every = 2 * time.Second
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w; choose another address, or off", err)
	}
	s := &Server{cfg: cfg, listener: l, looks: make(chan struct{}, looksAtOnce), feed: newFeed(maxFollowers)}
	if tcp, ok := l.Addr().(*net.TCPAddr); ok {
		s.loopback = tcp.IP.IsLoopback()
	}
	if !s.loopback {
		if s.token, err = loadToken(cfg.TokenFile); err != nil {
			return nil, errors.Join(fmt.Errorf("dashboard: %w", err), l.Close())
		}
	}
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug)}
	return s, nil
}

// URL is where the page is.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/" }

// Close gives up the address.
func (s *Server) Close() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("dashboard: %w", err)
	}
	return nil
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	s.http.BaseContext = func(net.Listener) context.Context { return ctx }
	fed := make(chan struct{}) // closed when nobody is sent anything any more
	go func() { defer close(fed); s.follow(ctx) }()
	done := make(chan error, 1) // gets Serve's result, once
	go func() { done <- s.http.Serve(netutil.LimitListener(s.listener, maxConnections)) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if s.http.Shutdown(wait) != nil {
			_ = s.http.Close() // who does not leave is cut off
		}
		err = <-done
	}
	s.feed.end()
	if ctx.Err() != nil {
		<-fed
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("dashboard: %w", err)
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for name, look := range s.cfg.Looks {
		mux.HandleFunc("GET /api/"+name, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, look) })
	}
	mux.HandleFunc("GET /api/events", s.events)
	page := newPage()
	mux.Handle("GET /", page)
	return s.guard(mux, page)
}

// answer runs a look and writes its value or its error as JSON.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, look Look) {
	w.Header().Set("Content-Type", "application/json")
	select {
	case s.looks <- struct{}{}:
		defer func() { <-s.looks }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "the node answers many already; ask again")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTime)
	defer cancel()
	v, err := look(r.WithContext(ctx))
	if err != nil {
		status, text := s.cfg.Refuse(err)
		refuse(w, status, text)
		return
	}
	b, err := json.Marshal(v)
	if err != nil || len(b) > maxAnswer {
		s.cfg.Logger.Warn("the dashboard has no answer", "path", r.URL.Path, "bytes", len(b), "err", err)
		refuse(w, http.StatusInternalServerError, "the answer cannot be sent; the log says why")
		return
	}
	_, _ = w.Write(b) // who left wants nothing
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{text}) // who left wants nothing
}
