package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	maxHeld   = 30 * time.Second      // that a request is held before it is given up
	maxWhole  = 64 << 20              // bytes of an answer that is no stream
	maxReason = 64 << 10              // bytes of a server's error
	handful   = 16                    // tokens that are handed on before the meter may look
	breath    = 15 * time.Millisecond // for the meter to look
)

var errHeld = errors.New("it was not paid for in time")

// Answer is a request under way. Head, Read and Close are one goroutine's, the others
// anybody's.
type Answer struct {
	server *Server
	owner  string
	path   string
	want   *want
	ctx    context.Context
	cancel context.CancelCauseFunc

	events events
	sum    *sum   // of a stream that the requester does not want as one
	status int    // 0 until it is known
	buf    []byte // not read yet
	end    error  // behind buf
	burst  int    // tokens since the last breath

	mu     sync.Mutex // guards what follows; owner: Answer
	place  *grant     // nil while it has none
	from   io.Closer  // the server's answer; nil before
	closed bool
	read   uint64
	made   uint64
	gate   chan struct{} // closed by Hold(false); nil while the answer is not held
	giveUp *time.Timer
}

// whole makes the answer one that is here already.
func (a *Answer) whole(status int, body []byte) { a.status, a.buf, a.end = status, body, io.EOF }

// Head sends the request when there is a place for it, and waits for the answer to begin.
func (a *Answer) Head() (status int, contentType string, err error) {
	if a.status == 0 {
		if err := a.send(); err != nil {
			return 0, "", a.why(err)
		}
	}
	if a.want != nil && a.want.stream && a.status == http.StatusOK {
		return a.status, "text/event-stream", nil
	}
	return a.status, "application/json", nil
}

// why prefers the reason that an answer was ended for.
func (a *Answer) why(err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		return cause
	}
	return err
}

func (a *Answer) send() error {
	if err := a.open(); err != nil {
		return err
	}
	place, err := a.server.slots.take(a.ctx, a.owner)
	if err != nil {
		return err
	}
	if !a.keep(func() { a.place = &place }) {
		a.server.slots.give(place)
		return net.ErrClosed
	}
	body, err := a.want.written(a.server, a.owner, place)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(a.ctx, http.MethodPost, "http://pack"+a.path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := a.server.web.RoundTrip(r)
	if err != nil {
		return err
	}
	if !a.keep(func() { a.from = res.Body }) {
		return errors.Join(net.ErrClosed, res.Body.Close())
	}
	switch {
	case res.StatusCode != http.StatusOK:
		return a.refused(res)
	case a.want.embed:
		return a.embedded(res.Body)
	case a.want.images != nil:
		return a.drew(res.Body)
	}
	a.events, a.status = newEvents(res.Body), http.StatusOK
	if !a.want.stream {
		a.sum = newSum(a.want.chat)
	}
	return nil
}

// keep takes something that Close frees; false where it has been closed.
func (a *Answer) keep(take func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		take()
	}
	return !a.closed
}

// refused passes on what the server finds wrong with a request: the text, and what kind it is.
func (a *Answer) refused(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxReason))
	if err != nil {
		return err
	}
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &said) != nil || said.Error.Message == "" {
		said.Error.Message = http.StatusText(res.StatusCode)
	}
	status := res.StatusCode
	if status < 400 || status > 599 {
		status = http.StatusBadGateway
	}
	a.whole(status, (&refusal{status: status, message: said.Error.Message}).body())
	return nil
}

// embedded reads an answer for which nothing is made.
func (a *Answer) embedded(from io.Reader) error {
	raw, err := io.ReadAll(io.LimitReader(from, maxWhole))
	if err != nil {
		return err
	}
	var all map[string]json.RawMessage
	var u usage
	if err = json.Unmarshal(raw, &all); err == nil {
		err = json.Unmarshal(all["usage"], &u)
	}
	if err != nil {
		return fmt.Errorf("the server's embeddings: %w", err)
	}
	a.count(u.Prompt, 0)
	a.whole(http.StatusOK, raw)
	return nil
}

// Read reads the answer as it comes. Its error is io.EOF only where the server ended it.
func (a *Answer) Read(p []byte) (int, error) {
	for len(a.buf) == 0 && a.end == nil {
		a.end = a.more()
	}
	if len(a.buf) == 0 {
		return 0, a.end
	}
	if err := a.open(); err != nil {
		return 0, a.why(err)
	}
	n := copy(p, a.buf)
	a.buf = a.buf[n:]
	return n, nil
}

// more takes one event of the server's: it is counted first, and handed on, or kept for the
// whole, when the answer is not held.
func (a *Answer) more() error {
	ev, err := a.events.next()
	switch {
	case errors.Is(err, errDone) && a.sum == nil:
		a.buf = []byte("data: [DONE]\n\n")
		return io.EOF
	case errors.Is(err, errDone):
		a.buf, err = a.sum.body()
		if err != nil {
			return err
		}
		return io.EOF
	case err != nil:
		return a.why(fmt.Errorf("the server's stream: %w", err))
	case ev.broken && a.sum != nil:
		return fmt.Errorf("the server broke off: %.200q", ev.fields["error"])
	}
	if err := a.open(); err != nil {
		return a.why(err)
	}
	a.counted(ev)
	if err := a.breathe(); err != nil {
		return a.why(err)
	}
	if a.sum != nil {
		return a.sum.add(ev)
	}
	if ev.choice == nil && !ev.broken && !a.want.usage { // its usage, for which nobody asked
		return nil
	}
	if ev.choice != nil && ev.choice.Finish == nil { // some tell it with each event
		delete(ev.fields, "usage")
	}
	raw, err := json.Marshal(ev.fields)
	a.buf = append(append([]byte("data: "), raw...), "\n\n"...)
	return err
}

// counted takes what an event says of the count so far, else one token where it has a text.
func (a *Answer) counted(ev *event) {
	read, made := a.Cost()
	before := made
	switch {
	case ev.usage != nil:
		read, made = ev.usage.Prompt-min(ev.usage.Details.Cached, ev.usage.Prompt), ev.usage.Completion
	case ev.timings != nil:
		read, made = ev.timings.Read, ev.timings.Made
	case ev.choice != nil && ev.choice.makes():
		made++
	}
	a.count(read, made)
	_, made = a.Cost()
	a.burst += int(made - before)
}

// count sets the cost, which never sinks and is never more than what could have been.
func (a *Answer) count(read, made uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read = max(a.read, min(read, uint64(a.server.context)))
	a.made = max(a.made, min(made, uint64(a.want.tokens)))
}

// breathe lets the meter look: what was made while the answer was held comes all at once.
func (a *Answer) breathe() error {
	if a.burst < handful {
		return nil
	}
	a.burst = 0
	pause := time.NewTimer(breath)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
	return a.open()
}

// open waits until the answer is not held.
func (a *Answer) open() error {
	for {
		a.mu.Lock()
		gate := a.gate
		a.mu.Unlock()
		if gate == nil {
			return nil
		}
		select {
		case <-gate:
		case <-a.ctx.Done():
			return a.ctx.Err()
		}
	}
}

// Hold has nothing more handed on until it is called with false. What the server makes
// meanwhile waits; a request that is held for too long is given up.
func (a *Answer) Hold(held bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case held && a.gate == nil:
		a.gate = make(chan struct{})
		a.giveUp = time.AfterFunc(a.server.patience, func() { a.cancel(errHeld) })
	case !held && a.gate != nil:
		a.giveUp.Stop()
		close(a.gate)
		a.gate = nil
	}
}

// Cost is how many tokens of the prompt were read, and how many were made, of what was handed
// on so far.
func (a *Answer) Cost() (read, made uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read, a.made
}

// Close gives up what has not ended, and frees its place.
func (a *Answer) Close() error {
	a.cancel(net.ErrClosed)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	if a.giveUp != nil {
		a.giveUp.Stop()
	}
	var err error
	if a.from != nil {
		err = a.from.Close()
	}
	if a.place != nil {
		a.server.slots.give(*a.place)
	}
	return err
}
