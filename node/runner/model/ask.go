package model

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rerig/rerig/engine/serve"
)

const (
	chatPath     = "/v1/chat/completions"
	completePath = "/v1/completions"
	maxEvent     = 1 << 20  // bytes of one part of a streamed answer
	maxAnswer    = 64 << 20 // bytes of a whole one
)

// server is the model, answering on the sandbox's own loopback.
type server struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	ended  chan error // has serve.Run's error at its end
}

// open loads the model.
func (g *guest) open(ctx context.Context, o *order) (*server, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &server{stop: stop, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}, ended: make(chan error, 1)}
	cfg := g.config()
	cfg.Name, cfg.Listen, cfg.Context, cfg.MaxBatch, cfg.Drain = name, "127.0.0.1:0", o.context, 1, time.Second
	if o.lines != "" {
		cfg.MaxBatch = atOnce
	}
	ready := make(chan net.Addr, 1)
	cfg.Ready = func(a net.Addr) { ready <- a }
	go func() { s.ended <- serve.Run(ctx, cfg) }() // ends with close, or by itself with an error
	select {
	case a := <-ready:
		s.url = "http://" + a.String()
		return s, nil
	case err := <-s.ended:
		stop()
		return nil, err
	}
}

// config is what every server of the sandbox's model has.
func (g *guest) config() serve.Config {
	cfg := serve.Config{Model: filepath.Join(g.in, file)}
	if limit := debug.SetMemoryLimit(-1); limit < 1<<50 { // GOMEMLIMIT
		cfg.MaxCache = limit / 2
	}
	return cfg
}

// close ends the server.
func (s *server) close() error {
	s.client.CloseIdleConnections()
	s.stop()
	return <-s.ended
}

// post sends a request. The caller closes the answer's body.
func (s *server) post(ctx context.Context, path string, body any) (*http.Response, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return s.client.Do(req)
}

// event is a part of a streamed answer.
type event struct {
	Choices []struct {
		Text  string `json:"text"`
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// answer writes the answer to one prompt as it is made, and a line's end.
func (g *guest) answer(ctx context.Context, s *server, o *order) error {
	body := map[string]any{"model": name, "stream": true, "max_tokens": o.tokens, "temperature": o.temperature,
		"top_k": o.topK, "top_p": o.topP, "seed": o.seed}
	if len(o.stop) > 0 {
		body["stop"] = o.stop
	}
	path := completePath
	if o.chat {
		type message struct {
			Role    string `json:"role"`
			Content string `json:"content"`
		}
		path = chatPath
		turns := []message{{"user", o.prompt}}
		if o.system != "" {
			turns = append([]message{{"system", o.system}}, turns...)
		}
		body["messages"] = turns
	} else {
		body["prompt"] = o.prompt
	}
	resp, err := s.post(ctx, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	return g.copyEvents(resp.Body)
}

// refusal is the reason in an answer that is none.
func refusal(resp *http.Response) error {
	var e event
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxEvent)).Decode(&e); err != nil || e.Error == nil {
		return fmt.Errorf("the model answers %s", resp.Status)
	}
	return &refusedError{e.Error.Message}
}

// copyEvents writes the texts of a streamed answer until it says that it is done.
func (g *guest) copyEvents(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
			continue
		case data == "[DONE]":
			_, err := fmt.Fprintln(g.stdout)
			return err
		}
		var e event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if e.Error != nil {
			return fmt.Errorf("the answer broke off: %s", e.Error.Message)
		}
		for _, c := range e.Choices {
			if _, err := io.WriteString(g.stdout, c.Text+c.Delta.Content); err != nil {
				return err
			}
		}
	}
	return errors.Join(errors.New("the answer broke off"), lines.Err())
}
