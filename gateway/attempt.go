package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rerig/rerig/protocol"
)

const (
	firstWait = 2 * time.Minute  // for anything from a rig: a long prompt behind others' work
	stallWait = 45 * time.Second // between two tokens
)

// errLarge is an answer that is too large here, and would be so of every rig.
var errLarge = &apiError{status: http.StatusInsufficientStorage, code: "answer_too_large",
	message: fmt.Sprintf("the answer takes more than %d bytes; ask for fewer tokens, or for fewer logprobs", maxAnswer)}

var (
	errStalled  = errors.New("it sent nothing for too long")
	errLost     = errors.New("another rig was faster")
	errSlow     = errors.New("the client reads too slowly")
	errCannotGo = errors.New("it cannot go on with another rig's answer")
)

// attempt is one rig's work on a request. One goroutine runs it, another reads its chunks.
type attempt struct {
	g      *Gateway
	q      *request
	offer  Offer
	made   []int           // tokens that the answer goes on behind
	held   protocol.Amount // of the key's budget; owner: dispatch
	cancel context.CancelCauseFunc

	began  chan struct{} // closed at the first token, or at the end
	chunks *queue        // its end comes behind that of all else
	ended  chan struct{} // closed at the end

	// written before began is closed
	hire  *hire
	alive bool // a token came
	first time.Duration

	// written before ended is closed
	err      error
	owed     uint64 // units that the rig may bill
	read     uint64 // tokens of the prompt
	tokens   uint64 // made
	usage    *usage // what the rig said; nil if nothing
	finished map[int]bool
	seen     int // bytes of the texts
	sent     int // bytes of all that the answer has
	named    int // tokens
	counted  uint64
}

// try begins an attempt at a rig. It ends when its stream does or when it is cancelled.
func (g *Gateway) try(ctx context.Context, q *request, o Offer, made []int) *attempt {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &attempt{g: g, q: q, offer: o, made: made, cancel: cancel, began: make(chan struct{}), chunks: newQueue(), ended: make(chan struct{}),
		finished: map[int]bool{}}
	g.rigs.begin(o.key())
	g.attempts.Go(func() {
		defer cancel(nil)
		defer g.rigs.end(o.key())
		a.err = a.run(ctx)
		if !a.alive {
			close(a.began)
		}
		close(a.ended)
		a.chunks.end()
	})
	return a
}

// run asks the rig and reads its answer.
func (a *attempt) run(ctx context.Context) (err error) {
	need := a.q.need(a.offer, a.made)
	started := a.g.clock()
	h, err := a.g.pool.get(ctx, a.offer, need)
	if err != nil {
		return because(ctx, err)
	}
	a.hire = h
	credit := a.q.credit(&a.offer.Model, a.made)
	h.earn(int64(credit)) // what the rig reads is paid before the first token can show it, and what it draws before it comes
	defer func() {
		err = because(ctx, err)
		a.owed = a.due(err, credit)
		h.earn(int64(a.owed) - int64(credit+a.counted))
		a.g.pool.put(h, need, a.owed)
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
	stall := time.AfterFunc(a.q.patience(), func() { a.cancel(errStalled) })
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
	switch a.q.form {
	case embedForm:
		return a.readWhole(res.Body, started)
	case imageForm:
		return a.readImages(res.Body, started)
	}
	return a.readStream(res.Body, started, stall)
}

// because is the reason for which an attempt was cancelled, where it was.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// broken tells whether an attempt that failed is its rig's fault. All others were ended here.
func broken(err error) bool {
	for _, ours := range []error{context.Canceled, context.DeadlineExceeded, errLost, errSlow, errLarge} {
		if errors.Is(err, ours) {
			return false
		}
	}
	return true
}

// due is what the rig may bill: what was delivered, where the attempt came to its end; nothing
// where it said no; and of one that broke off all that it may have read. Where it was ended
// here there are also the tokens that were on their way, a tick at most.
func (a *attempt) due(err error, credit uint64) uint64 {
	var busy *busyError
	var refused *refusedError
	switch {
	case err == nil:
		return a.units()
	case errors.As(err, &busy), errors.As(err, &refused), errors.Is(err, errCannotGo):
		return 0
	case a.q.form == imageForm && broken(err): // an image that did not come is none
		return 0
	case a.q.form == imageForm:
		return credit
	case broken(err):
		return credit + a.counted
	}
	return credit + min(a.counted+a.offer.Model.Tick, a.q.mostMade(&a.offer.Model))
}

// units is what was delivered, as it is charged for.
func (a *attempt) units() uint64 {
	if !a.alive {
		return 0
	}
	return protocol.TokenUnits(a.read, a.tokens)
}

// charge is what the request costs whoever asked, in units: what came, and where it was ended
// here all that its rig may bill.
func (a *attempt) charge() uint64 {
	if a.err != nil && broken(a.err) {
		return a.units()
	}
	return a.owed
}

// begin tells that the first token is here.
func (a *attempt) begin(started time.Time) {
	if a.alive {
		return
	}
	a.alive, a.first = true, a.g.clock().Sub(started)
	a.read = min((uint64(a.q.bytes)+3)/4, a.q.mostRead(&a.offer.Model)) // until the rig tells
	close(a.began)
}

// push queues a chunk of some bytes for the client.
func (a *attempt) push(c chunk, bytes int) error {
	if a.chunks.put(c, bytes) {
		return nil
	}
	a.cancel(errSlow)
	return errSlow
}
