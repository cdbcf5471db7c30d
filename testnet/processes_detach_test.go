//go:build unix

package testnet_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rerig/rerig/protocol"
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
	submitted(s, bob)
	carol := s.requester("carol") // no node runs there
	s.start(carol, "submit", s.guest(), "--", "exit", "0").exits(2)
	none := s.run(carol, "--detach", "--", "exit", "0")
	none.exits(2)
	none.says("no node stays")
}

// submitted: submit prints an ID once a rig has agreed, and other commands find the run by it;
// where none does it says why.
func submitted(s *scene, bob *member) {
	job := filepath.Join(bob.config.DataDir, "job.yaml")
	s.must(os.WriteFile(job, []byte("module: "+s.guest()+"\nname: from a file\nargs: [write, note, filed]\n"), 0o600))
	for _, line := range [][]string{{"--file", job}, {s.guest(), "--", "write", "note", "filed"}} {
		c := s.start(bob, append([]string{"submit", "-q"}, line...)...)
		c.exits(0)
		id := strings.TrimSpace(c.out.String())
		if _, err := protocol.ParseHash(id); err != nil || c.log.String() != "" {
			s.t.Errorf("submit prints %q and says %q", c.out, c.log)
		}
		s.start(bob, "wait", id).exits(0)
		note := filepath.Join(bob.config.DataDir, "note.txt")
		s.start(bob, "cp", id+":note", note).exits(0)
		if b, err := os.ReadFile(note); err != nil || strings.TrimSpace(string(b)) != "filed" {
			s.t.Errorf("its file holds %q, %v", b, err)
		}
		s.must(os.Remove(note))
	}
	s.must(os.Remove(job))

	c := s.start(bob, "submit", "--name", "endless", s.guest(), "--", "loop")
	c.exits(0)
	id := strings.TrimSpace(c.out.String())
	s.state(bob, "endless", protocol.StateRunning)
	follows := s.start(bob, "logs", "-f", id)
	ps := s.start(bob, "ps")
	if ps.exits(0); !strings.Contains(ps.out.String(), "endless") {
		s.t.Errorf("ps shows %s", ps.out)
	}
	inspects := s.start(bob, "inspect", id)
	inspects.exits(0)
	if !strings.Contains(inspects.out.String(), "rig's signature") {
		s.t.Errorf("inspect shows %s", inspects.out)
	}
	s.start(bob, "stop", id).exits(0)
	follows.exits(0)

	none := s.start(bob, "submit", "--max-price", "0.000001/h", s.guest(), "--", "exit", "0")
	none.exits(125)
	if none.says("no_offers"); none.out.String() != "" {
		s.t.Errorf("without a rig submit prints %q", none.out)
	}
}
