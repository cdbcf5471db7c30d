package dashboard

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	keepLines = 500
	maxLine   = 2000 // bytes
	maxAttrs  = 32
)

// Line is a line of the node's log. Seq counts them from 1.
type Line struct {
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

// Log keeps the last lines of a node's log for its page, and passes them on.
type Log struct {
	mu    sync.Mutex // guards what follows
	lines []Line     // the oldest first
	seq   uint64
	to    chan Line // of the server; what it has no room for is in lines
}

// Tee is a handler that passes on to next, and keeps what next takes and is no debugging.
func (l *Log) Tee(next slog.Handler) slog.Handler { return &tee{log: l, next: next} }

// Lines are the last lines, oldest first.
func (l *Log) Lines() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// subscribe is where new lines come from now on.
func (l *Log) subscribe() (<-chan Line, func()) {
	if l == nil {
		return nil, func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = make(chan Line, behind)
	return l.to, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.to = nil
	}
}

func (l *Log) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	line.Seq = l.seq
	if len(l.lines) >= keepLines {
		l.lines = slices.Delete(l.lines, 0, len(l.lines)-keepLines+1)
	}
	l.lines = append(l.lines, line)
	select {
	case l.to <- line:
	default:
	}
}

// tee is a handler of two places.
type tee struct {
	log   *Log
	next  slog.Handler
	attrs string // " key=value" of With
	group string // "a.b." of WithGroup
}

func (t *tee) Enabled(ctx context.Context, level slog.Level) bool { return t.next.Enabled(ctx, level) }

func (t *tee) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		var b strings.Builder
		b.WriteString(r.Message)
		b.WriteString(t.attrs)
		left := maxAttrs
		r.Attrs(func(a slog.Attr) bool {
			b.WriteString(t.text(a))
			left--
			return left > 0 && b.Len() < maxLine
		})
		text := b.String()
		t.log.add(Line{At: r.Time, Level: r.Level.String(), Text: strings.ToValidUTF8(text[:min(len(text), maxLine)], "")})
	}
	return t.next.Handle(ctx, r)
}

func (t *tee) text(a slog.Attr) string {
	return " " + t.group + a.Key + "=" + a.Value.Resolve().String()
}

func (t *tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *t
	for _, a := range attrs {
		if len(c.attrs) < maxLine {
			c.attrs += t.text(a)
		}
	}
	c.next = t.next.WithAttrs(attrs)
	return &c
}

func (t *tee) WithGroup(name string) slog.Handler {
	c := *t
	c.group += name + "."
	c.next = t.next.WithGroup(name)
	return &c
}
