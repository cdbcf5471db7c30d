package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

const (
	behind    = 64               // messages that a follower may be behind
	writeTime = 10 * time.Second // of one message
)

// feed hands messages to followers. One that is too far behind is cut off: its page asks
// again, and sees what is then.
type feed struct {
	most int

	mu    sync.Mutex // guards what follows
	to    map[chan []byte]struct{}
	ended bool
	came  chan struct{} // has a token when somebody came
}

func newFeed(most int) *feed {
	return &feed{most: most, to: map[chan []byte]struct{}{}, came: make(chan struct{}, 1)}
}

// join is a channel of messages, which is closed when the follower is cut off; nil where
// there are too many.
func (f *feed) join() chan []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || len(f.to) >= f.most {
		return nil
	}
	c := make(chan []byte, behind)
	f.to[c] = struct{}{}
	select {
	case f.came <- struct{}{}:
	default:
	}
	return c
}

func (f *feed) leave(c chan []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut(c)
}

// cut needs mu.
func (f *feed) cut(c chan []byte) {
	if _, here := f.to[c]; here {
		delete(f.to, c)
		close(c)
	}
}

func (f *feed) any() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.to) > 0
}

// send tells every follower; it never waits.
func (f *feed) send(event string, v any) {
	data, err := json.Marshal(v)
	if err != nil || len(data) > maxAnswer {
		return
	}
	var b bytes.Buffer
	b.WriteString("event: " + event + "\ndata: ")
	b.Write(data) // JSON has no line ends of its own
	b.WriteString("\n\n")
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.to {
		select {
		case c <- b.Bytes():
		default:
			f.cut(c)
		}
	}
}

func (f *feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for c := range f.to {
		f.cut(c)
	}
}

// follow looks while somebody follows, and sends what it sees. Nobody costs nothing.
func (s *Server) follow(ctx context.Context) {
	look := s.cfg.Looks[s.cfg.Live]
	lines, stop := s.cfg.Log.subscribe()
	defer stop()
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-lines:
			s.feed.send("log", l)
			continue
		case <-s.feed.came:
		case <-tick.C:
		}
		if look == nil || !s.feed.any() {
			continue
		}
		if v, err := s.look(ctx, look); err == nil {
			s.feed.send(s.cfg.Live, v)
		} else if ctx.Err() == nil {
			s.cfg.Logger.Debug("the dashboard does not see what is live", "err", err)
		}
	}
}

func (s *Server) look(ctx context.Context, look Look) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return nil, err
	}
	return look(r)
}

// events streams what changes as server-sent events.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	c := s.feed.join()
	if c == nil {
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusServiceUnavailable, "too many pages follow this node; close one")
		return
	}
	defer s.feed.leave(c)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	put := func(b []byte) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeTime)) // a recorder has none
		if _, err := w.Write(b); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	if !put([]byte("retry: 3000\n\n")) {
		return
	}
	for {
		select {
		case b, ok := <-c:
			if !ok || !put(b) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
