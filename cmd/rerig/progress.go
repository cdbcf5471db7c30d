package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// progress writes what a command does to standard error. On a terminal the last
// line may be rewritten in place; elsewhere each line is written once. It is safe
// for concurrent use.
type progress struct {
	w     io.Writer
	quiet bool
	tty   bool
	color bool
	log   *slog.Logger // lines become its records; nil for people

	mu   sync.Mutex // guards the writer and open; owner: progress
	open int        // so many of the last lines are live ones
	held string     // the question that is open, in place of live lines
}

func newProgress(w io.Writer, quiet, noColor bool) *progress {
	f, ok := w.(*os.File)
	tty := ok && term.IsTerminal(int(f.Fd()))
	return &progress{w: w, quiet: quiet, tty: tty, color: tty && !noColor}
}

// line writes a line that stays.
func (p *progress) line(format string, args ...any) {
	if p.quiet {
		return
	}
	if p.log != nil {
		p.log.Info(fmt.Sprintf(format, args...))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintf(p.w, format+"\n", args...)
	p.again()
}

// done writes a line that tells of a success.
func (p *progress) done(format string, args ...any) {
	if p.log == nil {
		format = p.paint("32", "✓") + " " + format
	}
	p.line(format, args...)
}

// warn writes a line that asks for attention; it is not silenced by --quiet.
func (p *progress) warn(format string, args ...any) {
	if p.log != nil {
		p.log.Warn(fmt.Sprintf(format, args...))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintf(p.w, p.paint("33", "!")+" "+format+"\n", args...)
	p.again()
}

// live rewrites the last line of a terminal; elsewhere it writes nothing.
func (p *progress) live(format string, args ...any) {
	if p.quiet || !p.tty {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != "" {
		return
	}
	p.wipe()
	fmt.Fprintf(p.w, format, args...)
	p.open = 1
}

// table rewrites the last lines of a terminal; elsewhere it writes nothing.
func (p *progress) table(lines []string) {
	if p.quiet || !p.tty {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != "" {
		return
	}
	p.wipe()
	fmt.Fprint(p.w, strings.Join(lines, "\n"))
	p.open = len(lines)
}

// clear removes the live line, before something else writes to the terminal.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// ask writes a question, which stays the last line until it is answered.
func (p *progress) ask(question string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	p.held = question
	p.again()
}

// answered ends the question.
func (p *progress) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.open = "", 0
	fmt.Fprintln(p.w)
}

// again writes the open question after something else was written.
func (p *progress) again() {
	if p.held != "" {
		fmt.Fprint(p.w, p.held)
		p.open = 1
	}
}

func (p *progress) wipe() {
	if p.open > 1 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.open-1)
	}
	if p.open > 0 {
		fmt.Fprint(p.w, "\r\x1b[J")
		p.open = 0
	}
}

func (p *progress) paint(code, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
