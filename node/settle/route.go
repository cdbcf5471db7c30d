package settle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
)

// maxWait is how long a request waits for an endpoint that asked for a pause, where
// there is no other.
const maxWait = 3 * time.Second

// route sends requests to one endpoint, or to the best.
type route struct {
	r    *remote
	only *endpoint
}

// RoundTrip returns the first answer; every request of this package may be made twice.
func (t route) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	body, err := io.ReadAll(req.Body)
	if err = errors.Join(err, req.Body.Close()); err != nil {
		return nil, err
	}
	candidates, err := t.candidates(ctx)
	for i, e := range candidates {
		limit := t.r.patience
		if len(t.r.endpoints) == 1 || t.only == nil && i+1 == len(candidates) {
			limit = requestTimeout // there is nobody else
		}
		var answer []byte
		if answer, err = t.r.ask(ctx, e, body, limit); err == nil {
			return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(answer)),
				Body: io.NopCloser(bytes.NewReader(answer)), Request: req}, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (t route) candidates(ctx context.Context) ([]*endpoint, error) {
	all := t.r.endpoints
	if t.only != nil {
		all = []*endpoint{t.only}
	}
	list, wait, err := t.r.candidates(all, t.only != nil)
	if len(list) > 0 || wait <= 0 || wait > maxWait {
		return list, err
	}
	select {
	case <-time.After(wait):
		list, _, err = t.r.candidates(all, t.only != nil)
		return list, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// candidates is which endpoints to ask, the best first; where there are none, the
// reason, and how long it takes until there is one if it is only a matter of time.
func (r *remote) candidates(all []*endpoint, named bool) (list []*endpoint, wait time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var resting []*endpoint
	for _, e := range all {
		switch {
		case !named && (e.wrong != nil || !e.proven):
		case !named && e.doubt != nil:
			err = e.doubt
		case now.Before(e.limited):
			left := e.limited.Sub(now)
			if wait == 0 || left < wait {
				wait = left
			}
			if err == nil {
				err = &OfflineError{Endpoint: e.name, Err: &tooMany{left}}
			}
		case now.Before(e.rest):
			resting = append(resting, e)
		default:
			list = append(list, e)
		}
	}
	slices.SortStableFunc(resting, func(a, b *endpoint) int { return a.rest.Compare(b.rest) })
	list = append(list, resting...)
	if len(list) == 0 && err == nil {
		err = &OfflineError{Endpoint: r.names(), Err: errors.New("not contacted yet")}
	}
	return list, wait, err
}

// usable is the endpoints that may be asked beside each other now.
func (r *remote) usable() []*endpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var list []*endpoint
	for _, e := range r.endpoints {
		if e.proven && e.wrong == nil && e.doubt == nil && !now.Before(e.rest) && !now.Before(e.limited) {
			list = append(list, e)
		}
	}
	return list
}
