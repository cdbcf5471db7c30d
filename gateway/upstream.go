package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	firstWait   = 2 * time.Minute  // for anything from a rig: a long prompt behind others' work
	stallWait   = 45 * time.Second // between two tokens
	maxAnswer   = 64 << 20         // bytes of an answer that is no stream
	maxRefusal  = 64 << 10         // bytes of a rig's error
	chunkBuffer = 16               // chunks read ahead of the client
	maxRest     = 4 << 10          // bytes behind the end of a stream
	maxRetry    = time.Minute      // that a busy rig is believed to stay so
	specials    = 16               // tokens without a text that each answer may have
)

// busyError is a rig that has no room now.
type busyError struct{ retry time.Duration }

func (e *busyError) Error() string { return "busy" }

// refusedError is what a rig's server finds wrong with the request: no rig's fault.
type refusedError struct{ api *apiError }

func (e *refusedError) Error() string { return e.api.message }

var (
	errStalled  = errors.New("it sent nothing for too long")
	errLost     = errors.New("another rig was faster")
	errCannotGo = errors.New("it cannot go on with another rig's answer")
)

// attempt is one rig's work on a request. One goroutine runs it, another reads its chunks.
type attempt struct {
	g      *Gateway
	q      *request
	offer  Offer
	made   []int // tokens that the answer goes on behind
	cancel context.CancelCauseFunc

	began  chan struct{} // closed at the first token, or at the end
	chunks chan chunk    // closed at the end

	// written before began is closed
	hire  *hire
	alive bool // a token came
	first time.Duration

	// written before chunks is closed
	err      error
	read     uint64 // tokens of the prompt
	tokens   uint64 // made
	usage    *usage // what the rig said; nil if nothing
	finished map[int]bool
	seen     int // bytes of the texts
	counted  uint64
}

// try begins an attempt at a rig. It ends when its stream does or when it is cancelled.
func (g *Gateway) try(ctx context.Context, q *request, o Offer, made []int) *attempt {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{g: g, q: q, offer: o, made: made, cancel: cancel, began: make(chan struct{}), chunks: make(chan chunk, chunkBuffer),
		finished: map[int]bool{}}
	g.rigs.begin(o.key())
	g.attempts.Go(func() {
		defer cancel(nil)
		defer g.rigs.end(o.key())
		a.err = a.run(ctx)
		if cause := context.Cause(ctx); a.err != nil && cause != nil {
			a.err = cause
		}
		if !a.alive {
			close(a.began)
		}
		close(a.chunks)
	})
	return a
}

// run asks the rig and reads its answer.
func (a *attempt) run(ctx context.Context) (err error) {
	need := a.q.most(a.offer.Model.Context) + protocol.TokenUnits(uint64(len(a.made)), 0)
	started := a.g.clock()
	h, err := a.g.pool.get(ctx, a.offer, need)
	if err != nil {
		return err
	}
	a.hire = h
	credit := protocol.TokenUnits(a.q.mostRead(a.offer.Model.Context)+uint64(len(a.made)), 0)
	h.earn(int64(credit)) // what the rig reads is paid before the first token can show it
	defer func() {
		due := a.due(err, credit)
		h.earn(int64(due) - int64(credit+a.counted))
		a.g.pool.put(h, need, due)
	}()
	if len(a.made) > 0 && !h.continues {
		return errCannotGo
	}
	body, err := a.q.upstream(h.name, h.continues, a.made)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rig"+a.q.form.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	stall := time.AfterFunc(firstWait, func() { a.cancel(errStalled) })
	defer stall.Stop()
	res, err := h.web.Do(r)
	if errors.Is(err, ErrBusy) {
		return &busyError{time.Second}
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refusal(res)
	}
	if a.q.form == embedForm {
		return a.readWhole(ctx, res.Body, started)
	}
	return a.readStream(ctx, res.Body, started, stall)
}

// due is what the rig may bill: what was delivered, where the attempt came to its end; nothing
// where it said no; and of one that was broken off all that it may have read, with a tick for
// the tokens that were on their way.
func (a *attempt) due(err error, credit uint64) uint64 {
	var busy *busyError
	var refused *refusedError
	switch {
	case err == nil:
		return a.units()
	case errors.As(err, &busy), errors.As(err, &refused), errors.Is(err, errCannotGo):
		return 0
	}
	return credit + a.counted + a.offer.Model.Tick
}

// units is what was delivered, as it is charged for.
func (a *attempt) units() uint64 {
	if !a.alive {
		return 0
	}
	return protocol.TokenUnits(a.read, a.tokens)
}

// refusal tells what is wrong with the request from what is wrong with the rig.
func refusal(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err != nil {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
			Code    any    `json:"code"`
		} `json:"error"`
	}
	// What a server lost on the way is billed, which is not so of what it did not take.
	known := json.Unmarshal(raw, &body) == nil && body.Error.Message != ""
	switch {
	case res.StatusCode == http.StatusTooManyRequests,
		res.StatusCode == http.StatusServiceUnavailable && body.Error.Code != "server_lost":
		retry := time.Second
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
			retry = min(time.Duration(s)*time.Second, maxRetry)
		}
		return &busyError{retry}
	case known && slices.Contains([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, res.StatusCode):
		return &refusedError{&apiError{status: res.StatusCode, message: body.Error.Message, raw: raw}}
	}
	if known {
		return fmt.Errorf("%s: %s", res.Status, body.Error.Message)
	}
	return errors.New(res.Status)
}

// readWhole reads an answer that is no stream.
func (a *attempt) readWhole(ctx context.Context, body io.Reader, started time.Time) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return err
	}
	var c chunk
	if err := json.Unmarshal(raw, &c.whole); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	a.usage = new(usage)
	if err := json.Unmarshal(c.whole["usage"], a.usage); err != nil {
		return fmt.Errorf("its answer's usage: %w", err)
	}
	a.begin(started)
	a.settle()
	return a.push(ctx, c)
}

// begin tells that the first token is here.
func (a *attempt) begin(started time.Time) {
	if a.alive {
		return
	}
	a.alive, a.first = true, a.g.clock().Sub(started)
	a.read = (uint64(a.q.bytes) + 3) / 4 // until the rig tells
	close(a.began)
}

func (a *attempt) push(ctx context.Context, c chunk) error {
	select {
	case a.chunks <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
