// Package pack runs engine packs (SPEC §5.11): a server for models that others wrote, alone in
// the sandbox of a container engine. [Serve] starts one and waits until it answers; answer.go is
// a request under way, request.go and event.go what passes in and out. Everything that the
// server says counts as hostile: strangers' prompts are what it reads.
package pack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rerig/rerig/node/runner"
	"github.com/rerig/rerig/protocol"
)

const (
	lifetime   = 365 * 24 * time.Hour   // of a server; then it is started anew
	look       = 100 * time.Millisecond // between looks whether it answers
	lookTime   = 5 * time.Second        // for one
	scratch    = 256 << 20              // bytes that it may write beside its weights
	processes  = 1024                   // and threads
	unlimited  = 1 << 62                // bytes of a log that nobody keeps
	lastWords  = 2 << 10                // bytes of it that say why a server ended
	maxHeader  = 16 << 10               // bytes of an answer's header
	maxTold    = 256 << 10              // bytes of what it tells of itself
	modelsPath = "/v1/models"
)

// Spec is a server to start.
type Spec struct {
	Pack *protocol.EnginePack
	// Job has what the image and the rig bring: Root, WorkDir, UID, GID, Env, CPUs, MemoryBytes,
	// Devices, and as InDir the directory with the weights.
	Job runner.Spec
	// Entry is the command line of the image, before the pack's args.
	Entry []string
	// Weights is the place of the weights inside.
	Weights string
	Name    string // of the model, in the API
	Context int    // tokens of a prompt and its answer that are wanted
	Tick    uint64 // units that may be made ahead of their payment
}

// Server is a pack's server with a model loaded. Its methods may be called from any goroutine.
type Server struct {
	spec     Spec
	speech   speech
	job      runner.Job
	web      *http.Transport
	slots    *slots
	context  int           // tokens that it takes
	patience time.Duration // that a request is held
	ended    chan struct{} // closed when the sandbox is gone
	err      error         // why; set before
}

// Serve starts a server in the engine and returns when it answers, within the pack's time. The
// server is killed when ctx is done.
func Serve(ctx context.Context, held runner.Engine, spec Spec) (*Server, error) {
	said := &tail{}
	job := spec.Job
	job.Args = append(append([]string{}, spec.Entry...), spec.args()...)
	job.StdoutBytes, job.ScratchBytes, job.Processes, job.Deadline = unlimited, scratch, processes, lifetime
	s := &Server{spec: spec, speech: speeches[spec.Pack.Server], slots: newSlots(int(spec.Pack.AtOnce)), patience: maxHeld, ended: make(chan struct{})}
	if s.speech.body == nil {
		return nil, fmt.Errorf("a server of kind %q is not known here", spec.Pack.Server)
	}
	var err error
	if s.job, err = held.Start(ctx, job, said, said); err != nil {
		return nil, fmt.Errorf("start the server of pack %s: %w", spec.Pack.Name, err)
	}
	s.web = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.job.Dial(ctx, spec.Pack.Port) },
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader}
	go s.wait(said) // ends with the sandbox
	if err := s.answers(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("load %s with pack %s: %w", spec.Name, spec.Pack.Name, err)
	}
	return s, nil
}

// args is the pack's command line for this model.
func (s *Spec) args() []string {
	fill := strings.NewReplacer(protocol.PackModel, s.Weights, "{name}", s.Name, "{port}", strconv.Itoa(int(s.Pack.Port)),
		"{context}", strconv.Itoa(s.Context), "{contexts}", strconv.Itoa(s.Context*int(s.Pack.AtOnce)), "{parallel}", strconv.Itoa(int(s.Pack.AtOnce)))
	args := make([]string, len(s.Pack.Args))
	for i, a := range s.Pack.Args {
		args[i] = fill.Replace(a)
	}
	return args
}

// wait keeps the reason of the sandbox's end.
func (s *Server) wait(said *tail) {
	defer close(s.ended)
	res, err := s.job.Wait()
	switch {
	case err != nil:
		s.err = err
	case res.Failure != nil:
		s.err = fmt.Errorf("%w %s", res.Failure, said)
	default:
		s.err = fmt.Errorf("exit code %d %s", res.ExitCode, said)
	}
}

// answers waits until the server is well, and asks for its context.
func (s *Server) answers(ctx context.Context) error {
	limit := time.Duration(s.spec.Pack.Seconds) * time.Second
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	var last error
	for {
		if _, last = s.get(ctx, s.spec.Pack.Health); last == nil {
			break
		}
		select {
		case <-s.ended:
			return s.err
		case <-late.C:
			return fmt.Errorf("its server is not well after %v: %w", limit, last)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	n, err := s.speech.context(func(path string) ([]byte, error) { return s.get(ctx, path) })
	if err != nil {
		return fmt.Errorf("ask for the model's context: %w", err)
	}
	if s.context = min(n, protocol.MaxContext); s.context < 1 {
		return fmt.Errorf("a context of %d tokens", n)
	}
	return nil
}

// get asks for something small, which has to be answered with 200.
func (s *Server) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pack"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := s.web.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxTold))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d", path, res.StatusCode)
	}
	return body, err
}

// Ask begins a request of an owner: of POST one of OpenAI's paths, of GET its health and
// /v1/models. The caller closes the answer.
func (s *Server) Ask(ctx context.Context, method, path, owner string, body []byte) (*Answer, error) {
	a := &Answer{server: s, owner: owner, path: path}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	if method == http.MethodGet {
		a.whole(s.tell(a.ctx, path))
		return a, nil
	}
	var refused *refusal
	var err error
	if a.want, err = s.read(path, body); errors.As(err, &refused) {
		a.whole(refused.status, refused.body())
		return a, nil
	}
	return a, err
}

// tell answers what the rig itself asks.
func (s *Server) tell(ctx context.Context, path string) (int, []byte) {
	if path == modelsPath {
		one := map[string]any{"id": s.spec.Name, "object": "model", "context_length": s.context}
		if s.spec.Pack.Images != nil {
			one["images"] = s.spec.Pack.Images
		}
		raw, err := json.Marshal(map[string]any{"object": "list", "data": []any{one}})
		if err != nil { // of such values there is none
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, raw
	}
	if _, err := s.get(ctx, s.spec.Pack.Health); err != nil {
		return http.StatusServiceUnavailable, (&refusal{status: http.StatusServiceUnavailable, message: err.Error()}).body()
	}
	return http.StatusOK, []byte("{}")
}

// MemoryBytes is the most that the sandbox held.
func (s *Server) MemoryBytes() uint64 { return s.job.Usage().PeakMemoryBytes }

// Ended is closed when the server is gone.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Err is why the server went. Call it when Ended is closed.
func (s *Server) Err() error { return s.err }

// Stop kills the server and waits until it is gone.
func (s *Server) Stop() {
	s.job.Stop()
	<-s.ended
}

// tail keeps the end of what a server writes: its last lines say why it ended.
type tail struct {
	mu sync.Mutex // guards b; owner: tail
	b  []byte
}

// Write takes everything.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[max(0, len(p)-lastWords):]...)
	t.b = t.b[max(0, len(t.b)-lastWords):]
	return len(p), nil
}

// String is its last lines as one, of printable text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(strings.ToValidUTF8(string(t.b[max(0, len(t.b)-400):]), ""))
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
