//go:build unix

package llamacpp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
)

// Speed compares one format: tokens per second of processor time, one text, one
// thread. Processor time and not the clock, so that what else runs on the machine
// changes little.
type Speed struct {
	Kind         string
	Ours, Theirs float64 // tokens that follow the prompt
	OurPrompt    float64 // tokens of the prompt
	TheirPrompt  float64
}

// Ratio is how fast the engine continues a text, relative to llama.cpp.
func (s Speed) Ratio() float64 { return s.Ours / s.Theirs }

// The text that is measured, and how often. Both engines take turns, and of each
// the best turn counts.
const (
	measuredPrompt = 64
	measuredTokens = 32
	rounds         = 2
	runs           = 6 // in a turn
)

// benchShape is a model whose weights, 36 million, no cache of one core holds.
var benchShape = Shape{
	Family: "llama", Layers: 3, Width: 1024, FFN: 2816, Heads: 16, Shared: 4, Context: 512, Seed: 1, Vocab: 2048,
	Header: placeholders(2048),
}

// placeholders is a vocabulary that nobody encodes with.
func placeholders(n int) []Entry {
	pieces, scores, types := make([]string, n), make([]float32, n), make([]int32, n)
	for i := range pieces {
		pieces[i], types[i] = fmt.Sprintf("p%d", i), 1
	}
	pieces[0], types[0], types[1], types[2] = "<unk>", 2, 3, 3
	for b := range 256 {
		pieces[3+b], types[3+b] = fmt.Sprintf("<0x%02X>", b), 6
	}
	return []Entry{
		{"tokenizer.ggml.model", "llama"}, {"tokenizer.ggml.tokens", pieces},
		{"tokenizer.ggml.scores", scores}, {"tokenizer.ggml.token_type", types},
	}
}

// Measure times both engines on the same files, one per kind of Kinds, which the
// reference quantises from one model of random weights.
func (r *Reference) Measure(ctx context.Context, kinds ...string) (speeds []Speed, err error) {
	scratch, err := os.MkdirTemp("", "rerig-measure-")
	if err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	source := filepath.Join(scratch, "F16.gguf")
	if err := benchShape.Write(source); err != nil {
		return nil, err
	}
	for _, kind := range kinds {
		path := filepath.Join(scratch, kind+".gguf")
		if kind != "F16" {
			if err := r.Quantise(ctx, source, path, kind); err != nil {
				return nil, err
			}
		}
		s, err := r.race(ctx, path)
		if err != nil {
			return nil, err
		}
		s.Kind = kind
		speeds = append(speeds, s)
	}
	return speeds, nil
}

// race times both on one file.
func (r *Reference) race(ctx context.Context, path string) (Speed, error) {
	prompt := make([]int, measuredPrompt)
	for i := range prompt {
		prompt[i] = 300 + i
	}
	best := [2]Timing{{math.Inf(1), math.Inf(1)}, {math.Inf(1), math.Inf(1)}}
	see := func(who int, t Timing) {
		best[who].Prompt, best[who].Token = min(best[who].Prompt, t.Prompt), min(best[who].Token, t.Token)
	}
	for range rounds {
		mine, err := timeOurs(path, prompt)
		if err != nil {
			return Speed{}, err
		}
		see(0, mine)
		var theirs []Timing
		q := Question{Kind: "time", Model: path, Prompts: [][]int{prompt}, Length: measuredTokens, Repeat: runs}
		if err := r.Ask(ctx, []Question{q}, &theirs); err != nil {
			return Speed{}, err
		}
		for _, t := range theirs {
			see(1, t)
		}
	}
	return Speed{
		Ours: 1 / best[0].Token, Theirs: 1 / best[1].Token,
		OurPrompt: measuredPrompt / best[0].Prompt, TheirPrompt: measuredPrompt / best[1].Prompt,
	}, nil
}

// timeOurs times the engine and returns the best of its runs.
func timeOurs(path string, prompt []int) (t Timing, err error) {
	f, err := gguf.Open(path)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	model, err := llama.Load(f)
	if err != nil {
		return t, err
	}
	pool := matrix.NewPool(1)
	defer pool.Close()
	session, err := model.NewSession(pool, 1, len(prompt)+measuredTokens)
	if err != nil {
		return t, err
	}
	t = Timing{math.Inf(1), math.Inf(1)}
	for range runs {
		start, next, position := used(), prompt, 0
		for i := range measuredTokens + 1 {
			scores, err := session.Step([]llama.Span{{Position: position, Tokens: next, Logits: true}})
			if err != nil {
				return t, err
			}
			position += len(next)
			best := 0
			for j, v := range scores[0] {
				if v > scores[0][best] {
					best = j
				}
			}
			next = []int{best}
			if i == 0 {
				t.Prompt = min(t.Prompt, used()-start)
				start = used()
			}
		}
		t.Token = min(t.Token, (used()-start)/measuredTokens)
	}
	return t, nil
}

// used is the processor time of this process, in seconds.
func used() float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
