package testnet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// recorder is the log of all members: it keeps what became of each job on each
// side, in order, and the last lines for a test that fails.
type recorder struct {
	mu     sync.Mutex
	events []change
	lines  []string
}

// change is one step of one job on one side.
type change struct{ member, job, state, reason string }

const keptLines = 400

func (r *recorder) add(member, message string, attrs map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines = append(r.lines, fmt.Sprint(member, ": ", message, " ", attrs)); len(r.lines) > keptLines {
		r.lines = r.lines[1:]
	}
	if state, ok := strings.CutPrefix(message, "job "); ok && !strings.Contains(state, " ") && attrs["job"] != "" {
		r.events = append(r.events, change{member, attrs["job"], state, attrs["reason"]})
	}
}

// line takes a line of a child process's log.
func (r *recorder) line(member string, line []byte) {
	var fields map[string]any
	if json.Unmarshal(line, &fields) != nil {
		r.add(member, string(line), nil) // a panic, perhaps
		return
	}
	attrs := map[string]string{}
	for k, v := range fields {
		attrs[k] = fmt.Sprint(v)
	}
	r.add(member, attrs["msg"], attrs)
}

// steps is the path of one job on one member.
func (r *recorder) steps(member, job string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var path []string
	for _, e := range r.events {
		if e.member != member || e.job != job {
			continue
		}
		if e.reason != "" {
			e.state += "(" + e.reason + ")"
		}
		path = append(path, e.state)
	}
	return path
}

func (r *recorder) tail() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// handler is the recorder as a slog.Handler.
type handler struct {
	r     *recorder
	attrs []slog.Attr
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, rec slog.Record) error {
	attrs := map[string]string{}
	for _, a := range h.attrs {
		attrs[a.Key] = a.Value.String()
	}
	rec.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	h.r.add(attrs["member"], rec.Message, attrs)
	return nil
}

func (h handler) WithAttrs(a []slog.Attr) slog.Handler {
	return handler{h.r, append(append([]slog.Attr{}, h.attrs...), a...)}
}

func (h handler) WithGroup(string) slog.Handler { return h }
