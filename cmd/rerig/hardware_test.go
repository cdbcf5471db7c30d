package main

import (
	"errors"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rerig/rerig/node/hardware/rigtest"
)

// machines are those that are not there, for scripts.
var machines = map[string]func() *rigtest.Machine{
	"p106x6": rigtest.P106x6, "mixed": rigtest.Mixed, "rx580": rigtest.RX580, "arc": rigtest.Arc, "bare": rigtest.Bare, "off-bus": rigtest.OffBus,
	"empty": func() *rigtest.Machine { return &rigtest.Machine{} },
	"error-9": func() *rigtest.Machine {
		m := rigtest.Mixed()
		m.SMI = "echo \"NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\"\nexit 9\n"
		return m
	},
	"garbage": func() *rigtest.Machine {
		m := rigtest.Mixed()
		m.SMI = "printf '\\033[2J\\377<nvidia'"
		return m
	},
	"mining": func() *rigtest.Machine {
		m := rigtest.Mixed()
		m.Cards[0].UsedMiB, m.Cards[0].Processes = 4900, []rigtest.Process{{PID: 777, Name: "t-rex", UsedMiB: 4800}}
		return m
	},
}

// writeRig NAME DIR makes a machine below a directory.
func writeRig(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || machines[args[0]] == nil {
		ts.Fatalf("usage: rig NAME DIR, with a name of %q", slices.Sorted(maps.Keys(machines)))
	}
	ts.Check(machines[args[0]]().Write(ts.MkAbs(args[1])))
}

// liveRig NAME DIR [ADDRESS KEY=N…] makes a machine whose cards are changed by later calls with
// the same directory: temp, power, used, load, lost. live DIR tool MODE has its tool misbehave,
// live DIR unplug ADDRESS takes a card out.
func liveRig(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: live NAME DIR, or live DIR ADDRESS KEY=N…, or live DIR tool MODE, or live DIR unplug ADDRESS")
	}
	if f := machines[args[0]]; f != nil {
		l, err := f().Live(ts.MkAbs(args[1]))
		ts.Check(err)
		live.Store(ts.MkAbs(args[1]), l)
		return
	}
	found, ok := live.Load(ts.MkAbs(args[0]))
	if !ok {
		ts.Fatalf("no live machine in %s", args[0])
	}
	l := found.(*rigtest.Live)
	switch args[1] {
	case "tool":
		ts.Check(l.Tool(strings.Join(args[2:], " ")))
		return
	case "unplug":
		ts.Check(l.Unplug(args[2]))
		return
	}
	ts.Check(l.Set(args[1], func(c *rigtest.Card) {
		at := map[string]*int{"temp": &c.TempC, "power": &c.PowerW, "used": &c.UsedMiB, "load": &c.LoadPct, "memory": &c.MemoryC}
		for _, change := range args[2:] {
			key, value, _ := strings.Cut(change, "=")
			n, err := strconv.Atoi(value)
			ts.Check(err)
			if at[key] == nil {
				ts.Fatalf("no %q of a card", key)
			}
			*at[key] = n
		}
	}))
}

// live are the scripts' machines, by directory.
var live sync.Map

// TestCDI plays the writing of CDI specs, which needs device files.
func TestCDI(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: cards are used nowhere else")
	}
	if err := rigtest.RX580().Files(t.TempDir()); errors.Is(err, os.ErrPermission) {
		t.Skip("needs device files: run as root")
	}
	play(t, "testdata/cdi.txt")
}

// rigFiles NAME DIR adds device files and libraries of its driver to such a machine.
func rigFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || machines[args[0]] == nil {
		ts.Fatalf("usage: rigfiles NAME DIR, with a name of %q", slices.Sorted(maps.Keys(machines)))
	}
	ts.Check(machines[args[0]]().Files(ts.MkAbs(args[1])))
}
