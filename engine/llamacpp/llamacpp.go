// Package llamacpp drives the real llama.cpp, so that tests and measurements can
// compare the engine with it: npm ships it as a library for Node (node-llama-cpp,
// pinned in js/), and its quantiser is reached through a few lines of C. Nothing
// of it is part of the product. Begin with [Open].
package llamacpp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/gofrs/flock"
)

// ErrMissing says what this machine lacks.
var ErrMissing = errors.New("llama.cpp cannot be driven here")

// binaries is where the package keeps llama.cpp's libraries.
const binaries = "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64"

// Reference is an installed llama.cpp.
type Reference struct {
	dir string // with package.json
}

// Open finds llama.cpp below dir, the js folder of this package, and lets npm
// install it there if need be. The error is ErrMissing where that cannot work.
func Open(ctx context.Context, dir string) (*Reference, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("%w: the pinned package is for linux/amd64, this is %s/%s", ErrMissing, runtime.GOOS, runtime.GOARCH)
	}
	for _, tool := range []string{"npm", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: %s is not installed; install Node 20 or later with npm", ErrMissing, tool)
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	r := &Reference{dir}
	return r, r.install(ctx)
}

// install lets one process at a time run npm.
func (r *Reference) install(ctx context.Context) error {
	lock, err := r.lock()
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends it anyway
	if _, err := os.Stat(filepath.Join(r.dir, binaries, "libllama.v0.5.0.so")); err == nil {
		return nil
	}
	// Not npm ci: the lock file cannot name the versions of the platforms that the
	// package has in its optional dependencies and the registry does not.
	npm := exec.CommandContext(ctx, "npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
	npm.Dir = r.dir
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("llamacpp: npm install in %s: %w\n%s", r.dir, err, out)
	}
	return nil
}

// lock is held by one process at a time.
func (r *Reference) lock() (*flock.Flock, error) {
	lock := flock.New(filepath.Join(r.dir, ".install.lock"))
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("llamacpp: %w", err)
	}
	return lock, nil
}

// Kinds are the quantisations that Quantise knows, by llama.cpp's names, with its
// numbers (enum llama_ftype).
var Kinds = map[string]int{"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "BF16": 32}

// Quantise lets llama.cpp write a model in another format. It needs a C compiler,
// else the error is ErrMissing.
func (r *Reference) Quantise(ctx context.Context, from, to, kind string) error {
	ftype, ok := Kinds[kind]
	if !ok {
		return fmt.Errorf("llamacpp: kind %q is not known", kind)
	}
	program, err := r.quantiser(ctx)
	if err != nil {
		return err
	}
	library := filepath.Join(r.dir, binaries, "libllama.v0.5.0.so")
	if out, err := exec.CommandContext(ctx, program, library, from, to, strconv.Itoa(ftype)).CombinedOutput(); err != nil {
		return fmt.Errorf("llamacpp: quantise to %s: %w\n%s", kind, err, out)
	}
	return nil
}

// quantiser compiles quantise.c, once.
func (r *Reference) quantiser(ctx context.Context) (string, error) {
	lock, err := r.lock()
	if err != nil {
		return "", err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends it anyway
	source, program := filepath.Join(r.dir, "quantise.c"), filepath.Join(r.dir, "node_modules", "quantise")
	from, err := os.Stat(source)
	if err != nil {
		return "", fmt.Errorf("llamacpp: %w", err)
	}
	if to, err := os.Stat(program); err == nil && to.ModTime().After(from.ModTime()) {
		return program, nil
	}
	if _, err := exec.LookPath("cc"); err != nil {
		return "", fmt.Errorf("%w: its quantiser needs a C compiler (cc); install one, for example gcc", ErrMissing)
	}
	if out, err := exec.CommandContext(ctx, "cc", "-o", program, source, "-ldl").CombinedOutput(); err != nil {
		return "", fmt.Errorf("llamacpp: compile the quantiser: %w\n%s", err, out)
	}
	return program, nil
}

// Question is one thing to ask; ask.mjs tells what each kind takes.
type Question struct {
	Kind     string            `json:"kind"`
	Model    string            `json:"model,omitempty"`
	Texts    []string          `json:"texts,omitempty"`
	Special  bool              `json:"special,omitempty"`
	Prompts  [][]int           `json:"prompts,omitempty"`
	Length   int               `json:"length,omitempty"`
	Repeat   int               `json:"repeat,omitempty"`
	Template string            `json:"template,omitempty"`
	Messages []Message         `json:"messages,omitempty"`
	Names    map[string]string `json:"names,omitempty"`
}

// Message is a turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Text is how llama.cpp continues a prompt greedily: each token with the scores
// that it was picked from.
type Text struct {
	Tokens []int
	Scores [][]float32
}

// UnmarshalJSON reads the scores, which are base64 of float32.
func (t *Text) UnmarshalJSON(raw []byte) error {
	var spelled struct {
		Tokens []int
		Scores []string
	}
	if err := json.Unmarshal(raw, &spelled); err != nil {
		return err
	}
	t.Tokens = spelled.Tokens
	for _, s := range spelled.Scores {
		p, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return err
		}
		row := make([]float32, len(p)/4)
		for i := range row {
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
		}
		t.Scores = append(t.Scores, row)
	}
	return nil
}

// Timing is one run of a measurement, in seconds of processor time.
type Timing struct {
	Prompt float64 // reading the prompt and picking the first token
	Token  float64 // each of the tokens after it
}

// Ask puts questions to llama.cpp, in a process of its own, and decodes the
// answers into to, pointers in the order of the questions.
func (r *Reference) Ask(ctx context.Context, questions []Question, to ...any) error {
	request, err := json.Marshal(map[string]any{"tasks": questions})
	if err != nil {
		return fmt.Errorf("llamacpp: %w", err)
	}
	node := exec.CommandContext(ctx, "node", "ask.mjs")
	node.Dir, node.Stdin = r.dir, bytes.NewReader(request)
	var stdout, stderr bytes.Buffer
	node.Stdout, node.Stderr = &stdout, &stderr
	if err := node.Run(); err != nil {
		return fmt.Errorf("llamacpp: ask.mjs: %w\n%s", err, stderr.Bytes())
	}
	var answer struct{ Answers []json.RawMessage }
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		return fmt.Errorf("llamacpp: ask.mjs: %w", err)
	}
	if len(answer.Answers) != len(to) {
		return fmt.Errorf("llamacpp: %d answers for %d questions", len(answer.Answers), len(to))
	}
	for i, raw := range answer.Answers {
		if err := json.Unmarshal(raw, to[i]); err != nil {
			return fmt.Errorf("llamacpp: answer %d: %w", i, err)
		}
	}
	return nil
}
