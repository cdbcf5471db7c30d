// Package batch lets many requests share one model: every step reads a token of
// each text that is being continued, and parts of the prompts that wait, together.
// Texts keep their slot when they end, so that a prompt that begins like an earlier
// one is read from where they part. Begin with [New], [Batcher.Run] and
// [Batcher.Submit].
package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/sampler"
	"github.com/rerig/rerig/engine/tokenizer"
)

// ErrBusy is returned by Submit when the queue is full.
var ErrBusy = errors.New("batch: the queue is full; try again later")

// ErrStopped ends requests that were not finished when Run returned.
var ErrStopped = errors.New("batch: the engine is stopping")

// LengthError refuses a prompt that leaves no room in the context.
type LengthError struct{ Tokens, Limit int }

func (e *LengthError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens, the context is %d; shorten the prompt", e.Tokens, e.Limit)
}

// The limits of a request.
const (
	MaxStops    = 16  // stop strings
	MaxStopSize = 256 // bytes of each
	MaxLogProbs = 20  // alternatives per token
)

// Config says how much is done at once.
type Config struct {
	Slots   int // texts at once, at most llama.MaxStep
	Context int // tokens of a text, prompt included
	Queue   int // requests that may wait for a slot
}

// Request is a text to continue, or to make a vector of.
type Request struct {
	Prompt []int
	// Made are tokens that were made elsewhere of the same request: the text goes on behind
	// them, and only what comes then is in the stream.
	Made     []int
	Max      int // tokens to make, Made included; at most what the context leaves room for
	Sampling sampler.Options
	Stop     []string // texts that end the continuation; they are not part of it
	LogProbs int      // alternatives to name per token; -1 for no probabilities
	// IgnoreEnd continues behind the tokens that end a text. Measurements use it.
	IgnoreEnd bool
	// Embed asks for the mean of the prompt's last hidden states, not for tokens.
	Embed bool
	// Owner is whose request it is. Owners take turns, and what was read for one is not
	// found again for another.
	Owner string
	// Progress, if not nil, is told how many tokens of the prompt, Made included, were read and
	// how many made so far, from Run's goroutine: it must not wait.
	Progress func(read, made int)
}

// Batcher owns a model's session. Submit may be called by many goroutines; Run
// does the work.
type Batcher struct {
	config  Config
	model   *llama.Model
	tokens  *tokenizer.Tokenizer
	session *llama.Session
	slots   []*slot // touched by Run alone
	clock   uint64  // requests placed so far; touched by Run alone

	// queue is shared by Submit, Stream.Close and Run.
	queue struct {
		sync.Mutex
		waiting []*Stream
		stopped bool
	}
	wake chan struct{} // holds a value when there may be more to do; never closed
}

// New prepares slots and their caches.
func New(model *llama.Model, tokens *tokenizer.Tokenizer, pool *matrix.Pool, c Config) (*Batcher, error) {
	session, err := model.NewSession(pool, c.Slots, c.Context)
	if err != nil {
		return nil, err
	}
	b := &Batcher{config: c, model: model, tokens: tokens, session: session, wake: make(chan struct{}, 1)}
	for i := range c.Slots {
		b.slots = append(b.slots, &slot{index: i})
	}
	return b, nil
}

// Submit queues a request. The caller must read the stream to its end or close
// it. Errors name what is wrong with the request, or are ErrBusy or ErrStopped.
func (b *Batcher) Submit(r Request) (*Stream, error) {
	if err := b.check(&r); err != nil {
		return nil, err
	}
	pick, err := sampler.New(r.Sampling)
	if err != nil {
		return nil, err
	}
	s := &Stream{b: b, request: r, sampler: pick, ready: make(chan struct{}, 1)}
	if s.replay() {
		return s, nil
	}
	b.queue.Lock()
	defer b.queue.Unlock()
	switch {
	case b.queue.stopped:
		return nil, ErrStopped
	case len(b.queue.waiting) >= b.config.Queue:
		return nil, ErrBusy
	}
	b.queue.waiting = append(b.queue.waiting, s)
	b.stir()
	return s, nil
}

// stir has Run look at the queue and at what was held.
func (b *Batcher) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// check holds a request to the limits.
func (b *Batcher) check(r *Request) error {
	switch {
	case len(r.Prompt) == 0:
		return errors.New("the prompt is empty")
	case len(r.Prompt) > b.config.Context, !r.Embed && len(r.Prompt) == b.config.Context:
		return &LengthError{len(r.Prompt), b.config.Context}
	case r.Embed && len(r.Made) > 0:
		return errors.New("a vector is not continued")
	case !r.Embed && r.Max < 1:
		return fmt.Errorf("%d tokens to make, want at least 1", r.Max)
	case len(r.Stop) > MaxStops:
		return fmt.Errorf("%d stop strings, the limit is %d", len(r.Stop), MaxStops)
	case r.LogProbs > MaxLogProbs:
		return fmt.Errorf("%d alternatives per token, the limit is %d", r.LogProbs, MaxLogProbs)
	}
	for _, stop := range r.Stop {
		if stop == "" || len(stop) > MaxStopSize {
			return fmt.Errorf("a stop string has %d bytes, 1 to %d are allowed", len(stop), MaxStopSize)
		}
	}
	r.Max = min(r.Max, b.config.Context-len(r.Prompt))
	return nil
}

// Run serves requests until ctx ends; it then ends all that are open with
// ErrStopped. It returns an error only when the model cannot be computed.
func (b *Batcher) Run(ctx context.Context) error {
	defer b.stop()
	for {
		if ctx.Err() != nil {
			return nil
		}
		b.admit()
		spans, busy := b.plan()
		if len(spans) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-b.wake:
			}
			continue
		}
		logits, err := b.session.Step(spans)
		if err != nil {
			return fmt.Errorf("batch: %w", err)
		}
		for i, s := range busy {
			s.advance(spans[i], logits[i])
		}
	}
}

// stop refuses new requests and ends the open ones.
func (b *Batcher) stop() {
	b.queue.Lock()
	defer b.queue.Unlock()
	b.queue.stopped = true
	for _, s := range b.queue.waiting {
		s.finish(FinishError, ErrStopped)
	}
	b.queue.waiting = nil
	for _, s := range b.slots {
		if s.stream != nil {
			s.stream.finish(FinishError, ErrStopped)
			s.stream = nil
		}
	}
}
