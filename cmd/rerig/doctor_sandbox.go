package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/runner/wasm"
)

// sandbox runs the self-test of a rig.
func (d *doctor) sandbox(ctx context.Context) {
	begun := time.Now()
	err := probeSandbox(ctx)
	if err != nil {
		d.fail("sandbox", "rigs cannot sell here; buying works. Build with `make build`, or report this", err)
		return
	}
	d.ok("sandbox", "ran two jobs in %d ms, memory and time limits hold", time.Since(begun).Milliseconds())
}

func probeSandbox(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "rerig-doctor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := wasm.New(wasm.Config{DataDir: dir, Warm: 1})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(running) }()
	select {
	case <-r.Started():
		_, err = r.Probe(ctx)
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	return errors.Join(err, <-ended, r.Close())
}

// containers runs the self-test of what would hold containers.
func (d *doctor) containers(ctx context.Context, held string) {
	begun := time.Now()
	unheld, err := probeContainers(ctx, held)
	switch {
	case err != nil:
		d.warn("containers", "modules are sold all the same; mend what it names, or choose with `rerig up --containers`", "%s: %v", held, err)
	case len(unheld) > 0:
		d.warn("containers", "run rerig as root, where control groups are", "%s ran its jobs, and nothing holds them to their limits of %s", held, strings.Join(unheld, ", "))
	default:
		d.ok("containers", "%s ran its jobs in %d ms, all limits hold", held, time.Since(begun).Milliseconds())
	}
}

func probeContainers(ctx context.Context, held string) (unheld []string, err error) {
	dir, err := os.MkdirTemp("", "rerig-doctor-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	return node.ProbeContainers(ctx, held, dir)
}
