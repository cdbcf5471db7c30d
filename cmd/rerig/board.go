package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// boardRows is how many tasks under way are shown one by one.
const boardRows = 12

// board is the live table of an array's tasks. On a terminal it is rewritten in place,
// elsewhere each task's end is a line. Its owner is the collector.
type board struct {
	p      *progress
	money  money
	what   string // the rows are: task or rank
	quiet  bool   // it tells of retries alone
	tried  map[int]int
	begun  time.Time
	drawn  time.Time
	rows   []*node.RunStatus // by index; nil before a task begins and after it ended
	done   int
	failed int
	spent  protocol.Amount // by what has ended
}

func newBoard(p *progress, m money, what string, n int, begun time.Time) *board {
	return &board{p: p, money: m, what: what, begun: begun, tried: map[int]int{}, rows: make([]*node.RunStatus, n)}
}

// failures tells of the rigs of a task that have failed since the last call.
func (b *board) failures(i int, st *node.RunStatus) {
	for ; b.tried[i] < len(st.Tried); b.tried[i]++ {
		b.p.warn("%s %d: %s; trying another", b.what, i, clipText(st.Tried[b.tried[i]], 400))
	}
}

// show takes a task's new state.
func (b *board) show(i int, st *node.RunStatus) {
	b.failures(i, st)
	if !st.Ended {
		b.rows[i] = st
		b.draw(false)
	}
}

// over takes a task's end.
func (b *board) over(i int, e client.Ended) {
	b.rows[i] = nil
	what := "✓"
	if succeeded(e) {
		b.done++
	} else {
		b.failed++
		what = "!"
	}
	if e.Status != nil {
		b.failures(i, e.Status)
		b.spent = plus(b.spent, e.Status.Spent)
		if !b.p.tty && !b.quiet {
			b.p.line("%s %s %d · exit %d · %s · %s", what, b.what, i, e.Status.ExitCode, shortAddr(e.Status.Rig), b.money.text(e.Status.Spent))
		}
	}
	b.draw(true)
}

// redrawEvery keeps a thousand tasks from filling a slow terminal.
const redrawEvery = 100 * time.Millisecond

func (b *board) draw(now bool) {
	if !b.p.tty || b.p.quiet || b.quiet || !now && time.Since(b.drawn) < redrawEvery {
		return
	}
	b.drawn = time.Now()
	var lines []string
	busy := 0
	spent := b.spent
	for i, st := range b.rows {
		if st == nil {
			continue
		}
		spent = plus(spent, st.Spent)
		if busy++; busy <= boardRows {
			lines = append(lines, fmt.Sprintf("%6d  %-9s %-13s %10s  %s", i, st.State, shortAddr(st.Rig), unitsOf(st.Price.Unit, st.Units), b.money.text(st.Spent)))
		}
	}
	if busy > boardRows {
		lines = append(lines, fmt.Sprintf("        and %d more", busy-boardRows))
	}
	lines = append(lines, fmt.Sprintf("%d of %d done · %d failed · %d under way · %s · %.0f s", b.done, len(b.rows), b.failed, busy,
		b.money.text(spent), time.Since(b.begun).Seconds()))
	b.p.table(lines)
}

func (b *board) hide()  { b.p.clear() }
func (b *board) close() { b.p.clear() }

// prefixed puts a text before each line.
type prefixed struct {
	w      io.Writer
	prefix string
	inside bool // of a line
}

// Write writes lines with the prefix; the last may be continued by the next call.
func (p *prefixed) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if !p.inside {
			if _, err := io.WriteString(p.w, p.prefix); err != nil {
				return 0, err
			}
		}
		end := bytes.IndexByte(b, '\n') + 1
		if p.inside = end == 0; p.inside {
			end = len(b)
		}
		if _, err := p.w.Write(b[:end]); err != nil {
			return 0, err
		}
		b = b[end:]
	}
	return n, nil
}

// end ends the last line.
func (p *prefixed) end() {
	if p.inside {
		_, _ = io.WriteString(p.w, "\n") // as with all progress, a closed terminal is no failure
	}
}
