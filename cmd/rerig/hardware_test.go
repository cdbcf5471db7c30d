package main

import (
	"maps"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rerig/rerig/node/hardware/rigtest"
)

// rigs are machines that are not there, for scripts.
var rigs = map[string]func() *rigtest.Machine{
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
	if neg || len(args) != 2 || rigs[args[0]] == nil {
		ts.Fatalf("usage: rig NAME DIR, with a name of %q", slices.Sorted(maps.Keys(rigs)))
	}
	ts.Check(rigs[args[0]]().Write(ts.MkAbs(args[1])))
}
