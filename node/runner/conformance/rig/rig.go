// Package rig is the program beside a conformance test that is killed: it opens an engine,
// runs jobs of every kind on it, and says so, until somebody ends it. An engine's test
// builds a small static main that calls Main, and names it in conformance.Target.Rig.
package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rerig/rerig/node/runner"
)

// Order is what the suite wants of a rig, as JSON in the file that its second argument names.
type Order struct {
	// Dir is the engine's data directory.
	Dir string
	// OutDirs is where the outputs of jobs go, one each.
	OutDirs string
	// Specs are the jobs that run at once, again and again.
	Specs []runner.Spec
}

// Argument is the first argument of a process that is to be a rig.
const Argument = "conformance-rig"

// Main is a rig when the process was started as one, and then does not return. Otherwise it
// returns at once.
func Main(open func(dir string) (runner.Engine, error)) {
	if len(os.Args) != 3 || os.Args[1] != Argument {
		return
	}
	if err := serve(os.Args[2], open); err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
	}
	os.Exit(1)
}

func serve(path string, open func(dir string) (runner.Engine, error)) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var order Order
	if err := json.Unmarshal(b, &order); err != nil {
		return fmt.Errorf("decode the order: %w", err)
	}
	e, err := open(order.Dir)
	if err != nil {
		return err
	}
	ended := make(chan error, 1+len(order.Specs))
	go func() { ended <- e.Run(context.Background()) }()
	select {
	case <-e.Started():
	case err := <-ended:
		return err
	}
	fmt.Println("started")
	for i, spec := range order.Specs { // each ends with the process
		go func() { ended <- repeat(e, spec, order.OutDirs, i) }()
	}
	return <-ended
}

// repeat runs one job after the other, each up to its own deadline.
func repeat(e runner.Engine, spec runner.Spec, outs string, i int) error {
	for n := 0; ; n++ {
		out, err := os.MkdirTemp(outs, "out-")
		if err != nil {
			return err
		}
		spec.OutDir = out
		begun := time.Now()
		j, err := e.Start(context.Background(), spec, io.Discard, io.Discard)
		if err != nil {
			return fmt.Errorf("start %v: %w", spec.Args, err)
		}
		if _, err := j.Wait(); err != nil {
			return fmt.Errorf("wait for %v: %w", spec.Args, err)
		}
		fmt.Println("job", i, n, time.Since(begun).Milliseconds())
	}
}
