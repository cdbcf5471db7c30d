package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/rerig/rerig/protocol"
)

// What a session answers. Everything else is not found.
const (
	modelsPath   = "/v1/models"
	chatPath     = "/v1/chat/completions"
	completePath = "/v1/completions"
	embedPath    = "/v1/embeddings"
	imagePath    = "/v1/images/generations" // of models that make some
)

// Limits of a session's HTTP.
const (
	maxPerSession = 128      // requests under way of one session
	maxPerServer  = 256      // and of all sessions with one server, those that wait included
	maxBody       = 4 << 20  // bytes of a request
	maxBodies     = 16 << 20 // bytes of all requests to one server that wait or are read
	maxHeader     = 16 << 10 // bytes of a request's header
	headerTime    = 10 * time.Second
	bodyTime      = 10 * time.Second
	idleTime      = 2 * time.Minute
	takeTime      = time.Minute // for a client to take a part of the answer
)

// newWeb makes a session's HTTP server. What it parses is written anew for the model's server:
// no byte of a client's reaches that but a body, whole and of known length.
func newWeb(n *Session, log *slog.Logger) *http.Server {
	only := new(http.Protocols)
	only.SetHTTP1(true)
	return &http.Server{Handler: n, Protocols: only, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}

// ServeHTTP answers one request.
func (n *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) > 0 { // where the next request begins is not to be a matter of view
		w.Header().Set("Connection", "close")
	}
	if !n.enter() {
		refuse(w, busy(fmt.Sprintf("%d requests of this session are under way; wait for one to end", maxPerSession)))
		return
	}
	defer n.leave()
	switch path := r.URL.Path; path {
	case modelsPath, modelsPath + "/" + n.m.Name:
		if r.Method != http.MethodGet {
			refuse(w, wrongMethod(r, http.MethodGet))
			return
		}
		n.list(w, path == modelsPath)
	case chatPath, completePath, embedPath, imagePath:
		if path == imagePath && n.images() == nil {
			refuse(w, notFound(path))
			return
		}
		if r.Method != http.MethodPost {
			refuse(w, wrongMethod(r, http.MethodPost))
			return
		}
		if err := n.pass(w, r, path); err != nil {
			refuse(w, err)
		}
	default:
		refuse(w, notFound(path))
	}
}

func notFound(path string) *refusal {
	return &refusal{http.StatusNotFound, "not_found", fmt.Sprintf("%.100q is not served here; %s, %s, %s and %s are", path, modelsPath, chatPath, completePath, embedPath), 0}
}

// images is how the session's model makes images; nil where it makes none.
func (n *Session) images() *protocol.Images {
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	return n.m.Images
}

// list answers with the session's one model.
func (n *Session) list(w http.ResponseWriter, all bool) {
	n.set.mu.Lock()
	one := map[string]any{"id": n.m.Name, "object": "model", "created": 0, "owned_by": "rerig", "context_length": n.m.Context}
	if n.set.cfg.Continues {
		one["continues_tokens"] = true
	}
	if n.m.Images != nil {
		one["images"] = n.m.Images
	}
	n.set.mu.Unlock()
	var v any = one
	if all {
		v = map[string]any{"object": "list", "data": []any{one}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

// pass has the model's server answer. An error is told before anything of an answer was.
func (n *Session) pass(w http.ResponseWriter, r *http.Request, path string) error {
	body, done, err := n.read(w, r)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(n.ctx, cancel)
	defer stop()
	if err := n.unpaused(ctx); err != nil {
		return err
	}
	server, err := n.set.acquire(ctx, n.m)
	if err != nil {
		return err
	}
	defer n.set.release(n.m)
	a, err := server.Ask(ctx, Request{Method: http.MethodPost, Path: path, Owner: n.id, Body: body})
	if err != nil {
		return n.broken(err)
	}
	defer n.ended(a)
	n.begun(a)
	left := context.AfterFunc(ctx, func() { _ = a.Close() }) // the client went: nothing more is made
	defer left()
	status, kind, err := a.Head()
	if err != nil {
		return n.broken(err)
	}
	return n.answer(w, a, status, kind)
}

// answer copies an answer to the client as it comes.
func (n *Session) answer(w http.ResponseWriter, a Answer, status int, kind string) error {
	live := kind == "text/event-stream"
	if !live {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	if live {
		w.Header().Set("Cache-Control", "no-cache")
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	control := http.NewResponseController(w)
	w.WriteHeader(status)
	for buf := make([]byte, 32<<10); ; {
		k, err := a.Read(buf)
		if k > 0 {
			werr := control.SetWriteDeadline(time.Now().Add(takeTime))
			if werr == nil {
				_, werr = w.Write(buf[:k])
			}
			if werr == nil && live {
				werr = control.Flush()
			}
			if werr != nil {
				return nil //nolint:nilerr // the client is gone
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && live:
			n.broken(err) //nolint:errcheck // it is told here
			_, _ = io.WriteString(w, "\n\ndata: "+string(lost().body())+"\n\n")
			return nil
		case err != nil:
			n.broken(err) //nolint:errcheck // the answer is cut off, which the client sees
			panic(http.ErrAbortHandler)
		}
	}
}

// broken is a request whose server ended under it. The log has why.
func (n *Session) broken(err error) error {
	if n.ctx.Err() == nil {
		n.set.cfg.Logger.Info("a request broke off", "model", n.m.Name, "err", err)
	}
	return lost()
}

// read takes a place at the model's server, and a request's body. The place is free again when
// done is called.
func (n *Session) read(w http.ResponseWriter, r *http.Request) (body []byte, done func(), err error) {
	size := r.ContentLength
	if size > maxBody {
		return nil, nil, tooLong()
	}
	if size < 0 { // it is not told
		size = maxBody
	}
	if !n.take(size) {
		return nil, nil, busy("the queue of this model is full; try again later, or another rig")
	}
	done = func() { n.give(1, size) }
	control := http.NewResponseController(w)
	if err = control.SetReadDeadline(time.Now().Add(bodyTime)); err == nil {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	}
	if err == nil {
		err = control.SetReadDeadline(time.Time{})
	}
	if err != nil {
		done()
		if errors.As(err, new(*http.MaxBytesError)) {
			return nil, nil, tooLong()
		}
		return nil, nil, &refusal{http.StatusBadRequest, "", "the request's body did not come: " + err.Error(), 0}
	}
	n.give(0, size-int64(len(body))) // what was not told is known now
	size = int64(len(body))
	return body, done, nil
}

// take takes a place and room for a body at the model's server, if there are. No session
// has more than half of the room.
func (n *Session) take(size int64) bool {
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	m := n.m
	if m.places >= maxPerServer || m.bodies+size > maxBodies || n.bodies+size > maxBodies/2 {
		return false
	}
	m.places++
	m.bodies += size
	n.bodies += size
	return true
}

func (n *Session) give(places int, size int64) {
	n.set.mu.Lock()
	defer n.set.mu.Unlock()
	n.m.places -= places
	n.m.bodies -= size
	n.bodies -= size
}
