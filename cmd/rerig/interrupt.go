package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// errLeft says that the user left what was followed to the node.
var errLeft = errors.New("left to the node")

// interrupts leads Ctrl-C to the command that asks what it is to do, if one does. Without
// one, and for any other signal, the first ends the command's context and the second the process.
type interrupts struct {
	end context.CancelFunc // of the command's context

	mu     sync.Mutex // guards what follows; owner: interrupts
	asking chan struct{}
	ending bool
}

// deliver takes a signal; now tells that the process is to end at once.
func (in *interrupts) deliver(sig os.Signal) (now bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.asking != nil && sig == os.Interrupt {
		select {
		case in.asking <- struct{}{}:
		default: // it knows
		}
		return false
	}
	now, in.ending = in.ending, true
	in.end()
	return now
}

// take leads Ctrl-C to the channel, until release.
func (in *interrupts) take() (asked <-chan struct{}, release func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ending {
		return nil, func() {}
	}
	in.asking = make(chan struct{}, 1)
	return in.asking, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.asking = nil
	}
}

// stop ends the command's context as a signal does.
func (in *interrupts) stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.asking, in.ending = nil, true
	in.end()
}

// asks reports whether there is somebody to be asked, and a node that what they leave would
// go on in.
func (a *app) asks(s *session) bool {
	in, ok := a.stdin.(*os.File)
	return ok && a.interrupts != nil && !s.own && term.IsTerminal(int(in.Fd())) && a.progress().tty
}

// mind has the first Ctrl-C ask what is to become of what a command follows, where there is a
// terminal to ask on. Another Ctrl-C, or s, ends the command's context, which stops it; anything
// else calls leave. Call done when it is over: then nothing is asked any more.
func (a *app) mind(ctx context.Context, s *session, p *progress, leave func()) (done func()) {
	if !a.asks(s) {
		return func() {}
	}
	asked, release := a.interrupts.take()
	over := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		case <-asked:
		}
		p.ask("stop it, or leave it running in the node? s or Ctrl-C stops it, l or Enter leaves it: ")
		defer p.answered()
		answer := make(chan string, 1)
		go readAnswer(a.stdin, answer)
		select {
		case <-over:
		case <-ctx.Done():
		case <-asked:
			a.interrupts.stop()
		case text := <-answer:
			if strings.HasPrefix(strings.ToLower(text), "s") {
				a.interrupts.stop()
				return
			}
			leave()
		}
	})
	return func() {
		close(over)
		work.Wait()
		release()
	}
}

// readAnswer reads one line. It waits as long as the process lives where none comes: a
// terminal cannot be read for a time on every system.
func readAnswer(r io.Reader, answer chan<- string) {
	text, err := bufio.NewReader(r).ReadString('\n')
	if err == nil || text != "" || errors.Is(err, io.EOF) { // Ctrl-D is no word for stopping
		answer <- strings.TrimSpace(text)
	}
}

// left tells how to come back to what goes on in the node.
func (a *app) left(what, id string, p *progress) {
	p.warn("the %s goes on in the node: `rerig wait %s` waits for its end, `rerig logs -f %s` shows its output, `rerig stop %s` stops it", what, id, id, id)
}
