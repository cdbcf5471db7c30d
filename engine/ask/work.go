package ask

import (
	"context"
	"sync"
)

// Work is a request as its handler sees it: where it says what it spends, and what is held
// with the request.
type Work struct {
	owner string
	spent chan struct{} // holds a value when the cost has grown; never closed

	mu    sync.Mutex // guards what follows; owner: Work
	read  uint64
	made  uint64
	held  bool
	parts []Holder
}

// Holder is a part of a request that can wait.
type Holder interface{ Hold(held bool) }

type workKey struct{}

// From is the work that a handler's request is; nil where it came by another way.
func From(ctx context.Context) *Work {
	w, _ := ctx.Value(workKey{}).(*Work)
	return w
}

// Owner is whose request it is; "" of a nil Work.
func (w *Work) Owner() string {
	if w == nil {
		return ""
	}
	return w.owner
}

// Spend adds tokens of the prompt that were read and tokens that were made. It does not wait,
// and does nothing to a nil Work.
func (w *Work) Spend(read, made int) {
	if w == nil || read == 0 && made == 0 {
		return
	}
	w.mu.Lock()
	w.read, w.made = w.read+uint64(read), w.made+uint64(made)
	w.mu.Unlock()
	select {
	case w.spent <- struct{}{}:
	default:
	}
}

// Part is held from now on when the request is. It does nothing to a nil Work.
func (w *Work) Part(h Holder) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts = append(w.parts, h)
	if w.held {
		h.Hold(true)
	}
}

func (w *Work) hold(held bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = held
	for _, p := range w.parts {
		p.Hold(held)
	}
}

func (w *Work) cost() (read, made uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.read, w.made
}
