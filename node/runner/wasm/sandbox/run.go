package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/rerig/rerig/node/runner/wasm/internal/frame"
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

// compile turns the module in dir into a stub and its native code, both left
// in dir. No guest code runs here, so the cache is only ever filled by a
// process that a job cannot influence beyond being compiled.
func compile(ctx context.Context, dir string) error {
	limitData(compileDataBytes)
	module, err := os.ReadFile(filepath.Join(dir, "module.wasm"))
	if err != nil {
		return err
	}
	whole, err := compileInto(ctx, filepath.Join(dir, "whole"), module)
	if err != nil {
		return err
	}
	empty, err := stub(module)
	if err != nil {
		return fmt.Errorf("strip the module: %w", err)
	}
	own, err := compileInto(ctx, filepath.Join(dir, "code"), empty)
	if err != nil {
		return err
	}
	if err := os.Rename(whole, own); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "stub.wasm"), empty, 0o600); err != nil {
		return err
	}
	finish(frame.Outcome{})
	return nil
}

// compileInto compiles a module and returns the file with its code.
func compileInto(ctx context.Context, dir string, module []byte) (string, error) {
	rt, err := newRuntime(ctx, dir)
	if err != nil {
		return "", err
	}
	m, err := rt.CompileModule(ctx, module)
	if err != nil {
		fail(failBadModule, err.Error())
	}
	if m.ExportedFunctions()["_start"] == nil {
		fail(failBadModule, "module exports no _start function")
	}
	// wazero makes one directory, named for its version, with one file.
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("compiling left %d files, want 1", len(files))
	}
	return files[0], nil
}

// run warms up, waits for the one job, and runs it. preload names a module
// that the job will probably need.
func run(ctx context.Context, cacheDir string, preload *stored) error {
	rt, err := newRuntime(ctx, cacheDir)
	if err != nil {
		return err
	}
	var early wazero.CompiledModule
	if preload != nil {
		// A preload that fails is tried again by the job that needs it.
		early, _ = preload.load(ctx, rt)
	}
	events.send(frame.Ready, nil)

	var buf []byte
	kind, payload, err := frame.Read(os.Stdin, &buf, frame.MaxRequest)
	if err != nil || kind != frame.Job {
		return nil //nolint:nilerr // the runner closed its end: no job will come
	}
	req, err := decodeRequest(payload)
	if err != nil {
		return err
	}
	go exitWithParent()

	want := stored{module: req.Module, code: req.Code, sum: hex.EncodeToString(req.SHA256)}
	m := early
	if m == nil || *preload != want {
		if m, err = want.load(ctx, rt); err != nil {
			fail(failInternal, "load the compiled module: "+err.Error())
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

// stored is a module in the cache: its stub and the file with its code.
type stored struct{ module, code, sum string }

// load makes a stored module ready to run. It checks that wazero will find the
// code, because otherwise it would compile the stub, which does nothing.
func (s *stored) load(ctx context.Context, rt wazero.Runtime) (wazero.CompiledModule, error) {
	binary, err := os.ReadFile(s.module)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(binary); hex.EncodeToString(got[:]) != s.sum {
		return nil, fmt.Errorf("stored module has SHA-256 %x, want %s", got, s.sum)
	}
	if _, err := os.Stat(s.code); err != nil {
		return nil, err
	}
	return rt.CompileModule(ctx, binary)
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
	if err := confine(req); err != nil {
		fail(failInternal, "confine the sandbox: "+err.Error())
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
