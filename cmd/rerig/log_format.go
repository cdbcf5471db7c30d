package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// The formats of what is written to standard error.
const (
	logAuto = "auto" // logJSON where systemd's journal reads it, logText elsewhere
	logText = "text"
	logJSON = "json" // a JSON object a line: log records, progress, and what went wrong
)

// checkLogFormat refuses what is no format.
func (a *app) checkLogFormat() error {
	switch a.logFormat {
	case logAuto, logText, logJSON:
		return nil
	}
	got := a.logFormat
	a.logFormat = logAuto // of the error itself
	return usage("--log-format: auto, text or json, got %q", got)
}

// jsonLog reports whether standard error is for programs.
func (a *app) jsonLog() bool {
	switch a.logFormat {
	case logJSON:
		return true
	case logText:
		return false
	}
	f, ok := a.stderr.(*os.File)
	return ok && !term.IsTerminal(int(f.Fd())) && isJournal(f, os.Getenv("JOURNAL_STREAM"))
}

// jsonHandler writes records as JSON, a line each.
func jsonHandler(w io.Writer, level slog.Level) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
}
