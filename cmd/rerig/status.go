package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rerig/rerig/node"
)

// minEvery keeps a watch from being work for the rig that it watches.
const minEvery = 500 * time.Millisecond

func (a *app) statusCmd() *cobra.Command {
	var watch bool
	var every time.Duration
	c := &cobra.Command{
		Use: "status", Short: "Show how this rig does: cards, jobs, power, earnings net of power", Args: exactly(),
		Long: `Show each card with what it does, what its driver tells and what that leaves an hour after
power, the jobs under way, the last 24 hours and the network. Power has a price where the
rig knows one: rerig up --kwh 0.15. A dash is what no driver tells. With -w, and in rerig
top, it goes on until Ctrl-C; -o json is then one line each time.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < minEvery {
				return usage("--every: %v or more, got %v", minEvery, every)
			}
			if !watch {
				every = 0
			}
			return a.status(cmd.Context(), every, false)
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "go on showing it")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "`time` between looks")
	return c
}

func (a *app) topCmd() *cobra.Command {
	var every time.Duration
	c := &cobra.Command{
		Use: "top", Short: "Show it all the time, on the whole terminal", Args: exactly(),
		Long: "Show what `rerig status` does, on the whole terminal, until Ctrl-C.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < minEvery {
				return usage("--every: %v or more, got %v", minEvery, every)
			}
			return a.status(cmd.Context(), every, true)
		},
	}
	c.Flags().DurationVar(&every, "every", 2*time.Second, "`time` between looks")
	return c
}

// status shows a rig that runs, once or, with a time, again and again.
func (a *app) status(ctx context.Context, every time.Duration, whole bool) (err error) {
	s, err := a.connect(ctx)
	if err != nil {
		return fmt.Errorf("%w; `rerig up` starts a rig", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := s.Rig(ctx)
	if err != nil {
		return err
	}
	if every == 0 {
		return a.print(r, func(w io.Writer) error { return rigText(w, s.money, r) })
	}
	screen := a.screen(whole)
	defer screen.end()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := screen.show(s.money, r); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // the user wished for it
		case <-tick.C:
		}
		if r, err = s.Rig(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("the rig has ended, or does not answer: %w", err)
		}
	}
}

// screen is where a watch is shown.
type screen struct {
	w     io.Writer
	json  bool
	tty   *os.File // nil where it is none
	whole bool
	drawn int // lines of the last time
}

func (a *app) screen(whole bool) *screen {
	s := &screen{w: a.stdout, json: a.json(), whole: whole}
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) && !s.json {
		s.tty = f
		if whole {
			fmt.Fprint(s.w, "\x1b[?1049h\x1b[?25l") // the other screen, without a cursor
		}
	}
	return s
}

func (s *screen) end() {
	if s.tty != nil && s.whole {
		fmt.Fprint(s.w, "\x1b[?25h\x1b[?1049l")
	}
}

// show writes the newest look, on a terminal over the last one.
func (s *screen) show(m money, r *node.RigStatus) error {
	if s.json {
		return json.NewEncoder(s.w).Encode(r)
	}
	var text bytes.Buffer
	fmt.Fprintln(&text, r.At.Local().Format(time.DateTime))
	if err := rigText(&text, m, r); err != nil {
		return err
	}
	if s.tty == nil {
		_, err := s.w.Write(append(text.Bytes(), '\n'))
		return err
	}
	width, height, err := term.GetSize(int(s.tty.Fd()))
	if err != nil || width < 20 {
		width, height = 80, 24
	}
	_, err = io.WriteString(s.w, s.frame(text.String(), width, height))
	return err
}

// frame is a text that fits the terminal, and replaces the last one.
func (s *screen) frame(text string, width, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var b strings.Builder
	switch {
	case s.whole:
		b.WriteString("\x1b[H")
	case s.drawn > 0:
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	lines = lines[:min(len(lines), max(1, height-1))]
	for _, line := range lines {
		b.WriteString(clipLine(line, width) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	return b.String()
}

// clipLine cuts a line to a number of characters.
func clipLine(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}
