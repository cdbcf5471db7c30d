package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
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
	if err := os.WriteFile(path, jargon.GGUF(), 0o600); err != nil {
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

// chunk is what the tests read of a streamed chunk.
type chunk struct {
	ID, Object, Model string
	Created           int64
	Choices           []struct {
		Index        int
		Delta        struct{ Role, Content *string }
		Text         string
		FinishReason *string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
	}
}

// TestStreamIsStrict holds every chunk to the API: id and model in each, the role
// first, finish_reason null until the end, the usage in a chunk without choices, and
// [DONE].
func TestStreamIsStrict(t *testing.T) {
	c := begin(t, nil)
	events := c.stream("/v1/chat/completions", `{"model":"jargon","temperature":0,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"A hacker is"}]}`)
	if len(events) < 4 || events[len(events)-1] != "[DONE]" {
		t.Fatalf("the stream is %q", events)
	}
	events = events[:len(events)-1]
	var text, id string
	var ended bool
	for i, raw := range events {
		var k chunk
		if err := json.Unmarshal([]byte(raw), &k); err != nil {
			t.Fatalf("chunk %d: %v", i, err)
		}
		if i == 0 {
			id = k.ID
		}
		if k.ID == "" || k.ID != id || k.Model != "jargon" || k.Object != "chat.completion.chunk" || k.Created == 0 {
			t.Errorf("chunk %d is %s", i, raw)
		}
		if i == len(events)-1 {
			if len(k.Choices) != 0 || k.Usage == nil || k.Usage.Total != k.Usage.Prompt+k.Usage.Completion || !strings.Contains(raw, `"choices":[]`) {
				t.Errorf("the last chunk is %s, want the usage and no choices", raw)
			}
			continue
		}
		if k.Usage != nil || len(k.Choices) != 1 || ended {
			t.Fatalf("chunk %d is %s", i, raw)
		}
		choice := k.Choices[0]
		if (choice.Delta.Role != nil) != (i == 0) {
			t.Errorf("chunk %d is %s, want the role in the first alone", i, raw)
		}
		if choice.Delta.Content != nil {
			text += *choice.Delta.Content
		}
		if ended = choice.FinishReason != nil; ended && *choice.FinishReason != "stop" {
			t.Errorf("the stream ends with %q", *choice.FinishReason)
		}
		if !ended && !strings.Contains(raw, `"finish_reason":null`) {
			t.Errorf("chunk %d has no finish_reason", i)
		}
	}
	if text != jargonText || !ended {
		t.Errorf("the text is %q, want %q", text, jargonText)
	}
}

// completion is what the tests read of a plain completion.
type completion struct {
	Choices []struct {
		Text         string
		Index        int
		FinishReason string `json:"finish_reason"`
		LogProbs     *struct {
			Tokens   []string
			LogProbs []float64            `json:"token_logprobs"`
			Top      []map[string]float64 `json:"top_logprobs"`
		}
	}
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
}

func TestCompletionsObeyTheirParameters(t *testing.T) {
	c := begin(t, nil)
	complete := func(fields string) completion {
		t.Helper()
		var got completion
		c.ask("/v1/completions", `{"model":"jargon",`+fields+`}`, &got)
		return got
	}
	got := complete(`"prompt":"A hacker is","temperature":0,"max_tokens":5`)
	if ch := got.Choices[0]; ch.FinishReason != "length" || got.Usage.Completion != 5 || !strings.HasPrefix(jargonText, ch.Text) {
		t.Errorf("five tokens are %+v", got)
	}
	got = complete(`"prompt":"A hacker is","temperature":0,"max_tokens":99,"stop":["to be","mailer"]`)
	if ch := got.Choices[0]; ch.FinishReason != "stop" || ch.Text != " available at the " {
		t.Errorf("a stop text gives %+v", ch)
	}
	got = complete(`"prompt":"A hacker is","temperature":0,"max_tokens":3,"echo":true`)
	if !strings.HasPrefix(got.Choices[0].Text, "A hacker is avail") {
		t.Errorf("echo gives %q", got.Choices[0].Text)
	}
	got = complete(`"prompt":["A hacker is","kluge:"],"temperature":0,"max_tokens":4,"n":2`)
	if len(got.Choices) != 4 || got.Choices[0].Text != got.Choices[1].Text || got.Choices[0].Text == got.Choices[2].Text || got.Choices[3].Index != 3 {
		t.Errorf("two of two prompts are %+v", got.Choices)
	}
	first := complete(`"prompt":"A hacker is","temperature":0.9,"seed":5,"max_tokens":20,"n":2`)
	again := complete(`"prompt":"A hacker is","temperature":0.9,"seed":5,"max_tokens":20`)
	other := complete(`"prompt":"A hacker is","temperature":0.9,"seed":99,"max_tokens":20`)
	if first.Choices[0].Text != again.Choices[0].Text || first.Choices[0].Text == first.Choices[1].Text || again.Choices[0].Text == other.Choices[0].Text {
		t.Errorf("seeds give %+v, %+v and %+v", first.Choices, again.Choices, other.Choices)
	}
	if again.Usage.Details.Cached != 3 {
		t.Errorf("a prompt that was read before has %d cached tokens, want all but the last", again.Usage.Details.Cached)
	}
	got = complete(`"prompt":[1,317,630,307],"temperature":0,"max_tokens":2,"logprobs":3`)
	lp := got.Choices[0].LogProbs
	if lp == nil || len(lp.Tokens) != 2 || len(lp.Top[0]) != 3 || lp.LogProbs[0] != lp.Top[0][lp.Tokens[0]] || !(lp.LogProbs[0] < 0) {
		t.Errorf("the probabilities are %+v", lp)
	}
	events := c.stream("/v1/completions", `{"model":"jargon","prompt":"A hacker is","temperature":0,"max_tokens":99,"stream":true}`)
	var text string
	for _, raw := range events[:len(events)-1] {
		var k chunk
		if err := json.Unmarshal([]byte(raw), &k); err != nil {
			t.Fatal(err)
		}
		text += k.Choices[0].Text
	}
	if text != jargonText {
		t.Errorf("the streamed text is %q", text)
	}
}

func TestChatLogProbs(t *testing.T) {
	c := begin(t, nil)
	var got struct {
		Choices []struct {
			LogProbs struct {
				Content []tokenLogProb
			}
		}
	}
	c.ask("/v1/chat/completions", `{"model":"jargon","temperature":0,"max_tokens":4,"logprobs":true,"top_logprobs":2,"messages":[{"role":"user","content":[{"type":"text","text":"A hacker is"}]}]}`, &got)
	content := got.Choices[0].LogProbs.Content
	if len(content) != 4 || len(*content[0].Top) != 2 || (*content[0].Top)[0].LogProb != content[0].LogProb || string(rune(content[0].Bytes[0])) != " " {
		t.Errorf("the probabilities are %+v", content)
	}
}

// cosine is the angle between two vectors of length 1.
func cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func TestEmbeddingsAreLabelledMeans(t *testing.T) {
	c := begin(t, nil)
	var got struct {
		Data []struct {
			Index     int
			Embedding []float32
		}
		Pooling string
	}
	c.ask("/v1/embeddings", `{"model":"jargon","input":["a bug in the program","a bug in the system","COBOL 1234567890"]}`, &got)
	if len(got.Data) != 3 || len(got.Data[0].Embedding) != 256 || got.Data[2].Index != 2 || !strings.Contains(got.Pooling, "mean") {
		t.Fatalf("the answer is %+v", got)
	}
	a, b, d := got.Data[0].Embedding, got.Data[1].Embedding, got.Data[2].Embedding
	if one := cosine(a, a); one < 0.999 || one > 1.001 {
		t.Errorf("a vector has length %v", one)
	}
	if near, far := cosine(a, b), cosine(a, d); near <= far {
		t.Errorf("texts that are alike are %v apart, others %v", near, far)
	}
	var packed struct{ Data []struct{ Embedding string } }
	c.ask("/v1/embeddings", `{"model":"jargon","input":"a bug","encoding_format":"base64"}`, &packed)
	if raw, err := base64.StdEncoding.DecodeString(packed.Data[0].Embedding); err != nil || len(raw) != 4*256 {
		t.Errorf("base64 gives %d bytes, %v", len(raw), err)
	}
}
