package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

const (
	maxAnswer = 1 << 20         // bytes of one answer
	killAfter = 2 * time.Second // for a command to end once nobody waits for it
)

// server is a JSON-RPC server: a URL, or the path of a unix socket. It is dialled
// when it is first needed, so that a node starts without it.
type server struct {
	address string
	mu      sync.Mutex // guards what follows; owner: server
	client  *rpc.Client
	http    *http.Transport
}

func (s *server) call(ctx context.Context, result any, method string, params ...any) error {
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	return client.CallContext(ctx, result, method, params...)
}

func (s *server) dial(ctx context.Context) (*rpc.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	if s.http == nil {
		s.http = http.DefaultTransport.(*http.Transport).Clone()
		s.http.Proxy = nil // it is on this machine
	}
	client, err := rpc.DialOptions(ctx, s.address, rpc.WithHTTPClient(&http.Client{Transport: bounded{s.http}}))
	if err != nil {
		return nil, fmt.Errorf("it does not answer; start it: %w", err)
	}
	s.client = client
	return client, nil
}

func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
		s.http.CloseIdleConnections()
		s.client = nil
	}
}

// bounded cuts off answers that are longer than a signature needs.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxAnswer), res.Body}
	return res, nil
}

// command is a program and its arguments. It is run for each call, gets the
// JSON-RPC request on standard input and writes the response to standard output.
type command []string

// request and response are JSON-RPC 2.0, so that a bridge to a server is a pipe.
type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  []any  `json:"params"`
}

type response struct {
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (c command) call(ctx context.Context, result any, method string, params ...any) error {
	if params == nil {
		params = []any{}
	}
	in, err := json.Marshal(request{"2.0", 1, method, params})
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	cmd := exec.CommandContext(ctx, c[0], c[1:]...) // the owner names the program
	cmd.WaitDelay = killAfter
	out, said := &capped{left: maxAnswer}, &capped{left: 512}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append(in, '\n')), out, said
	if err := cmd.Run(); err != nil {
		if text := bytes.TrimSpace(said.Bytes()); len(text) > 0 {
			return fmt.Errorf("%w: %q", err, text)
		}
		return err
	}
	var r response
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fmt.Errorf("its answer is not JSON-RPC: %w", err)
	}
	if r.Error != nil {
		return errors.New(r.Error.Message)
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		return fmt.Errorf("its answer to %s: %w", method, err)
	}
	return nil
}

func (command) close() {}

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer
	left int
}

func (c *capped) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	c.Buffer.Write(p[:n])
	return len(p), nil
}
