package model

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Exit codes of a job (SPEC §5.1).
const (
	exitDone    = 0
	exitBroken  = 1   // reading, writing or computing failed on the way
	exitUsage   = 2   // the arguments are wrong
	exitRefused = 3   // the request, or at least one of a batch
	exitNoModel = 126 // the model cannot be loaded
)

// Main is a job's program: in a process that a sandbox started as that it answers and does not
// return, in every other it returns false at once.
func Main() bool {
	if len(os.Args) == 0 || os.Args[0] != program {
		return false
	}
	g := guest{in: "/in", out: "/out", stdout: os.Stdout, stderr: os.Stderr}
	switch {
	case len(os.Args) > 1 && os.Args[1] == modeTask:
		os.Exit(g.run(context.Background(), os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == modeServe:
		os.Exit(g.serve(context.Background(), os.Args[2:]))
	}
	os.Exit(exitUsage)
	return true
}

// guest is one job, inside its sandbox.
type guest struct {
	in, out        string
	stdout, stderr io.Writer
}

// order is what a job's arguments ask for.
type order struct {
	chat        bool
	prompt      string
	system      string
	tokens      int
	temperature float64
	topK        int
	topP        float64
	seed        int64
	stop        []string
	context     int
	lines       string // name of a batch
}

// run does what the arguments say and returns the exit code.
func (g *guest) run(ctx context.Context, args []string) int {
	o, err := parse(args)
	if err != nil {
		return g.fail(exitUsage, err)
	}
	s, err := g.open(ctx, o)
	if err != nil {
		return g.fail(exitNoModel, err)
	}
	if _, err := g.stdout.Write([]byte{mark}); err != nil {
		return g.fail(exitBroken, errors.Join(err, s.close()))
	}
	if o.lines != "" {
		err = g.answerLines(ctx, s, o.lines)
	} else {
		err = g.answer(ctx, s, o)
	}
	err = errors.Join(err, s.close())
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, new(*refusedError)):
		return g.fail(exitRefused, err)
	}
	return g.fail(exitBroken, err)
}

func (g *guest) fail(code int, err error) int {
	fmt.Fprintln(g.stderr, "model:", err)
	return code
}

// refusedError is a request that the model does not answer.
type refusedError struct{ why string }

func (e *refusedError) Error() string { return e.why }

// parse reads the arguments; flags may stand before and after the prompt.
func parse(args []string) (*order, error) {
	o := &order{chat: true}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&o.tokens, "n", 128, "")
	f.Float64Var(&o.temperature, "temperature", 0, "")
	f.IntVar(&o.topK, "top-k", 0, "")
	f.Float64Var(&o.topP, "top-p", 1, "")
	f.Int64Var(&o.seed, "seed", 0, "")
	f.StringVar(&o.system, "system", "", "")
	f.IntVar(&o.context, "context", 0, "")
	f.StringVar(&o.lines, "jsonl", "", "")
	f.Func("stop", "", func(s string) error { o.stop = append(o.stop, s); return nil })
	var words []string
	for len(args) > 0 {
		if err := f.Parse(args); err != nil {
			return nil, err
		}
		if args = f.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	said := map[string]bool{}
	f.Visit(func(f *flag.Flag) { said[f.Name] = true })
	if o.lines != "" {
		return o, o.checkLines(words, said)
	}
	if len(words) == 2 && (words[0] == "chat" || words[0] == "complete") {
		o.chat, words = words[0] == "chat", words[1:]
	}
	switch {
	case len(words) != 1:
		return nil, fmt.Errorf("%d arguments, want [chat|complete] and one prompt in quotes, or --jsonl and the name of an input", len(words))
	case o.system != "" && !o.chat:
		return nil, errors.New("--system is of chat; a completion has its prompt alone")
	case o.tokens < 1:
		return nil, fmt.Errorf("-n %d: want at least 1", o.tokens)
	}
	o.prompt = words[0]
	return o, o.checkContext()
}

// checkLines refuses beside a batch what its lines say themselves.
func (o *order) checkLines(words []string, said map[string]bool) error {
	if len(words) > 0 {
		return fmt.Errorf("the prompts are in %s: unexpected argument %q", o.lines, words[0])
	}
	for flag := range said {
		if flag != "jsonl" && flag != "context" {
			return fmt.Errorf("--%s is not for a batch: each line says it itself", flag)
		}
	}
	if o.lines == "." || o.lines == ".." || o.lines == file || strings.ContainsAny(o.lines, "/\\\x00") {
		return fmt.Errorf("--jsonl %q: want the plain name of an input", o.lines)
	}
	return o.checkContext()
}

func (o *order) checkContext() error {
	if o.context < 0 {
		return fmt.Errorf("--context %d: want at least 1, or leave it out", o.context)
	}
	return nil
}
