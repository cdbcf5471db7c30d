// Package serve answers the OpenAI API with one model file on the CPU:
// /v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings and /health.
// It is meant to run inside a sandbox, where the socket it listens on is the only
// way in. Begin with [Run].
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/engine/batch"
	"github.com/rerig/rerig/engine/chat"
	"github.com/rerig/rerig/engine/gguf"
	"github.com/rerig/rerig/engine/llama"
	"github.com/rerig/rerig/engine/matrix"
	"github.com/rerig/rerig/engine/tokenizer"
)

// The limits of the server.
const (
	maxThreads  = 256
	maxBody     = 8 << 20 // bytes of a request
	maxHeader   = 1 << 16 // bytes of a request's header
	readTimeout = 30 * time.Second
	spare       = 16 // connections besides those of the requests that compute or wait
)

// Config says what to serve and with how much.
type Config struct {
	Model    string        // path of the GGUF file
	Name     string        // of the model in the API; "" for the file's general.name
	Listen   string        // "127.0.0.1:8080", "unix:PATH" or "fd:N", an open listening socket
	Threads  int           // that compute at once; 0 for as many as the process may use
	Context  int           // tokens of a text; 0 for the model's own, at most 4096, or Long
	MaxBatch int           // texts at once; 0 for 4
	Queue    int           // requests that may wait; 0 for 64
	MaxCache int64         // bytes of the texts' keys and values; 0 for 4 GiB
	Drain    time.Duration // given to open requests when ctx ends; 0 for 5 s
	Log      *slog.Logger  // nil for none
	// Long has Context 0 mean the model's own as far as MaxCache holds it.
	Long bool
	// Asked has Listen speak package ask, whose senders are told what they spend and can hold
	// their requests, and not HTTP.
	Asked bool
	// Ready, if not nil, is called once with the address that answers.
	Ready func(net.Addr)
}

// validate fills in what is left open and refuses what cannot be.
func (c *Config) validate() error {
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	if c.MaxBatch == 0 {
		c.MaxBatch = 4
	}
	if c.Queue == 0 {
		c.Queue = 64
	}
	if c.MaxCache == 0 {
		c.MaxCache = 4 << 30
	}
	if c.Drain == 0 {
		c.Drain = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Threads < 1 || c.Threads > maxThreads:
		return fmt.Errorf("serve: %d threads, 1 to %d are allowed", c.Threads, maxThreads)
	case c.MaxBatch < 1 || c.MaxBatch > llama.MaxStep:
		return fmt.Errorf("serve: %d texts at once, 1 to %d are allowed", c.MaxBatch, llama.MaxStep)
	case c.Context < 0 || c.Queue < 1 || c.MaxCache < 0:
		return errors.New("serve: context, queue and cache must not be negative")
	}
	return nil
}

// Run loads the model and serves it until ctx ends: it then takes no more
// requests, gives the open ones Config.Drain, and returns nil when all of its own
// goroutines have ended. Errors say what of the model or the address is wrong.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	file, err := gguf.Open(c.Model)
	if err != nil {
		return fmt.Errorf("serve: open the model: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	s, pool, err := load(file, c)
	if err != nil {
		return fmt.Errorf("serve: load %s: %w", filepath.Base(c.Model), err)
	}
	defer pool.Close()
	listener, err := listen(c.Listen)
	if err != nil {
		return err
	}
	return s.serve(ctx, listener)
}

// load makes a server of a model file. The caller closes the pool.
func load(file *gguf.File, c Config) (*server, *matrix.Pool, error) {
	model, err := llama.Load(file)
	if err != nil {
		return nil, nil, err
	}
	tokens, err := tokenizer.Load(file)
	if err != nil {
		return nil, nil, err
	}
	if c.Context == 0 {
		c.Context = min(model.Context, 4096)
		if c.Long {
			c.Context = min(model.Context, int(c.MaxCache/model.CacheBytes(c.MaxBatch, 1)))
		}
	}
	if size := model.CacheBytes(c.MaxBatch, c.Context); size > c.MaxCache {
		return nil, nil, fmt.Errorf("%d texts of %d tokens take %d bytes, the limit is %d; lower the context or the batch", c.MaxBatch, c.Context, size, c.MaxCache)
	}
	template := ""
	if key := "tokenizer.chat_template"; file.Has(key) {
		if template, err = file.Text(key); err != nil {
			return nil, nil, err
		}
	}
	format, unknown := chat.Detect(template)
	pool := matrix.NewPool(c.Threads)
	batcher, err := batch.New(model, tokens, pool, batch.Config{Slots: c.MaxBatch, Context: c.Context, Queue: c.Queue})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	s := &server{
		config: c, name: c.Name, model: model, tokens: tokens, batcher: batcher,
		format: format, noChat: unknown, started: time.Now(),
		open: make(chan struct{}, c.MaxBatch+c.Queue),
	}
	if s.name == "" {
		s.name = modelName(file, c.Model)
	}
	return s, pool, nil
}

// modelName is what the file calls the model, else the file's own name.
func modelName(file *gguf.File, path string) string {
	if name, err := file.Text("general.name"); err == nil && name != "" && len(name) <= 200 {
		return name
	}
	return strings.TrimSuffix(filepath.Base(path), ".gguf")
}

// listen opens the socket that Config.Listen names.
func listen(address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		l, err := net.Listen("unix", path)
		if err != nil {
			return nil, fmt.Errorf("serve: %w", err)
		}
		return l, nil
	}
	if number, ok := strings.CutPrefix(address, "fd:"); ok {
		fd, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("serve: %q is not fd:N", address)
		}
		file := os.NewFile(uintptr(fd), "listener")
		defer file.Close()
		l, err := net.FileListener(file)
		if err != nil {
			return nil, fmt.Errorf("serve: descriptor %d: %w", fd, err)
		}
		return l, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return l, nil
}

// serve runs the batcher and the HTTP server and ends both.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	web := &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: readTimeout, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelDebug),
	}
	computing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ending := errgroup.WithContext(ctx)
	group.Go(func() error { return s.batcher.Run(computing) })
	if s.config.Asked {
		group.Go(func() error {
			defer stop()
			return ask.Serve(ending, listener, s.routes(), cap(s.open)+spare)
		})
		s.tell(listener)
		return group.Wait()
	}
	group.Go(func() error {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ending.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Drain)
		defer cancel()
		err := web.Shutdown(drain)
		stop() // ends the streams that are still open with an error of their own
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return s.hurry(context.WithoutCancel(ctx), web)
	})
	s.tell(listener)
	return group.Wait()
}

// tell says that the server answers.
func (s *server) tell(listener net.Listener) {
	if s.config.Ready != nil {
		s.config.Ready(listener.Addr())
	}
	s.config.Log.Info("serving", "model", s.name, "address", listener.Addr().String(), "threads", s.config.Threads,
		"context", s.config.Context, "batch", s.config.MaxBatch, "kernels", matrix.Kernels(), "chat", s.format.Name)
}

// hurry gives the streams that were ended a second to tell their clients.
func (s *server) hurry(ctx context.Context, web *http.Server) error {
	last, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if web.Shutdown(last) == nil {
		return nil
	}
	return web.Close()
}
