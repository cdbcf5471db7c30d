// Command rerig-sandbox is the child process that runs one WASM job and
// exits. It is built apart from rerig because a small binary starts in about
// two milliseconds where the whole rerig takes over ten. The runner embeds it
// and speaks to it in frames (package frame); it is of no use by hand.
//
// Two threads are what it needs on any machine, so it does not look up how many
// its control group allows.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// goHeapLimit is where the child's own garbage collector starts to work. Below
// it collecting would only cost time: the process lives for one job, and the
// guest's memory is mapped outside the Go heap.
const goHeapLimit = 192 << 20

func main() {
	closeInherited()
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(goHeapLimit)
	debug.SetTraceback("none")
	// One for the guest, which never yields, and one for the watcher.
	runtime.GOMAXPROCS(2)

	ctx := context.Background()
	err := lockDown()
	switch args := os.Args[1:]; {
	case err != nil:
		err = fmt.Errorf("lock the sandbox: %w", err)
	case len(args) == 2 && args[0] == "compile":
		err = compile(ctx, args[1])
	case len(args) == 2 && args[0] == "run":
		err = run(ctx, args[1], nil)
	case len(args) == 5 && args[0] == "run":
		err = run(ctx, args[1], &stored{module: args[2], code: args[3], sum: args[4]})
	default:
		err = fmt.Errorf("rerig-sandbox is started by rerig, not by hand")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
