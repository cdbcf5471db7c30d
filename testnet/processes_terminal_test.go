//go:build unix

package testnet_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/rerig/rerig/protocol"
)

// terminal is a command that a person has before them.
type terminal struct {
	*command
	keys *os.File
}

// startTTY starts a command on a terminal of its own; log has what is seen there.
func (s *scene) startTTY(m *member, args ...string) *terminal {
	s.t.Helper()
	t := &terminal{}
	t.command = s.prepare(m, args...)
	screen := t.log
	t.cmd.Stdout, t.cmd.Stderr = nil, nil
	var err error
	t.keys, err = pty.Start(t.cmd)
	s.must(err)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		_, _ = io.Copy(screen, t.keys) // the terminal's end is an error on some systems
	}()
	s.t.Cleanup(func() {
		t.keys.Close()
		<-shown
	})
	s.await(t.command)
	return t
}

// presses types as a person does.
func (t *terminal) presses(keys string) {
	t.s.t.Helper()
	_, err := io.WriteString(t.keys, keys)
	t.s.must(err)
}

// shows waits until a text was on the terminal, and gives all of it.
func (t *terminal) shows(text string) string {
	t.s.t.Helper()
	t.s.until("the terminal shows "+text, func() (bool, error) { return strings.Contains(t.log.String(), text), nil })
	return t.log.String()
}

const ctrlC = "\x03"

// TestInterruptOnATerminalAsks: Ctrl-C asks once whether to stop the job or to leave it to the
// node. s or another Ctrl-C stops it, l or Enter leaves it, and it can be waited for.
func TestInterruptOnATerminalAsks(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	alice, bob := s.rig("alice"), s.buyer("bob")
	s.up(alice, "--slots", "4")
	s.onMarket(alice)
	guest := s.guest()
	ask := func(name string) *terminal {
		c := s.startTTY(bob, "run", "--name", name, guest, "--", "loop")
		c.shows("running")
		s.state(bob, name, protocol.StateRunning)
		c.presses(ctrlC)
		c.shows("stop it, or leave it running")
		return c
	}
	for name, key := range map[string]string{"left": "l\n", "entered": "\n"} {
		c := ask(name)
		c.presses(key)
		c.exits(0)
		_, id, _ := strings.Cut(c.shows("`rerig wait "), "`rerig wait ")
		id, _, _ = strings.Cut(id, "`")
		s.state(bob, name, protocol.StateRunning)
		waits := s.start(bob, "wait", id)
		s.start(bob, "stop", id).exits(0)
		waits.exits(130)
	}
	for name, key := range map[string]string{"said": "s\n", "twice": ctrlC} {
		c := ask(name)
		c.presses(key)
		c.exits(130)
		s.state(bob, name, protocol.StateSettled)
	}
	none := s.start(bob, "run", "--name", "unasked", guest, "--", "loop") // without a terminal
	s.state(bob, "unasked", protocol.StateRunning)
	none.finish(os.Interrupt, 130)
	if strings.Contains(none.log.String(), "leave it running") {
		t.Errorf("it asks where nobody answers: %s", none.log)
	}

	// A node that the command has started ends with it, so there is nothing to ask.
	carol := s.requester("carol")
	own := s.startTTY(carol, "run", "--name", "own", guest, "--", "loop")
	s.state(carol, "own", protocol.StateRunning)
	own.presses(ctrlC)
	own.exits(130)
	if seen := own.log.String(); strings.Contains(seen, "leave it running") || !strings.Contains(seen, "stopped") {
		t.Errorf("the terminal shows %s", seen)
	}
}
