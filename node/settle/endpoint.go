package settle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"
)

// Limits on an RPC endpoint, which may be anybody's.
const (
	requestTimeout   = 30 * time.Second // of a request to the only endpoint left
	maxResponseBytes = 32 << 20
	maxHeaderBytes   = 64 << 10
	firstRest        = 250 * time.Millisecond // after a failure; doubles
	maxRest          = 30 * time.Second
	rateRest         = 2 * time.Second  // after too many requests, where none is named
	maxRateRest      = 10 * time.Minute // of what an endpoint may name
)

// endpoint is one JSON-RPC endpoint. The remote it is of guards all but the first
// three fields.
type endpoint struct {
	url    *url.URL
	name   string            // scheme and host, for people: the path may hold an API key
	client *ethclient.Client // asks this endpoint alone

	proven  bool      // chain and contract checked
	wrong   error     // it is another chain, or has no escrow: never asked again
	doubt   error     // its head is not to be believed
	failure error     // of the last request; nil after an answer
	failed  int       // requests in a row without an answer
	rest    time.Time // asked before then only if there is no other
	limited time.Time // not asked before then: it said so
	asked   uint64    // requests, ever
	errors  uint64    // of them without an answer
}

// tooMany says that an endpoint wants fewer requests.
type tooMany struct{ after time.Duration }

// Error names the wait.
func (e *tooMany) Error() string {
	return fmt.Sprintf("too many requests, asked again in %v", e.after.Round(time.Second))
}

// ask sends one request to one endpoint and returns the answer, which is JSON and
// not too long. Its error is an OfflineError, or the context's.
func (r *remote) ask(ctx context.Context, e *endpoint, body []byte, limit time.Duration) ([]byte, error) {
	try, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer, err := r.post(try, e, body)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && try.Err() != nil {
		err = fmt.Errorf("no answer within %v", limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	e.failure = err
	e.asked++
	if err == nil {
		e.failed = 0
		return answer, nil
	}
	e.errors++
	var rate *tooMany
	if errors.As(err, &rate) {
		e.limited = now.Add(rate.after)
	} else {
		e.rest = now.Add(min(firstRest<<min(e.failed, 8), maxRest))
		e.failed++
	}
	return nil, &OfflineError{Endpoint: e.name, Err: err}
}

func (r *remote) post(ctx context.Context, e *endpoint, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("not a URL that can be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		var transport *url.Error
		if errors.As(err, &transport) {
			err = transport.Err // without the path
		}
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests,
		resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		return nil, &tooMany{retryAfter(resp.Header.Get("Retry-After"), r.now())}
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(clip(resp.Status))
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("answer cut off: %w", err)
	case len(answer) > maxResponseBytes:
		return nil, fmt.Errorf("answer over %d MiB", maxResponseBytes>>20)
	case !json.Valid(answer):
		return nil, errors.New("answer is not JSON")
	case limitExceeded(answer):
		return nil, &tooMany{rateRest}
	}
	return answer, nil
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	wait := rateRest
	if seconds, err := strconv.ParseUint(header, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRateRest)
}

// limitExceeded recognises EIP-1474's error -32005, with which some endpoints say
// in JSON what others say with the status 429.
func limitExceeded(answer []byte) bool {
	const code, longest = "-32005", 4 << 10
	if len(answer) > longest || !bytes.Contains(answer, []byte(code)) {
		return false
	}
	var failed struct {
		Error struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	return json.Unmarshal(answer, &failed) == nil && strconv.Itoa(failed.Error.Code) == code
}
