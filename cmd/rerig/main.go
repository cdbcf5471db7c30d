// Command rerig is the whole of Rerig in one binary: the miner's rig, the
// developer's client and the contributor's test network. SPEC §8 has the node it
// runs and talks to. Standard output is data, standard error is progress; each
// command group has its own file, and root.go has what they share.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rerig/rerig/node/runner/docker"
	"github.com/rerig/rerig/node/runner/gvisor"
	"github.com/rerig/rerig/node/runner/model"
	"github.com/rerig/rerig/node/runner/namespaces"
)

func main() {
	if model.Main() || gvisor.Main() || namespaces.Main() || docker.Main() || doctorGuest() { // this process was part of a sandbox
		return
	}
	os.Exit(run())
}

// run is main with an exit code.
func run() int {
	ctx, in := notify()
	defer in.end()
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, interrupts: in}
	return a.execute(ctx, os.Args[1:])
}

// notify makes a context that the first SIGINT or SIGTERM ends; a second one ends
// the process at once, for whoever has no time for an orderly end.
func notify() (context.Context, *interrupts) {
	ctx, cancel := context.WithCancel(context.Background())
	in := &interrupts{end: cancel}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // lives as long as the process
		for sig := range signals {
			if in.deliver(sig) {
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, in
}
