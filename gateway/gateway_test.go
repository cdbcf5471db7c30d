package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/rerig/rerig/protocol"
)

// caller talks to a gateway that ends with the test.
type caller struct {
	t    testing.TB
	g    *Gateway
	base string
	web  *http.Client
	stop func()
	log  *lockedBuffer
}

// lockedBuffer collects what several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func text(a protocol.Amount) string { return a.Units(6) + " tUSDC" }

// begin runs a gateway.
func begin(t testing.TB, m Market, change func(*Config)) *caller {
	t.Helper()
	log := &lockedBuffer{}
	c := Config{Listen: "127.0.0.1:0", Dir: t.TempDir(), Budget: protocol.NewAmount(1_000_000), Market: m, Text: text,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Line:   func(s string) { log.Write([]byte(s + "\n")) }}
	if change != nil {
		change(&c)
	}
	ready := make(chan net.Addr, 1)
	c.Ready = func(a net.Addr) { ready <- a }
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	transport := &http.Transport{}
	stop := sync.OnceFunc(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ends with %v", err)
		}
		transport.CloseIdleConnections()
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("the gateway's log:\n%.8000s", log)
		}
	})
	return &caller{t, g, "http://" + (<-ready).String(), &http.Client{Transport: transport}, stop, log}
}

// send makes a request and returns its answer with the body read.
func (c *caller) send(method, path, body string, header ...string) (*reply, []byte) {
	c.t.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	res, err := c.web.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return &reply{res.StatusCode, res.Header, res.Trailer}, raw
}

// reply is an answer whose body was read.
type reply struct {
	StatusCode      int
	Header, Trailer http.Header
}

func (c *caller) post(path, body string, header ...string) (*reply, []byte) {
	c.t.Helper()
	return c.send(http.MethodPost, path, body, header...)
}

// ask makes a request that must succeed and decodes its answer.
func (c *caller) ask(path, body string, to any) *reply {
	c.t.Helper()
	res, raw := c.post(path, body)
	if res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s answers %d %s", path, res.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		c.t.Fatalf("%s answers %s: %v", path, raw, err)
	}
	return res
}

// refused is an error in the API's form.
type refused struct {
	Status  int
	Message string
	Type    string
	Param   *string
	Code    *string
}

func (r refused) param() string { return deref(r.Param) }
func (r refused) code() string  { return deref(r.Code) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (c *caller) refuse(path, body string, header ...string) refused {
	c.t.Helper()
	res, raw := c.post(path, body, header...)
	var e struct{ Error *refused }
	if err := json.Unmarshal(raw, &e); err != nil || e.Error == nil || res.StatusCode < 400 {
		c.t.Fatalf("%s answers %d %s, want an error", path, res.StatusCode, raw)
	}
	e.Error.Status = res.StatusCode
	return *e.Error
}

// streamed is a chunk as a strict client reads it.
type streamed struct {
	ID, Object, Model string
	Created           int64
	Choices           []struct {
		Index int
		Delta *struct {
			Role, Content *string
			ToolCalls     []json.RawMessage `json:"tool_calls"`
		}
		Text   *string
		Finish *string `json:"finish_reason"`
	}
	Usage *usage
	Bill  *billView `json:"rerig"`
	Error *refused
}

// stream makes a request for a stream, holds every chunk against the API's rules, and returns
// the text of the first choice, how it ended, and the last chunk.
func (c *caller) stream(path, body string) (said, finish string, last streamed, res *reply) {
	c.t.Helper()
	res, raw := c.post(path, body)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		c.t.Fatalf("%s answers %d %s", path, res.StatusCode, raw)
	}
	said, finish, last = c.strict(raw)
	return said, finish, last, res
}

func (c *caller) strict(raw []byte) (said, finish string, last streamed) {
	c.t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, maxEvent)
	done := false
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || done {
			c.t.Fatalf("a stream has the line %q out of place", lines.Text())
		}
		if done = data == "[DONE]"; done {
			continue
		}
		var s streamed
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			c.t.Fatalf("%s: %v", data, err)
		}
		if last = s; s.Error != nil {
			done = true
			continue
		}
		if s.ID == "" || s.Model == "" || s.Object == "" || s.Created == 0 || s.Choices == nil {
			c.t.Fatalf("a chunk without a field it must have: %s", data)
		}
		for _, one := range s.Choices {
			if finish != "" && one.Index == 0 {
				c.t.Fatalf("a chunk behind the end: %s", data)
			}
			if one.Index != 0 {
				continue
			}
			if one.Delta != nil && one.Delta.Content != nil {
				said += *one.Delta.Content
			}
			if one.Text != nil {
				said += *one.Text
			}
			finish = deref(one.Finish)
		}
	}
	if !done {
		c.t.Fatalf("a stream without its end:\n%s", raw)
	}
	return said, finish, last
}

const (
	prompt = `"model":"jargon","prompt":"A hacker is","temperature":0`
	spoken = " available at the mailer, which is" // twelve tokens
	chat   = `"model":"jargon","messages":[{"role":"user","content":"A hacker is"}],"temperature":0`
)

// TestAnswers: what the model says comes through, streamed and not, in the API's form.
func TestAnswers(t *testing.T) {
	m := &fakeMarket{}
	rig := m.real(t, 1)
	c := begin(t, m, nil)

	var whole struct {
		ID, Object, Model string
		Choices           []struct {
			Text   string
			Finish string `json:"finish_reason"`
		}
		Usage usage
	}
	res := c.ask("/v1/completions", `{`+prompt+`,"max_tokens":12}`, &whole)
	if len(whole.Choices) != 1 || whole.Choices[0].Text != spoken || whole.Choices[0].Finish != "length" || whole.Object != "text_completion" ||
		whole.Usage.Completion != 12 || whole.Usage.Prompt == 0 || whole.Usage.Total != whole.Usage.Prompt+12 {
		t.Errorf("%+v", whole)
	}
	units := protocol.TokenUnits(whole.Usage.Prompt, 12)
	if got := res.Header.Get(headerCost); got != text(protocol.NewAmount(units)) || res.Header.Get(headerJob) == "" ||
		res.Header.Get(headerRig) != rig.offer.Rig.String() || res.Header.Get(headerPrice) != "1 tUSDC per million tokens" {
		t.Errorf("%d units cost %q: %v", units, got, res.Header)
	}

	said, finish, last, res := c.stream("/v1/completions", `{`+prompt+`,"max_tokens":12,"stream":true,"stream_options":{"include_usage":true}}`)
	if said != spoken || finish != "length" || last.Usage == nil || last.Usage.Completion != 12 || len(last.Choices) != 0 {
		t.Errorf("streamed: %q, %s, %+v", said, finish, last)
	}
	if last.Bill == nil || last.Bill.Cost != res.Trailer.Get(headerCost) || last.Bill.Job != res.Header.Get(headerJob) || last.Bill.Cost == "" {
		t.Errorf("bill %+v, trailer %v", last.Bill, res.Trailer)
	}

	var talk struct {
		Choices []struct {
			Message struct {
				Role    string
				Content *string
			}
			LogProbs struct{ Content []struct{ Token string } }
		}
	}
	c.ask("/v1/chat/completions", `{`+chat+`,"max_tokens":12,"n":2,"logprobs":true}`, &talk)
	if len(talk.Choices) != 2 || talk.Choices[1].Message.Role != "assistant" || len(talk.Choices[1].LogProbs.Content) != 12 {
		t.Errorf("%+v", talk)
	}
	if said, _, _, _ = c.stream("/v1/chat/completions", `{`+chat+`,"max_tokens":12,"stream":true}`); said != *talk.Choices[0].Message.Content {
		t.Errorf("streamed %q, whole %q", said, *talk.Choices[0].Message.Content)
	}

	var vectors struct {
		Model string
		Data  []struct{ Embedding []float64 }
		Usage usage
	}
	c.ask("/v1/embeddings", `{"model":"jargon","input":["A hacker is","foo"]}`, &vectors)
	if len(vectors.Data) != 2 || len(vectors.Data[0].Embedding) == 0 || vectors.Usage.Prompt == 0 {
		t.Errorf("%+v", vectors)
	}
	c.stop()
	if s := rig.sessions; len(s) != 1 || s[0].dials > 2 {
		t.Errorf("%d sessions, %d connections in the first: a request costs neither", len(s), s[0].dials)
	}
}

// TestModels: the union of what rigs serve, and the worst that a name can mean.
func TestModels(t *testing.T) {
	m := &fakeMarket{}
	a, b, odd := m.add(1, ""), m.add(2, ""), m.add(3, "")
	b.offer.Model.PerMillion = protocol.NewAmount(2)
	a.offer.Model.Context = 128
	odd.offer.Model.CID, odd.offer.Model.PerMillion = "bafkreiother", protocol.NewAmount(1) // under the same name
	c := begin(t, m, nil)
	res, raw := c.send(http.MethodGet, "/v1/models", "")
	var list struct{ Data []modelView }
	if err := json.Unmarshal(raw, &list); err != nil || res.StatusCode != http.StatusOK || len(list.Data) != 2 {
		t.Fatalf("%d %s", res.StatusCode, raw)
	}
	one, two := list.Data[0], list.Data[1]
	if one.ID != "jargon" || one.CID != "bafkreijargon" || one.Context != 128 || one.Price != protocol.NewAmount(2) || len(one.Rigs) != 2 {
		t.Errorf("%+v", one)
	}
	if two.ID != "bafkreiother" || len(two.Rigs) != 1 {
		t.Errorf("a name that another model has: %+v", two)
	}
	for path, want := range map[string]int{"jargon": 200, "bafkreijargon": 200, "bafkreiother": 200, "gpt": 404} {
		if res, raw := c.send(http.MethodGet, "/v1/models/"+path, ""); res.StatusCode != want {
			t.Errorf("%s: %d %s", path, res.StatusCode, raw)
		}
	}
}
