package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/rerig/rerig/engine/ask"
	"github.com/rerig/rerig/engine/serve"
	"github.com/rerig/rerig/node/runner"
)

const (
	// port is where a server listens inside its sandbox.
	port = 8080
	// lifetime is how long a server may stay; then it is started anew.
	lifetime = 365 * 24 * time.Hour
	// besideCache is the memory of a server that neither its file nor its texts take, in bytes.
	besideCache = 128 << 20
	// maxSaid is what a server may write to its outputs, in bytes: it says why it ends.
	maxSaid = 64 << 10
)

// ServerSpec is a model to keep loaded.
type ServerSpec struct {
	Name        string // in the API
	Dir         string // has the weights as model.gguf
	MemoryBytes uint64
	CPUs        int
	AtOnce      int // texts that are computed together
	Queue       int // requests that may wait
}

// Server is a model that stays loaded, alone in a sandbox. Its methods may be called from any
// goroutine.
type Server struct {
	job   runner.Job
	ended chan struct{} // closed when the sandbox is gone
	err   error         // why; set before
}

// Serve loads a model and returns when it answers. The server is killed when ctx is done.
func (e *Engine) Serve(ctx context.Context, s ServerSpec) (*Server, error) {
	answers := make(chan struct{}, 1)
	told := &tail{to: io.Discard}
	job, err := e.held.Start(ctx, e.alone(runner.Spec{InDir: s.Dir, CPUs: s.CPUs, MemoryBytes: s.MemoryBytes, StdoutBytes: maxSaid,
		Deadline: lifetime, Args: []string{s.Name, strconv.Itoa(s.AtOnce), strconv.Itoa(s.Queue)}}, modeServe), signal(answers), told)
	if err != nil {
		return nil, fmt.Errorf("start a server for %s: %w", s.Name, err)
	}
	server := &Server{job: job, ended: make(chan struct{})}
	go server.wait(told) // ends with the sandbox
	select {
	case <-answers:
		return server, nil
	case <-server.ended:
		return nil, fmt.Errorf("load %s: %w", s.Name, server.err)
	}
}

// wait keeps the reason of the sandbox's end.
func (s *Server) wait(told *tail) {
	defer close(s.ended)
	res, err := s.job.Wait()
	switch {
	case err != nil:
		s.err = err
	case res.Failure != nil:
		s.err = res.Failure
	default:
		s.err = fmt.Errorf("exit code %d %s", res.ExitCode, strings.ToValidUTF8(strings.TrimSpace(string(told.last)), "\ufffd"))
	}
}

// signal is a server's standard output: it has its mark when the server answers.
type signal chan<- struct{}

func (s signal) Write(p []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(p), nil
}

// Ask sends a request. The caller closes the answer.
func (s *Server) Ask(ctx context.Context, r ask.Request) (*ask.Answer, error) {
	conn, err := s.job.Dial(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("reach the model's server: %w", err)
	}
	return ask.Send(conn, r)
}

// Usage is what the server's sandbox has used.
func (s *Server) Usage() runner.Usage { return s.job.Usage() }

// Ended is closed when the server is gone.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Err is why the server went. Call it when Ended is closed.
func (s *Server) Err() error { return s.err }

// Stop kills the server and waits until it is gone.
func (s *Server) Stop() {
	s.job.Stop()
	<-s.ended
}

// warm is a server's configuration: its texts may take what its file leaves of the memory.
func (g *guest) warm() (serve.Config, error) {
	cfg := g.config()
	st, err := os.Stat(cfg.Model)
	if err != nil {
		return cfg, err
	}
	cfg.Long = true
	if limit := debug.SetMemoryLimit(-1); limit < 1<<50 { // GOMEMLIMIT
		cfg.MaxCache = max(limit-st.Size()-besideCache, besideCache)
	}
	return cfg, nil
}

// serve is the program of a server: it answers until its sandbox ends.
func (g *guest) serve(ctx context.Context, args []string) int {
	if len(args) != 3 {
		return g.fail(exitUsage, fmt.Errorf("%d arguments of a server, want 3", len(args)))
	}
	atOnce, err := strconv.Atoi(args[1])
	queue, qerr := strconv.Atoi(args[2])
	if err = errors.Join(err, qerr); err != nil {
		return g.fail(exitUsage, err)
	}
	cfg, err := g.warm()
	if err != nil {
		return g.fail(exitNoModel, err)
	}
	cfg.Name, cfg.Listen, cfg.MaxBatch, cfg.Queue, cfg.Asked = args[0], fmt.Sprintf("127.0.0.1:%d", port), atOnce, queue, true
	cfg.Ready = func(net.Addr) {
		if _, err := g.stdout.Write([]byte{mark}); err != nil {
			g.fail(exitBroken, err) // the rig waits in vain, and ends it
		}
	}
	if err := serve.Run(ctx, cfg); err != nil {
		return g.fail(exitNoModel, err)
	}
	return exitDone
}
