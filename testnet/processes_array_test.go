//go:build unix

package testnet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/protocol"
)

// TestDetachedArrays: an array that a command leaves to the node goes on there when the command
// is gone. Other commands follow it by its ID, on one table, and collect its results by index,
// with the exit code that it has; it outlives its node too, and then costs nothing twice.
func TestDetachedArrays(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	alice, bob := s.rig("alice"), s.requester("bob")
	s.up(alice, "--slots", "4")
	stays := s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.onMarket(alice)
	guest, out := s.guest(), filepath.Join(s.dir, "collected")
	a := &arrays{scene: s, bob: bob}

	id := a.leave("run", "--detach", "--matrix", "word=one,two,three", "--out-dir", filepath.Join(out, "{word}"), guest, "--", "write", "note", "{word}")
	s.start(bob, "wait", id).exits(0)
	for _, word := range []string{"one", "two", "three"} {
		a.holds(filepath.Join(out, word, "note"), word)
	}
	s.start(bob, "cp", id+":", filepath.Join(out, "all")).exits(0)
	a.holds(filepath.Join(out, "all", "1", "note"), "two")
	s.start(bob, "cp", id+":2/note", filepath.Join(out, "third")).exits(0)
	a.holds(filepath.Join(out, "third"), "three")
	s.start(bob, "wait", id[:12], "--out-dir", filepath.Join(out, "again")).exits(0)
	a.holds(filepath.Join(out, "again", "0", "note"), "one")

	id = a.leave("submit", "--matrix", "n=0,7,0", guest, "--", "exit", "{n}")
	waits := s.start(bob, "wait", id)
	waits.exits(7)
	waits.says("1 of 3 tasks failed, the first is 1", "task 1 · exit 7")
	s.start(bob, "stop", id).exits(0)

	a.killedCommand(guest)
	a.nodeThatEnds(stays, guest)
}

// arrays are what the cases share.
type arrays struct {
	*scene
	bob *member
}

// leave starts an array that stays with the node, and gives its ID.
func (a *arrays) leave(line ...string) string {
	a.t.Helper()
	c := a.start(a.bob, line...)
	c.exits(0)
	id := strings.TrimSpace(c.out.String())
	if _, err := protocol.ParseHash(id); err != nil {
		a.t.Fatalf("%v prints %q", line, c.out)
	}
	return id
}

func (a *arrays) holds(path, want string) {
	a.t.Helper()
	if b, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(b)) != want {
		a.t.Errorf("%s holds %q, %v; want %q", path, b, err, want)
	}
}

// group waits until a group is as wanted.
func (a *arrays) group(id, what string, is func(*node.GroupStatus) bool) *node.GroupStatus {
	a.t.Helper()
	api := a.api(a.bob)
	var g *node.GroupStatus
	a.until("the array is "+what, func() (ok bool, err error) {
		g, err = api.Group(a.ctx, id)
		return err == nil && is(g), err
	})
	return g
}

// killedCommand: the node goes on buying when the command that follows the array is killed;
// on a terminal another command has its table, and logs and stop take its ID.
func (a *arrays) killedCommand(guest string) {
	c := a.start(a.bob, "run", "--name", "many", "--array", "6", "--parallel", "2", guest, "--", "count", "15", "20")
	var id string
	a.until("the array is on its way", func() (bool, error) {
		groups, err := a.api(a.bob).Groups(a.ctx)
		for _, g := range groups {
			if g.Name == "many" && g.Running > 0 {
				id = g.ID.String()
			}
		}
		return id != "", err
	})
	c.kill()
	table := a.startTTY(a.bob, "wait", id)
	follows := a.start(a.bob, "logs", "-f", id)
	ps := a.start(a.bob, "ps")
	if ps.exits(0); !strings.Contains(ps.out.String(), "array") || !strings.Contains(ps.out.String(), "many") {
		a.t.Errorf("ps shows %s", ps.out)
	}
	table.exits(0)
	if seen := table.shows("6 tasks"); !strings.Contains(seen, "of 6 done") {
		a.t.Errorf("the terminal shows %q", seen)
	}
	follows.exits(0)
	for i := range 6 {
		if n := strings.Count(follows.out.String(), fmt.Sprintf("[%d] ", i)); n != 15 {
			a.t.Errorf("of task %d logs show %d lines, want 15", i, n)
		}
	}
}

// nodeThatEnds: a node that ends, and another in its place. What had not begun goes on there,
// what was under way has failed with a reason, and the books are the chain's (scene.end).
func (a *arrays) nodeThatEnds(stays *command, guest string) {
	id := a.leave("run", "--detach", "--array", "4", "--parallel", "2", guest, "--", "count", "40", "20")
	unkept := a.start(a.bob, "run", "--name", "unkept", "--array", "2", "--parallel", "1", guest, "--", "loop")
	a.group(id, "on its way", func(g *node.GroupStatus) bool { return g.Running == 2 && !g.Spent.IsZero() })
	a.state(a.bob, "task 0", protocol.StateRunning)
	stays.kill()
	unkept.exits(125)

	paused := a.start(a.bob, "wait", id) // with a node of its own, which does not stay
	paused.exits(125)
	paused.says("rerig up --server")
	again := a.serve(a.bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	waits := a.start(a.bob, "wait", "-o", "json", id)
	waits.exits(125)
	waits.says("2 of 4 tasks failed, the first is 0", "restart")
	var tasks []struct {
		Run node.RunStatus `json:"run"`
	}
	a.must(json.Unmarshal([]byte(waits.out.String()), &tasks))
	for i, want := range []protocol.Reason{protocol.ReasonRestart, protocol.ReasonRestart, "", ""} {
		if got := tasks[i].Run.Reason; got != want {
			a.t.Errorf("task %d has reason %q, want %q", i, got, want)
		}
	}
	if g := a.group(id, "ended", func(g *node.GroupStatus) bool { return g.Ended }); g.Done != 2 || g.Failed != 2 {
		a.t.Errorf("the array is %+v", g)
	}
	again.finish(syscall.SIGTERM, 0)
}

// TestRetriesAreToldToWhoComesBack: a rig that dies has its runs done elsewhere, and whoever
// waits for them by their ID hears why, also through another node.
func TestRetriesAreToldToWhoComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, build(t))
	alice, carol, bob := s.rig("alice"), s.rig("carol"), s.requester("bob")
	dies := s.up(alice, "--slots", "4")
	s.up(carol, "--slots", "4", "--price", "72/h")
	stays := s.serve(bob, "up", "--server", "--listen", "/ip4/127.0.0.1/tcp/0")
	s.onMarket(alice, carol)
	guest, a := s.guest(), &arrays{scene: s, bob: bob}
	one := a.leave("submit", "--name", "one", guest, "--", "count", "60", "20")
	screen := s.startTTY(bob, "run", "--array", "2", guest, "--", "count", "60", "20")
	for _, name := range []string{"one", "task 0", "task 1"} {
		s.state(bob, name, protocol.StateRunning)
	}
	screen.presses(ctrlC)
	screen.shows("stop it, or leave it running")
	screen.presses("l\n")
	screen.exits(0)
	_, many, _ := strings.Cut(screen.shows("the array goes on in the node: `rerig wait "), "goes on in the node: `rerig wait ")
	many, _, _ = strings.Cut(many, "`")
	dies.kill()
	hears := func() {
		s.t.Helper()
		waits := s.start(bob, "wait", one)
		waits.exits(0)
		waits.says("! rig 0x", "trying another")
		waits = s.start(bob, "wait", many)
		waits.exits(0)
		waits.says("! task 0: rig 0x", "! task 1: rig 0x", "trying another", "2 tasks")
	}
	hears()
	stays.finish(syscall.SIGTERM, 0)
	hears()
	s.up(alice) // and clears up what its end has left
}
