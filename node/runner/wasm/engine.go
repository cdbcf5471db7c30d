// Package wasm runs one WASM job in one sandbox: a child process that holds
// a WASI preview 1 guest, serves that job alone and exits. It implements the
// engine "wasm" of SPEC.md (jobs and metering).
//
// Begin with New, keep Run going, and call Start for each job. A few children
// wait ready at all times, so that a job does not pay for starting one; each
// new one loads the module that its predecessor ran. Guests see two
// directories, their arguments, a clock and randomness that are the same on
// every rig, and nothing else.
package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/rerig/rerig/node/runner"
)

// Limits of the runner's own.
const (
	defaultWarm       = 2
	defaultCacheBytes = 1 << 30

	// maxCompileTime is how long compiling a module may take: some 40 times
	// what the largest ordinary Go program needs.
	maxCompileTime = 60 * time.Second
	// maxCompiles is how many modules are compiled at once: each may take a
	// gigabyte and a core.
	maxCompiles = 2
	// maxLoadTime is how long a child may take from its job to its guest's
	// first instruction.
	maxLoadTime = 30 * time.Second
	// respawnDelay is the pause after a child failed to start.
	respawnDelay = time.Second
)

// Config is what an Engine needs.
type Config struct {
	// DataDir holds the compile cache. The runner makes it and needs it alone.
	DataDir string
	// SandboxPath overrides the embedded sandbox program.
	SandboxPath string
	// Warm is the number of children that wait for a job; 0 means 2, and
	// a negative number none. Each takes some 10 MB.
	Warm int
	// CacheBytes bounds the compile cache on disk; 0 means 1 GiB.
	CacheBytes int64
	// Logger gets what nobody is told otherwise; nil for none.
	Logger *slog.Logger
}

// Engine starts jobs. Its children belong to Run.
type Engine struct {
	config  Config
	log     *slog.Logger
	program program
	cache   *compileCache
	empty   string // every child's working directory

	spawns   chan spawn    // to Run: start a child now
	refill   chan struct{} // to Run, capacity 1: the pool may be short
	compiles chan struct{} // one element for each compilation under way

	started chan struct{} // closed when Run first begins
	once    sync.Once     // closes started

	mu      sync.Mutex // guards what follows
	running bool
	ended   chan struct{}       // closed when this Run has ended
	idle    []*child            // waiting for a job, oldest first
	all     map[*child]struct{} // alive
	latest  [32]byte            // the module that the next warm child loads
}

// spawn asks Run for a child, because a child dies with the thread that
// started it, and Run keeps to one thread.
type spawn struct {
	args  []string
	reply chan<- spawned // capacity 1; answered exactly once
}

type spawned struct {
	child *child
	err   error
}

// New prepares a runner in cfg.DataDir. It fails when this build has no
// sandbox program, or the directory cannot be used.
func New(cfg Config) (*Engine, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("runner needs a data directory")
	}
	if cfg.Warm == 0 {
		cfg.Warm = defaultWarm
	}
	if cfg.CacheBytes <= 0 {
		cfg.CacheBytes = defaultCacheBytes
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find the runner's data directory: %w", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.MkdirAll(empty, 0o700); err != nil {
		return nil, fmt.Errorf("make the runner's data directory: %w", err)
	}
	r := &Engine{
		config: cfg, log: log, empty: empty,
		spawns: make(chan spawn), refill: make(chan struct{}, 1),
		compiles: make(chan struct{}, maxCompiles), started: make(chan struct{}),
		all: map[*child]struct{}{},
	}
	if r.program, err = openProgram(dist, cfg.SandboxPath, dir); err != nil {
		return nil, err
	}
	// Code is only good for the compiler and the CPU that it was made with: a
	// cache for others is removed.
	made := sha256.Sum256(fmt.Appendf(nil, "%s %v %v", r.program.hash, cpu.X86, cpu.ARM64))
	name := fmt.Sprintf("wasm-%x", made[:8])
	if old, err := filepath.Glob(filepath.Join(dir, "wasm-*")); err == nil {
		for _, o := range old {
			if filepath.Base(o) != name {
				_ = os.RemoveAll(o)
			}
		}
	}
	if r.cache, err = openCache(filepath.Join(dir, name), cfg.CacheBytes, r.compile); err != nil {
		_ = r.program.close() // the cache's error is the one to tell
		return nil, err
	}
	return r, nil
}

// Name is the engine's in offers and job specs.
func (r *Engine) Name() string { return "wasm" }

// Started is closed when Run has begun, so that Start and Probe may be called.
func (r *Engine) Started() <-chan struct{} { return r.started }

// EmptyDir is a directory that stays empty.
func (r *Engine) EmptyDir() string { return r.empty }

// Close frees what New took. Call it after Run has returned.
func (r *Engine) Close() error { return r.program.close() }

// Run keeps the warm children until ctx is done, then kills every child, and
// returns when all are gone. It returns nil then, and an error only when it is
// already running.
func (r *Engine) Run(ctx context.Context) error {
	r.mu.Lock()
	if r.running {
		r.mu.Unlock()
		return errors.New("the runner is running already")
	}
	r.running = true
	r.ended = make(chan struct{})
	r.mu.Unlock()
	r.once.Do(func() { close(r.started) })

	// Linux kills a child with the thread that started it (Pdeathsig).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.keepWarm(ctx)

	r.mu.Lock()
	r.running = false
	close(r.ended)
	for c := range r.all {
		c.stop(&runner.Failure{Kind: runner.FailureKilled, Detail: "the rig is shutting down"})
	}
	left := make([]*child, 0, len(r.all))
	for c := range r.all {
		left = append(left, c)
	}
	r.mu.Unlock()
	for _, c := range left {
		<-c.done
	}
	return nil
}

func (r *Engine) keepWarm(ctx context.Context) {
	var retry <-chan time.Time // set while starting fails
	r.wake()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-r.spawns:
			c, err := r.start(s.args)
			s.reply <- spawned{c, err}
			continue
		case <-retry:
			retry = nil
		case <-r.refill:
			if retry != nil {
				continue
			}
		}
		if err := r.addWarm(); err != nil {
			r.log.Error("start a sandbox", "err", err)
			retry = time.After(respawnDelay)
		}
	}
}

// addWarm starts one child if the pool is short, and asks to be called again
// until it is not: a job's own spawn can come in between.
func (r *Engine) addWarm() error {
	r.mu.Lock()
	short := len(r.idle) < r.config.Warm
	preload := r.latest
	r.mu.Unlock()
	if !short {
		return nil
	}
	args := []string{"run", r.cache.codeDir()}
	at, pinned := r.cache.pin(preload)
	if pinned {
		args = append(args, at.module, at.code, hex.EncodeToString(at.sum[:]))
	}
	c, err := r.start(args)
	if err != nil {
		if pinned {
			r.cache.release(preload)
		}
		return err
	}
	r.mu.Lock()
	if pinned {
		c.loaded = preload
		c.earlyPin = &preload
	}
	c.serving = true
	r.idle = append(r.idle, c)
	r.mu.Unlock()
	go c.serve()
	r.wake()
	return nil
}

// wake makes Run look at the pool.
func (r *Engine) wake() {
	select {
	case r.refill <- struct{}{}:
	default:
	}
}
