package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/models/jargon"
	"github.com/rerig/rerig/modules"
	"github.com/rerig/rerig/node"
	"github.com/rerig/rerig/node/hardware"
	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/node/runner/wasm"
)

const (
	benchFile   = "bench.json"
	maxBench    = 64 << 10 // bytes of the file
	benchTokens = 32       // made by the sandboxed job
	benchTime   = 500 * time.Millisecond
	benchMost   = 5 * time.Minute // for all of it, on the slowest machine
)

// benchmark is what this machine's processors can do, by the model that rerig brings. It is
// measured once for a processor and a version.
type benchmark struct {
	CPU     string `json:"cpu"`
	Cores   uint16 `json:"cores"`
	Version string `json:"version"`
	// SandboxTokens is of one core in a WASM job, start and all, EngineTokens of the engine
	// for served models on all cores: thousandths of tokens a second.
	SandboxTokens uint64 `json:"sandbox_milli_tokens_per_second"`
	EngineTokens  uint64 `json:"engine_milli_tokens_per_second"`
	// ColdMillis is how long a job took whose module was not compiled yet.
	ColdMillis int64 `json:"cold_ms"`
}

func (a *app) benchCmd() *cobra.Command {
	return &cobra.Command{
		Use: "bench", Short: "Measure the processors again", Args: exactly(),
		Long: `Measure how many tokens a second this machine's processors make of the small model that
rerig brings: in a sandboxed job on one core, and in the engine for served models on all.
rerig up does it once for a processor and a version. Cards are not measured: no program
for them comes with rerig.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.bench(cmd.Context(), true)
			if err != nil {
				return err
			}
			return a.print(b, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, b.text())
				return err
			})
		},
	}
}

func (b *benchmark) text() string {
	return fmt.Sprintf("%s, %d cores: %s tokens/s in a sandbox on one, %s by the engine on all, of the model that rerig brings",
		b.CPU, b.Cores, thousandths(b.SandboxTokens), thousandths(b.EngineTokens))
}

func thousandths(n uint64) string { return fmt.Sprintf("%d.%d", n/1000, n%1000/100) }

// bench is what is known of the processors, measured now where nothing is, or again.
func (a *app) bench(ctx context.Context, again bool) (*benchmark, error) {
	hw, err := hardware.Detect(existing(a.dir()))
	if err != nil {
		return nil, err
	}
	b := &benchmark{CPU: hw.CPU, Cores: hw.Cores, Version: node.BuildVersion()}
	path := filepath.Join(a.dir(), benchFile)
	if known := readBench(path); !again && known != nil && known.CPU == b.CPU && known.Cores == b.Cores && known.Version == b.Version {
		return known, nil
	}
	if err := os.MkdirAll(a.dir(), 0o700); err != nil {
		return nil, fmt.Errorf("benchmark: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, benchMost)
	defer cancel()
	model, err := builtin(a.dir(), "jargon.gguf", jargon.GGUF())
	if err == nil {
		err = b.engine(ctx, model)
	}
	if err == nil {
		err = b.sandbox(ctx, filepath.Dir(model))
	}
	if err != nil {
		return nil, fmt.Errorf("benchmark: %w", err)
	}
	text, err := json.Marshal(b)
	if err == nil {
		err = os.WriteFile(path, text, 0o600) // one that a crash broke is measured again
	}
	return b, err
}

// readBench is what was measured before, nil for nothing.
func readBench(path string) *benchmark {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var b benchmark
	if json.NewDecoder(io.LimitReader(f, maxBench)).Decode(&b) != nil {
		return nil
	}
	return &b
}

// engine makes tokens on all cores for a time.
func (b *benchmark) engine(ctx context.Context, path string) (err error) {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	model, err := llama.Load(f)
	if err != nil {
		return err
	}
	pool := matrix.NewPool(runtime.NumCPU())
	defer pool.Close()
	length := min(model.Context, 128)
	s, err := model.NewSession(pool, 1, length)
	if err != nil {
		return err
	}
	n, begun := uint64(0), time.Now()
	for time.Since(begun) < benchTime && ctx.Err() == nil {
		if _, err := s.Step([]llama.Span{{Position: int(n) % length, Tokens: []int{int(n % 64)}, Logits: true}}); err != nil {
			return err
		}
		n++
	}
	b.EngineTokens = perSecond(n, time.Since(begun))
	return ctx.Err()
}

func perSecond(n uint64, d time.Duration) uint64 {
	return n * 1_000_000 / uint64(max(d.Milliseconds(), 1))
}

// sandbox makes tokens in a job, once to compile it and once to measure.
func (b *benchmark) sandbox(ctx context.Context, in string) (err error) {
	code, err := modules.LM()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rerig-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r, err := wasm.New(wasm.Config{DataDir: dir, Warm: 1})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1) // gets Run's result, once
	go func() { ended <- r.Run(running) }()
	select {
	case <-r.Started():
	case <-ctx.Done():
		err = ctx.Err()
	}
	var cold, warm time.Duration
	if err == nil {
		cold, err = benchJob(ctx, r, code, in)
	}
	if err == nil {
		warm, err = benchJob(ctx, r, code, in)
	}
	b.ColdMillis, b.SandboxTokens = cold.Milliseconds(), perSecond(benchTokens, warm)
	stop()
	return errors.Join(err, <-ended, r.Close())
}

func benchJob(ctx context.Context, r *wasm.Engine, code []byte, in string) (time.Duration, error) {
	var said bytes.Buffer
	begun := time.Now()
	j, err := r.Start(ctx, runner.Spec{Module: code, InDir: in, Args: []string{"lm", "-n", fmt.Sprint(benchTokens), "A hacker"},
		MemoryBytes: 256 << 20, StdoutBytes: 64 << 10, Deadline: benchMost}, &said, io.Discard)
	if err != nil {
		return 0, err
	}
	res, err := j.Wait()
	switch {
	case err != nil:
		return 0, err
	case res.Failure != nil || res.ExitCode != 0 || said.Len() == 0:
		return 0, fmt.Errorf("the job ended with code %d, %v", res.ExitCode, res.Failure)
	}
	return time.Since(begun), nil
}

// measure has the processors measured before a rig's first start.
func (a *app) measure(ctx context.Context, u *upFlags, profile *node.Profile, sells bool, p *progress) error {
	again := u.bench == "again"
	switch {
	case u.bench == "off" || !sells || u.bench == "auto" && profile.Local:
		return nil
	case !again && u.bench != "auto" && u.bench != "once":
		return usage("--bench: auto, once, again or off, got %q", u.bench)
	}
	p.live("measuring the processors …")
	b, err := a.bench(ctx, again)
	p.live("")
	if err != nil {
		return err
	}
	p.done("%s", b.text())
	return nil
}
