package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/rerig/rerig/node/runner/internal/frame"
)

// Failure kinds, as runner.FailureKind spells them.
const (
	failTrap      = "trap"
	failMemory    = "memory"
	failOutput    = "output"
	failBadModule = "bad-module"
	failInternal  = "internal"
)

func newRuntime(ctx context.Context, cacheDir string) (wazero.Runtime, error) {
	cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
	if err != nil {
		return nil, fmt.Errorf("open the compile cache: %w", err)
	}
	// Without debug info: the cache would hold a source map that is read eight
	// bytes at a time, which costs a Go module some 50 ms at each start.
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithDebugInfoEnabled(false))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return nil, fmt.Errorf("prepare WASI: %w", err)
	}
	return rt, nil
}

// compile fills the cache with one module. No guest code runs here, so the
// cache is only ever written by a process that a job cannot influence beyond
// being compiled.
func compile(ctx context.Context, cacheDir, module string) error {
	limitData(compileDataBytes)
	binary, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	rt, err := newRuntime(ctx, cacheDir)
	if err != nil {
		return err
	}
	m, err := rt.CompileModule(ctx, binary)
	if err != nil {
		fail(failBadModule, err.Error())
	}
	if m.ExportedFunctions()["_start"] == nil {
		fail(failBadModule, "module exports no _start function")
	}
	finish(frame.Outcome{})
	return nil
}

// run warms up, waits for the one job, and runs it. preload names a module
// that the job will probably need.
func run(ctx context.Context, cacheDir, preload string) error {
	rt, err := newRuntime(ctx, cacheDir)
	if err != nil {
		return err
	}
	loaded := map[[32]byte]wazero.CompiledModule{}
	if preload != "" {
		// A preload that fails is tried again by the job that needs it.
		if m, sum, err := load(ctx, rt, preload); err == nil {
			loaded[sum] = m
		}
	}
	events.send(frame.Ready, nil)

	var buf []byte
	kind, payload, err := frame.Read(os.Stdin, &buf, frame.MaxRequest)
	if err != nil || kind != frame.Job {
		return nil // the runner closed its end: no job will come
	}
	req, err := decodeRequest(payload)
	if err != nil {
		return err
	}
	go exitWithParent()

	want := [32]byte(req.SHA256)
	m := loaded[want]
	if m == nil {
		var sum [32]byte
		if m, sum, err = load(ctx, rt, req.Module); err != nil {
			fail(failInternal, "load the compiled module: "+err.Error())
		}
		if sum != want {
			fail(failInternal, fmt.Sprintf("stored module has SHA-256 %x, want %x", sum, want))
		}
	}
	start(ctx, rt, m, req)
	return nil
}

// exitWithParent ends the process when the runner does: its end of standard
// input closes even where there is no parent-death signal.
func exitWithParent() {
	var b [1]byte
	_, _ = os.Stdin.Read(b[:])
	os.Exit(1)
}

func load(ctx context.Context, rt wazero.Runtime, path string) (wazero.CompiledModule, [32]byte, error) {
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, [32]byte{}, err
	}
	m, err := rt.CompileModule(ctx, binary)
	return m, sha256.Sum256(binary), err
}

// start runs the guest to its end and exits the process.
func start(ctx context.Context, rt wazero.Runtime, m wazero.CompiledModule, req *frame.Request) {
	mounts, err := mount(req)
	if err != nil {
		fail(failInternal, err.Error())
	}
	clock := newClock()
	config := wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions().
		WithArgs(req.Args...).
		WithStdin(bytes.NewReader(nil)).
		WithStdout(stream(frame.Stdout)).
		WithStderr(stream(frame.Stderr)).
		WithFSConfig(mounts).
		WithRandSource(rand.NewChaCha8([32]byte(req.Seed))).
		WithWalltime(clock.walltime, clockResolution).
		WithNanotime(clock.nanotime, clockResolution).
		WithNanosleep(clock.sleep)
	for _, kv := range req.Env {
		k, v, _ := bytes.Cut([]byte(kv), []byte("="))
		config = config.WithEnv(string(k), string(v))
	}
	if err := lockDown(req); err != nil {
		fail(failInternal, "lock the sandbox: "+err.Error())
	}
	memory := &allocator{limit: req.MemoryBytes}
	ctx = experimental.WithMemoryAllocator(ctx, memory)

	events.number(frame.Started, cpuNanos())
	reportCPU()
	guest, err := rt.InstantiateModule(ctx, m, config)
	if err == nil {
		_, err = guest.ExportedFunction("_start").Call(ctx)
	} else if exit := new(sys.ExitError); !errors.As(err, &exit) {
		fail(failBadModule, err.Error())
	}
	finish(outcome(err, memory.refused))
}

func outcome(err error, refused bool) frame.Outcome {
	if err == nil {
		return frame.Outcome{MemoryRefused: refused}
	}
	if exit := new(sys.ExitError); errors.As(err, &exit) {
		return frame.Outcome{ExitCode: exit.ExitCode(), MemoryRefused: refused}
	}
	return frame.Outcome{Failure: failTrap, Detail: err.Error(), MemoryRefused: refused}
}
