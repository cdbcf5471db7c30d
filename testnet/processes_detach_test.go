//go:build unix

package testnet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDetachedRuns: a run that a command leaves to the node goes on there; other commands
// wait for it, read its output, fetch its files and stop it, as often as they like.
func TestDetachedRuns(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	alice, bob := s.rig("alice"), s.buyer("bob")
	s.up(alice)
	s.onMarket(alice)
	leave := func(args ...string) (id string) {
		s.t.Helper()
		c := s.run(bob, append([]string{"--detach"}, args...)...)
		c.exits(0)
		return strings.TrimSpace(c.out.String())
	}
	wait := func(id string, code int) {
		s.t.Helper()
		s.start(bob, "wait", id).exits(code)
	}
	id := leave("--", "print", "still here")
	wait(id, 0)
	wait(id[:12], 0) // of a run that is over, by a part of its ID
	logs := s.start(bob, "logs", id)
	if logs.exits(0); !strings.Contains(logs.out.String(), "still here") {
		s.t.Errorf("its output is %q", logs.out)
	}
	wait(leave("--", "exit", "7"), 7)

	id = leave("--", "write", "note", "kept")
	wait(id, 0)
	note := filepath.Join(bob.config.DataDir, "note.txt")
	s.start(bob, "cp", id+":note", note).exits(0)
	if b, err := os.ReadFile(note); err != nil || strings.TrimSpace(string(b)) != "kept" {
		s.t.Errorf("its file holds %q, %v", b, err)
	}
	s.must(os.Remove(note))

	id = leave("--", "loop")
	waits := s.start(bob, "wait", id)
	s.ticks(bob, 1)
	s.start(bob, "stop", id).exits(0)
	waits.exits(130)
	waits.says("stopped")

	s.start(bob, "wait", "0xffffffffffff").exits(1)
	s.run(bob, "--detach", "--array", "2", "--", "exit", "0").exits(2)
	carol := s.requester("carol") // no node runs there
	none := s.run(carol, "--detach", "--", "exit", "0")
	none.exits(2)
	none.says("no node stays")
}
