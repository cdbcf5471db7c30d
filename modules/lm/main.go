// Lm is the inference module: it continues a prompt with a llama-family
// language model in GGUF format. It is built for WASI and run in the sandbox of
// a rig, with the model mounted in /in; built natively it gives the same bytes.
//
//	lm [--model /in/model.gguf] [-n 64] [--temp 0] [--top-k 40] [--top-p 0.95] [--seed 1] [--echo] PROMPT
//
// The text goes to stdout token by token, the token counts to stderr. Exit
// status: 0 done, 1 the model or the prompt cannot be used, 2 wrong arguments.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/sampler"
	"github.com/rerig/rerig/engine/tokenizer"
	"github.com/rerig/rerig/modules/lm/llama"
)

const (
	inDir     = "/in"
	maxTokens = 1 << 16 // -n
	maxPrompt = 1 << 20 // bytes
)

// errUsage marks errors in the arguments.
var errUsage = errors.New("run lm -h for the arguments")

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "lm: %v\n", err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "lm: %v\n", err)
		os.Exit(1)
	}
}

// request is what the arguments ask for.
type request struct {
	model  string
	prompt string
	n      int
	echo   bool
	sample sampler.Options
}

// parse reads the arguments.
func parse(args []string, stderr io.Writer) (request, error) {
	var r request
	flags := flag.NewFlagSet("lm", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&r.model, "model", "", "model `file`; default: the only *.gguf in "+inDir)
	flags.IntVar(&r.n, "n", 64, "generate at most so many `tokens`")
	flags.Float64Var(&r.sample.Temp, "temp", 0, "temperature; 0 always picks the best token")
	flags.IntVar(&r.sample.TopK, "top-k", 40, "pick among the best so many tokens; 0 for all")
	flags.Float64Var(&r.sample.TopP, "top-p", 0.95, "pick among the best tokens with this much probability")
	flags.Uint64Var(&r.sample.Seed, "seed", 1, "seed of the generator, used when temp is not 0")
	flags.BoolVar(&r.echo, "echo", false, "print the prompt before its continuation")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "usage: lm [flags] PROMPT")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
			return r, err
		}
		return r, fmt.Errorf("%w; %w", err, errUsage)
	}
	r.prompt = strings.Join(flags.Args(), " ")
	switch {
	case r.prompt == "":
		return r, fmt.Errorf("the prompt is missing; %w", errUsage)
	case len(r.prompt) > maxPrompt:
		return r, fmt.Errorf("the prompt has %d bytes, the limit is %d; %w", len(r.prompt), maxPrompt, errUsage)
	case r.n < 1 || r.n > maxTokens:
		return r, fmt.Errorf("-n %d is outside 1 to %d; %w", r.n, maxTokens, errUsage)
	}
	return r, nil
}

// run does what the arguments ask.
func run(args []string, stdout, stderr io.Writer) error {
	r, err := parse(args, stderr)
	if err != nil {
		return err
	}
	pick, err := sampler.New(r.sample)
	if err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	if r.model == "" {
		if r.model, err = onlyModel(inDir); err != nil {
			return err
		}
	}
	model, tokens, err := load(r.model)
	if err != nil {
		return fmt.Errorf("model %s: %w", r.model, err)
	}
	return generate(r, model, tokens, pick, stdout, stderr)
}

// onlyModel finds the one model in a directory.
func onlyModel(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*.gguf"))
	if err != nil {
		return "", fmt.Errorf("look for a model: %w", err)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s has %d *.gguf files; name one with --model", dir, len(found))
	}
	return found[0], nil
}

// load reads a model file.
func load(path string) (*llama.Model, *tokenizer.Tokenizer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	parsed, err := gguf.Read(file, info.Size())
	if err != nil {
		return nil, nil, err
	}
	tokens, err := tokenizer.Load(parsed)
	if err != nil {
		return nil, nil, err
	}
	model, err := llama.Load(parsed)
	return model, tokens, err
}

// generate continues the prompt until EOS, -n tokens or the end of the context.
func generate(r request, model *llama.Model, tokens *tokenizer.Tokenizer, pick *sampler.Sampler, stdout, stderr io.Writer) error {
	prompt := tokens.Encode(r.prompt)
	if len(prompt) >= model.Context {
		return fmt.Errorf("the prompt has %d tokens, the model's context is %d; shorten the prompt", len(prompt), model.Context)
	}
	n := min(r.n, model.Context-len(prompt))
	state, err := model.NewState(len(prompt) + n)
	if err != nil {
		return err
	}
	if r.echo {
		if _, err := io.WriteString(stdout, r.prompt); err != nil {
			return fmt.Errorf("write the prompt: %w", err)
		}
	}
	made, err := extend(state, prompt, n, tokens.EOS, pick, func(token int) error {
		_, err := stdout.Write(tokens.Text(token))
		return err
	})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, "\n"); err != nil {
		return fmt.Errorf("write the last line: %w", err)
	}
	_, err = fmt.Fprintf(stderr, "tokens: prompt %d, generated %d\n", len(prompt), made)
	return err
}

// extend feeds the prompt and calls emit for each token that follows, as soon as
// it is known, until the token end or n tokens. It returns how many it made.
func extend(state *llama.State, prompt []int, n, end int, pick *sampler.Sampler, emit func(int) error) (int, error) {
	unread := prompt
	for made := range n {
		for _, token := range unread {
			if err := state.Feed(token); err != nil {
				return made, err
			}
		}
		token := pick.Pick(state.Logits())
		if token == end {
			return made, nil
		}
		if err := emit(token); err != nil {
			return made, fmt.Errorf("write token %d: %w", made+1, err)
		}
		unread = []int{token}
	}
	return n, nil
}
