package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/rerig/rerig/client"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// maxLine is the longest line of a rank's output that is kept whole among the others'.
const maxLine = 64 << 10

// runGang buys a container for each rank, all in one private link, and follows them to their
// ends. Each line that a rank writes begins with its number; its files go to --out-dir/RANK.
func (a *app) runGang(ctx context.Context, s *session, r *runFlags, args []string, p *progress) error {
	if r.image == "" || r.rig != "" || r.many() {
		return usage("--gang: give --image, and neither --rig, --array nor --matrix")
	}
	if r.gang < 2 || r.gang > protocol.MaxLinkMembers {
		return usage("--gang: 2 to %d, got %d", protocol.MaxLinkMembers, r.gang)
	}
	req, err := a.runRequest(ctx, s, r, "", args)
	if err != nil {
		return err
	}
	req.Gang = r.gang
	if r.dryRun {
		return a.dryRun(ctx, s, req)
	}
	if req.Note, err = r.note(r.outDir); err != nil {
		return err
	}
	ranks, err := s.SubmitGang(ctx, req)
	if err != nil {
		var no *node.APIError
		if errors.As(err, &no) { // the node found something wrong with the request
			return err
		}
		return networkError(err)
	}
	group, err := s.Group(ctx, ranks[0].Group.String())
	if err != nil {
		return networkError(err)
	}
	if r.detach {
		return a.submittedGroup(ctx, s, r, group, p)
	}
	watched, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	defer a.mind(ctx, s, p, leave)()
	defer context.AfterFunc(ctx, func() { a.stopGroup(watched, s, group.ID.String(), p) })()
	g := &ganged{a: a, p: p, money: s.money, ends: make([]client.Ended, len(ranks))}
	var following sync.WaitGroup
	for i := range ranks {
		following.Go(func() { g.follow(watched, s, i, &ranks[i]) })
	}
	following.Wait()
	p.clear()
	if watched.Err() != nil {
		return a.leaveGroup(context.WithoutCancel(ctx), s, group, p)
	}
	return g.end(outDir(r))
}

// ganged is the ranks that a command follows.
type ganged struct {
	a     *app
	p     *progress
	money money
	ends  []client.Ended // each is its follower's, until that has ended

	mu sync.Mutex // held while something is written to the terminal
}

// follow copies a rank's output and tells what it does, until it has ended.
func (g *ganged) follow(ctx context.Context, s *session, rank int, st *node.RunStatus) {
	prefix := "[" + strconv.Itoa(rank) + "] "
	out := &lines{g: g, w: g.a.stdout, prefix: prefix}
	if g.a.json() { // standard output is the one document
		out.w = io.Discard
	}
	both := []*lines{out, {g: g, w: g.a.stderr, prefix: prefix}}
	e, state := client.Ended{Status: st}, protocol.State("")
	e.Err = s.Follow(ctx, st.ID.String(), true, func(ev node.Event) error {
		if ev.Status == nil {
			return both[min(ev.FD, 2)-1].write(ev.Data)
		}
		e.Status = ev.Status
		if now := ev.Status.State; now != state && (now == protocol.StateRunning || now == protocol.StateFunded) {
			state = now
			g.p.line("%s%s on rig %s… at %s %s/h", prefix, now, ev.Status.Rig.String()[:10], g.money.perHour(ev.Status.Price), g.money.Symbol)
		}
		return nil
	})
	for _, l := range both {
		e.Err = errors.Join(e.Err, l.end())
	}
	if e.Err == nil && !e.Status.Ended {
		e.Err = errors.New("the node ended before the run did; `rerig ps -a` shows what became of it")
	}
	g.ends[rank] = e
}

// end keeps the files and makes the first failure the exit code.
func (g *ganged) end(dest string) error {
	list, spent := make([]*node.RunStatus, len(g.ends)), protocol.Amount{}
	for rank, e := range g.ends {
		list[rank], spent = e.Status, plus(spent, e.Status.Spent)
		if dest == "" || e.Status.Outputs == "" || !e.Status.Succeeded() {
			continue
		}
		files, err := copyOut(e.Status.Dir, filepath.Join(dest, strconv.Itoa(rank)))
		if err != nil {
			return &exitError{exitFailed, fmt.Errorf("%w; the files are still in %s", err, filepath.Join(e.Status.Dir, "out"))}
		}
		for _, f := range files {
			g.p.done("wrote %s", f)
		}
	}
	if g.a.json() {
		if err := g.a.print(list, func(io.Writer) error { return nil }); err != nil {
			return err
		}
	}
	first := slices.IndexFunc(g.ends, func(e client.Ended) bool { return e.Status.Gang != nil && e.Status.Gang.First })
	if first < 0 {
		first = slices.IndexFunc(g.ends, func(e client.Ended) bool { return !succeeded(e) })
	}
	if first < 0 {
		g.p.done("%d ranks · %s", len(g.ends), g.money.text(spent))
		return nil
	}
	e := g.ends[first]
	return &exitError{codeOf(e), fmt.Errorf("rank %d failed, and the others were stopped: %s (spent %s)", first, howFailed(e), g.money.text(spent))}
}

// lines writes whole lines with a prefix, so that those of several ranks do not mix.
type lines struct {
	g      *ganged
	w      io.Writer
	prefix string
	begun  []byte // of a line
}

// write writes the lines that are complete.
func (l *lines) write(b []byte) error {
	l.begun = append(l.begun, b...)
	end := bytes.LastIndexByte(l.begun, '\n') + 1
	if end == 0 && len(l.begun) < maxLine {
		return nil
	}
	if end == 0 {
		end = len(l.begun)
	}
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	l.g.p.clear()
	p := &prefixed{w: l.w, prefix: l.prefix}
	_, err := p.Write(l.begun[:end])
	p.end()
	l.begun = append(l.begun[:0], l.begun[end:]...)
	return err
}

// end writes what is left.
func (l *lines) end() error {
	if len(l.begun) == 0 {
		return nil
	}
	return l.write([]byte{'\n'})
}
