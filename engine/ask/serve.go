package ask

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	readTime = 30 * time.Second // for a sender's request
	takeTime = 5 * time.Minute  // for a sender to take the last of its answer
)

// Serve answers what comes in by a handler, most at once, until ctx ends: it then gives those
// under way up and returns when all are gone. It closes the listener.
func Serve(ctx context.Context, l net.Listener, h http.Handler, most int) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	places := make(chan struct{}, most) // holds a value for each connection; never closed
	for {
		places <- struct{}{}
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil // it was closed to end this
			}
			return fmt.Errorf("ask: %w", errors.Join(err, l.Close()))
		}
		open.Go(func() {
			defer func() { <-places }()
			answer(ctx, conn, h)
			_ = conn.Close() // its sender has what it gets
		})
	}
}

// answer reads one request and answers it.
func answer(ctx context.Context, conn net.Conn, h http.Handler) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	if conn.SetReadDeadline(time.Now().Add(readTime)) != nil {
		return
	}
	in := bufio.NewReader(conn)
	req, err := readRequest(in)
	if err != nil || conn.SetReadDeadline(time.Time{}) != nil || ctx.Err() != nil {
		return
	}
	w := &Work{owner: req.Owner, spent: make(chan struct{}, 1)}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, workKey{}, w), req.Method, "http://model"+req.Path, bytes.NewReader(req.Body))
	if err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { // until the sender goes, or the connection is closed below
		defer cancel()
		for {
			kind, content, err := readFrame(in)
			if err != nil || kind != kindHold || len(content) != 1 {
				return
			}
			w.hold(content[0] == 1)
		}
	})
	out := &writer{conn: conn, header: http.Header{}}
	done := make(chan struct{})
	both.Go(func() { // the cost goes out beside the answer
		for {
			select {
			case <-w.spent:
				if out.cost(w) != nil {
					cancel()
				}
			case <-done:
				return
			}
		}
	})
	h.ServeHTTP(out, r)
	close(done)
	if ctx.Err() == nil { // otherwise it was broken off, and is not to look whole
		out.end(w)
		// What a reader that is behind has not taken would be lost with the connection, where
		// words to hold are on their way here. So the sender closes it.
		if conn.SetReadDeadline(time.Now().Add(takeTime)) == nil && ctx.Err() == nil {
			both.Wait()
			return
		}
	}
	_ = conn.Close() // ends the reading
	both.Wait()
}

// readRequest reads a request and its body.
func readRequest(in *bufio.Reader) (*Request, error) {
	kind, content, err := readFrame(in)
	if err != nil {
		return nil, err
	}
	var o order
	if kind != kindRequest {
		return nil, fmt.Errorf("ask: a frame of kind %q, want a request", kind)
	}
	if err := json.Unmarshal(content, &o); err != nil {
		return nil, fmt.Errorf("ask: the request: %w", err)
	}
	if o.Length == 0 {
		return &o.Request, nil
	}
	if kind, o.Body, err = readFrame(in); err != nil {
		return nil, err
	}
	if kind != kindBody || len(o.Body) != o.Length {
		return nil, fmt.Errorf("ask: a body of %d bytes, want %d", len(o.Body), o.Length)
	}
	return &o.Request, nil
}

// writer is an http.ResponseWriter that sends frames.
type writer struct {
	conn   net.Conn
	header http.Header // the handler's

	mu     sync.Mutex // one frame at a time
	headed bool
	broken bool
}

// Header is what WriteHeader looks at; only the content type is sent.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader sends the head.
func (w *writer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.headed {
		return
	}
	w.headed = true
	_ = w.sent(func() error {
		return writeJSON(w.conn, kindHead, Head{status, w.header.Get("Content-Type")})
	}) // the next write fails too
}

// Write sends data.
func (w *writer) Write(p []byte) (n int, err error) {
	w.WriteHeader(http.StatusOK)
	w.mu.Lock()
	defer w.mu.Unlock()
	for n < len(p) {
		part := p[n:min(len(p), n+maxData)]
		if err := w.sent(func() error { return writeFrame(w.conn, kindData, part) }); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// sent sends a frame in its time; the caller holds mu.
func (w *writer) sent(send func() error) error {
	if w.broken {
		return ErrBroken
	}
	err := w.conn.SetWriteDeadline(time.Now().Add(writeTime))
	if err == nil {
		err = send()
	}
	w.broken = err != nil
	return err
}

func (w *writer) cost(work *Work) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	read, made := work.cost()
	content := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, read), made)
	return w.sent(func() error { return writeFrame(w.conn, kindCost, content) })
}

// end sends the whole cost and the end.
func (w *writer) end(work *Work) {
	w.WriteHeader(http.StatusOK)
	if w.cost(work) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.sent(func() error { return writeFrame(w.conn, kindEnd, nil) }) // or the sender sees that it broke
}

// Flush does nothing: every write is sent at once.
func (w *writer) Flush() {}

// SetReadDeadline does nothing: the body is here.
func (w *writer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: every frame has its time.
func (w *writer) SetWriteDeadline(time.Time) error { return nil }
