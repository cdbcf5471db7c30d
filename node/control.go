package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/rerig/rerig/node/journal"
)

const (
	maxBody     = 1 << 20 // bytes of a control request
	controlStop = 5 * time.Second
)

// control serves the node's owner over a unix socket (SPEC §8.2): HTTP and JSON,
// mode 0600, so no token is needed.
type control struct {
	n        *Node
	server   *http.Server
	listener net.Listener
	ctx      context.Context // of run, set before it serves; followers outlive it
	dialled  sync.WaitGroup  // connections into services; each ends with its run
}

// ending reports that the node is on its way out.
func (c *control) ending() bool { return c.ctx.Err() != nil }

// newControl takes the socket. A stale one of a crashed node is replaced: the
// directory's lock says that nobody uses it.
func newControl(n *Node) (*control, error) {
	path := SocketPath(n.cfg.DataDir)
	if len(path) > 100 {
		return nil, fmt.Errorf("control socket %s: path over 100 bytes, which unix sockets do not take; use a shorter --data-dir", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	c := &control{n: n, listener: l}
	c.server = &http.Server{Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
	n.opened = append(n.opened, closer(func() error {
		err := l.Close()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	}))
	return c, nil
}

func (c *control) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, f) })
	}
	handle("GET /v1/node", c.info)
	handle("POST /v1/runs", c.submit)
	handle("GET /v1/runs", c.runs)
	handle("POST /v1/gangs", c.submitGang)
	mux.HandleFunc("POST /v1/groups", func(w http.ResponseWriter, r *http.Request) { c.answerUpTo(maxGroupBody, w, r, c.submitGroup) })
	handle("GET /v1/groups", c.listGroups)
	handle("GET /v1/groups/{id}", c.group1)
	handle("POST /v1/groups/{id}/stop", c.stopGroup)
	handle("POST /v1/groups/{id}/keep", c.keepGroup)
	mux.HandleFunc("GET /v1/groups/{id}/events", c.groupEvents)
	handle("GET /v1/runs/{id}", c.run1)
	handle("POST /v1/runs/{id}/stop", c.stopRun)
	handle("GET /v1/jobs", c.jobs)
	handle("GET /v1/jobs/{id}", c.job)
	handle("POST /v1/jobs/{id}/stop", c.stopJob)
	handle("POST /v1/market", c.market)
	handle("POST /v1/packs", c.publishPack)
	handle("GET /v1/packs/{cid}", c.readPack)
	handle("GET /v1/rig", c.rigStatus)
	handle("GET /v1/why", c.why)
	handle("GET /v1/debug/stacks", c.stacks)
	handle("GET /v1/governor", c.governed)
	handle("POST /v1/governor/price", c.setPrice)
	handle("POST /v1/governor/pause", c.pauseCard)
	handle("GET /v1/wallet", c.wallet)
	handle("POST /v1/wallet/deposit", c.deposit)
	handle("POST /v1/wallet/withdraw", c.withdraw)
	handle("POST /v1/wallet/collect", c.collectNow)
	handle("POST /v1/wallet/close", c.closeChannel)
	handle("GET /v1/wallet/history", c.history)
	handle("GET /v1/wallet/statement", c.statement)
	handle("GET /v1/wallet/audit", c.audit)
	handle("POST /v1/wallet/recover", c.recoverAll)
	handle("GET /v1/wallet/vouchers", c.vouchers)
	handle("POST /v1/runs/{id}/delivered", c.delivered)
	mux.HandleFunc("POST /v1/runs/{id}/dial", c.dial)
	mux.HandleFunc("GET /v1/runs/{id}/events", c.events)
	return mux
}

// run serves until ctx ends.
func (c *control) run(ctx context.Context) error {
	c.ctx = ctx
	c.server.BaseContext = func(net.Listener) context.Context { return ctx }
	done := make(chan error, 1)
	go func() { done <- c.server.Serve(c.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("control socket: %w", err)
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), controlStop)
	defer cancel()
	if err := c.server.Shutdown(wait); err != nil {
		_ = c.server.Close() // clients that do not leave are cut off
	}
	c.dialled.Wait()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// answer runs a handler and writes its value or its error as JSON.
func (c *control) answer(w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	c.answerUpTo(maxBody, w, r, f)
}

// answerUpTo is answer to a request of so many bytes at most.
func (c *control) answerUpTo(most int64, w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, most)
	v, err := f(r)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		e := apiError(err)
		w.WriteHeader(e.Code)
		v = e
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.n.log.Debug("control client left", "err", err)
	}
}

func apiError(err error) *APIError {
	var e *APIError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, journal.ErrNotFound):
		return &APIError{http.StatusNotFound, err.Error()}
	}
	return &APIError{http.StatusBadRequest, err.Error()}
}

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("control request: %w", err)
	}
	return nil
}
