package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keyName is where a request's context has its key.
type keyName struct{}

// keyOf is who asks; nil where no key is asked for.
func keyOf(ctx context.Context) *Key {
	k, _ := ctx.Value(keyName{}).(*Key)
	return k
}

func (k *Key) name() string {
	if k == nil {
		return ""
	}
	return k.Name
}

// handler is everything that is served, behind the guards.
func (g *Gateway) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]string{"status": "ok"}) })
	mux.HandleFunc("GET /v1/models", g.models)
	mux.HandleFunc("GET /v1/models/{name...}", g.oneModel)
	for _, f := range []*form{chatForm, textForm, embedForm, imageForm} {
		mux.HandleFunc("POST "+f.path, g.bounded(func(w http.ResponseWriter, r *http.Request) { g.generate(w, r, f) }))
	}
	mux.HandleFunc("POST /v1/files", g.bounded(g.upload))
	mux.HandleFunc("GET /v1/files", g.listFiles)
	mux.HandleFunc("GET /v1/files/{id}", g.oneFile)
	mux.HandleFunc("GET /v1/files/{id}/content", g.content)
	mux.HandleFunc("DELETE /v1/files/{id}", g.deleteFile)
	mux.HandleFunc("POST /v1/batches", g.createBatch)
	mux.HandleFunc("GET /v1/batches", g.listBatches)
	mux.HandleFunc("GET /v1/batches/{id}", g.oneBatch)
	mux.HandleFunc("POST /v1/batches/{id}/cancel", g.cancelBatch)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &apiError{status: http.StatusNotFound, code: "unknown_url",
			message: fmt.Sprintf("Unknown request URL: %s %s", r.Method, r.URL.Path)})
	})
	guarded := http.NewCrossOriginProtection()
	guarded.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, &apiError{status: http.StatusForbidden, message: "requests of other sites' pages are refused"})
	}))
	return g.tracked(g.hosts(guarded.Handler(g.keys(mux))))
}

// tracked lets the end of the gateway wait for its handlers, which outlive their connections.
func (g *Gateway) tracked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.handlers.Add(1)
		defer g.handlers.Done()
		next.ServeHTTP(w, r)
	})
}

// hosts refuses requests to a name that is not this gateway's: a page elsewhere whose name was
// pointed at this machine would otherwise be of the same origin.
func (g *Gateway) hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if net.ParseIP(host) == nil && host != "localhost" && !slices.Contains(g.config.Hosts, host) {
			fail(w, &apiError{status: http.StatusForbidden, message: fmt.Sprintf("this gateway is not called %q; --host allows a name", host)})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// keys asks for a key where there are any, and holds its bearer to its rate.
func (g *Gateway) keys(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.config.Keys == nil || r.URL.Path == "/health" {
			next.ServeHTTP(w, r)
			return
		}
		secret := secretOf(r.Header)
		k := bearer(g.config.Keys, secret)
		switch {
		case secret == "":
			fail(w, &apiError{status: http.StatusUnauthorized, code: "missing_api_key",
				message: "You didn't provide an API key. Send it in the header Authorization: Bearer YOUR_KEY."})
			return
		case k == nil:
			fail(w, &apiError{status: http.StatusUnauthorized, code: "invalid_api_key", message: "Incorrect API key provided."})
			return
		}
		if k.limit != nil && r.Method == http.MethodPost {
			now := g.clock()
			w.Header().Set("X-Ratelimit-Limit-Requests", strconv.Itoa(k.PerMinute))
			took := k.limit.ReserveN(now, 1)
			if wait := took.DelayFrom(now); wait > 0 {
				took.CancelAt(now)
				w.Header().Set("X-Ratelimit-Remaining-Requests", "0")
				fail(w, &apiError{status: http.StatusTooManyRequests, code: "rate_limit_exceeded", retry: wait,
					message: fmt.Sprintf("Rate limit reached for key %s: %d requests a minute.", k.Name, k.PerMinute)})
				return
			}
			w.Header().Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(int(k.limit.TokensAt(now))))
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), keyName{}, k)))
	})
}

// bounded answers only so many requests at once, so that their bodies do not fill the memory.
func (g *Gateway) bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case g.open <- struct{}{}:
			defer func() { <-g.open }()
			next(w, r)
		default:
			fail(w, &apiError{status: http.StatusTooManyRequests, code: "rate_limit_exceeded", retry: time.Second,
				message: fmt.Sprintf("the gateway answers %d requests already", maxOpen)})
		}
	}
}

// generate answers a request with a rig's work.
func (g *Gateway) generate(w http.ResponseWriter, r *http.Request, f *form) {
	var fields map[string]json.RawMessage
	if err := readJSON(w, r, maxBody, &fields); err != nil {
		fail(w, err)
		return
	}
	q, err := parse(f, fields)
	if err != nil {
		fail(w, err)
		return
	}
	q.key = keyOf(r.Context())
	if q.stream {
		out := newStreamSink(w)
		if _, err := g.serve(r.Context(), q, out); err != nil {
			var left gone
			switch {
			case errors.As(err, &left):
			case out.open:
				out.broken(err)
			default:
				fail(w, err)
			}
		}
		return
	}
	out := &wholeSink{}
	d, err := g.serve(r.Context(), q, out)
	if err != nil {
		if r.Context().Err() == nil {
			fail(w, err)
		}
		return
	}
	d.head(w.Header())
	w.Header().Set(headerCost, g.config.Text(d.cost))
	answer(w, out.body)
}

// serve has a request answered, charges for it and writes it down.
func (g *Gateway) serve(ctx context.Context, q *request, out sink) (*dispatch, error) {
	d := &dispatch{g: g, q: q, id: q.form.made + rand.Text(), created: g.clock(), model: q.model, tried: map[place]bool{}}
	err := d.run(ctx, out)
	if q.form.made == "" {
		d.id = ""
	}
	e := entry{At: d.created, Key: q.key.name(), Path: q.form.path, Model: q.model, Job: d.job, Status: http.StatusOK,
		Read: d.read, Made: d.total.Completion, Cost: d.cost, Took: g.clock().Sub(d.created), First: d.first}
	if d.job != "" {
		e.Rig = d.offer.Rig.String()
	}
	var left gone
	switch {
	case err == nil:
	case errors.As(err, &left):
		e.Status, e.Problem = 499, "the client left"
	default:
		e.Status, e.Problem = describe(err).status, err.Error()
	}
	g.journal.add(e)
	if g.config.Line != nil {
		g.config.Line(g.text(e))
	}
	return d, err
}

// text is a request in a line for people.
func (g *Gateway) text(e entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s %s", e.At.Format(time.TimeOnly), e.Status, strings.TrimPrefix(e.Path, "/v1/"), e.Model)
	if e.Key != "" {
		fmt.Fprintf(&b, " by %s", e.Key)
	}
	if e.Rig != "" {
		fmt.Fprintf(&b, " · %s… · %d+%d tokens · %s · %v", e.Rig[:10], e.Read, e.Made, g.config.Text(e.Cost), e.Took.Round(time.Millisecond))
		if e.First > 0 {
			fmt.Fprintf(&b, ", first after %v", e.First.Round(100*time.Microsecond))
		}
	}
	if e.Problem != "" {
		fmt.Fprintf(&b, " · %s", e.Problem)
	}
	return b.String()
}
