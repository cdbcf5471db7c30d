package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"time"
)

const (
	maxAnswer = 1 << 20         // bytes of one answer
	maxTold   = 512             // bytes of an error that a program tells
	killAfter = 2 * time.Second // for a command to end once nobody waits for it
)

// transport carries one request, of JSON-RPC 2.0, to the program and returns the first
// maxAnswer bytes of what it answers.
type transport interface {
	exchange(ctx context.Context, request []byte) ([]byte, error)
	close()
}

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

// call makes one call and decodes its result.
func call(ctx context.Context, via transport, result any, method string, params []any) error {
	if params == nil {
		params = []any{}
	}
	in, err := json.Marshal(request{"2.0", 1, method, params})
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	out, err := via.exchange(ctx, append(in, '\n'))
	if err != nil {
		return err
	}
	var r response
	if err := json.Unmarshal(out, &r); err != nil {
		return fmt.Errorf("its answer is not JSON-RPC, or over %d bytes: %w", maxAnswer, err)
	}
	if r.Error != nil {
		return errors.New(r.Error.Message[:min(len(r.Error.Message), maxTold)])
	}
	if err := json.Unmarshal(r.Result, result); err != nil {
		return fmt.Errorf("its answer to %s: %w", method, err)
	}
	return nil
}

// server is a JSON-RPC server behind HTTP.
type server struct {
	url  string
	http *http.Client
}

func newServer(address string) *server {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil // it is on this machine
	// Nor may it send us to another one.
	return &server{address, &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (s *server) exchange(ctx context.Context, in []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(in))
	if err != nil {
		return nil, errors.New("not a URL that can be asked")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		var transport *url.Error
		if errors.As(err, &transport) {
			err = transport.Err // without the path
		}
		return nil, fmt.Errorf("it does not answer; start it: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status[:min(len(res.Status), maxTold)])
	}
	return io.ReadAll(io.LimitReader(res.Body, maxAnswer))
}

func (s *server) close() { s.http.CloseIdleConnections() }

// socket is the path of a unix socket with a JSON-RPC server, which is connected to for
// each call.
type socket string

func (s socket) exchange(ctx context.Context, in []byte) ([]byte, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", string(s))
	if err != nil {
		return nil, fmt.Errorf("it does not answer; start it: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(in); err != nil {
		return nil, err
	}
	var out json.RawMessage
	err = json.NewDecoder(io.LimitReader(conn, maxAnswer)).Decode(&out)
	return out, err
}

func (socket) close() {}

// command is a program and its arguments. It is run for each call, gets the request on
// standard input and writes the response to standard output.
type command []string

func (c command) exchange(ctx context.Context, in []byte) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c[0], c[1:]...) // the owner names the program
	cmd.WaitDelay = killAfter
	out, said := &capped{left: maxAnswer}, &capped{left: maxTold}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), out, said
	if err := cmd.Run(); err != nil {
		if text := bytes.TrimSpace(said.Bytes()); len(text) > 0 {
			return nil, fmt.Errorf("%w: %q", err, text)
		}
		return nil, err
	}
	return out.Bytes(), nil
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
