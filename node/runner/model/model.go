// Package model runs language models: the engine "model" of SPEC §5.1. A job is this same
// program again, alone inside the sandbox of a container engine, which computes a GGUF file
// with package engine: [Main] is what it does there, [New] the engine around it.
package model

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/rerig/rerig/node/runner"
)

const (
	// name is the engine's in offers and job specs.
	name = "model"
	// program is the sandbox's only file, and argv[0] of what runs there.
	program = "/rerig-model"
	// file is the model's name in /in.
	file = "model.gguf"
)

// What the program is to be, as its first argument, which no requester writes.
const (
	modeTask  = "task"
	modeServe = "serve"
)

// Limits of the self-test's job.
const (
	trialMemory = 512 << 20
	trialTime   = 2 * time.Minute
)

// Config is what an Engine needs.
type Config struct {
	// Held runs the jobs. The engine neither runs nor closes it.
	Held runner.Engine
	// Dir is a directory of the engine's own, on the disk.
	Dir string
	// Program is a static rerig for Linux whose main calls Main first; "" for the running one.
	Program string
}

// Engine is a container engine that runs one program. It has no processes of its own.
type Engine struct {
	held  runner.Engine
	root  string // with the program
	trial string // with a small model
}

// New makes the root of the jobs and a model to try it with.
func New(cfg Config) (*Engine, error) {
	e := &Engine{held: cfg.Held, root: filepath.Join(cfg.Dir, "root"), trial: filepath.Join(cfg.Dir, "trial")}
	if err := makeRoot(e.root, cfg.Program); err != nil {
		return nil, fmt.Errorf("make the root of models: %w", err)
	}
	if err := makeTrial(e.trial); err != nil {
		return nil, fmt.Errorf("unpack the self-test's model: %w", err)
	}
	return e, nil
}

// Name is "model".
func (e *Engine) Name() string { return name }

// Run waits for ctx: the processes are the held engine's.
func (e *Engine) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Started is closed when the held engine takes jobs.
func (e *Engine) Started() <-chan struct{} { return e.held.Started() }

// Close does nothing: the held engine is another's.
func (e *Engine) Close() error { return nil }

// Probe makes a few tokens with a small model in a sandbox. What it returns says nothing of
// limits: those are the held engine's.
func (e *Engine) Probe(ctx context.Context) (runner.Caps, error) {
	var out, told bytes.Buffer
	job, err := e.Start(ctx, runner.Spec{InDir: e.trial, Args: []string{"complete", "-n", "4", "A hacker is"}, CPUs: 1,
		MemoryBytes: trialMemory, StdoutBytes: 64 << 10, Deadline: trialTime}, &out, &told)
	if err != nil {
		return runner.Caps{}, fmt.Errorf("try a model: %w", err)
	}
	res, err := job.Wait()
	switch {
	case err != nil:
		return runner.Caps{}, fmt.Errorf("try a model: %w", err)
	case res.Failure != nil || res.ExitCode != exitDone || strings.TrimSpace(out.String()) == "":
		return runner.Caps{}, fmt.Errorf("a small model ended with exit code %d (%v), the answer %q and the error %q; it should answer", res.ExitCode, res.Failure, out.String(), told.String())
	}
	return runner.Caps{}, nil
}

// Start runs a job: its arguments are the spec's, its model is model.gguf in InDir. Of a model
// that cannot be loaded the job's failure is FailureBadModule. Usage begins when the model is
// loaded, or when that took five CPU seconds.
func (e *Engine) Start(ctx context.Context, s runner.Spec, stdout, stderr io.Writer) (runner.Job, error) {
	s = e.alone(s, modeTask)
	s.StdoutBytes++ // for the mark
	j := &job{told: tail{to: stderr}, out: stdout, begun: make(chan struct{})}
	defer close(j.begun)
	var err error
	if j.Job, err = e.held.Start(ctx, s, marked{j}, &j.told); err != nil {
		return nil, err
	}
	return j, nil
}

// alone makes a job one of this program, with nothing else in its sandbox.
func (e *Engine) alone(s runner.Spec, mode string) runner.Spec {
	s.CPUs = max(s.CPUs, 1)
	s.Root, s.WorkDir, s.UID, s.GID = e.root, "", 0, 0
	s.Args = append([]string{program, mode}, s.Args...)
	s.Env = []string{fmt.Sprintf("GOMAXPROCS=%d", s.CPUs), fmt.Sprintf("GOMEMLIMIT=%dB", s.MemoryBytes/8*7)}
	return s
}
