package main

import (
	"os"
	"strings"
	"sync"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
)

// events is the child's side of the frame stream, on standard output. Several
// goroutines write where the child reports its own CPU time.
var events eventWriter

type eventWriter struct {
	mu  sync.Mutex
	buf []byte
}

func (w *eventWriter) send(k frame.Kind, payload []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = frame.Append(w.buf[:0], k, payload)
	w.flush()
}

func (w *eventWriter) number(k frame.Kind, n uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = frame.AppendNumber(w.buf[:0], k, n)
	w.flush()
}

// flush gives up when nobody reads any more: the parent is gone, so the job is
// nobody's.
func (w *eventWriter) flush() {
	if _, err := os.Stdout.Write(w.buf); err != nil {
		os.Exit(1)
	}
}

// stream is the guest's standard output or error.
type stream frame.Kind

// Write sends p in as many frames as its size needs.
func (s stream) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), frame.MaxPayload)
		events.send(frame.Kind(s), rest[:n])
		rest = rest[n:]
	}
	return len(p), nil
}

// finish reports the outcome and ends the process. It holds the event lock for
// good, so that End is the last frame.
func finish(o frame.Outcome) {
	const maxDetail = 1 << 10
	// The first line says what happened; the rest is a stack of the guest.
	o.Detail, _, _ = strings.Cut(o.Detail, "\n")
	o.Detail = o.Detail[:min(len(o.Detail), maxDetail)]
	events.mu.Lock()
	buf, err := frame.AppendJSON(events.buf[:0], frame.End, o)
	if err != nil {
		os.Exit(1)
	}
	events.buf = buf
	events.flush()
	os.Exit(0)
}

func fail(kind, detail string) { finish(frame.Outcome{Failure: kind, Detail: detail}) }
