package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rerig/rerig/models/jargon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// modelFile writes the Jargon model to a file.
func modelFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jargon.gguf")
	if err := os.WriteFile(path, jargon.GGUF, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// client talks to a server that ends with the test.
type client struct {
	t    *testing.T
	base string
	http *http.Client
	stop func() error // ends the server and returns what Run returned
}

// begin runs a server.
func begin(t *testing.T, change func(*Config)) *client {
	t.Helper()
	c := Config{Model: modelFile(t), Listen: "127.0.0.1:0", Threads: 1}
	if change != nil {
		change(&c)
	}
	ready := make(chan net.Addr, 1)
	c.Ready = func(a net.Addr) { ready <- a }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c) }()
	transport := &http.Transport{}
	var result error
	var stopped bool
	stop := func() error {
		if !stopped {
			stopped = true
			cancel()
			result = <-ended
			transport.CloseIdleConnections()
		}
		return result
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case a := <-ready:
		return &client{t, "http://" + a.String(), &http.Client{Transport: transport}, stop}
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return nil
}

// post sends a request and returns the status and the body.
func (c *client) post(path, body string) (int, []byte) {
	c.t.Helper()
	r, err := c.http.Post(c.base+path, "application/json", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r.StatusCode, raw
}

// ask sends a request that must succeed and decodes the answer.
func (c *client) ask(path, body string, to any) {
	c.t.Helper()
	status, raw := c.post(path, body)
	if status != http.StatusOK {
		c.t.Fatalf("%s answers %d %s", path, status, raw)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		c.t.Fatalf("%s answers %s: %v", path, raw, err)
	}
}

// stream sends a request and returns the data of each event.
func (c *client) stream(path, body string) []string {
	c.t.Helper()
	status, raw := c.post(path, body)
	if status != http.StatusOK {
		c.t.Fatalf("%s answers %d %s", path, status, raw)
	}
	var events []string
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			events = append(events, data)
		} else if lines.Text() != "" {
			c.t.Fatalf("%s sends the line %q", path, lines.Text())
		}
	}
	return events
}

// jargonText is what models/jargon/README.md says the model makes greedily.
const jargonText = " available at the mailer, which is not accepted to be able to make a mailer to make a mailer to make it certainly."

func TestChatAnswersWithTheModelsText(t *testing.T) {
	c := begin(t, nil)
	var got struct {
		ID, Object, Model string
		Choices           []struct {
			Message struct{ Role, Content string }
			Reason  string `json:"finish_reason"`
		}
		Usage struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
			Total      int `json:"total_tokens"`
		}
	}
	c.ask("/v1/chat/completions", `{"model":"jargon","temperature":0,"messages":[{"role":"user","content":"A hacker is"}]}`, &got)
	choice := got.Choices[0]
	if choice.Message.Content != jargonText || choice.Message.Role != "assistant" || choice.Reason != "stop" {
		t.Errorf("the answer is %+v, want %q", choice, jargonText)
	}
	if got.ID == "" || got.Object != "chat.completion" || got.Model != "jargon" {
		t.Errorf("the envelope is %+v", got)
	}
	if u := got.Usage; u.Prompt != 4 || u.Completion < 20 || u.Total != u.Prompt+u.Completion {
		t.Errorf("the usage is %+v", u)
	}
}
