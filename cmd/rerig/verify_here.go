package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm"
	"github.com/rerig/rerig/protocol"
)

// runHere runs a module in this machine's sandbox, as a rig would.
func runHere(ctx context.Context, dir string, req *node.RunRequest, spec *protocol.JobSpec) (_ *again, err error) {
	if _, err := os.Stat(req.Module); err != nil {
		return nil, usage("this node has the module no more; give it with --module FILE")
	}
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := errors.Join(os.Mkdir(in, 0o700), os.Mkdir(out, 0o700)); err != nil {
		return nil, err
	}
	for _, f := range req.Inputs {
		if f.Path == "" {
			return nil, usage("--local needs the input %s as a file; give it with --input FILE=%s", clipText(f.Name, 80), clipText(f.Name, 80))
		}
		if err := copyFile(f.Path, filepath.Join(in, f.Name)); err != nil {
			return nil, err
		}
	}
	module, err := os.ReadFile(req.Module)
	if err != nil {
		return nil, err
	}
	memory := uint64(req.Resources.MemoryMiB) << 20
	if memory == 0 {
		memory = protocol.MaxMemoryBytes
	}
	l := req.Limits
	job := runner.Spec{Module: module, Args: append([]string{"module"}, req.Args...), Env: req.Env, Seed: req.Seed, InDir: in, OutDir: out,
		MemoryBytes: memory, StdoutBytes: l.StdoutBytes, OutputBytes: l.OutputBytes, OutputFiles: int(l.OutputFiles), Deadline: l.RunTime()}
	var files [2]*os.File
	for i, name := range []string{"stdout", "stderr"} {
		if files[i], err = os.Create(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
		defer files[i].Close()
	}
	res, err := inSandbox(ctx, filepath.Join(dir, "sandbox"), job, files)
	if err != nil {
		return nil, err
	}
	g := &again{Local: true, ExitCode: uint32(res.ExitCode), failed: res.Failure, dir: dir}
	g.Files, err = dirCID(ctx, dir, spec)
	return g, err
}

// inSandbox runs one module. That this machine is too slow or failed is an error.
func inSandbox(ctx context.Context, dir string, job runner.Spec, files [2]*os.File) (res runner.Result, err error) {
	engine, err := wasm.New(wasm.Config{DataDir: dir, Warm: 1})
	if err != nil {
		return res, err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(running) }() // ends with stop
	defer func() {
		stop()
		err = errors.Join(err, <-ended, engine.Close())
	}()
	select {
	case <-engine.Started():
	case <-ctx.Done():
		return res, ctx.Err()
	}
	j, err := engine.Start(ctx, job, files[0], files[1])
	if err != nil {
		return res, fmt.Errorf("run the module here: %w", err)
	}
	if res, err = j.Wait(); err != nil {
		return res, fmt.Errorf("run the module here: %w", err)
	}
	if f := res.Failure; f != nil && (f.Kind == runner.FailureDeadline || f.Kind == runner.FailureKilled) {
		return res, fmt.Errorf("this machine did not get through with it: %w; give --timeout", f)
	}
	return res, nil
}
