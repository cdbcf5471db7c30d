package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/rerig/rerig/protocol"
)

// lineHandler writes log records as one line each, for people: the time, the
// message, and the attributes that say something. It writes through a progress,
// so that it does not tear a live line.
type lineHandler struct {
	p     *progress
	level slog.Level
	money *money // writes amounts of base units; nil leaves them
	attrs string
	all   bool // attributes that repeat on every line, too
}

// logger is a logger to standard error from this level on; --verbose shows all.
func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(a.lines(level, nil, a.progress()))
}

func (a *app) lines(level slog.Level, m *money, p *progress) slog.Handler {
	if a.verbose {
		level = slog.LevelDebug
	} else if a.quiet {
		level = max(level, slog.LevelWarn)
	}
	if a.jsonLog() {
		return jsonHandler(a.stderr, level)
	}
	return &lineHandler{p: p, level: level, money: m, all: a.verbose}
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(h.attrs)
	r.Attrs(func(at slog.Attr) bool { h.write(&b, at); return true })
	text := r.Time.Format("15:04:05 ") + r.Message + b.String()
	if r.Level >= slog.LevelWarn {
		h.p.warn("%s", text)
	} else {
		h.p.line("%s", text)
	}
	return nil
}

func (h *lineHandler) write(b *strings.Builder, at slog.Attr) {
	v := at.Value.Resolve()
	text := v.String()
	if !h.all && (at.Key == "node" || text == "" || text == "0") {
		return
	}
	switch v := v.Any().(type) {
	case protocol.Amount:
		if h.money != nil {
			text = h.money.text(v)
		}
	}
	if strings.ContainsAny(text, " \n\"") {
		text = fmt.Sprintf("%q", text)
	}
	fmt.Fprintf(b, " %s=%s", at.Key, text)
}

// WithAttrs implements slog.Handler.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, at := range attrs {
		h.write(&b, at)
	}
	c := *h
	c.attrs = b.String()
	return &c
}

// WithGroup implements slog.Handler; Rerig logs no groups.
func (h *lineHandler) WithGroup(string) slog.Handler { return h }
